"""DescribeInstances, DescribeInstanceStatus, and how other actions find instances."""

from __future__ import annotations

from collections.abc import Sequence

from eigw_ns.cloud.ec2 import instance_shapes
from eigw_ns.cloud.ec2.describing import Listing
from eigw_ns.cloud.ec2.filters import ABSENT, TAG_FILTERS, KnownFilters
from eigw_ns.cloud.ec2.instance_filters import INSTANCE_FILTERS
from eigw_ns.cloud.ec2.resources import INSTANCE
from eigw_ns.cloud.ec2.schema import Reply, Request
from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.ec2.shapes import tag_list
from eigw_ns.cloud.instance_records import TerminatedInstance
from eigw_ns.cloud.model import Cloud, Instance

_REMEMBERED_FOR = 3600
"""Seconds for which a terminated instance is shown. Source: AWS, "Terminate Amazon EC2 instances": for a while."""

_LISTING = Listing(
    "Reservations",
    lambda shape: str(shape["Instances"][0]["InstanceId"]),
    KnownFilters(INSTANCE_FILTERS, tags=("Instances", "Tags")),
)

_STATUSES = Listing(
    "InstanceStatuses",
    lambda shape: str(shape["InstanceId"]),
    KnownFilters(
        {
            "availability-zone": "AvailabilityZone",
            "availability-zone-id": "AvailabilityZoneId",
            **{f"event.{each}": ABSENT for each in ("code", "description", "instance-event-id", "not-after")},
            **{f"event.{each}": ABSENT for each in ("not-before", "not-before-deadline")},
            "instance-state-code": "InstanceState.Code",
            "instance-state-name": "InstanceState.Name",
            "instance-status.reachability": "InstanceStatus.Details.Status",
            "instance-status.status": "InstanceStatus.Status",
            "operator.managed": "Operator.Managed",
            "operator.principal": ABSENT,
            "system-status.reachability": "SystemStatus.Details.Status",
            "system-status.status": "SystemStatus.Status",
            "application-status.status": ABSENT,
            "attached-ebs-status.status": ABSENT,
            **TAG_FILTERS,
        }
    ),
)


def describe(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Describe instances, also those that were terminated within the last hour."""
    living, gone = select(cloud, request.get("InstanceIds", []), settings)
    found: list[Instance | TerminatedInstance] = [*living, *gone]
    reservations = (instance_shapes.reservation(cloud, each) for each in found)
    return _LISTING.reply(cloud, reservations, request, settings)


def describe_status(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Describe the status of instances: of those that run, or with IncludeAllInstances also of stopped ones."""
    found = INSTANCE.select(cloud, request.get("InstanceIds", []))
    shown = (each for each in found if each.state == "running" or request.get("IncludeAllInstances"))
    tags = {each.id: {"Tags": tag_list(each.tags)} for each in found}
    return _STATUSES.reply(
        cloud,
        (instance_shapes.status(cloud, each) for each in shown),
        request,
        settings,
        filtered=lambda shape: {**shape, **tags[shape["InstanceId"]]},
    )


def select(cloud: Cloud, wanted: Sequence[str], settings: Settings) -> tuple[list[Instance], list[TerminatedInstance]]:
    """Return the instances with the `wanted` ids, or all if `wanted` is empty: those that exist, and terminated ones.

    Raises CloudError if an id is malformed or unknown.
    """
    known = remembered(cloud, settings)
    gone = [each for each in known if not wanted or each.id in wanted]
    others = [each for each in wanted if each not in {one.id for one in gone}]
    return ([] if wanted and not others else INSTANCE.select(cloud, others)), gone


def remembered(cloud: Cloud, settings: Settings) -> list[TerminatedInstance]:
    """Return the terminated instances that are still shown."""
    oldest = settings.now() - _REMEMBERED_FOR
    return [each for each in cloud.terminated_instances.values() if each.terminated_at > oldest]

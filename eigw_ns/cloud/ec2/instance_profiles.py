"""Instance profiles, which are recorded: a lab has no IAM, so a profile of any name exists.

Source: AWS, API_IamInstanceProfile, API_DescribeIamInstanceProfileAssociations.
"""

from __future__ import annotations

import hashlib

from eigw_ns.cloud import ids
from eigw_ns.cloud.ec2.checks import one_of
from eigw_ns.cloud.ec2.describing import Listing
from eigw_ns.cloud.ec2.filters import KnownFilters
from eigw_ns.cloud.ec2.schema import Reply, Request, Shape
from eigw_ns.cloud.ec2.settings import ACCOUNT_ID, Settings
from eigw_ns.cloud.instance_records import InstanceAttributes
from eigw_ns.cloud.model import Cloud, Instance
from eigw_ns.cloud.words import shorten
from eigw_ns.errors import CloudError

_LISTING = Listing(
    "IamInstanceProfileAssociations",
    lambda shape: str(shape["AssociationId"]),
    KnownFilters({"instance-id": "InstanceId", "state": "State"}, tags=()),
)


def requested(request: Request) -> str | None:
    """Return the name or the ARN of the profile that a request names, or None."""
    given = request.get("IamInstanceProfile", {})
    return str(given[one_of(given, "Arn", "Name")]) if given else None


def profile(known: InstanceAttributes) -> Shape:
    """Return the member `IamInstanceProfile`, which an instance without a profile lacks."""
    name = known.iam_instance_profile
    if name is None:
        return {}
    digest = hashlib.sha256(name.encode()).hexdigest()[:17].upper()
    arn = name if name.startswith("arn:") else f"arn:aws:iam::{ACCOUNT_ID}:instance-profile/{name}"
    return {"IamInstanceProfile": {"Arn": arn, "Id": f"AIPA{digest}"}}


def describe(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Describe associations of instances with profiles, by id, or all."""
    there = [each for each in cloud.instances.values() if each.attributes.iam_instance_profile is not None]
    found = {_association_id(each): each for each in there}
    wanted = request.get("AssociationIds", [])
    for text in wanted:
        if text not in found:
            message = f"An invalid association-id of '{shorten(text)}' was given"
            raise CloudError("InvalidAssociationID.NotFound", message)
    shapes = (_association(name, each) for name, each in found.items() if not wanted or name in wanted)
    return _LISTING.reply(cloud, shapes, request, settings)


def _association(association_id: str, instance: Instance) -> Shape:
    return {
        "AssociationId": association_id,
        "InstanceId": instance.id,
        "State": "associated",
        **profile(instance.attributes),
    }


def _association_id(instance: Instance) -> str:
    return ids.make_id("iip-assoc", instance.id)

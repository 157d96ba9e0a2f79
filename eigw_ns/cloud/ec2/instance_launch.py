"""RunInstances: which subnet and groups new instances have, and what is recorded of them.

Sources: AWS, API_RunInstances, "Error codes for the Amazon EC2 API".
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from eigw_ns.cloud import ids
from eigw_ns.cloud.ec2 import instance_shapes, volumes, zones
from eigw_ns.cloud.ec2.checks import invalid
from eigw_ns.cloud.ec2.instance_values import at_launch
from eigw_ns.cloud.ec2.interface_groups import requested_groups
from eigw_ns.cloud.ec2.launch_interfaces import (
    Interfaces,
    described,
    launched_on,
    with_new_interfaces,
    with_others,
)
from eigw_ns.cloud.ec2.resources import INSTANCE, NETWORK_INTERFACE, SUBNET, VOLUME, Kind
from eigw_ns.cloud.ec2.schema import Reply, Request, Shape
from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.ec2.tags import specified
from eigw_ns.cloud.ec2.times import timestamp
from eigw_ns.cloud.group_names import named
from eigw_ns.cloud.model import Cloud, Instance, Subnet, Tags
from eigw_ns.cloud.words import shorten
from eigw_ns.errors import CloudError

_IMAGE = re.compile(r"ami-(?:[0-9a-f]{8}|[0-9a-f]{17})")
_PARAMETER = "resolve:ssm:"
"""The start of an ImageId that names a parameter of Systems Manager. A lab has one image."""

_NETWORK_INTERFACE, _VOLUME = NETWORK_INTERFACE.resource_type, VOLUME.resource_type
_ALSO_TAGGED = frozenset({_NETWORK_INTERFACE, _VOLUME})
"""Resource types of what is made with an instance."""


def run(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Create and start MaxCount instances, all in the same subnet, with the same groups and tags."""
    count = _count(cloud, request, settings)
    wanted = described(cloud, request, count)
    subnet = _subnet(cloud, wanted, zones.requested(request.get("Placement", {}), settings))
    template = Instance(
        "",
        "",
        subnet.id,
        None,
        _groups(cloud, subnet, wanted.first, settings),
        _tags(request, INSTANCE, settings),
        attributes=replace(
            at_launch(cloud, request),
            image_id=_image(request),
            launch_time=timestamp(settings.now()),
            reservation_id=f"{ids.RESERVATION}-{settings.new_id()}",
        ),
    )
    new = [_numbered(template, number, request, settings) for number in range(count)]
    if wanted.prepared is not None:
        cloud, instance = launched_on(cloud, wanted.prepared, new[0])
        made = [instance]
    else:
        made = with_new_interfaces(cloud, subnet, wanted.first, new, _tags(request, NETWORK_INTERFACE, settings))
    after = INSTANCE.put(cloud, *made)
    for each in made if wanted.others else ():
        after = with_others(after, each, wanted.others, _specified(request, _NETWORK_INTERFACE), settings)
    return Reply(after, _answer(after, made))


def _numbered(template: Instance, number: int, request: Request, settings: Settings) -> Instance:
    """Return one of the new instances. No other resource has its id: the digits are random."""
    instance_id = f"{ids.INSTANCE}-{settings.new_id()}"
    known = replace(template.attributes, launch_index=number)
    made = volumes.at_launch(request, _tags(request, VOLUME, settings), settings)
    return replace(template, id=instance_id, name=instance_id, attributes=known, volumes=made)


def _answer(cloud: Cloud, made: list[Instance]) -> Shape:
    """Return one reservation with all new instances."""
    found = [instance_shapes.reservation(cloud, each) for each in made]
    return {**found[0], "Instances": [each for one in found for each in one["Instances"]]}


def _count(cloud: Cloud, request: Request, settings: Settings) -> int:
    """Return how many instances to create. Raises CloudError if the numbers are not valid, or too many."""
    least, most = request["MinCount"], request["MaxCount"]
    for name, value in (("MinCount", least), ("MaxCount", most)):
        if value < 1:
            raise invalid(f"Value ({value}) for parameter {name} is invalid. Minimum value is 1.")
    if least > most:
        message = f"MinCount ({least}) must not be larger than MaxCount ({most})."
        raise CloudError("InvalidParameterCombination", message)
    room = settings.quotas.instances_per_region - len(cloud.instances)
    if least > room:
        message = f"You have requested more instances ({least}) than your current instance limit allows ({room} more)."
        raise CloudError("InstanceLimitExceeded", message)
    return min(int(most), room)


def _image(request: Request) -> str:
    """Return the image id to record. Every image exists: a lab has one for all ids."""
    text: str = request["ImageId"]
    if text.startswith(_PARAMETER):
        return instance_shapes.IMAGE
    if not _IMAGE.fullmatch(text):
        raise CloudError("InvalidAMIID.Malformed", f'Invalid id: "{shorten(text)}" (expecting "ami-...")')
    return text


def _tags(request: Request, kind: Kind[Any], settings: Settings) -> Tags:
    """Return the tags for the new resources of a kind."""
    if kind is not INSTANCE:
        return specified({"TagSpecifications": _specified(request, kind.resource_type)}, kind, settings)
    given = [each for each in request.get("TagSpecifications", []) if each.get("ResourceType") not in _ALSO_TAGGED]
    return specified({"TagSpecifications": given}, INSTANCE, settings)


def _specified(request: Request, resource_type: str) -> list[Request]:
    return [each for each in request.get("TagSpecifications", []) if each.get("ResourceType") == resource_type]


def _subnet(cloud: Cloud, wanted: Interfaces, zone: str | None) -> Subnet:
    """Return the subnet of the request, or that of the default VPC in the wanted zone."""
    named_id = wanted.prepared.subnet_id if wanted.prepared else wanted.first.get("SubnetId")
    if named_id:
        found = SUBNET.find(cloud, named_id)
        if zone not in (None, zones.of_subnet(found)):
            message = f"The subnet '{found.id}' is in the zone {zones.of_subnet(found)}, not in {shorten(str(zone))}"
            raise CloudError("InvalidParameterCombination", message)
        return found
    default = {vpc.id for vpc in cloud.vpcs.values() if vpc.attributes.is_default}
    if not default:
        raise CloudError("VPCIdNotSpecified", "No default VPC for this user", hint="name a subnet in SubnetId")
    subnets = (each for each in cloud.subnets.values() if each.vpc_id in default and each.attributes.default_for_az)
    for each in sorted(subnets, key=lambda subnet: (zones.of_subnet(subnet), subnet.id)):
        if zone in (None, zones.of_subnet(each)):
            return each
    raise CloudError("MissingInput", f"No subnets found for the default VPC '{min(default)}'. Please specify a subnet.")


def _groups(cloud: Cloud, subnet: Subnet, given: Request, settings: Settings) -> tuple[str, ...]:
    """Return the ids of the groups that the request names, or that of the default group."""
    if given.get("SecurityGroups"):
        return _named_groups(cloud, subnet, given)
    return requested_groups(cloud, subnet, given.get("Groups", []), settings)


def _named_groups(cloud: Cloud, subnet: Subnet, given: Request) -> tuple[str, ...]:
    if given.get("SubnetId") or given.get("Groups"):
        message = "The parameter groupName cannot be used with the parameter subnet"
        raise CloudError("InvalidParameterCombination", message)
    found = []
    for name in given["SecurityGroups"]:
        group = named(cloud, subnet.vpc_id, name)
        if group is None:
            message = f"The security group '{shorten(name)}' does not exist in VPC '{subnet.vpc_id}'"
            raise CloudError("InvalidGroup.NotFound", message)
        found.append(group.id)
    return tuple(dict.fromkeys(found))

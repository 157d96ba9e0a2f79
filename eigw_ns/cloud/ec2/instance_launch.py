"""RunInstances: which subnet, groups and addresses new instances have, and what is recorded of them.

Sources: AWS, API_RunInstances, "Error codes for the Amazon EC2 API".
"""

from __future__ import annotations

import re
from dataclasses import replace

from eigw_ns.cloud import ids
from eigw_ns.cloud.ec2 import instance_shapes, zones
from eigw_ns.cloud.ec2.checks import invalid
from eigw_ns.cloud.ec2.instance_attributes import check_groups
from eigw_ns.cloud.ec2.instance_values import at_launch
from eigw_ns.cloud.ec2.interface_addresses import ipv4_addresses, ipv6_addresses, with_ipv6
from eigw_ns.cloud.ec2.resources import INSTANCE, SUBNET
from eigw_ns.cloud.ec2.schema import Reply, Request, Shape
from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.ec2.tags import specified
from eigw_ns.cloud.ec2.times import timestamp
from eigw_ns.cloud.filtering import DEFAULT_GROUP
from eigw_ns.cloud.group_names import named
from eigw_ns.cloud.model import Cloud, Instance, Subnet
from eigw_ns.cloud.words import shorten
from eigw_ns.errors import CloudError
from eigw_ns.frozen import frozen

_IMAGE = re.compile(r"ami-(?:[0-9a-f]{8}|[0-9a-f]{17})")
_PARAMETER = "resolve:ssm:"
"""The start of an ImageId that names a parameter of Systems Manager. A lab has one image."""

_ALSO_TAGGED = frozenset({"volume", "network-interface", "spot-instances-request", "elastic-gpu"})
"""Resource types whose tags RunInstances takes. A lab does not record them."""

_OF_INTERFACE = {
    "SubnetId": "an instance-level subnet ID",
    "SecurityGroupIds": "instance-level security groups",
    "SecurityGroups": "instance-level security groups",
    "PrivateIpAddress": "an instance-level private IP address",
    "Ipv6Addresses": "instance-level IPv6 addresses",
    "Ipv6AddressCount": "an instance-level IPv6 address count",
}
"""Parameters that belong to the interface if the request describes one, in the words of AWS's message."""


@frozen
class _Interface:
    """What a request says about the interface of each instance. `ipv6_count` None lets the subnet decide."""

    subnet_id: str | None
    group_ids: tuple[str, ...]
    group_names: tuple[str, ...]
    private_ip_address: str | None
    ipv6_count: int | None
    ipv6_addresses: tuple[str, ...]


def run(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Create and start MaxCount instances, all in the same subnet, with the same groups and tags."""
    count, interface = _count(cloud, request, settings), _interface(request)
    subnet = _subnet(cloud, interface, request)
    template = Instance(
        "",
        "",
        subnet.id,
        None,
        _groups(cloud, subnet, interface, settings),
        _tags(request, settings),
        attributes=replace(
            at_launch(cloud, request),
            image_id=_image(request),
            launch_time=timestamp(settings.now()),
            reservation_id=f"{ids.RESERVATION}-{settings.new_id()}",
        ),
    )
    made = _with_addresses(cloud, subnet, interface, [_numbered(template, number, settings) for number in range(count)])
    after = INSTANCE.put(cloud, *made)
    return Reply(after, _answer(after, made))


def _numbered(template: Instance, number: int, settings: Settings) -> Instance:
    """Return one of the new instances. No other resource has its id: the digits are random."""
    instance_id = f"{ids.INSTANCE}-{settings.new_id()}"
    known = replace(template.attributes, launch_index=number)
    return replace(template, id=instance_id, name=instance_id, attributes=known)


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


def _tags(request: Request, settings: Settings) -> tuple[tuple[str, str], ...]:
    """Return the tags for the instances. Those for other resources that AWS makes with them are not recorded."""
    given = [each for each in request.get("TagSpecifications", []) if each.get("ResourceType") not in _ALSO_TAGGED]
    return specified({"TagSpecifications": given}, INSTANCE, settings)


def _interface(request: Request) -> _Interface:
    """Return the interface that the request describes, in NetworkInterfaces or by parameters of its own."""
    given = request.get("NetworkInterfaces") or []
    if not given:
        return _described(request, request.get("SecurityGroupIds", []))
    if len(given) > 1 or given[0].get("DeviceIndex", 0) != 0:
        message = f"Interface count {len(given)} exceeds the limit: an instance of a lab has one, with DeviceIndex 0."
        raise CloudError("AttachmentLimitExceeded", message)
    for name, words in _OF_INTERFACE.items():
        if request.get(name):
            message = f"Network interfaces and {words} may not be specified on the same request"
            raise CloudError("InvalidParameterCombination", message)
    if text := given[0].get("NetworkInterfaceId"):
        message = f"The networkInterface ID '{shorten(text)}' does not exist"
        raise CloudError("InvalidNetworkInterfaceID.NotFound", message)
    return _described(given[0], given[0].get("Groups", []))


def _described(given: Request, group_ids: list[str]) -> _Interface:
    return _Interface(
        given.get("SubnetId") or None,
        tuple(dict.fromkeys(group_ids)),
        tuple(given.get("SecurityGroups", ())),
        given.get("PrivateIpAddress") or None,
        given.get("Ipv6AddressCount"),
        tuple(each.get("Ipv6Address", "") for each in given.get("Ipv6Addresses", ())),
    )


def _subnet(cloud: Cloud, interface: _Interface, request: Request) -> Subnet:
    """Return the subnet of the request, or that of the default VPC in the wanted zone."""
    zone = request.get("Placement", {}).get("AvailabilityZone") or None
    if interface.subnet_id is not None:
        found = SUBNET.find(cloud, interface.subnet_id)
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


def _groups(cloud: Cloud, subnet: Subnet, interface: _Interface, settings: Settings) -> tuple[str, ...]:
    """Return the ids of the groups that the request names, or that of the default group."""
    if interface.group_names:
        return _named_groups(cloud, subnet, interface)
    if interface.group_ids:
        check_groups(cloud, subnet, interface.group_ids, settings)
        return interface.group_ids
    default = named(cloud, subnet.vpc_id, DEFAULT_GROUP)
    assert default is not None, subnet.vpc_id
    return (default.id,)


def _named_groups(cloud: Cloud, subnet: Subnet, interface: _Interface) -> tuple[str, ...]:
    if interface.subnet_id is not None or interface.group_ids:
        message = "The parameter groupName cannot be used with the parameter subnet"
        raise CloudError("InvalidParameterCombination", message)
    found = []
    for name in interface.group_names:
        group = named(cloud, subnet.vpc_id, name)
        if group is None:
            message = f"The security group '{shorten(name)}' does not exist in VPC '{subnet.vpc_id}'"
            raise CloudError("InvalidGroup.NotFound", message)
        found.append(group.id)
    return tuple(dict.fromkeys(found))


def _with_addresses(cloud: Cloud, subnet: Subnet, interface: _Interface, new: list[Instance]) -> list[Instance]:
    """Return the new instances with the given addresses, or with free ones of the subnet."""
    if len(new) > 1 and (interface.private_ip_address or interface.ipv6_addresses):
        message = "Addresses can be given for one instance only, not for several."
        raise CloudError("InvalidParameterCombination", message)
    private = ipv4_addresses(cloud, subnet, interface.private_ip_address, len(new))
    wanted = interface.ipv6_count
    if wanted is None and not interface.ipv6_addresses:
        wanted = int(_always_ipv6(subnet))
    public = ipv6_addresses(cloud, subnet, wanted, interface.ipv6_addresses, len(new))
    share = len(public) // len(new)
    return [
        with_ipv6(replace(each, private_ip_address=private[number]), public[number * share : (number + 1) * share])
        for number, each in enumerate(new)
    ]


def _always_ipv6(subnet: Subnet) -> bool:
    """Return whether an instance of the subnet has an IPv6 address without asking for one."""
    asked = subnet.attributes.assign_ipv6_address_on_creation or subnet.cidr_block is None
    return asked and subnet.ipv6_association is not None

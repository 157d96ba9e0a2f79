"""The network interface of an instance, in the shapes of DescribeInstances and of DescribeNetworkInterfaces.

Each instance has one, which is created and deleted with it.
Source: AWS, API_InstanceNetworkInterface, API_NetworkInterface.
"""

from __future__ import annotations

from collections.abc import Iterable

from eigw_ns.cloud import ids
from eigw_ns.cloud.ec2 import zones
from eigw_ns.cloud.ec2.schema import Shape
from eigw_ns.cloud.ec2.settings import ACCOUNT_ID, REGION
from eigw_ns.cloud.macs import mac
from eigw_ns.cloud.model import Cloud, Instance, Subnet

LINK = "eth0"
"""The name of the interface in the instance's namespace."""


def interface_id(instance_id: str) -> str:
    """Return the id of the network interface of an instance or a NAT gateway."""
    return ids.make_id(ids.NETWORK_INTERFACE, instance_id)


def attachment_id(instance_id: str) -> str:
    """Return the id of the attachment of an instance's network interface."""
    return ids.make_id(ids.NETWORK_INTERFACE_ATTACHMENT, instance_id)


def owner_of(cloud: Cloud, wanted: str) -> Instance | None:
    """Return the instance whose network interface has the id `wanted`, or None."""
    return next((each for each in cloud.instances.values() if interface_id(each.id) == wanted), None)


def of_instance(cloud: Cloud, instance: Instance) -> Shape:
    """Return the interface as DescribeInstances has it in its instance."""
    return {**_common(cloud, instance), "Attachment": _attachment(instance)}


def network_interface(cloud: Cloud, instance: Instance) -> Shape:
    """Return the interface as in DescribeNetworkInterfaces."""
    subnet = cloud.subnets[instance.subnet_id]
    return {
        **_common(cloud, instance),
        "Attachment": {**_attachment(instance), "InstanceId": instance.id, "InstanceOwnerId": ACCOUNT_ID},
        "AvailabilityZone": zones.of_subnet(subnet),
        "AvailabilityZoneId": zones.zone_id(zones.of_subnet(subnet)),
        "RequesterManaged": False,
        "DenyAllIgwTraffic": False,
        "Ipv6Native": subnet.cidr_block is None,
        **ipv6_address(instance),
        "TagSet": [],
    }


def ipv6_address(instance: Instance) -> Shape:
    """Return the member `Ipv6Address`, which an instance without IPv6 lacks."""
    return {} if instance.ipv6_address is None else {"Ipv6Address": str(instance.ipv6_address)}


def private_ipv4(instance: Instance) -> Shape:
    """Return the member `PrivateIpAddress`, which an instance without IPv4 lacks."""
    return {} if instance.private_ip_address is None else {"PrivateIpAddress": str(instance.private_ip_address)}


def private_dns_name(subnet: Subnet, instance: Instance) -> str:
    """Return the host name that AWS gives: by the IPv4 address, or by the instance's id.

    The owner of an answer puts its own Region in place of `REGION` (`owner.owned`).
    """
    by_id = instance.private_ip_address is None or subnet.attributes.hostname_type == "resource-name"
    host = instance.id if by_id else f"ip-{str(instance.private_ip_address).replace('.', '-')}"
    return f"{host}{private_domain(REGION)}"


def private_domain(region: str) -> str:
    """Return the end of host names of a Region. The first Region of AWS has another form than the others."""
    return ".ec2.internal" if region == "us-east-1" else f".{region}.compute.internal"


def group_identifiers(cloud: Cloud, group_ids: Iterable[str]) -> list[Shape]:
    """Return the security groups as a list of `{"GroupId", "GroupName"}`."""
    groups = (cloud.security_groups[group_id] for group_id in group_ids)
    return [{"GroupId": group.id, "GroupName": group.name} for group in groups]


def _common(cloud: Cloud, instance: Instance) -> Shape:
    """Return the members that both shapes have."""
    subnet = cloud.subnets[instance.subnet_id]
    name = {"PrivateDnsName": private_dns_name(subnet, instance)}
    address = private_ipv4(instance)
    return {
        "NetworkInterfaceId": interface_id(instance.id),
        "OwnerId": ACCOUNT_ID,
        "VpcId": subnet.vpc_id,
        "SubnetId": subnet.id,
        "Description": "",
        "InterfaceType": "interface",
        "Status": "in-use",
        "SourceDestCheck": instance.attributes.source_dest_check,
        "MacAddress": mac(cloud.lab, instance.id, LINK),
        "Groups": group_identifiers(cloud, instance.security_group_ids),
        **address,
        **name,
        "PrivateIpAddresses": [{**address, **name, "Primary": True}] if address else [],
        "Ipv6Addresses": [{"Ipv6Address": str(each), "IsPrimaryIpv6": False} for each in instance.addresses],
        "Ipv6Prefixes": [{"Ipv6Prefix": str(each)} for each in instance.ipv6_prefixes],
        "Operator": {"Managed": False},
    }


def _attachment(instance: Instance) -> Shape:
    launched = instance.attributes.launch_time
    return {
        "AttachmentId": attachment_id(instance.id),
        **({} if launched is None else {"AttachTime": launched}),
        "DeleteOnTermination": True,
        "DeviceIndex": 0,
        "NetworkCardIndex": 0,
        "Status": "attached",
    }

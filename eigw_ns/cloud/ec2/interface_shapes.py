"""Network interfaces in the shapes of DescribeInstances and of DescribeNetworkInterfaces.

Source: AWS, API_InstanceNetworkInterface, API_NetworkInterface.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address

from eigw_ns.cloud.ec2 import zones
from eigw_ns.cloud.ec2.schema import Shape
from eigw_ns.cloud.ec2.settings import ACCOUNT_ID, REGION
from eigw_ns.cloud.ec2.shapes import tag_list
from eigw_ns.cloud.interface_records import Attachment, NetworkInterface
from eigw_ns.cloud.interfaces import is_primary, of_instance, primary
from eigw_ns.cloud.macs import mac
from eigw_ns.cloud.model import Cloud, Instance, Subnet

LINK = "eth0"
"""The name of the interface in the instance's namespace."""

AMAZON = "amazon"
"""The owner of a public address that is not an elastic one."""


def instance_interfaces(cloud: Cloud, instance: Instance) -> list[Shape]:
    """Return the interfaces of an instance as DescribeInstances has them, the primary one first."""
    return [
        {**_common(cloud, each), **({"Attachment": attachment(each.attachment)} if each.attachment else {})}
        for each in of_instance(cloud, instance)
    ]


def network_interface(cloud: Cloud, interface: NetworkInterface) -> Shape:
    """Return an interface as in DescribeNetworkInterfaces."""
    subnet, attached = cloud.subnets[interface.subnet_id], interface.attachment
    return {
        **_common(cloud, interface),
        **({"Attachment": owned_attachment(attached)} if attached else {}),
        "AvailabilityZone": zones.of_subnet(subnet),
        "AvailabilityZoneId": zones.zone_id(zones.of_subnet(subnet)),
        "RequesterManaged": False,
        "DenyAllIgwTraffic": False,
        "Ipv6Native": subnet.cidr_block is None,
        **({"Ipv6Address": str(interface.ipv6_addresses[0])} if interface.ipv6_addresses else {}),
        "TagSet": tag_list(interface.tags),
    }


def owned_attachment(attached: Attachment) -> Shape:
    """Return an attachment with its instance, as in DescribeNetworkInterfaces."""
    return {**attachment(attached), "InstanceId": attached.instance_id, "InstanceOwnerId": ACCOUNT_ID}


def attachment(attached: Attachment) -> Shape:
    """Return an attachment as DescribeInstances has it. It is complete at once."""
    return {
        "AttachmentId": attached.id,
        **({} if attached.attach_time is None else {"AttachTime": attached.attach_time}),
        "DeleteOnTermination": attached.delete_on_termination,
        "DeviceIndex": attached.device_index,
        "NetworkCardIndex": 0,
        "Status": "attached",
    }


def ipv6_address(instance: Instance) -> Shape:
    """Return the member `Ipv6Address`, which an instance without IPv6 lacks."""
    return {} if instance.ipv6_address is None else {"Ipv6Address": str(instance.ipv6_address)}


def private_ipv4(instance: Instance) -> Shape:
    """Return the member `PrivateIpAddress`, which an instance without IPv4 lacks."""
    return {} if instance.private_ip_address is None else {"PrivateIpAddress": str(instance.private_ip_address)}


def private_dns_name(subnet: Subnet, instance: Instance) -> str:
    """Return the host name that AWS gives an instance: by its IPv4 address, or by its id.

    The owner of an answer puts its own Region in place of `REGION` (`owner.owned`).
    """
    kind = instance.attributes.hostname_type or subnet.attributes.hostname_type
    by_id = instance.private_ip_address is None or kind == "resource-name"
    return f"{instance.id if by_id else _host(instance.private_ip_address)}{private_domain(REGION)}"


def _host(address: IPv4Address | None) -> str:
    return f"ip-{str(address).replace('.', '-')}"


def private_domain(region: str) -> str:
    """Return the end of host names of a Region. The first Region of AWS has another form than the others."""
    return ".ec2.internal" if region == "us-east-1" else f".{region}.compute.internal"


def group_identifiers(cloud: Cloud, group_ids: Iterable[str]) -> list[Shape]:
    """Return the security groups as a list of `{"GroupId", "GroupName"}`."""
    groups = (cloud.security_groups[group_id] for group_id in group_ids)
    return [{"GroupId": group.id, "GroupName": group.name} for group in groups]


def public_ip(cloud: Cloud, instance: Instance) -> Shape:
    """Return the member `PublicIpAddress`, which an instance without a public IPv4 address lacks."""
    found = _association(cloud, primary(instance))
    return {"PublicIpAddress": found["PublicIp"]} if found else {}


def _association(cloud: Cloud, interface: NetworkInterface) -> Shape:
    """Return the public IPv4 address of an interface: an elastic one, or else one of Amazon. Empty if it has none."""
    if interface.attachment is not None and is_primary(interface):
        owner = interface.attachment.instance_id
        for each in cloud.elastic_ips.values():
            if each.association is not None and each.association.instance_id == owner:
                return {"PublicIp": str(each.public_ip), "PublicDnsName": "", "IpOwnerId": ACCOUNT_ID}
    public = interface.public_ip_address
    return {} if public is None else {"PublicIp": str(public), "PublicDnsName": "", "IpOwnerId": AMAZON}


def _common(cloud: Cloud, interface: NetworkInterface) -> Shape:
    """Return the members that both shapes have."""
    subnet = cloud.subnets[interface.subnet_id]
    address = interface.private_ip_address
    return {
        "NetworkInterfaceId": interface.id,
        "OwnerId": ACCOUNT_ID,
        "VpcId": subnet.vpc_id,
        "SubnetId": subnet.id,
        "Description": interface.description,
        "InterfaceType": "interface",
        "Status": "in-use" if interface.attachment else "available",
        "SourceDestCheck": interface.source_dest_check,
        "MacAddress": _mac(cloud, interface),
        "Groups": group_identifiers(cloud, interface.security_group_ids),
        **({} if address is None else {"PrivateIpAddress": str(address)}),
        **_dns_name(cloud, interface),
        "PrivateIpAddresses": _private_addresses(cloud, interface),
        "Ipv6Addresses": [
            {"Ipv6Address": str(each), "IsPrimaryIpv6": interface.primary_ipv6 and number == 0}
            for number, each in enumerate(interface.ipv6_addresses)
        ],
        "Ipv6Prefixes": [{"Ipv6Prefix": str(each)} for each in interface.ipv6_prefixes],
        **({"Association": public} if (public := _association(cloud, interface)) else {}),
        "Operator": {"Managed": False},
    }


def _mac(cloud: Cloud, interface: NetworkInterface) -> str:
    """Return the MAC: that of the instance's link for its primary interface, so that the kernel has it too."""
    if interface.attachment is not None and is_primary(interface):
        return mac(cloud.lab, interface.attachment.instance_id, LINK)
    return mac(cloud.lab, interface.id, LINK)


def _dns_name(cloud: Cloud, interface: NetworkInterface) -> Shape:
    if interface.attachment is not None and is_primary(interface):
        instance = cloud.instances[interface.attachment.instance_id]
        return {"PrivateDnsName": private_dns_name(cloud.subnets[instance.subnet_id], instance)}
    address = interface.private_ip_address
    return {} if address is None else {"PrivateDnsName": f"{_host(address)}{private_domain(REGION)}"}


def _private_addresses(cloud: Cloud, interface: NetworkInterface) -> list[Shape]:
    """Return the IPv4 addresses. The primary one has the interface's own name and public address."""
    public = _association(cloud, interface)
    first = {**_dns_name(cloud, interface), **({"Association": public} if public else {})}
    return [
        {
            "PrivateIpAddress": str(address),
            **({"PrivateDnsName": f"{_host(address)}{private_domain(REGION)}"} if number else first),
            "Primary": number == 0,
        }
        for number, address in enumerate(interface.ipv4_addresses)
    ]

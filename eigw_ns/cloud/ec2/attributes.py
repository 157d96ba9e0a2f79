"""DescribeVpcAttribute, ModifyVpcAttribute, ModifySubnetAttribute. A request modifies one attribute.

Sources: AWS, API_ModifyVpcAttribute, API_ModifySubnetAttribute.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from eigw_ns.cloud.ec2.checks import invalid, missing
from eigw_ns.cloud.ec2.resources import SUBNET, VPC
from eigw_ns.cloud.ec2.schema import Reply, Request
from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.model import Cloud, Subnet
from eigw_ns.cloud.words import did_you_mean, shorten
from eigw_ns.errors import CloudError

_OF_VPC: Mapping[str, str] = {
    "EnableDnsSupport": "enable_dns_support",
    "EnableDnsHostnames": "enable_dns_hostnames",
    "EnableNetworkAddressUsageMetrics": "enable_network_address_usage_metrics",
}
_OF_SUBNET: Mapping[str, str] = {
    "AssignIpv6AddressOnCreation": "assign_ipv6_address_on_creation",
    "EnableDns64": "enable_dns64",
    "EnableResourceNameDnsAAAARecordOnLaunch": "resource_name_dns_aaaa_record",
    "EnableResourceNameDnsARecordOnLaunch": "resource_name_dns_a_record",
    "MapPublicIpOnLaunch": "map_public_ip_on_launch",
    "PrivateDnsHostnameTypeOnLaunch": "hostname_type",
}
"""The attributes by their parameters: the field that holds each."""

_HOSTNAME_TYPES = ("ip-name", "resource-name")


def describe_vpc_attribute(cloud: Cloud, request: Request, _settings: Settings) -> Reply:
    """Describe one attribute of a VPC."""
    vpc = VPC.find(cloud, request["VpcId"])
    known = {_lower(name): name for name in _OF_VPC}
    wanted = request["Attribute"]
    if wanted not in known:
        message = f"Value ({shorten(wanted)}) for parameter attribute is invalid. Unknown attribute."
        raise CloudError("InvalidParameterValue", message, hint=did_you_mean(wanted, known))
    value = getattr(vpc.attributes, _OF_VPC[known[wanted]])
    return Reply(cloud, {"VpcId": vpc.id, known[wanted]: {"Value": value}})


def modify_vpc_attribute(cloud: Cloud, request: Request, _settings: Settings) -> Reply:
    """Set one attribute of a VPC. Host names need DNS support, as AWS documents."""
    vpc = VPC.find(cloud, request["VpcId"])
    name = _only(request, _OF_VPC)
    value = _boolean(request, name)
    if name == "EnableDnsHostnames" and value and not vpc.attributes.enable_dns_support:
        raise invalid("Invalid value 'true' for enable-dns-hostnames. The VPC has enable-dns-support set to false.")
    new: dict[str, Any] = {_OF_VPC[name]: value}
    changed = replace(vpc.attributes, **new)
    return Reply(cloud if changed == vpc.attributes else VPC.put(cloud, replace(vpc, attributes=changed)), {})


def modify_subnet_attribute(cloud: Cloud, request: Request, _settings: Settings) -> Reply:
    """Set one attribute of a subnet."""
    subnet = SUBNET.find(cloud, request["SubnetId"])
    name = _only(request, _OF_SUBNET)
    value = _hostname_type(request[name]) if name == "PrivateDnsHostnameTypeOnLaunch" else _boolean(request, name)
    _check_ipv6(subnet, name, value)
    new: dict[str, Any] = {_OF_SUBNET[name]: value}
    changed = replace(subnet.attributes, **new)
    return Reply(cloud if changed == subnet.attributes else SUBNET.put(cloud, replace(subnet, attributes=changed)), {})


def _check_ipv6(subnet: Subnet, name: str, value: object) -> None:
    if name == "AssignIpv6AddressOnCreation" and value is True and subnet.ipv6_association is None:
        raise invalid(
            "Invalid value 'true' for assign-ipv6-address-on-creation. Cannot set assign-ipv6-address-on-creation to"
            f" true unless the subnet ({subnet.id}) has an IPv6 CIDR block associated with it."
        )


def _only(request: Request, known: Iterable[str]) -> str:
    """Return the name of the one attribute that the request sets."""
    given = [name for name in known if name in request]
    if not given:
        raise CloudError("InvalidParameterCombination", "No attributes specified.")
    if len(given) > 1:
        listed = ", ".join(map(_lower, given))
        message = f"Fields for multiple attribute types specified: {listed}"
        raise CloudError("InvalidParameterCombination", message)
    return given[0]


def _boolean(request: Request, name: str) -> bool:
    value: Any = request[name].get("Value")
    if value is None:
        raise missing(f"{name}.Value")
    return bool(value)


def _hostname_type(text: str) -> str:
    if text not in _HOSTNAME_TYPES:
        listed = " or ".join(_HOSTNAME_TYPES)
        raise invalid(f"Value ({shorten(text)}) for parameter privateDnsHostnameTypeOnLaunch is invalid: {listed}.")
    return text


def _lower(name: str) -> str:
    return name[0].lower() + name[1:]

"""The kinds of resources in answers: the member that lists them, the one that identifies them, and AWS's type."""

from __future__ import annotations

from collections.abc import Iterable

from eigw_ns.frozen import frozen


@frozen
class Kind:
    """A kind of resource.

    `answer` is the member of an answer that lists it, `id` the member of a resource that identifies it, `type` that of
    AWS Config, `command` the call of aws-cli that lists it, `words` what messages call it.
    """

    answer: str
    id: str
    type: str
    command: str
    words: str


def _kind(answer: str, name: str, words: str, resource_id: str = "") -> Kind:
    dashed = "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in answer)
    own_id = resource_id or f"{name[0].lower()}{name[1:]}Id"
    return Kind(answer, own_id, f"AWS::EC2::{name}", f"describe-{dashed}", words)


VPC = _kind("vpcs", "VPC", "VPC", "vpcId")
SUBNET = _kind("subnets", "Subnet", "subnet")
ROUTE_TABLE = _kind("routeTables", "RouteTable", "route table")
INTERNET = _kind("internetGateways", "InternetGateway", "internet gateway")
EGRESS_ONLY = _kind("egressOnlyInternetGateways", "EgressOnlyInternetGateway", "egress-only internet gateway")
NAT = _kind("natGateways", "NatGateway", "NAT gateway")
ACL = _kind("networkAcls", "NetworkAcl", "network ACL")
GROUP = _kind("securityGroups", "SecurityGroup", "security group", "groupId")
INSTANCE = _kind("instances", "Instance", "instance")
INTERFACE = _kind("networkInterfaces", "NetworkInterface", "network interface")

LEFT_OUT = (
    _kind("vpcEndpoints", "VPCEndpoint", "VPC endpoint", "vpcEndpointId"),
    _kind("flowLogs", "FlowLog", "flow log"),
    _kind("dhcpOptions", "DHCPOptions", "set of DHCP options", "dhcpOptionsId"),
    _kind("vpnGateways", "VPNGateway", "VPN gateway", "vpnGatewayId"),
    _kind("vpnConnections", "VPNConnection", "VPN connection", "vpnConnectionId"),
)
"""Kinds that say nothing about who reaches whom over IPv6, beyond what routes say."""

KINDS = (VPC, SUBNET, ROUTE_TABLE, INTERNET, EGRESS_ONLY, NAT, ACL, GROUP, INSTANCE, INTERFACE, *LEFT_OUT)

RESERVATIONS = "reservations"
"""DescribeInstances lists instances by their launch."""

CONFIG = ("configurationItems", "baseConfigurationItems", "results")
"""The members that list resources in a snapshot or history of AWS Config, in BatchGet… and in SelectResourceConfig."""


def is_answer(members: Iterable[str]) -> bool:
    """Return whether these members (spelt as in `documents`) are those of an answer that has a network."""
    return not _LISTS.isdisjoint(members)


_LISTS = frozenset((*(kind.answer for kind in KINDS), RESERVATIONS, *CONFIG[:2]))

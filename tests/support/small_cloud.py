"""A small cloud with known ids, and a class that calls EC2 actions on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from itertools import count
from typing import Any

import pytest
from _pytest.mark.structures import ParameterSet

from eigw_ns.cloud.associations import main_association_id, network_acl_associations, route_table_association_id
from eigw_ns.cloud.defaults import default_network_acl, default_security_group, open_egress
from eigw_ns.cloud.ec2.api import call
from eigw_ns.cloud.ec2.schema import Reply
from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.model import (
    BlockAssociation,
    Cloud,
    EgressOnlyInternetGateway,
    Instance,
    InternetGateway,
    NetworkAcl,
    Route,
    RouteTable,
    SecurityGroup,
    SecurityGroupRule,
    Subnet,
    Vpc,
    VpcAttributes,
)
from eigw_ns.cloud.prefix_lists import PrefixList, PrefixListEntry
from eigw_ns.cloud.recorded import DhcpOptions, ElasticIp, NatGateway
from eigw_ns.errors import CloudError
from tests.topologies.blocks import of_subnet, of_vpc

VPC, BARE_VPC = "vpc-0000000000000000a", "vpc-0000000000000000b"
SUBNET, PLAIN_SUBNET, BARE_SUBNET = (f"subnet-0000000000000000{letter}" for letter in "abc")
MAIN_TABLE, PRIVATE_TABLE, SPARE_TABLE, BARE_TABLE = (f"rtb-0000000000000000{letter}" for letter in "abcd")
EIGW = "eigw-0000000000000000a"
IGW, SPARE_IGW = "igw-0000000000000000a", "igw-0000000000000000b"
ACL, SPARE_ACL = "acl-0000000000000000a", "acl-0000000000000000b"
GROUP, SPARE_GROUP, REFERRED_GROUP, BARE_GROUP = (f"sg-0000000000000000{letter}" for letter in "abcd")
INSTANCE = "i-0000000000000000a"
NAT, PRIVATE_NAT = "nat-0000000000000000a", "nat-0000000000000000b"
ADDRESS, NAT_ADDRESS, SPARE_ADDRESS = (f"eipalloc-0000000000000000{letter}" for letter in "abc")
PREFIX_LIST, IPV4_LIST = "pl-0000000000000000a", "pl-0000000000000000b"
DHCP, SPARE_DHCP = "dopt-0000000000000000a", "dopt-0000000000000000b"

GONE = "0dead0dead0dead00"
"""The digits of ids that do not exist, such as `f"eigw-{GONE}"`."""

_BLOCK, _BARE_BLOCK = IPv6Network("2600:1f16:aa0:5500::/56"), IPv6Network("2600:1f16:bb0:5500::/56")
_VPC, _BARE = (
    Vpc(each, each, of_vpc(each, block), attributes=VpcAttributes(dhcp_options_id=options))
    for each, block, options in ((VPC, _BLOCK, DHCP), (BARE_VPC, _BARE_BLOCK, None))
)

DEFAULT_ACL = default_network_acl("small", _VPC).id
BARE_DEFAULT_ACL = default_network_acl("small", _BARE).id
DEFAULT_GROUP = default_security_group("small", _VPC).id

WEB_RULE = "sgr-0000000000000000a"
_WEB_RULE = SecurityGroupRule(WEB_RULE, False, 6, 443, 443, REFERRED_GROUP)


def small_cloud() -> Cloud:
    """Return a cloud with two VPCs. One has two of everything; the other has a subnet, a group and the defaults."""
    everywhere = (Route(IPv6Network("::/0"), EIGW),)
    tables = (
        RouteTable(MAIN_TABLE, MAIN_TABLE, VPC, main=True),
        RouteTable(PRIVATE_TABLE, PRIVATE_TABLE, VPC, routes=everywhere),
        RouteTable(SPARE_TABLE, SPARE_TABLE, VPC),
        RouteTable(BARE_TABLE, BARE_TABLE, BARE_VPC, main=True),
    )
    subnets = (
        Subnet(SUBNET, SUBNET, VPC, _block(SUBNET, _BLOCK, 1), route_table_id=PRIVATE_TABLE, network_acl_id=ACL),
        Subnet(PLAIN_SUBNET, PLAIN_SUBNET, VPC, _block(PLAIN_SUBNET, _BLOCK, 2)),
        Subnet(BARE_SUBNET, BARE_SUBNET, BARE_VPC, _block(BARE_SUBNET, _BARE_BLOCK, 1)),
    )
    defaults = [(default_network_acl("small", vpc), default_security_group("small", vpc)) for vpc in (_VPC, _BARE)]
    acls = (*(acl for acl, _ in defaults), NetworkAcl(ACL, ACL, VPC), NetworkAcl(SPARE_ACL, SPARE_ACL, VPC))
    groups = (
        *(group for _, group in defaults),
        SecurityGroup(GROUP, "web", "web servers", VPC, (_WEB_RULE, *open_egress(GROUP))),
        SecurityGroup(SPARE_GROUP, "spare", "unused", VPC, open_egress(SPARE_GROUP)),
        SecurityGroup(REFERRED_GROUP, "referred", "", VPC, ()),
        SecurityGroup(BARE_GROUP, "web", "", BARE_VPC, ()),
    )
    address = IPv6Address("2600:1f16:aa0:5501::10")
    instance = Instance(INSTANCE, INSTANCE, SUBNET, address, security_group_ids=(GROUP,))
    return Cloud(
        "small",
        vpcs={VPC: _VPC, BARE_VPC: _BARE},
        subnets={each.id: each for each in subnets},
        route_tables={each.id: each for each in tables},
        egress_only_internet_gateways={EIGW: EgressOnlyInternetGateway(EIGW, EIGW, VPC)},
        internet_gateways={IGW: InternetGateway(IGW, IGW, VPC), SPARE_IGW: InternetGateway(SPARE_IGW, SPARE_IGW, None)},
        network_acls={each.id: each for each in acls},
        security_groups={each.id: each for each in groups},
        instances={INSTANCE: instance},
        nat_gateways={
            NAT: NatGateway(NAT, NAT, BARE_VPC, BARE_SUBNET, allocation_id=NAT_ADDRESS),
            PRIVATE_NAT: NatGateway(PRIVATE_NAT, PRIVATE_NAT, VPC, PLAIN_SUBNET),
        },
        elastic_ips={each.id: each for each in _elastic_ips()},
        prefix_lists={each.id: each for each in _prefix_lists()},
        dhcp_options={
            each: DhcpOptions(each, each, (("domain-name", (f"{each}.test",)),)) for each in (DHCP, SPARE_DHCP)
        },
    )


def _prefix_lists() -> tuple[PrefixList, ...]:
    """Return one of each family, to which nothing refers."""
    office = PrefixListEntry(IPv6Network("2001:db8:c0::/48"), "office")
    return (
        PrefixList(PREFIX_LIST, "corporate", "IPv6", 4, (office,)),
        PrefixList(IPV4_LIST, "corporate-ipv4", "IPv4", 4, (PrefixListEntry(IPv4Network("198.51.100.0/24")),)),
    )


def _elastic_ips() -> tuple[ElasticIp, ...]:
    """Return two that are free, and between them one that a NAT gateway has."""
    return (
        ElasticIp(ADDRESS, ADDRESS, IPv4Address("203.0.113.1")),
        ElasticIp(NAT_ADDRESS, NAT_ADDRESS, IPv4Address("203.0.113.2")),
        ElasticIp(SPARE_ADDRESS, SPARE_ADDRESS, IPv4Address("203.0.113.3")),
    )


def _block(subnet_id: str, of: IPv6Network, number: int) -> BlockAssociation[IPv6Network]:
    return of_subnet(subnet_id, IPv6Network((int(of.network_address) + (number << 64), 64)))


MAIN_ASSOCIATION = main_association_id(small_cloud().route_tables[MAIN_TABLE])
ASSOCIATION = route_table_association_id(SUBNET, PRIVATE_TABLE)
ACL_ASSOCIATION, PLAIN_ACL_ASSOCIATION, _ = (each.id for each in network_acl_associations(small_cloud()))


Request = dict[str, Any]
Case = tuple[str, str, str, Request]
"""The mistake in words, AWS's error code for it, an action, and a request with this mistake."""


def cases(**topics: list[Case]) -> list[ParameterSet]:
    """Return test parameters (code, action, request). The id of each names the topic and the mistake."""
    return [
        pytest.param(code, action, request, id=f"{topic}: {what}")
        for topic, refused in topics.items()
        for what, code, action, request in refused
    ]


def counting() -> Callable[[], str]:
    """Return a function that gives ids in ascending order."""
    numbers = count(1)
    return lambda: f"{next(numbers):017x}"


class Account:
    """A cloud that keeps the changes of the actions called on it."""

    def __init__(self, cloud: Cloud | None = None, settings: Settings | None = None) -> None:
        self.cloud = small_cloud() if cloud is None else cloud
        self.settings = settings or Settings(new_id=counting())

    def reply(self, action: str, **request: Any) -> Reply:
        """Carry out the action, keep the cloud that results, and return the reply."""
        return self.reply_with(self.settings, action, request)

    def reply_with(self, settings: Settings, action: str, request: Mapping[str, Any]) -> Reply:
        """Carry out the action with other settings, keep the cloud that results, and return the reply."""
        reply = call(self.cloud, action, request, settings)
        self.cloud = reply.cloud
        return reply

    def do(self, action: str, **request: Any) -> dict[str, Any]:
        """Carry out the action as `reply` does, and return its answer."""
        return self.reply(action, **request).answer

    def refuse(self, action: str, **request: Any) -> CloudError:
        """Check that the action raises CloudError and changes nothing, and return the error."""
        before = repr(self.cloud)
        with pytest.raises(CloudError) as caught:
            call(self.cloud, action, request, self.settings)
        assert repr(self.cloud) == before
        return caught.value

"""What the user means, in AWS's words: frozen resources by id, and the cloud that holds them.

Names follow the EC2 API (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/) in snake_case. All prefixes and
addresses are IPv6. Nothing here knows Linux.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Address, IPv6Network
from typing import Literal

Tags = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Vpc:
    """A VPC with its one IPv6 block."""

    id: str
    name: str
    ipv6_cidr_block: IPv6Network
    tags: Tags = ()


@dataclass(frozen=True, slots=True)
class Subnet:
    """A subnet. `route_table_id` is its explicit association; None means that the VPC's main table applies.

    `network_acl_id` None means the VPC's default network ACL.
    """

    id: str
    name: str
    vpc_id: str
    ipv6_cidr_block: IPv6Network
    route_table_id: str | None = None
    network_acl_id: str | None = None
    tags: Tags = ()


BLACKHOLE = "blackhole"
"""The target id that never names a gateway: a route that was written as a blackhole to begin with."""


@dataclass(frozen=True, slots=True)
class Route:
    """A static route to a gateway. The `local` route is not stored: every table has it, and nobody can remove it.

    `target_id` may name a gateway that is gone, or be `BLACKHOLE`; its state is then `blackhole` (see `cloud.routing`).
    """

    destination: IPv6Network
    target_id: str


@dataclass(frozen=True, slots=True)
class RouteTable:
    """A route table; exactly one of a VPC is the main one. Routes are unique by destination, sorted."""

    id: str
    name: str
    vpc_id: str
    main: bool = False
    routes: tuple[Route, ...] = ()
    tags: Tags = ()


@dataclass(frozen=True, slots=True)
class ConnectionTracking:
    """How long an egress-only gateway remembers a flow without packets (seconds), and how many flows it holds.

    The timeouts are those of AWS's ConnectionTrackingSpecification, which an instance's interface has; AWS says
    nothing of the gateway's own. The limits are ours: so that no instance can use up what all need.
    """

    tcp_established_timeout: int = 432_000
    udp_timeout: int = 30
    udp_stream_timeout: int = 180
    max_connections: int = 131_072
    max_connections_per_source: int = 16_384


MOST_REPLICAS = 8


@dataclass(frozen=True, slots=True)
class EgressOnlyInternetGateway:
    """Lets a VPC's instances reach the internet over IPv6 and never lets the internet begin anything.

    It is born attached to its VPC and cannot be detached, only deleted. `replicas` share its work, 1 to 8: AWS calls
    it horizontally scaled, redundant and highly available, and shows none of them.
    """

    id: str
    name: str
    vpc_id: str
    connection_tracking: ConnectionTracking = ConnectionTracking()
    replicas: int = 1
    tags: Tags = ()


@dataclass(frozen=True, slots=True)
class InternetGateway:
    """Passes IPv6 both ways, untranslated, for the subnets whose route table points at it.

    `vpc_id` is None while it is detached.
    """

    id: str
    name: str
    vpc_id: str | None
    tags: Tags = ()


Gateway = EgressOnlyInternetGateway | InternetGateway


ALL_PROTOCOLS = -1
"""What stands for every protocol where an IANA protocol number is asked for, as in AWS."""

Block = IPv4Network | IPv6Network
"""A CIDR block; IPv4 ones are kept, shown and matched against nothing, since no IPv4 packet moves here."""


@dataclass(frozen=True, slots=True)
class NetworkAclEntry:
    """A numbered rule of a network ACL: the first that matches decides. Stateless.

    `protocol` is an IANA number or `ALL_PROTOCOLS`; `ports` (TCP, UDP) are the destination's, both ends included;
    `icmp` is (type, code), -1 for all. `cidr_block` is the source's of an ingress, the destination's of an egress rule.
    """

    rule_number: int
    egress: bool
    protocol: int
    action: Literal["allow", "deny"]
    cidr_block: Block
    ports: tuple[int, int] | None = None
    icmp: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class NetworkAcl:
    """A network ACL. Entries are sorted by (egress, rule number); what none matches is denied."""

    id: str
    name: str
    vpc_id: str
    default: bool = False
    entries: tuple[NetworkAclEntry, ...] = ()
    tags: Tags = ()


@dataclass(frozen=True, slots=True)
class SecurityGroupRule:
    """Allows one kind of traffic from (ingress) or to (egress) a block, or the members of a group (its id).

    `protocol` is an IANA number or `ALL_PROTOCOLS`; `from_port` and `to_port` are the range of destination ports of
    TCP and UDP, or the type and code of ICMPv6 (-1 for all); None for other protocols.
    """

    id: str
    egress: bool
    protocol: int
    from_port: int | None
    to_port: int | None
    peer: Block | str
    description: str = ""


@dataclass(frozen=True, slots=True)
class SecurityGroup:
    """A security group: what its rules do not allow is dropped. Stateful: answers need no rule."""

    id: str
    name: str
    description: str
    vpc_id: str
    rules: tuple[SecurityGroupRule, ...] = ()
    tags: Tags = ()


@dataclass(frozen=True, slots=True)
class Instance:
    """A machine in a subnet with one network interface and one IPv6 address; never without a security group."""

    id: str
    name: str
    subnet_id: str
    ipv6_address: IPv6Address
    security_group_ids: tuple[str, ...] = ()
    tags: Tags = ()


@dataclass(frozen=True, slots=True)
class InternetHost:
    """A machine on the internet; ours, AWS has no such thing."""

    id: str
    name: str
    ipv6_address: IPv6Address


@dataclass(frozen=True, slots=True)
class ClientToken:
    """A request that must not be carried out twice: what was asked, and what was answered (JSON)."""

    action: str
    request: str
    answer: str


@dataclass(frozen=True, slots=True)
class Cloud:
    """Everything a lab consists of. Each mapping goes from id to resource; tokens from the client's token."""

    lab: str
    vpcs: Mapping[str, Vpc] = field(default_factory=dict)
    subnets: Mapping[str, Subnet] = field(default_factory=dict)
    route_tables: Mapping[str, RouteTable] = field(default_factory=dict)
    egress_only_internet_gateways: Mapping[str, EgressOnlyInternetGateway] = field(default_factory=dict)
    internet_gateways: Mapping[str, InternetGateway] = field(default_factory=dict)
    network_acls: Mapping[str, NetworkAcl] = field(default_factory=dict)
    security_groups: Mapping[str, SecurityGroup] = field(default_factory=dict)
    instances: Mapping[str, Instance] = field(default_factory=dict)
    hosts: Mapping[str, InternetHost] = field(default_factory=dict)
    client_tokens: Mapping[str, ClientToken] = field(default_factory=dict)

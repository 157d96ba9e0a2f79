"""What the user means, in AWS's words: frozen resources by id, and the cloud that holds them.

Names follow the EC2 API (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/) in snake_case. All prefixes and
addresses are IPv6. Nothing here knows Linux.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv6Address, IPv6Network

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
    """A subnet. `route_table_id` is its explicit association; None means that the VPC's main table applies."""

    id: str
    name: str
    vpc_id: str
    ipv6_cidr_block: IPv6Network
    route_table_id: str | None = None
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
class EgressOnlyInternetGateway:
    """Lets a VPC's instances reach the internet over IPv6 and never lets the internet begin anything.

    It is born attached to its VPC and cannot be detached, only deleted.
    """

    id: str
    name: str
    vpc_id: str
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


@dataclass(frozen=True, slots=True)
class Instance:
    """A machine in a subnet with one network interface and one IPv6 address."""

    id: str
    name: str
    subnet_id: str
    ipv6_address: IPv6Address
    tags: Tags = ()


@dataclass(frozen=True, slots=True)
class InternetHost:
    """A machine on the internet; ours, AWS has no such thing."""

    id: str
    name: str
    ipv6_address: IPv6Address


@dataclass(frozen=True, slots=True)
class Cloud:
    """Everything a lab consists of. Each mapping goes from id to resource."""

    lab: str
    vpcs: Mapping[str, Vpc] = field(default_factory=dict)
    subnets: Mapping[str, Subnet] = field(default_factory=dict)
    route_tables: Mapping[str, RouteTable] = field(default_factory=dict)
    egress_only_internet_gateways: Mapping[str, EgressOnlyInternetGateway] = field(default_factory=dict)
    internet_gateways: Mapping[str, InternetGateway] = field(default_factory=dict)
    instances: Mapping[str, Instance] = field(default_factory=dict)
    hosts: Mapping[str, InternetHost] = field(default_factory=dict)

"""A network design as its source has it: resources with their places, linked by keys, before they become a `Cloud`.

Every source returns this form. It holds what decides who reaches whom, in both address families, and nothing else. All
tuples are in the order of the source. A `key` identifies a resource within one design. It is never shown and never
decides an order, because the ids of some sources are random.
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Address, IPv6Network
from typing import Literal

from eigw_ns.cloud.model import Block, Tags
from eigw_ns.frozen import frozen
from eigw_ns.importing.messages import Message, Place


@frozen
class Key:
    """A resource of this design."""

    text: str


@frozen
class Outside:
    """Something that the design refers to and does not hold: an id (`tgw-0123456789abcdef0`), or an expression."""

    text: str


Link = Key | Outside
"""What a property of a resource refers to."""


@frozen
class Label:
    """What a resource has whatever its kind.

    `name` is what names it if no Name tag does: the logical id of a template, the last part of a Terraform address
    with its index, or the id. The tag `eigw-ns:source` holds the `place`.
    """

    key: Key
    place: Place
    name: str
    tags: Tags = ()


@frozen
class Ipv6Block:
    """A block of a VPC. `chosen` means that the source leaves the choice to AWS, and that we made it."""

    block: IPv6Network
    chosen: bool = False


@frozen
class DesignVpc:
    """A VPC with its blocks, the primary or first associated one first."""

    label: Label
    ipv4_blocks: tuple[IPv4Network, ...] = ()
    ipv6_blocks: tuple[Ipv6Block, ...] = ()


@frozen
class DesignSubnet:
    """A subnet. `zone` is the letter of its zone (`a`) if the source tells it."""

    label: Label
    vpc: Link
    ipv4_block: IPv4Network | None = None
    ipv6_blocks: tuple[IPv6Network, ...] = ()
    zone: str | None = None
    map_public_ip_on_launch: bool = False


@frozen
class DesignGateway:
    """A gateway of a VPC. `vpc` is None if it is attached to none, and for a NAT gateway, which has a `subnet`.

    `private` is True for a NAT gateway without an elastic IP address.
    """

    label: Label
    kind: Literal["egress-only", "internet", "nat"]
    vpc: Link | None = None
    subnet: Link | None = None
    private: bool = False


@frozen
class DesignRouteTable:
    """A route table. `main` is True for the one that the VPC was created with, or that the design made the main one."""

    label: Label
    vpc: Link
    main: bool = False


TargetKind = Literal[
    "egress-only",
    "internet",
    "nat",
    "instance",
    "network-interface",
    "transit-gateway",
    "peering",
    "endpoint",
    "carrier",
    "core-network",
    "local-gateway",
    "vpn",
    "local",
    "unknown",
]


@frozen
class DesignRoute:
    """A route. `destination` is a block, or a prefix list outside the design. `target` None means a blackhole."""

    place: Place
    table: Link
    destination: Block | Outside
    kind: TargetKind
    target: Link | None


@frozen
class DesignAssociation:
    """The explicit association of a subnet with its route table or its network ACL."""

    place: Place
    subnet: Link
    to: Link


@frozen
class DesignAcl:
    """A network ACL. `default` is True for the one that the VPC was created with."""

    label: Label
    vpc: Link
    default: bool = False


@frozen
class DesignAclEntry:
    """An entry of a network ACL, in the terms of `cloud.model.NetworkAclEntry`."""

    place: Place
    acl: Link
    rule_number: int
    egress: bool
    protocol: int
    action: Literal["allow", "deny"]
    cidr_block: Block
    ports: tuple[int, int] | None = None
    icmp: tuple[int, int] | None = None


@frozen
class DesignGroup:
    """A security group. Its rules, including those that AWS adds, are `DesignGroupRule`s."""

    label: Label
    vpc: Link
    description: str = ""
    default: bool = False


@frozen
class DesignGroupRule:
    """A rule of a security group, in the terms of `cloud.model.SecurityGroupRule`.

    `peer` is a block, a group of the design, or something outside: a prefix list, a group of another VPC or account.
    """

    place: Place
    group: Link
    egress: bool
    protocol: int
    from_port: int | None
    to_port: int | None
    peer: Block | Link
    description: str = ""


@frozen
class DesignWorkload:
    """What uses security groups in subnets: instances, launch templates, services, functions, load balancers.

    Only an `instance` is certain to be one machine. `addresses` are the IPv6 addresses that the source fixes.
    """

    label: Label
    kind: str
    subnets: tuple[Link, ...] = ()
    groups: tuple[Link, ...] = ()
    addresses: tuple[IPv6Address, ...] = ()


@frozen
class Design:
    """A whole design. `kind` is the form in words (`a CloudFormation template`), `name` the stack or folder."""

    kind: str
    name: str
    messages: tuple[Message, ...] = ()
    vpcs: tuple[DesignVpc, ...] = ()
    subnets: tuple[DesignSubnet, ...] = ()
    gateways: tuple[DesignGateway, ...] = ()
    route_tables: tuple[DesignRouteTable, ...] = ()
    routes: tuple[DesignRoute, ...] = ()
    table_associations: tuple[DesignAssociation, ...] = ()
    acls: tuple[DesignAcl, ...] = ()
    acl_entries: tuple[DesignAclEntry, ...] = ()
    acl_associations: tuple[DesignAssociation, ...] = ()
    groups: tuple[DesignGroup, ...] = ()
    group_rules: tuple[DesignGroupRule, ...] = ()
    workloads: tuple[DesignWorkload, ...] = ()

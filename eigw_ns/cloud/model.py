"""The desired state in AWS's terms: frozen resources by id, and the cloud that holds them.

Names follow the EC2 API (https://docs.aws.amazon.com/AWSEC2/latest/APIReference/) in snake_case. Prefixes and addresses
are IPv6 unless a type says otherwise. This module does not depend on Linux.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Generic, Literal, TypeVar

from eigw_ns.cloud import ids, recorded
from eigw_ns.cloud.client_tokens import ClientToken
from eigw_ns.cloud.flow_logs import FlowLog
from eigw_ns.cloud.instance_records import InstanceAttributes, KeyPair, TerminatedInstance, Volume
from eigw_ns.cloud.interface_records import DetachedInterface, NetworkInterface, PrimaryInterface
from eigw_ns.cloud.prefix_lists import PrefixList, PrefixListRoute, PrefixListVersion
from eigw_ns.frozen import frozen

Tags = recorded.Tags

B = TypeVar("B", IPv4Network, IPv6Network)


INTERNET_MTU = 1500
"""The MTU of all links between gateways and the internet, in bytes, as AWS has it."""

LEAST_MTU, MOST_MTU = 1280, 9001
"""RFC 8200 section 5, and AWS's jumbo frames."""


@frozen
class BlockAssociation(Generic[B]):
    """A CIDR block of a VPC or a subnet. `id` is AWS's AssociationId: a block that is associated again has another."""

    id: str
    block: B


@frozen
class VpcAttributes:
    """What AWS records of a VPC and no packet shows: DNS, metrics, tenancy, DHCP options.

    `dhcp_options_id` None means the default options. Source: AWS, API_ModifyVpcAttribute, API_AssociateDhcpOptions.
    """

    enable_dns_support: bool = True
    enable_dns_hostnames: bool = False
    enable_network_address_usage_metrics: bool = False
    instance_tenancy: Literal["default", "dedicated"] = "default"
    dhcp_options_id: str | None = None
    is_default: bool = False


@frozen
class Vpc:
    """A VPC. Its IPv6 blocks are routed; the IPv4 blocks, of which the first is the primary one, are recorded.

    A VPC can have several blocks of both families, or none. `mtu` is that of all links in it (bytes); AWS has 9,001.
    """

    id: str
    name: str
    ipv6_associations: tuple[BlockAssociation[IPv6Network], ...] = ()
    tags: Tags = ()
    mtu: int = INTERNET_MTU
    ipv4_associations: tuple[BlockAssociation[IPv4Network], ...] = ()
    attributes: VpcAttributes = VpcAttributes()

    @property
    def ipv6_cidr_blocks(self) -> tuple[IPv6Network, ...]:
        """Its IPv6 blocks, the first associated one first."""
        return tuple(each.block for each in self.ipv6_associations)

    @property
    def cidr_blocks(self) -> tuple[IPv4Network, ...]:
        """Its IPv4 blocks, the primary one first."""
        return tuple(each.block for each in self.ipv4_associations)

    @property
    def blocks(self) -> tuple[Block, ...]:
        """Its blocks of both families, each of which has a local route."""
        return *self.cidr_blocks, *self.ipv6_cidr_blocks


@frozen
class SubnetAttributes:
    """What AWS records of a subnet and no packet shows. Source: AWS, API_ModifySubnetAttribute.

    `availability_zone` None means the first zone of the Region. `hostname_type` None means what AWS chooses by the
    families of the subnet.
    """

    availability_zone: str | None = None
    assign_ipv6_address_on_creation: bool = False
    map_public_ip_on_launch: bool = False
    enable_dns64: bool = False
    hostname_type: Literal["ip-name", "resource-name"] | None = None
    resource_name_dns_a_record: bool = False
    resource_name_dns_aaaa_record: bool = False
    default_for_az: bool = False


@frozen
class Subnet:
    """A subnet. Only one with an IPv6 block carries packets; its IPv4 block is recorded.

    A subnet without an IPv4 block is what AWS calls IPv6 native. `route_table_id` is the explicit association; None
    means that the main route table of the VPC applies. `network_acl_id` None means the default network ACL of the VPC.
    """

    id: str
    name: str
    vpc_id: str
    ipv6_association: BlockAssociation[IPv6Network] | None
    route_table_id: str | None = None
    network_acl_id: str | None = None
    tags: Tags = ()
    cidr_block: IPv4Network | None = None
    attributes: SubnetAttributes = SubnetAttributes()

    @property
    def ipv6_cidr_block(self) -> IPv6Network:
        """The IPv6 block of a subnet that has one. `cloud.families` selects such subnets."""
        assert self.ipv6_association is not None, self.id
        return self.ipv6_association.block


BLACKHOLE, UNKNOWN = "blackhole", "unknown"
"""Target ids that never name a gateway: packets are dropped. An unknown target also proves nothing."""


@frozen
class Route:
    """A static route for IPv6. The `local` routes are not stored: every table has one for each block of its VPC.

    `target_id` can name a deleted gateway, or be `BLACKHOLE` or `UNKNOWN`. The state of the route is then `blackhole`
    (see `cloud.routing`). Only gateways carry packets: a route to another resource, such as a NAT gateway, drops them.
    `prefix_list_id` is set only in routes that `list_references.expanded` made of an entry.
    """

    destination: IPv6Network
    target_id: str
    prefix_list_id: str | None = None


@frozen
class Ipv4Route:
    """A static route for IPv4, which is recorded: the lab forwards no IPv4."""

    destination: IPv4Network
    target_id: str


AnyRoute = Route | Ipv4Route | PrefixListRoute


@frozen
class RouteTable:
    """A route table. Exactly one route table of a VPC is the main one.

    `routes` are those for IPv6. Routes are sorted by destination, and no two have the same destination. Those to prefix
    lists are in the order in which they were made.
    """

    id: str
    name: str
    vpc_id: str
    main: bool = False
    routes: tuple[Route, ...] = ()
    tags: Tags = ()
    ipv4_routes: tuple[Ipv4Route, ...] = ()
    prefix_list_routes: tuple[PrefixListRoute, ...] = ()

    @property
    def all_routes(self) -> tuple[AnyRoute, ...]:
        """The routes of both families, and those to prefix lists."""
        return *self.ipv4_routes, *self.routes, *self.prefix_list_routes


@frozen
class ConnectionTracking:
    """Timeouts of idle flows in an egress-only gateway (seconds), and the maximum number of flows that it tracks.

    The first three timeouts are those of AWS's ConnectionTrackingSpecification, which applies to an instance's
    interface. AWS does not document the gateway's own timeouts. The others are the minimum of their RFC: `transitory`
    flows are opening or closing (RFC 6092 REC-35, REC-40), `icmpv6_timeout` is RFC 5508 REQ-2's, and `generic_timeout`
    is Linux's for all other protocols. The limits are not AWS's: they prevent one instance from using up the connection
    tracking table that all instances share.
    """

    tcp_established_timeout: int = 432_000
    udp_timeout: int = 30
    udp_stream_timeout: int = 180
    tcp_transitory_timeout: int = 240
    sctp_established_timeout: int = 7_440
    sctp_transitory_timeout: int = 240
    icmpv6_timeout: int = 60
    generic_timeout: int = 600
    max_connections: int = 131_072
    max_connections_per_source: int = 16_384


MOST_REPLICAS = 8


@frozen
class EgressOnlyInternetGateway:
    """A gateway for IPv6 flows that instances of a VPC begin to the internet. It drops flows that the internet begins.

    It is attached to its VPC when it is created. It cannot be detached, only deleted. 1 to 8 `replicas` share the
    traffic. AWS calls its gateway horizontally scaled, redundant and highly available, but its API shows no replicas.
    With `flow_accounting`, its connection tables count packets and bytes of each flow, and note when it began.
    """

    id: str
    name: str
    vpc_id: str
    connection_tracking: ConnectionTracking = ConnectionTracking()
    replicas: int = 1
    tags: Tags = ()
    flow_accounting: bool = False


@frozen
class InternetGateway:
    """A gateway that forwards IPv6 in both directions, without translation, for subnets with a route to it.

    `vpc_id` is None while it is detached.
    """

    id: str
    name: str
    vpc_id: str | None
    tags: Tags = ()


Gateway = EgressOnlyInternetGateway | InternetGateway


ALL_PROTOCOLS = -1
"""The value for "every protocol" in a field that holds an IANA protocol number, as in AWS."""

Block = IPv4Network | IPv6Network
"""A CIDR block. IPv4 blocks are stored and displayed, but they match no packet: the lab forwards no IPv4."""


@frozen
class NetworkAclEntry:
    """A numbered rule of a network ACL. Rules are stateless, and the first rule that matches a packet decides.

    `protocol` is an IANA number or `ALL_PROTOCOLS`. `ports` (TCP, UDP) is the range of destination ports, both ends
    included. `icmp` is (type, code); -1 means all. `cidr_block` is the source of ingress and the destination of egress.
    """

    rule_number: int
    egress: bool
    protocol: int
    action: Literal["allow", "deny"]
    cidr_block: Block
    ports: tuple[int, int] | None = None
    icmp: tuple[int, int] | None = None


@frozen
class NetworkAcl:
    """A network ACL. Entries are sorted by (egress, rule number). A packet that matches no entry is denied."""

    id: str
    name: str
    vpc_id: str
    default: bool = False
    entries: tuple[NetworkAclEntry, ...] = ()
    tags: Tags = ()


@frozen
class SecurityGroupRule:
    """A rule that allows one kind of traffic from (ingress) or to (egress) its peer.

    `peer` is a block, the id of a group whose members are meant, or the id of a managed prefix list. `protocol` is an
    IANA number or `ALL_PROTOCOLS`. `from_port` and `to_port` are the range of destination ports for TCP and UDP. For
    ICMPv6 they are the type and the code (-1 means all). For other protocols they are None. `prefix_list_id` is as in
    `Route`.
    """

    id: str
    egress: bool
    protocol: int
    from_port: int | None
    to_port: int | None
    peer: Block | str
    description: str = ""
    tags: Tags = ()
    prefix_list_id: str | None = None

    @property
    def referenced_list_id(self) -> str | None:
        """The id of the prefix list that is the peer; None if the peer is a block or a group."""
        return self.peer if isinstance(self.peer, str) and self.peer.startswith(f"{ids.PREFIX_LIST}-") else None


@frozen
class SecurityGroup:
    """A security group. Traffic that no rule allows is dropped. Rules are stateful: answers need no rule."""

    id: str
    name: str
    description: str
    vpc_id: str
    rules: tuple[SecurityGroupRule, ...] = ()
    tags: Tags = ()


@frozen
class Instance:
    """A machine in a subnet. It has one network interface that moves packets, and at least one security group.

    What it sends by default has `ipv6_address` as its source; without one it has no link. `ipv6_addresses` are further
    ones of its subnet. `ipv6_prefixes` are /80 blocks of its subnet, of which its users configure addresses themselves;
    no other address is in them. `mtu` is that of its interface, and so of the port that it hangs on; None is the VPC's.
    One that is stopped has no link. `private_ip_address` is recorded: the lab forwards no IPv4. `interface` is what is
    recorded of its network interface.
    """

    id: str
    name: str
    subnet_id: str
    ipv6_address: IPv6Address | None
    security_group_ids: tuple[str, ...] = ()
    tags: Tags = ()
    mtu: int | None = None
    ipv6_addresses: tuple[IPv6Address, ...] = ()
    ipv6_prefixes: tuple[IPv6Network, ...] = ()
    state: Literal["running", "stopped"] = "running"
    private_ip_address: IPv4Address | None = None
    attributes: InstanceAttributes = InstanceAttributes()
    interface: PrimaryInterface = PrimaryInterface()
    volumes: tuple[Volume, ...] = ()

    @property
    def addresses(self) -> tuple[IPv6Address, ...]:
        """All its IPv6 addresses that the lab configures, the primary one first."""
        return () if self.ipv6_address is None else (self.ipv6_address, *self.ipv6_addresses)

    @property
    def blocks(self) -> tuple[IPv6Address | IPv6Network, ...]:
        """All its addresses and prefixes. They do not overlap."""
        return *self.addresses, *self.ipv6_prefixes

    def owns(self, address: IPv6Address) -> bool:
        """Return whether the address is one of its addresses, or in one of its prefixes."""
        return address in self.addresses or any(address in prefix for prefix in self.ipv6_prefixes)


@frozen
class InternetHost:
    """A machine on the internet. It is not an AWS resource."""

    id: str
    name: str
    ipv6_address: IPv6Address


@frozen
class Cloud:
    """All resources of a lab. Each mapping is keyed by resource id; `client_tokens` is keyed by the client's token.

    `client_tokens`, `terminated_instances` and `prefix_list_versions` (by a list's id and a number) are what a lab
    remembers of requests: no file has them.
    """

    lab: str
    vpcs: Mapping[str, Vpc] = field(default_factory=dict)
    subnets: Mapping[str, Subnet] = field(default_factory=dict)
    route_tables: Mapping[str, RouteTable] = field(default_factory=dict)
    egress_only_internet_gateways: Mapping[str, EgressOnlyInternetGateway] = field(default_factory=dict)
    internet_gateways: Mapping[str, InternetGateway] = field(default_factory=dict)
    network_acls: Mapping[str, NetworkAcl] = field(default_factory=dict)
    security_groups: Mapping[str, SecurityGroup] = field(default_factory=dict)
    instances: Mapping[str, Instance] = field(default_factory=dict)
    network_interfaces: Mapping[str, NetworkInterface] = field(default_factory=dict)
    nat_gateways: Mapping[str, recorded.NatGateway] = field(default_factory=dict)
    elastic_ips: Mapping[str, recorded.ElasticIp] = field(default_factory=dict)
    dhcp_options: Mapping[str, recorded.DhcpOptions] = field(default_factory=dict)
    key_pairs: Mapping[str, KeyPair] = field(default_factory=dict)
    prefix_lists: Mapping[str, PrefixList] = field(default_factory=dict)
    flow_logs: Mapping[str, FlowLog] = field(default_factory=dict)
    hosts: Mapping[str, InternetHost] = field(default_factory=dict)
    client_tokens: Mapping[str, ClientToken] = field(default_factory=dict)
    deleted_nat_gateways: Mapping[str, recorded.DeletedNatGateway] = field(default_factory=dict)
    detached_interfaces: Mapping[str, DetachedInterface] = field(default_factory=dict)
    terminated_instances: Mapping[str, TerminatedInstance] = field(default_factory=dict)
    prefix_list_versions: Mapping[str, PrefixListVersion] = field(default_factory=dict)

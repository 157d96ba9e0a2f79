"""Resources that a lab records and returns, and that carry no packet: elastic IP addresses, NAT gateways, DHCP options.

A route to a NAT gateway drops packets, so it matters that a NAT gateway exists only for the state of the route.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Literal

from eigw_ns.frozen import frozen

Tags = tuple[tuple[str, str], ...]

ConnectivityType = Literal["public", "private"]


@frozen
class ElasticIpAssociation:
    """The association of an elastic IP address with an instance. It changes its id with the instance."""

    id: str
    instance_id: str


@frozen
class ElasticIp:
    """An elastic IP address. `association` is that with an instance; a NAT gateway names its address itself."""

    id: str
    name: str
    public_ip: IPv4Address
    association: ElasticIpAssociation | None = None
    tags: Tags = ()


@frozen
class NatGateway:
    """A NAT gateway in a subnet. A public one has an elastic IP address, a private one has none.

    `private_ip_address` is None if the subnet has no IPv4 block. `created` (UTC, as in answers) is None if the topology
    file made the gateway.
    """

    id: str
    name: str
    vpc_id: str
    subnet_id: str
    allocation_id: str | None = None
    private_ip_address: IPv4Address | None = None
    created: str | None = None
    tags: Tags = ()

    @property
    def connectivity_type(self) -> ConnectivityType:
        """AWS's word for a gateway with or without an elastic IP address."""
        return "private" if self.allocation_id is None else "public"


@frozen
class DeletedNatGateway:
    """A NAT gateway that was deleted at `deleted_at` (seconds since 1970). AWS shows it for about an hour."""

    gateway: NatGateway
    deleted_at: int


@frozen
class DhcpOptions:
    """A set of DHCP options. `configurations` are its options in AWS's spelling, sorted, each with its values."""

    id: str
    name: str
    configurations: tuple[tuple[str, tuple[str, ...]], ...]
    tags: Tags = ()

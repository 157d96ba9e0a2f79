"""Network interfaces, and what a lab records of the one that an instance has.

The lab moves packets only for the interface with device index 0 of a running instance. `model.Instance` has its groups
and IPv6 addresses, and `PrimaryInterface` what no packet shows. All other interfaces are recorded.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network

from eigw_ns.frozen import frozen

Tags = tuple[tuple[str, str], ...]


@frozen
class PrimaryInterface:
    """What is recorded of the interface with device index 0 of an instance.

    `id` None means the id that follows from the instance's id: the interface was made with the instance.
    `private_ip_addresses` are secondary IPv4 addresses. `public_ip_address` is the one of AssociatePublicIpAddress.
    """

    id: str | None = None
    description: str = ""
    delete_on_termination: bool = True
    primary_ipv6: bool = False
    private_ip_addresses: tuple[IPv4Address, ...] = ()
    public_ip_address: IPv4Address | None = None
    tags: Tags = ()


@frozen
class Attachment:
    """The attachment of a network interface to an instance. `attach_time` (UTC, as in answers) None means not known."""

    id: str
    instance_id: str
    device_index: int
    delete_on_termination: bool = False
    attach_time: str | None = None


@frozen
class NetworkInterface:
    """A network interface. It holds its addresses and its groups, whether an instance has it or not.

    `private_ip_addresses` are secondary IPv4 addresses. The first of `ipv6_addresses` is the one that an instance sends
    with. `Cloud` stores only those that are not the primary interface of an instance: they move no packet.
    """

    id: str
    name: str
    subnet_id: str
    security_group_ids: tuple[str, ...] = ()
    private_ip_address: IPv4Address | None = None
    private_ip_addresses: tuple[IPv4Address, ...] = ()
    ipv6_addresses: tuple[IPv6Address, ...] = ()
    ipv6_prefixes: tuple[IPv6Network, ...] = ()
    description: str = ""
    source_dest_check: bool = True
    primary_ipv6: bool = False
    public_ip_address: IPv4Address | None = None
    attachment: Attachment | None = None
    tags: Tags = ()

    @property
    def blocks(self) -> tuple[IPv6Address | IPv6Network, ...]:
        """All its IPv6 addresses and prefixes. They do not overlap."""
        return *self.ipv6_addresses, *self.ipv6_prefixes

    @property
    def ipv4_addresses(self) -> tuple[IPv4Address, ...]:
        """All its IPv4 addresses, the primary one first."""
        return () if self.private_ip_address is None else (self.private_ip_address, *self.private_ip_addresses)

    def owns(self, address: IPv6Address) -> bool:
        """Return whether the address is one of its addresses, or in one of its prefixes."""
        return address in self.ipv6_addresses or any(address in prefix for prefix in self.ipv6_prefixes)


@frozen
class DetachedInterface:
    """An attachment that ended at `detached_at` (seconds since 1970). Clients ask for its last state by its id."""

    attachment: Attachment
    network_interface_id: str
    detached_at: int

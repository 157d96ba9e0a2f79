"""The network interfaces of a lab by address, and what a flow or a refused packet means for them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv6Address, IPv6Network

from eigw_ns.cloud.ec2.zones import of_subnet, zone_id
from eigw_ns.cloud.families import ipv6_part
from eigw_ns.cloud.interfaces import primary_id
from eigw_ns.cloud.model import Cloud
from eigw_ns.frozen import frozen
from eigw_ns.lab.flows.ledger import Growth
from eigw_ns.lab.flows.records import Direction, Interface, Key, Sum

_TCP, _UDP, _UDPLITE, _SCTP, _DCCP = 6, 17, 136, 132, 33
_WITH_PORTS = frozenset({_TCP, _UDP, _UDPLITE, _SCTP, _DCCP})
_FIN, _SYN, _SYN_ACK, _RST = 1, 2, 18, 4
_UNANSWERED = frozenset({"NONE", "SYN_SENT", "SYN_SENT2"})
_HEADER = 40  # octets of an IPv6 header
_EXTENSIONS = frozenset({0, 43, 60})
_FRAGMENT = 44


@frozen
class Place:
    """Where packets are counted or refused: a gateway by its id, with the number of the replica; or a subnet's id."""

    gateway: str = ""
    replica: int | None = None
    subnet: str = ""


class Interfaces:
    """The network interfaces of the instances in some VPCs, by their addresses."""

    def __init__(self, cloud: Cloud, vpcs: Iterable[str]) -> None:
        wanted, linked = frozenset(vpcs), ipv6_part(cloud)
        self._addresses: dict[str, Interface] = {}
        self._prefixes: list[tuple[IPv6Network, Interface]] = []
        self.all: list[Interface] = []
        for instance in linked.instances.values():
            subnet = linked.subnets[instance.subnet_id]
            if subnet.vpc_id in wanted:
                zone = zone_id(of_subnet(subnet))
                interface = Interface(primary_id(instance), instance.id, subnet.id, subnet.vpc_id, zone)
                self.all.append(interface)
                self._addresses |= {str(address): interface for address in instance.addresses}
                self._prefixes += ((prefix, interface) for prefix in instance.ipv6_prefixes)

    def of(self, address: str) -> Interface | None:
        """Return the interface that has the address, also by a prefix."""
        found = self._addresses.get(address)
        if found or not self._prefixes:
            return found
        return next((each for prefix, each in self._prefixes if IPv6Address(address) in prefix), None)

    def _at(self, place: Place, address: str) -> Interface | None:
        found = self.of(address)
        return found if found and place.subnet in ("", found.subnet_id) else None

    def accepted(self, growth: Growth, place: Place, interval: tuple[float, float]) -> Iterator[tuple[Key, Sum]]:
        """Yield what a flow that passed a gateway means: packets of the instance, and answers to it."""
        flow, counts, entry = growth.entry.flow, growth.traffic, growth.entry
        interface = self.of(flow.source)
        if interface is None:
            return
        there, back = flow.ports or (0, 0)
        start = entry.begun / 1e9 if growth.fresh and entry.begun else interval[0]
        end = min(entry.ended / 1e9, interval[1]) if entry.ended else interval[1]
        out, answer = _flags(growth)
        where = place.gateway, place.replica
        if counts.packets_out:
            key = Key(interface, flow.source, flow.destination, there, back, flow.protocol, "egress", "ACCEPT", *where)
            yield key, Sum(counts.packets_out, counts.bytes_out, start, max(start, end), out)
        if counts.packets_in:
            key = Key(interface, flow.destination, flow.source, back, there, flow.protocol, "ingress", "ACCEPT", *where)
            yield key, Sum(counts.packets_in, counts.bytes_in, start, max(start, end), answer)

    def refused(self, packet: bytes, reason: str, place: Place, now: float) -> Iterator[tuple[Key, Sum]]:
        """Yield what a refused packet means for the interface of its source or destination; nothing if it has none.

        `packet` begins with the IPv6 header and may be cut short.
        """
        if len(packet) < _HEADER or packet[0] >> 4 != 6:
            return
        source, destination = (str(IPv6Address(packet[at : at + 16])) for at in (8, 24))
        sender, receiver = (self._at(place, address) for address in (source, destination))
        inward = receiver is not None and (sender is None or "ingress" in reason)
        interface, direction = _side(sender, receiver, inward)
        if interface is None:
            return
        protocol, ports, flags = _upper(packet)
        key = Key(
            interface, source, destination, *ports, protocol, direction, "REJECT", place.gateway, place.replica, reason
        )
        size = _HEADER + int.from_bytes(packet[4:6])
        yield key, Sum(1, size, now, now, flags)


def _side(sender: Interface | None, receiver: Interface | None, inward: bool) -> tuple[Interface | None, Direction]:
    return (receiver, "ingress") if inward else (sender, "egress")


def _flags(growth: Growth) -> tuple[int, int]:
    """Return TCP's flags that the state proves, of the packets out and in. AWS counts an ACK only beside a SYN."""
    state = growth.entry.state
    if growth.entry.flow.protocol != _TCP:
        return 0, 0
    both = _FIN if state == "TIME_WAIT" else 0  # it has seen the FIN of each side
    answered = _SYN_ACK if growth.fresh and state not in _UNANSWERED else 0
    return (_SYN if growth.fresh else 0) | both, answered | both


def _upper(packet: bytes) -> tuple[int, tuple[int, int], int]:
    """Return the protocol of a packet, its ports and TCP's flags. They are 0 if it has none or is cut before them."""
    protocol, at, later = packet[6], _HEADER, False
    while protocol in (*_EXTENSIONS, _FRAGMENT) and at + 8 <= len(packet):
        later = later or (protocol == _FRAGMENT and int.from_bytes(packet[at + 2 : at + 4]) >= 8)
        size = 8 if protocol == _FRAGMENT else 8 + 8 * packet[at + 1]
        protocol, at = packet[at], at + size
    if later or protocol not in _WITH_PORTS or at + 4 > len(packet):
        return protocol, (0, 0), 0
    ports = int.from_bytes(packet[at : at + 2]), int.from_bytes(packet[at + 2 : at + 4])
    flags = packet[at + 13] if protocol == _TCP and at + 14 <= len(packet) else 0
    return protocol, ports, _known_flags(flags)


def _known_flags(octet: int) -> int:
    """Return the flags that AWS records: FIN, SYN, RST, and ACK beside SYN."""
    found = octet & (_FIN | _SYN | _RST)
    return found | (_SYN_ACK if octet & _SYN_ACK == _SYN_ACK else 0)

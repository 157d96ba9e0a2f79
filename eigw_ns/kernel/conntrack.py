"""The connection table of the namespace this thread is in: list its IPv6 flows, delete those that may not stay.

Source: linux/netfilter/nfnetlink_conntrack.h.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv6Address, IPv6Network
from socket import AF_INET6

from eigw_ns.kernel.netlink import NETFILTER, Message, Netlink, attribute, attributes

_SUBSYSTEM = 1 << 8  # NFNL_SUBSYS_CTNETLINK
_GET, _DELETE = _SUBSYSTEM | 1, _SUBSYSTEM | 2
_HEADER = struct.pack("=BBH", AF_INET6, 0, 0)
_TUPLE_ORIG, _ID, _ZONE = 1, 12, 18
_TUPLE_IP, _IP_V6_SRC, _IP_V6_DST = 1, 3, 4
_NESTED = 0x8000


@dataclass(frozen=True, slots=True)
class Flow:
    """A tracked IPv6 flow: who began it, towards whom; `handle` is what deletes exactly this one."""

    source: IPv6Address
    destination: IPv6Address
    handle: bytes


@dataclass(frozen=True, slots=True)
class Kept:
    """Flows that may stay: from a source prefix to a range of destinations, both ends included."""

    source: IPv6Network
    first: IPv6Address
    last: IPv6Address

    def covers(self, flow: Flow) -> bool:
        """Whether the flow may stay."""
        return flow.source in self.source and self.first <= flow.destination <= self.last


def flush(keep: Iterable[tuple[str, str, str]]) -> int:
    """Delete every IPv6 flow that no `keep` (source prefix, first, last destination) covers; how many they were."""
    kept = [Kept(IPv6Network(source), IPv6Address(first), IPv6Address(last)) for source, first, last in keep]
    with Netlink(NETFILTER) as netlink:
        stale = [flow for flow in _flows(netlink) if not any(entry.covers(flow) for entry in kept)]
        netlink.send([_deletion(flow) for flow in stale])
    return len(stale)


def _flows(netlink: Netlink) -> Iterator[Flow]:
    for _, payload in netlink.dump(_GET, _HEADER, "list the connection table"):
        found = attributes(payload[4:])
        addresses = attributes(attributes(found[_TUPLE_ORIG])[_TUPLE_IP])
        handle = attribute(_TUPLE_ORIG | _NESTED, found[_TUPLE_ORIG])
        for kind in (_ID, _ZONE):
            if kind in found:
                handle += attribute(kind, found[kind])
        yield Flow(IPv6Address(addresses[_IP_V6_SRC]), IPv6Address(addresses[_IP_V6_DST]), handle)


def _deletion(flow: Flow) -> Message:
    gone = frozenset({errno.ENOENT})
    return Message(_DELETE, 0, _HEADER + flow.handle, f"forget the flow {flow.source} → {flow.destination}", gone)

"""The connection table of the namespace this thread is in: its IPv6 flows, deleting and copying them.

Source: linux/netfilter/nfnetlink_conntrack.h.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address, IPv6Network
from socket import AF_INET6, inet_ntop

from eigw_ns.dataplane.state import Flow
from eigw_ns.kernel.netlink import (
    CREATE,
    EXCLUSIVE,
    NETFILTER,
    Attributes,
    Message,
    Netlink,
    attribute,
    attributes,
    nested,
)

_SUBSYSTEM = 1 << 8  # NFNL_SUBSYS_CTNETLINK
_CHANGE, _GET, _DELETE = _SUBSYSTEM, _SUBSYSTEM | 1, _SUBSYSTEM | 2
_HEADER = struct.pack("=BBH", AF_INET6, 0, 0)
_TUPLE_ORIG, _TUPLE_REPLY, _STATUS, _TIMEOUT, _ID, _ZONE = 1, 2, 3, 7, 12, 18
_TUPLE_IP, _IP_V6_SRC, _IP_V6_DST = 1, 3, 4
_TUPLE_PROTO, _PROTO_NUMBER, _PROTO_SOURCE_PORT, _PROTO_DESTINATION_PORT = 2, 1, 2, 3
_PROTOINFO, _PROTOINFO_TCP = 4, 1
_TCP_STATE, _TCP_WSCALE_ORIGINAL, _TCP_WSCALE_REPLY, _TCP_FLAGS_ORIGINAL, _TCP_FLAGS_REPLY = 1, 2, 3, 4, 5
_COPIED_STATUS = 0x02 | 0x04 | 0x08  # IPS_SEEN_REPLY, IPS_ASSURED, IPS_CONFIRMED
_COPIED_FLAGS = 0x01 | 0x02 | 0x04  # window scaling, SACK, who closes; a copy is judged, whatever it was copied from
_GONE, _THERE = frozenset({errno.ENOENT}), frozenset({errno.EEXIST})
_NESTED = 0x8000


@dataclass(frozen=True, slots=True)
class _Entry:
    """A tracked IPv6 flow: who began it, towards whom; `handle` is what deletes exactly this one."""

    source: IPv6Address
    destination: IPv6Address
    handle: bytes


_ALL = (("::/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),)


@dataclass(frozen=True, slots=True)
class _Kept:
    """Flows that may stay: from a source prefix to a range of destinations, both ends included."""

    source: IPv6Network
    first: IPv6Address
    last: IPv6Address

    def covers(self, flow: _Entry) -> bool:
        """Whether the flow may stay."""
        return flow.source in self.source and self.first <= flow.destination <= self.last


def flush(keep: Iterable[tuple[str, str, str]] | None, ended: Iterable[str]) -> int:
    """Delete the IPv6 flows that no `keep` covers, and those with an end in `ended`; how many they were.

    A `keep` is (source prefix, first, last destination); None covers all.
    """
    wanted = _ALL if keep is None else keep
    kept = [_Kept(IPv6Network(source), IPv6Address(first), IPv6Address(last)) for source, first, last in wanted]
    gone = frozenset(map(IPv6Address, ended))

    def stays(flow: _Entry) -> bool:
        return gone.isdisjoint((flow.source, flow.destination)) and any(entry.covers(flow) for entry in kept)

    with Netlink(NETFILTER) as netlink:
        stale = [flow for flow in _entries(netlink) if not stays(flow)]
        netlink.send([_deletion(flow) for flow in stale])
    return len(stale)


def _entries(netlink: Netlink) -> Iterator[_Entry]:
    for _, payload in netlink.dump(_GET, _HEADER, "list the connection table"):
        found = attributes(payload[4:])
        addresses = attributes(attributes(found[_TUPLE_ORIG])[_TUPLE_IP])
        handle = attribute(_TUPLE_ORIG | _NESTED, found[_TUPLE_ORIG])
        for kind in (_ID, _ZONE):
            if kind in found:
                handle += attribute(kind, found[kind])
        yield _Entry(IPv6Address(addresses[_IP_V6_SRC]), IPv6Address(addresses[_IP_V6_DST]), handle)


def _deletion(flow: _Entry) -> Message:
    return Message(_DELETE, 0, _HEADER + flow.handle, f"forget the flow {flow.source} → {flow.destination}", _GONE)


def flows() -> tuple[Flow, ...]:
    """The IPv6 flows."""
    return tuple(map(_flow, tuples()))


def tuples() -> frozenset[bytes]:
    """What tells the IPv6 flows apart, as the kernel encodes it (CTA_TUPLE_ORIG): for comparing many of them."""
    with Netlink(NETFILTER) as netlink:
        dump = netlink.dump(_GET, _HEADER, "list the connection table")
        return frozenset(attributes(payload[4:])[_TUPLE_ORIG] for _, payload in dump)


def snapshot() -> dict[bytes, bytes]:
    """The IPv6 flows, by what tells them apart: the attributes that make each anew, all but its windows."""
    with Netlink(NETFILTER) as netlink:
        dump = netlink.dump(_GET, _HEADER, "list the connection table")
    found = (attributes(payload[4:]) for _, payload in dump)
    return {each[_TUPLE_ORIG]: _copy(each) for each in found}


def add(copies: Mapping[bytes, bytes]) -> int:
    """Make the flows of a snapshot that are not known here; how many. Their TCP windows are learnt from packets.

    What is known is left out first: a refusal for each of thousands takes longer than to look.
    """
    missing = [copies[each] for each in copies.keys() - tuples()]
    messages = [Message(_CHANGE, CREATE | EXCLUSIVE, _HEADER + copy, "learn a flow", _THERE) for copy in missing]
    with Netlink(NETFILTER) as netlink:
        netlink.send(messages)
    return len(messages)


def _copy(found: Attributes) -> bytes:
    status = int.from_bytes(found[_STATUS]) & _COPIED_STATUS
    made = nested(_TUPLE_ORIG, found[_TUPLE_ORIG]) + nested(_TUPLE_REPLY, found[_TUPLE_REPLY])
    made += attribute(_STATUS, status.to_bytes(4)) + attribute(_TIMEOUT, found[_TIMEOUT])
    tcp = attributes(attributes(found.get(_PROTOINFO, b"")).get(_PROTOINFO_TCP, b""))
    if tcp:
        kept = [attribute(kind, tcp[kind]) for kind in (_TCP_STATE, _TCP_WSCALE_ORIGINAL, _TCP_WSCALE_REPLY)]
        for kind in (_TCP_FLAGS_ORIGINAL, _TCP_FLAGS_REPLY):
            flags = tcp[kind][0] & _COPIED_FLAGS
            kept.append(attribute(kind, bytes((flags, flags))))
        made += nested(_PROTOINFO, nested(_PROTOINFO_TCP, *kept))
    return made


def renew(stale: Iterable[Flow]) -> int:
    """Make these flows anew, without their TCP windows, which are then learnt from packets; how many messages.

    Not the flag that has the kernel accept what lies outside: it would for as long as the flow lives.
    """
    wanted = frozenset(stale)
    messages = []
    for encoded, copy in snapshot().items():
        flow = _flow(encoded)
        if flow in wanted:
            handle = attribute(_TUPLE_ORIG | _NESTED, encoded)
            messages.append(Message(_DELETE, 0, _HEADER + handle, f"forget the windows of {flow}", _GONE))
            messages.append(Message(_CHANGE, CREATE | EXCLUSIVE, _HEADER + copy, f"renew the flow {flow}", _THERE))
    with Netlink(NETFILTER) as netlink:
        netlink.send(messages)
    return len(messages)


def _flow(encoded: bytes) -> Flow:
    found = attributes(encoded)
    addresses, protocol = attributes(found[_TUPLE_IP]), attributes(found[_TUPLE_PROTO])
    ports = protocol.get(_PROTO_SOURCE_PORT), protocol.get(_PROTO_DESTINATION_PORT)
    return Flow(
        inet_ntop(AF_INET6, addresses[_IP_V6_SRC]),
        inet_ntop(AF_INET6, addresses[_IP_V6_DST]),
        protocol[_PROTO_NUMBER][0],
        (int.from_bytes(ports[0]), int.from_bytes(ports[1])) if ports[0] and ports[1] else None,
    )

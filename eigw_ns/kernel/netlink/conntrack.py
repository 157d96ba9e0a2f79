"""Read and delete the IPv6 flows in the connection table of the namespace that this thread is in.

Linux has one hash table for the flows of all namespaces, and a dump walks the whole of it: 5 ms at 262,144 buckets. The
number of entries of one namespace is a counter, so the dump of a namespace without flows is left out.

Source: linux/netfilter/nfnetlink_conntrack.h, ctnetlink_fill_info and ctnetlink_stat_ct in
net/netfilter/nf_conntrack_netlink.c.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Callable, Collection, Iterable
from functools import cache
from typing import NamedTuple

from eigw_ns.dataplane.state import Flow
from eigw_ns.dataplane.state.addresses import FORWARDED, to_octets, to_text
from eigw_ns.kernel.netlink.socket import NESTED, NETFILTER, Message, Netlink, attribute, attributes

_SUBSYSTEM = 1 << 8  # NFNL_SUBSYS_CTNETLINK
_GET, _DELETE, _GET_STATISTICS = _SUBSYSTEM | 1, _SUBSYSTEM | 2, _SUBSYSTEM | 5
_ENTRIES = 1  # CTA_STATS_GLOBAL_ENTRIES: of the socket's namespace
_HEADER = struct.pack("=BBH", FORWARDED, 0, 0)
_TUPLE_ORIG, _TIMEOUT, _ID, _ZONE = 1, 7, 12, 18
_TUPLE_IP, _IP_V6_SRC, _IP_V6_DST = 1, 3, 4
_TUPLE_PROTO, _PROTO_NUMBER, _PROTO_SOURCE_PORT, _PROTO_DESTINATION_PORT = 2, 1, 2, 3
_STATUS = 3
_GONE = frozenset({errno.ENOENT})


class Tracked(NamedTuple):
    """A flow as it was begun. Addresses are 16 octets, ports 2 octets (empty if the protocol has none), in network
    byte order; `seconds` are what it has left without another packet."""

    protocol: int
    source: bytes
    destination: bytes
    source_port: bytes
    destination_port: bytes
    seconds: int

    def flow(self) -> Flow:
        """Return the flow as the rest of the program has it."""
        ports = (int.from_bytes(self.source_port), int.from_bytes(self.destination_port)) if self.source_port else None
        ends = to_text(self.source), to_text(self.destination)
        return Flow(*ends, self.protocol, ports)


def tracked() -> list[Tracked]:
    """Return the IPv6 flows."""
    with Netlink(NETFILTER) as netlink:
        return list(map(tracked_by, dump(netlink)))


def delete(stale: Callable[[Tracked], bool]) -> int:
    """Delete the IPv6 flows that are `stale`. Returns their number."""
    with Netlink(NETFILTER) as netlink:
        return delete_by(netlink, stale)


def delete_by(netlink: Netlink, stale: Callable[[Tracked], bool]) -> int:
    """Do what `delete` does, by an open socket of the namespace."""
    messages = [_deletion(payload, flow) for payload in dump(netlink) if stale(flow := tracked_by(payload))]
    netlink.send(messages)
    return len(messages)


def dump(netlink: Netlink) -> list[bytes]:
    """Return the payload of each IPv6 entry, by an open socket of the namespace."""
    if not _entries(netlink):
        return []
    return [payload for _, payload in netlink.dump(_GET, _HEADER, "list the connection table")]


def _entries(netlink: Netlink) -> int:
    answer = netlink.ask(_GET_STATISTICS, _HEADER, "count the entries of the connection table")
    return int.from_bytes(attributes(answer[len(_HEADER) :])[_ENTRIES])


def entries() -> int:
    """Return the number of entries of the namespace's table, those of IPv4 included."""
    with Netlink(NETFILTER) as netlink:
        return _entries(netlink)


Kept = Iterable[tuple[str, str, str]]
"""Flows by (source prefix, first destination, last destination), the original direction's."""


def stale(keep: Kept | None, ended: Iterable[str], gone: Kept) -> Callable[[Tracked], bool]:
    """Return a test for flows that no `keep` covers, that a `gone` covers, or that have an end in `ended`.

    If `keep` is None, it covers all. `ended` are addresses and prefixes.
    """

    @cache
    def packed() -> tuple[_Packed | None, _Packed, frozenset[bytes], list[tuple[int, int]]]:
        """Pack them when a first flow is looked at: most tables have none."""
        over = frozenset(to_octets(each) for each in ended if "/" not in each)
        blocks = [_network(each) for each in ended if "/" in each]
        return None if keep is None else _packed(keep), _packed(gone), over, blocks

    def is_stale(flow: Tracked) -> bool:
        kept, going, over, blocks = packed()
        lives = kept is None or _covered(kept, flow)
        ends = flow.source in over or flow.destination in over
        return not lives or ends or _within(blocks, flow) or _covered(going, flow)

    return is_stale


_Packed = dict[int, dict[int, list[tuple[bytes, bytes]]]]
"""Ranges of destinations, by the bits beyond the source's prefix, then by the source's network."""


def _packed(kept: Kept) -> _Packed:
    found: _Packed = {}
    for prefix, first, last in kept:
        network, beyond = _network(prefix)
        found.setdefault(beyond, {}).setdefault(network, []).append((to_octets(first), to_octets(last)))
    return found


def _network(prefix: str) -> tuple[int, int]:
    """Return a prefix as (network, bits beyond it)."""
    address, _, length = prefix.partition("/")
    octets = to_octets(address)
    beyond = 8 * len(octets) - int(length) if length else 0
    return int.from_bytes(octets) >> beyond, beyond


def _within(blocks: Collection[tuple[int, int]], flow: Tracked) -> bool:
    """Return whether one of the blocks has an end of the flow."""
    if not blocks:
        return False
    ends = int.from_bytes(flow.source), int.from_bytes(flow.destination)
    return any(end >> beyond == network for network, beyond in blocks for end in ends)


def _covered(kept: _Packed, flow: Tracked) -> bool:
    source = int.from_bytes(flow.source)
    return any(
        first <= flow.destination <= last
        for beyond, networks in kept.items()
        for first, last in networks.get(source >> beyond, ())
    )


# ---- one entry of the table ------------------------------------------------------------------------------------------

_ATTRIBUTE = struct.Struct("=HH")


def _head(kind: int, size: int, *, nested: bool = False) -> bytes:
    return _ATTRIBUTE.pack(4 + size, kind | NESTED if nested else kind)


_ADDRESSES = b"".join((_head(_TUPLE_ORIG, 72, nested=True), _head(_TUPLE_IP, 40, nested=True), _head(_IP_V6_SRC, 16)))
_PORTS = _head(_PROTO_SOURCE_PORT, 2)
_FIXED = struct.Struct(f"!4x{len(_ADDRESSES)}s16s4x16s8xB3x4s2s6x2s2x76x4s4x4sI")
"""An entry of a protocol with ports, up to its timeout: both tuples have a fixed size, so nothing has to be looked for.
That takes a quarter of the time, and connections wait while a replica that takes over is told its flows."""

_BEFORE_STATUS, _BEFORE_TIMEOUT = _head(_STATUS, 4), _head(_TIMEOUT, 4)
_FIXED_SIZE, _unpack_fixed = _FIXED.size, _FIXED.unpack_from


def tracked_by(payload: bytes) -> Tracked:
    """Return the flow that a message of ctnetlink is about."""
    if len(payload) >= _FIXED_SIZE:
        head, source, destination, protocol, ports, near, far, status, timeout, seconds = _unpack_fixed(payload)
        if head == _ADDRESSES and ports == _PORTS and status == _BEFORE_STATUS and timeout == _BEFORE_TIMEOUT:
            return tuple.__new__(Tracked, (protocol, source, destination, near, far, seconds))
    found = attributes(payload[4:])
    whole = attributes(found[_TUPLE_ORIG])
    addresses, about = attributes(whole[_TUPLE_IP]), attributes(whole[_TUPLE_PROTO])
    return Tracked(
        about[_PROTO_NUMBER][0],
        addresses[_IP_V6_SRC],
        addresses[_IP_V6_DST],
        about.get(_PROTO_SOURCE_PORT, b""),
        about.get(_PROTO_DESTINATION_PORT, b""),
        int.from_bytes(found.get(_TIMEOUT, b"")),
    )


def _deletion(payload: bytes, flow: Tracked) -> Message:
    """Return the message that deletes exactly this entry, not another one that has the same tuple by then."""
    found = attributes(payload[4:])
    handle = attribute(_TUPLE_ORIG | NESTED, found[_TUPLE_ORIG])
    for kind in (_ID, _ZONE):
        if kind in found:
            handle += attribute(kind, found[kind])
    ends = f"{to_text(flow.source)} → {to_text(flow.destination)}"
    return Message(_DELETE, 0, _HEADER + handle, f"forget the flow {ends}", _GONE)

"""The floor: only the system calls that a lab needs, with all messages prepared. Nearly all time is the kernel's.

Python adds some microseconds to a system call. A namespace takes the kernel some hundred.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import time
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from eigw_ns.dataplane.planning.plan import make_plan
from eigw_ns.dataplane.state import (
    LOOPBACK,
    Address,
    Fdb,
    Forwarding,
    Link,
    Namespace,
    Neighbour,
    NetState,
    Route,
    RoutingRule,
    Ruleset,
    Sysctls,
)
from eigw_ns.errors import EigwError
from eigw_ns.kernel.linux import LinuxKernel
from eigw_ns.kernel.namespaces import netns, sysctl
from eigw_ns.kernel.netlink import rtnetlink
from eigw_ns.kernel.netlink.link_message import LinkMessage
from eigw_ns.kernel.netlink.socket import REQUEST, Message, attribute
from scripts.benchmarks import recorded

_HEADER = struct.Struct("=IHHII")
_NUMBER = struct.Struct("=I")
_ANY_FD = (0x7EED0001, 0x7EED0002)  # placeholders of the descriptors of the two namespaces
_RECEIVE = 1 << 16
_PAIRS_AT_ONCE = 100  # each needs two descriptors while it is made
_BATCH_BYTES = 60_000  # as `kernel.netlink.socket` sends them
_KEPT = 32  # sockets that stay open
_NETLINK_NETFILTER, _NLMSG_ERROR = 12, 2  # linux/netlink.h
_IFLA_ADDRESS = 1


@dataclass(slots=True)
class _Place:
    """The configuration of one namespace: messages to send and files to write."""

    mark: bytes = b""
    rules: list[bytes] = field(default_factory=list)
    sysctls: tuple[tuple[str, str], ...] = ()
    bridges: list[bytes] = field(default_factory=list)
    configuration: list[bytes] = field(default_factory=list)
    indexes: dict[str, int] = field(default_factory=lambda: {LOOPBACK: rtnetlink.LOOPBACK_INDEX})
    forwarding: bool = False


_Pair = tuple[bytearray, tuple[int, int], tuple[str, str]]
"""A message that creates a veth pair, the offsets of the descriptors of two namespaces in it, and their names."""


class Replay:
    """Builds a lab repeatedly, and removes it. Each run must build exactly the given state."""

    def __init__(self, state: NetState) -> None:
        self._state = state
        self._lab = next(owner.lab for owner in state.namespaces())
        self._places: defaultdict[str, _Place] = defaultdict(_Place)
        self._pairs: list[_Pair] = []
        self._prepare()

    def run(self) -> float:
        """Build the lab once. Returns the seconds that it took. Raises EigwError if the result differs."""
        begin = time.perf_counter()
        self._build()
        spent = time.perf_counter() - begin
        left = make_plan(self._state, LinuxKernel().observe(self._lab))
        for name in self._places:
            netns.remove(name)
        if left:
            raise EigwError(f"the floor built a different lab: {left[0]} and {len(left) - 1} more steps are left")
        return spent

    def _build(self) -> None:
        rules = _Rules()
        for name, place in self._places.items():
            with netns.creating(name):
                _send([place.mark])
                for batch in place.rules:
                    rules.send(batch)
                with contextlib.closing(sysctl.Tree()) as tree:
                    for key, value in place.sysctls:
                        tree.write(key, value)
                if place.bridges:
                    _send(place.bridges)
        rules.close()
        for start in range(0, len(self._pairs), _PAIRS_AT_ONCE):
            _create_pairs(self._pairs[start : start + _PAIRS_AT_ONCE])
        for name, place in self._places.items():
            with netns.inside(name):
                _send(place.configuration)
                if place.forwarding:
                    sysctl.write(sysctl.FORWARDING, "1")

    # ---- preparation ------------------------------------------------------------------------------------------------

    def _prepare(self) -> None:
        rulesets = [thing for thing in self._state if isinstance(thing, Ruleset)]
        for ruleset, batch in zip(rulesets, recorded.batches(rulesets), strict=True):
            self._places[ruleset.namespace].rules.append(batch)
        links = [thing for thing in self._state if isinstance(thing, Link)]
        self._prepare_links(links)
        for thing in self._state:
            place = self._places[thing.namespace]
            match thing:
                case Namespace():
                    place.mark = _frame(rtnetlink.mark_loopback(thing.mark))
                case Sysctls():
                    place.sysctls = thing.values
                case Forwarding():
                    place.forwarding = True
        for link in links:
            self._configure_link(link)
        for thing in sorted(self._state, key=lambda thing: thing.rank):
            self._configure(thing)

    def _prepare_links(self, links: Iterable[Link]) -> None:
        """Prepare the links in the order of their creation, in which the kernel numbers them."""
        ends = {(link.namespace, link.name): link for link in links}
        for link in ends.values():
            if link.peer is None:
                self._places[link.namespace].bridges.append(_frame(rtnetlink.new_bridge(link)))
                self._number(link)
        for place, near in ends.items():
            if near.peer is not None and place < near.peer:
                far = ends[near.peer]
                frame = bytearray(_frame(rtnetlink.new_veth(near, far, *_ANY_FD)))
                one, other = (frame.find(_NUMBER.pack(number)) for number in _ANY_FD)
                self._pairs.append((frame, (one, other), (near.namespace, far.namespace)))
                (self._places[near.namespace].indexes[near.name],) = struct.unpack_from("=i", frame, _HEADER.size + 4)
                self._number(far)

    def _number(self, link: Link) -> None:
        indexes = self._places[link.namespace].indexes
        indexes[link.name] = 1 + max(index for index in indexes.values() if index < 1 << 29)

    def _configure_link(self, link: Link) -> None:
        place = self._places[link.namespace]
        index = place.indexes[link.name]
        if link.peer is None:
            return
        address = attribute(_IFLA_ADDRESS, bytes.fromhex(link.mac.replace(":", "")))
        seen = LinkMessage(struct.pack("=BxHiII", 0, 0, index, 0, 0) + address)
        master = place.indexes[link.bridge] if link.bridge else 0
        place.configuration.append(_frame(rtnetlink.set_link(link, seen, master)))
        if link.bridge is not None:
            place.configuration.append(_frame(rtnetlink.set_port(link, index)))

    def _configure(self, thing: object) -> None:
        match thing:
            case Address() | Neighbour() | Fdb() | RoutingRule() | Route():
                place = self._places[thing.namespace]
                place.configuration.append(_frame(_message(thing, place.indexes)))


def _create_pairs(pairs: Iterable[_Pair]) -> None:
    """Create some veth pairs."""
    with contextlib.ExitStack() as stack:
        for message, offsets, names in pairs:
            for offset, name in zip(offsets, names, strict=True):
                descriptor = netns.open_descriptor(name)
                stack.callback(os.close, descriptor)
                _NUMBER.pack_into(message, offset, descriptor)
        _send([message for message, _, _ in pairs])


def _message(thing: Address | Neighbour | Fdb | RoutingRule | Route, indexes: Mapping[str, int]) -> Message:
    match thing:
        case Address():
            return rtnetlink.address_message(thing, indexes[thing.link])
        case Neighbour():
            return rtnetlink.neighbour_message(thing, indexes[thing.link])
        case Fdb():
            return rtnetlink.fdb_message(thing, indexes[thing.link])
        case RoutingRule():
            return rtnetlink.rule_message(thing)
        case Route():
            return rtnetlink.route_message(thing, indexes)


def _frame(message: Message) -> bytes:
    size = _HEADER.size + len(message.payload)
    return _HEADER.pack(size, message.type, REQUEST | message.flags, 0, 0) + message.payload


def _send(frames: Iterable[bytes | bytearray], protocol: int = socket.NETLINK_ROUTE) -> None:
    """Send all frames in batches of a size that the kernel takes. Raises OSError if the kernel refuses one."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol) as netlink:
        batch: list[bytes | bytearray] = []
        size = 0
        for frame in frames:
            if size + len(frame) > _BATCH_BYTES:
                _tell(netlink, batch)
                batch, size = [], 0
            batch.append(frame)
            size += len(frame)
        _tell(netlink, batch)


def _tell(netlink: socket.socket, frames: Iterable[bytes | bytearray]) -> None:
    """Send frames and read the answers, which the kernel writes before `send` returns."""
    netlink.send(b"".join(frames))
    with contextlib.suppress(BlockingIOError):
        while True:
            answer = netlink.recv(_RECEIVE, socket.MSG_DONTWAIT)
            code = struct.unpack_from("=i", answer, _HEADER.size)[0]
            if struct.unpack_from("=H", answer, 4)[0] == _NLMSG_ERROR and code:
                raise OSError(-code, os.strerror(-code))


class _Rules:
    """Sends nft transactions. Keeps sockets open: closing one right after a transaction waits 12 ms for its end."""

    def __init__(self) -> None:
        self._open: deque[socket.socket] = deque()

    def send(self, batch: bytes) -> None:
        netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER)
        self._open.append(netlink)
        _tell(netlink, [batch])
        self.close(_KEPT)

    def close(self, keep: int = 0) -> None:
        while len(self._open) > keep:
            self._open.popleft().close()

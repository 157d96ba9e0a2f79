"""Netlink sockets that listen in a namespace: to flows that end, to packets that rules log, and to reports of changes.

A socket keeps its namespace alive, so a listener must look whether the namespace still has its name (`identity`).
Sources: nf_conntrack_netlink.c, nfnetlink_log.c, linux/netfilter/nfnetlink_compat.h, nfnetlink_log.h.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import struct
from collections.abc import Iterable, Iterator

from eigw_ns.dataplane.state import FlowEntry
from eigw_ns.dataplane.state.addresses import FORWARDED
from eigw_ns.errors import ExistsError, MissingError, kernel_error
from eigw_ns.frozen import frozen
from eigw_ns.kernel.namespaces import netns
from eigw_ns.kernel.netlink import flow_entries
from eigw_ns.kernel.netlink.socket import NETFILTER, attribute, attributes, open_socket, received

_SOL_NETLINK, _ADD_MEMBERSHIP = 270, 1
_RECEIVE_BUFFER_BY_FORCE = 33  # SO_RCVBUFFORCE, asm-generic/socket.h
_BUFFER = 8 << 20
_RECEIVE_BYTES = 1 << 17

_DESTROY_GROUP = 3  # NFNLGRP_CONNTRACK_DESTROY: a number, not a bit
_DESTROYED = 1 << 8 | 2  # IPCTNL_MSG_CT_DELETE

_LOG_PACKET, _LOG_CONFIG = 4 << 8, 4 << 8 | 1  # NFULNL_MSG_PACKET, _CONFIG
_COMMAND, _MODE, _THRESHOLD = 1, 2, 5  # NFULA_CFG_CMD, _MODE, _QTHRESH
_BIND, _COPY_PACKET = 1, 2
_PAYLOAD, _PREFIX = 9, 10  # NFULA_PAYLOAD, _PREFIX
_TAKEN = (errno.EBUSY, errno.EPERM)
"""Another socket has the group. nfnetlink_log says EPERM; without rights, the namespace cannot be entered at all."""

_REQUEST_ACK = 0x1 | 0x4
_MESSAGE = struct.Struct("=IHHII")
_ERROR = 2


@frozen
class Refusal:
    """A packet that a rule refused: the counter of the reason, and the packet from its IPv6 header on, cut short."""

    reason: str
    packet: bytes


def identity(namespace: str) -> int | None:
    """Return what tells the namespace from another of the same name; None if it does not exist."""
    with contextlib.suppress(MissingError):
        return netns.inode(namespace)
    return None


def open_ends(namespace: str) -> socket.socket:
    """Open a socket for the flows that end in the namespace. Raises MissingError if it does not exist."""
    return open_group(namespace, _DESTROY_GROUP, "listen to flows that end")


def open_group(namespace: str, group: int, doing: str) -> socket.socket:
    """Open a socket for the messages of a multicast group of netfilter. Raises MissingError as `open_ends` does."""
    opened = _opened(namespace, doing)
    try:
        opened.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, group)
    except OSError as error:
        opened.close()
        raise kernel_error(f"{doing} in {namespace}", error.errno or 0) from error
    return opened


def open_refusals(namespace: str, group: int) -> socket.socket:
    """Open a socket for the packets that rules send to the group.

    Raises ExistsError if another process listens to it, MissingError if the namespace does not exist.
    """
    opened = _opened(namespace, "listen to refused packets")
    try:
        _configure(opened, group, attribute(_COMMAND, bytes([_BIND])))
        mode = attribute(_MODE, struct.pack("!IBx", 0xFFFF, _COPY_PACKET))
        _configure(opened, group, mode + attribute(_THRESHOLD, struct.pack("!I", 1)))
    except OSError as error:
        opened.close()
        if error.errno in _TAKEN:
            raise ExistsError("listen to refused packets", detail="another process listens to them") from error
        raise kernel_error(f"listen to refused packets in {namespace}", error.errno or 0) from error
    opened.setblocking(False)
    return opened


def open_groups(namespace: str, protocol: int, groups: Iterable[int], room: int) -> socket.socket:
    """Open a socket for what the kernel reports to these groups. `room` is its receive buffer in bytes.

    Raises MissingError if the namespace does not exist.
    """
    opened = _opened(namespace, "listen to reports", protocol, room)
    for group in groups:
        opened.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, group)
    return opened


def _opened(namespace: str, doing: str, protocol: int = NETFILTER, room: int = _BUFFER) -> socket.socket:
    try:
        with netns.inside(namespace):
            opened = open_socket(protocol)
    except OSError as error:
        raise kernel_error(f"{doing} in {namespace}", error.errno or 0) from error
    try:
        opened.setsockopt(socket.SOL_SOCKET, _RECEIVE_BUFFER_BY_FORCE, room)
    except PermissionError:  # without CAP_NET_ADMIN in the first user namespace: as much as a user may have
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    opened.bind((0, 0))
    return opened


def _configure(opened: socket.socket, group: int, what: bytes) -> None:
    """Send a configuration of the group, and wait for the kernel's answer. Raises OSError if it refuses."""
    payload = struct.pack("!BBH", 0, 0, group) + what
    opened.send(_MESSAGE.pack(16 + len(payload), _LOG_CONFIG, _REQUEST_ACK, 1, 0) + payload)
    while True:
        for kind, _flags, _sequence, answer in received(opened.recv(_RECEIVE_BYTES)):
            if kind == _ERROR:
                code = -int(struct.unpack_from("=i", answer)[0])
                if code:
                    raise OSError(code, "refused")
                return


def ends(opened: socket.socket) -> Iterator[FlowEntry | None]:
    """Yield the flows that have ended since the last call; None for messages that were lost."""
    for kind, payload in waiting(opened):
        if kind is None:
            yield None
        elif kind == _DESTROYED and payload[0] == FORWARDED:
            yield flow_entries.parsed(payload)


def refusals(opened: socket.socket) -> Iterator[Refusal | None]:
    """Yield the packets that were refused since the last call; None for messages that were lost."""
    for kind, payload in waiting(opened):
        if kind is None:
            yield None
        elif kind == _LOG_PACKET:
            found = attributes(payload, 4)
            reason = found.get(_PREFIX, b"").rstrip(b"\0").decode(errors="replace")
            yield Refusal(reason, found.get(_PAYLOAD, b""))


def waiting(opened: socket.socket) -> Iterator[tuple[int | None, bytes]]:
    """Yield the type and the payload of each message that waits; (None, b"") if some were lost (ENOBUFS)."""
    while True:
        try:
            data = opened.recv(_RECEIVE_BYTES, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise kernel_error("read messages of netfilter", error.errno or 0) from error
            yield None, b""
            continue
        yield from ((kind, payload) for kind, _flags, _sequence, payload in received(data))

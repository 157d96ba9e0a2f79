"""A packet socket that sees every frame of a link, with the kernel's time, direction and length of each. See packet(7).

Its filter is attached before it is bound, and it is opened without a protocol, so nothing arrives unfiltered.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import struct
from typing import Literal

from eigw_ns.errors import kernel_error
from eigw_ns.frozen import frozen
from eigw_ns.kernel.namespaces import netns
from eigw_ns.kernel.traffic.sockets import Program, attach_filter

_SOL_PACKET = 263
_PACKET_STATISTICS, _PACKET_AUXDATA = 6, 8  # linux/if_packet.h
_SO_TIMESTAMPNS, _SO_RCVBUFFORCE = 35, 33  # asm-generic/socket.h
_ETH_P_ALL = 0x0003
_OUTGOING = 4  # PACKET_OUTGOING
_CHECKSUM_NOT_READY = 1 << 3  # TP_STATUS_CSUMNOTREADY
_AUXILIARY = struct.Struct("=IIIHHHH")  # struct tpacket_auxdata
_TIME = struct.Struct("=qq")  # struct timespec
_COUNTS = struct.Struct("=II")  # struct tpacket_stats
_BUFFER = 8 << 20
_ANCILLARY = socket.CMSG_SPACE(_AUXILIARY.size) + socket.CMSG_SPACE(_TIME.size)


@frozen
class Frame:
    """A frame. `time` is in nanoseconds since 1970. `length` is that on the wire; `data` may be shorter.

    `unfinished` tells that Linux has left its checksum to hardware that a veth does not have.
    """

    time: int
    data: bytes
    length: int
    direction: Literal["in", "out"]
    unfinished: bool


def open_capture(namespace: str, link: str, program: Program | None) -> socket.socket:
    """Open a socket on a link of a namespace. `program` selects frames; None selects all.

    Raises MissingError if the namespace or the link does not exist, HostError without CAP_NET_RAW.
    """
    try:
        with netns.inside(namespace):
            opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            try:
                _prepare(opened)
                if program is not None:
                    attach_filter(opened, program)
                opened.bind((link, _ETH_P_ALL))
            except OSError:
                opened.close()
                raise
    except OSError as error:
        raise kernel_error(f"capture on {link} in {namespace}", error.errno or 0) from error
    return opened


def _prepare(opened: socket.socket) -> None:
    opened.setblocking(False)
    opened.setsockopt(_SOL_PACKET, _PACKET_AUXDATA, 1)
    opened.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    try:
        opened.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
    except PermissionError:  # without CAP_NET_ADMIN in the first user namespace: as much as a user may have
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)


def receive(opened: socket.socket, snap_length: int) -> Frame | None:
    """Return the next frame, None if there is none yet. Raises KernelError if the link went down or was removed."""
    try:
        data, ancillary, _flags, address = opened.recvmsg(snap_length, _ANCILLARY)
    except BlockingIOError:
        return None
    except OSError as error:
        raise kernel_error("read captured packets", error.errno or 0) from error
    status, length, time = 0, len(data), 0
    for level, kind, value in ancillary:
        if (level, kind) == (_SOL_PACKET, _PACKET_AUXDATA):
            status, length, *_ = _AUXILIARY.unpack_from(value)
        elif (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS):
            seconds, nanoseconds = _TIME.unpack_from(value)
            time = seconds * 1_000_000_000 + nanoseconds
    direction: Literal["in", "out"] = "out" if address[2] == _OUTGOING else "in"
    return Frame(time, data, length, direction, bool(status & _CHECKSUM_NOT_READY))


def statistics(opened: socket.socket) -> tuple[int, int]:
    """Return how many frames the socket has received, and how many of these were lost, since the last call."""
    with contextlib.suppress(OSError):
        return _COUNTS.unpack(opened.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, _COUNTS.size))
    return 0, 0


LINK_GONE = (errno.ENETDOWN, errno.ENODEV)
"""What `receive` reports once if the link went down."""

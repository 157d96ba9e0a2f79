"""Blocks of a pcapng file (draft-ietf-opsawg-pcapng): one interface for each place where we listen, in nanoseconds.

All functions return bytes in this machine's byte order, which the section header tells the reader.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Literal

_SECTION, _INTERFACE, _PACKET, _STATISTICS = 0x0A0D0D0A, 1, 6, 5
_BYTE_ORDER, _UNKNOWN_LENGTH = 0x1A2B3C4D, -1
_ETHERNET = 1
_OPT_END = 0
_SHB_OS, _SHB_APPLICATION = 3, 4
_IF_NAME, _IF_DESCRIPTION, _IF_TSRESOL, _IF_FILTER, _IF_OS = 2, 3, 9, 11, 12
_EPB_FLAGS = 2
_ISB_RECEIVED, _ISB_DROPPED = 4, 5
_NANOSECONDS = 9
_LIBPCAP_TEXT = b"\0"
"""The first byte of a filter option: the filter is a text, as libpcap takes it."""

Direction = Literal["in", "out"]
_DIRECTIONS: dict[Direction, int] = {"in": 1, "out": 2}

Option = tuple[int, bytes]


def section(system: str, application: str) -> bytes:
    """Return a section header. Every file begins with one."""
    fixed = struct.pack("=IHHq", _BYTE_ORDER, 1, 0, _UNKNOWN_LENGTH)
    return _block(_SECTION, fixed, [(_SHB_OS, system.encode()), (_SHB_APPLICATION, application.encode())])


def interface(name: str, description: str, system: str, snap_length: int, packet_filter: str = "") -> bytes:
    """Return the description of an Ethernet interface. Packets refer to interfaces by their order, from 0."""
    options: list[Option] = [(_IF_NAME, name.encode()), (_IF_DESCRIPTION, description.encode())]
    options.append((_IF_TSRESOL, bytes([_NANOSECONDS])))
    if packet_filter:
        options.append((_IF_FILTER, _LIBPCAP_TEXT + packet_filter.encode()))
    options.append((_IF_OS, system.encode()))
    return _block(_INTERFACE, struct.pack("=HHI", _ETHERNET, 0, snap_length), options)


def packet(number: int, time: int, data: bytes, length: int, direction: Direction) -> bytes:
    """Return a packet of interface `number`. `time` is in nanoseconds since 1970, `length` that on the wire."""
    fixed = struct.pack("=IIIII", number, time >> 32, time & 0xFFFFFFFF, len(data), length)
    return _block(_PACKET, fixed + _padded(data), [(_EPB_FLAGS, struct.pack("=I", _DIRECTIONS[direction]))])


def statistics(number: int, time: int, received: int, dropped: int) -> bytes:
    """Return how many packets interface `number` has received, and how many of these were lost."""
    counts = [(_ISB_RECEIVED, struct.pack("=Q", received)), (_ISB_DROPPED, struct.pack("=Q", dropped))]
    return _block(_STATISTICS, struct.pack("=III", number, time >> 32, time & 0xFFFFFFFF), counts)


def _block(kind: int, body: bytes, options: Iterable[Option]) -> bytes:
    body += b"".join(struct.pack("=HH", code, len(value)) + _padded(value) for code, value in options)
    body += struct.pack("=HH", _OPT_END, 0)
    size = len(body) + 12
    return struct.pack("=II", kind, size) + body + struct.pack("=I", size)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)

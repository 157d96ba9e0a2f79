"""Complete the checksums of packets that have not left this machine: over veth, Linux leaves them to hardware.

Without this, Wireshark marks every such packet as broken if it checks them. Source: Linux, `CHECKSUM_PARTIAL` in
include/linux/skbuff.h; RFC 8200 section 8.1 for the pseudo-header.
"""

from __future__ import annotations

import struct

_ETHERNET, _IPV6 = 14, 40
_TYPE_IPV6 = 0x86DD
_TCP, _UDP, _ICMPV6 = 6, 17, 58
_OFFSETS = {_TCP: 16, _UDP: 6, _ICMPV6: 2}
"""Where the checksum is in the header of each protocol."""


def completed(frame: bytes) -> bytes:
    """Return the Ethernet frame with a right checksum, if it is IPv6 with TCP, UDP or ICMPv6 right behind the header.

    Return the frame as it is otherwise, or if a part of it is missing.
    """
    if len(frame) < _ETHERNET + _IPV6 or int.from_bytes(frame[12:14], "big") != _TYPE_IPV6:
        return frame
    protocol, length = frame[_ETHERNET + 6], int.from_bytes(frame[_ETHERNET + 4 : _ETHERNET + 6], "big")
    start = _ETHERNET + _IPV6
    payload = frame[start : start + length]
    offset = _OFFSETS.get(protocol)
    if offset is None or len(payload) < max(length, offset + 2):
        return frame
    place = start + offset
    addresses = frame[_ETHERNET + 8 : start]
    zeroed = payload[:offset] + b"\0\0" + payload[offset + 2 :]
    found = _checksum(addresses + struct.pack("!II", length, protocol) + zeroed)
    return frame[:place] + struct.pack("!H", found or (0xFFFF if protocol == _UDP else 0)) + frame[place + 2 :]


def _checksum(data: bytes) -> int:
    """Return the ones' complement of the ones' complement sum (RFC 1071)."""
    data += b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF

"""A wire beside the gateway: a test sends frames into it as they are, and hears the frames that come out."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Iterable, Iterator

from eigw_ns.kernel.namespaces import netns

IPV4, ARP, IPV6 = 0x0800, 0x0806, 0x86DD  # linux/if_ether.h
_ALL = 0x0003  # ETH_P_ALL: a bridge's port gives IPv6 to the bridge before a socket that is bound to IPv6 alone
_SOL_PACKET, _IGNORE_OUTGOING = 263, 23  # linux/if_packet.h
_STATISTICS = 6  # PACKET_STATISTICS, linux/if_packet.h
_SO_RCVBUFFORCE = 33  # asm-generic/socket.h
_ROOM = 32 << 20  # bytes of packets that may wait until the test reads them
_CHATTER = (socket.inet_pton(socket.AF_INET6, "ff02::16"), socket.inet_pton(socket.AF_INET6, "ff02::2"))
"""Multicast reports and router solicitations, which Linux sends on a link that has just come up."""


class Wire:
    """One end of a link. It sends frames to the far end's MAC and hears all frames from there, of any protocol."""

    def __init__(self, namespace: str, link: str, far_mac: str) -> None:
        self.link, self._far = link, bytes.fromhex(far_mac.replace(":", ""))
        with netns.inside(namespace):
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        self._socket.setsockopt(_SOL_PACKET, _IGNORE_OUTGOING, 1)
        self._make_room()
        self._socket.bind((link, _ALL))

    def close(self) -> None:
        """Stop listening on the link."""
        self._socket.close()

    def send(self, packets: Iterable[bytes], ethertype: int | None = None) -> None:
        """Send packets as they are. Without `ethertype`, the version in the packet decides."""
        for packet in packets:
            kind = ethertype or (IPV4 if packet[0] >> 4 == 4 else IPV6)
            self._socket.sendto(packet, (self.link, kind, 0, 0, self._far))

    def heard(self) -> list[bytes]:
        """Return the packets that came since the last call, without the chatter of a new link."""
        return [packet for packet in self._received() if packet[24:40] not in _CHATTER]

    def _make_room(self) -> None:
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _ROOM)
        except PermissionError:  # rootless: the host's net.core.rmem_max is the limit
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _ROOM)

    def _received(self) -> Iterator[bytes]:
        with contextlib.suppress(BlockingIOError):
            while True:
                yield self._socket.recv(65535, socket.MSG_DONTWAIT)
        _, lost = struct.unpack("=II", self._socket.getsockopt(_SOL_PACKET, _STATISTICS, 8))
        assert not lost, f"{lost} packets were lost because the buffer was full, so silence proves nothing"

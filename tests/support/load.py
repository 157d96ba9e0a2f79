"""Traffic during a change: an attacker on the internet, and streams whose lost segments are counted."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Event as ProcessEvent

from scapy.layers.inet import TCP
from scapy.layers.inet6 import IPv6

from tests.support.labs import Lab, Stream, inward, meanwhile
from tests.topologies.egress import APP, WEB

PORT = 47
ATTACK = b"the internet starts this"
STREAMS = 8


def attack(sender: socket.socket, raw: socket.socket, segments: list[bytes], stop: ProcessEvent) -> None:
    """Send the datagram `ATTACK` and the segments to the instance `app` until `stop` is set.

    There is a short pause between rounds: the packets must meet each instant of a change, not fill the queues.
    """
    while not stop.is_set():
        for segment in segments:
            try:
                sender.sendto(ATTACK, (APP, PORT))
                raw.sendto(segment, (APP, 0))
            except OSError:  # at this instant there is no route
                pass
        select.select([], [], [], 0.0005)


@contextmanager
def attacked(lab: Lab) -> Iterator[None]:
    """Let the host `web` attack while the block runs, and assert that no packet of it reached the instance `app`."""
    segments = [
        bytes(IPv6(src=WEB, dst=APP) / TCP(sport=4443, dport=PORT, flags=flags) / ATTACK)
        for flags in ("S", "SA", "A", "R", "FA", "PA")
    ]
    with (
        lab.open_socket("web", kind=socket.SOCK_DGRAM) as sender,
        lab.open_socket("web", kind=socket.SOCK_RAW, protocol=socket.IPPROTO_RAW) as raw,
        lab.sniffer("app") as inside,
    ):
        before = _dropped(lab)
        with meanwhile(attack, sender, raw, segments):
            yield
        heard = inward(inside)
        assert heard, "the sniffer heard nothing, not even the live flows: it proves nothing"
        assert [packet for packet in heard if ATTACK in packet] == []
        assert _dropped(lab) > before, "the attacker's packets never met the gateway"


def _dropped(lab: Lab) -> int:
    return lab.counter("outbound", "drop_inbound") + lab.counter("outbound", "drop_invalid")


class Traffic:
    """Streams through the gateway. A thread sends data both ways on each of them until the block ends."""

    def __init__(self, streams: list[Stream]) -> None:
        self._streams = streams
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.rounds = 0

    def _run(self) -> None:
        while not self._stop.is_set():
            assert all(stream.works() for stream in self._streams)
            self.rounds += 1

    def __enter__(self) -> Traffic:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


@contextmanager
def flowing(lab: Lab) -> Iterator[Traffic]:
    """Open streams, send data on them while the block runs, and assert that no segment was sent twice."""
    streams = [lab.stream("app", "web", WEB, 5000 + number) for number in range(STREAMS)]
    opened = [stream.__enter__() for stream in streams]
    try:
        with Traffic(opened) as traffic:
            yield traffic
        assert traffic.rounds > 0
        assert [stream.retransmissions() for stream in opened] == [0] * STREAMS
    finally:
        for stream in reversed(streams):
            stream.__exit__(None, None, None)

"""Listen to the packet traces of several namespaces while a packet is on its way, and sort them by packet."""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event

from eigw_ns.dataplane.trace.comparison import PacketStep, Passage
from eigw_ns.dataplane.trace.model import Direction
from eigw_ns.dataplane.trace.stations import Station
from eigw_ns.frozen import frozen
from eigw_ns.kernel.netlink.trace_message import TraceMessage
from eigw_ns.kernel.nft.fingerprint import TRACE_TABLE
from eigw_ns.kernel.nft.trace_table import RuleTexts
from eigw_ns.kernel.traffic import sockets, trace_socket

_WAKE = 0.05  # seconds between two looks at the end of the trace
_SPARE = 64  # descriptors besides those of the sockets
_DIRECTIONS: Mapping[str, Direction] = {"there": "forward", "back": "return"}
_UNMATCHED = "rule"
"""The kind of message that a chain without a matching rule sends, without a handle."""


@frozen
class Report:
    """A message, the station that sent it, and the microseconds since the first message was read."""

    station: Station
    message: TraceMessage
    time_us: int


class Listener:
    """Listens to stations. Read `reports` and `lost` afterwards.

    A thread reads the sockets, so that the times of the messages mean something.
    """

    def __init__(self, stations: Iterable[Station]) -> None:
        self._stations = tuple(stations)
        self.reports: list[Report] = []
        self.lost = False
        self._began = 0

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Listen while the block runs.

        Raises MissingError if a namespace does not exist, HostError without CAP_NET_ADMIN.
        """
        ended = Event()
        with sockets.descriptors(len(self._stations) + _SPARE), contextlib.ExitStack() as stack:
            opened = [stack.enter_context(trace_socket.open_trace(each.namespace)) for each in self._stations]
            with ThreadPoolExecutor(1) as reader:
                reading = reader.submit(self._read, opened, ended)
                try:
                    yield
                finally:
                    ended.set()
            reading.result()

    def _read(self, opened: Sequence[socket.socket], ended: Event) -> None:
        """Read until the block has ended and no message is left."""
        senders = {each.fileno(): (each, station) for each, station in zip(opened, self._stations, strict=True)}
        with select.epoll() as ready:
            for each in opened:
                ready.register(each, select.EPOLLIN)
            while (found := ready.poll(0 if ended.is_set() else _WAKE)) or not ended.is_set():
                for number, _ in found:
                    self._take(*senders[number])

    def _take(self, opened: socket.socket, station: Station) -> None:
        for message in trace_socket.messages(opened):
            self._began = self._began or time.monotonic_ns()
            now = (time.monotonic_ns() - self._began) // 1000
            if message is None:
                self.lost = True
            else:
                self.reports.append(Report(station, message, now))


def passages(
    reports: Iterable[Report], texts: Mapping[Station, RuleTexts], families: Mapping[int, str]
) -> list[Passage]:
    """Return the first packet of each direction that each station saw.

    A packet begins where the rule of our own table reports: Linux uses the number of a packet again for later ones.
    """
    open_: dict[tuple[Station, int], tuple[Station, Direction]] = {}
    steps: dict[tuple[Station, Direction], list[PacketStep]] = {}
    for report in reports:
        message, key = report.message, (report.station, report.message.packet)
        if message.table == TRACE_TABLE:
            if message.handle is not None and message.chain in _DIRECTIONS:
                place = report.station, _DIRECTIONS[message.chain]
                open_.pop(key, None)
                if place not in steps:
                    steps[place], open_[key] = [], place
        elif key in open_ and not (message.kind == _UNMATCHED and message.handle is None):
            steps[open_[key]].append(_step(report, texts.get(report.station, {}), families))
    return [Passage(*place, tuple(found)) for place, found in steps.items()]


def _step(report: Report, texts: RuleTexts, families: Mapping[int, str]) -> PacketStep:
    message = report.message
    family = families.get(message.family, str(message.family))
    rule: str = message.kind
    if message.handle is not None:
        rule = texts.get((message.family, message.table, message.handle), f"a rule of the table {message.table}")
    return PacketStep(family, message.chain, message.handle, rule, message.verdict, message.to, report.time_us)

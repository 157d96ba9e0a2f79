"""A capture: sockets on all points, frames in the order in which they passed, limits, and what was lost."""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from eigw_ns.errors import KernelError
from eigw_ns.frozen import frozen
from eigw_ns.kernel.traffic import capture_socket, sockets
from eigw_ns.kernel.traffic.capture_socket import Frame
from eigw_ns.kernel.traffic.sockets import Program
from eigw_ns.lab.capture.points import Point

SNAP_LENGTH = 262_144
"""Bytes of a frame that are kept. Segments that Linux has not cut yet (GSO) are longer than the MTU."""

_REORDER = 0.05  # seconds: frames of different sockets are read in turns, and sorted within this time
_WAKE = 0.2  # seconds between two looks at the signals
_SPARE = 64  # descriptors besides those of the sockets


@frozen
class Limits:
    """When a capture ends by itself: after so many packets, or seconds. None means never."""

    packets: int | None = None
    seconds: float | None = None


@frozen
class Loss:
    """What the socket of a point has received, and how many of these frames were lost because nobody read in time."""

    received: int
    lost: int


@frozen
class Outcome:
    """The number of frames that the sink took, and what the socket of each point has lost."""

    frames: int
    losses: tuple[Loss, ...]


class Sink(Protocol):
    """What takes the frames of a capture."""

    def take(self, number: int, frame: Frame) -> None:
        """Take a frame of the point with this number."""
        ...

    def flush(self) -> None:
        """Hand on what has been taken."""
        ...

    def end(self, losses: Sequence[Loss]) -> None:
        """Take what each point has lost. Nothing comes after it."""
        ...


class Capture:
    """Open sockets on all points. Use it as a context manager: it closes them."""

    def __init__(self, points: Sequence[Point], program: Program | None, snap_length: int = SNAP_LENGTH) -> None:
        self._snap_length = snap_length
        self._opened: list[socket.socket] = []
        with sockets.descriptors(len(points) + _SPARE):
            try:
                for point in points:
                    self._opened.append(capture_socket.open_capture(point.namespace, point.link, program))
            except BaseException:
                sockets.close_all(self._opened)
                raise
        self._waiting: list[tuple[int, int, Frame]] = []

    def __enter__(self) -> Capture:
        return self

    def __exit__(self, *_error: object) -> None:
        sockets.close_all(self._opened)

    def run(self, sink: Sink, limits: Limits, stopped: Callable[[], bool]) -> Outcome:
        """Give frames to the sink until a limit is reached or `stopped()`."""
        end = None if limits.seconds is None else time.monotonic() + limits.seconds
        taken = 0
        with select.epoll() as ready:
            numbers = self._watch(ready)
            while not stopped() and (limits.packets is None or taken < limits.packets):
                left = _WAKE if end is None else min(_WAKE, end - time.monotonic())
                if left <= 0:
                    break
                found = ready.poll(min(left, _REORDER) if self._waiting else left)
                self._read([numbers[each] for each, _ in found], ready)
                taken += self._hand_on(sink, limits.packets, taken, time.time_ns() - int(_REORDER * 1e9))
                sink.flush()
        taken += self._hand_on(sink, limits.packets, taken, None)
        losses = tuple(Loss(*capture_socket.statistics(each)) for each in self._opened)
        sink.end(losses)
        return Outcome(taken, losses)

    def _watch(self, ready: select.epoll) -> dict[int, int]:
        for opened in self._opened:
            ready.register(opened, select.EPOLLIN)
        return {opened.fileno(): number for number, opened in enumerate(self._opened)}

    def _read(self, numbers: Sequence[int], ready: select.epoll) -> None:
        for number in numbers:
            try:
                self._waiting += ((frame.time, number, frame) for frame in self._frames(number))
            except KernelError as error:
                if error.errno not in capture_socket.LINK_GONE:
                    raise
                with contextlib.suppress(OSError):
                    ready.unregister(self._opened[number])

    def _frames(self, number: int) -> Iterator[Frame]:
        while (frame := capture_socket.receive(self._opened[number], self._snap_length)) is not None:
            yield frame

    def _hand_on(self, sink: Sink, most: int | None, taken: int, before: int | None) -> int:
        """Give the sink the frames of before this time, all if it is None. Returns how many."""
        self._waiting.sort(key=lambda each: each[:2])
        due = len(self._waiting) if before is None else sum(each[0] < before for each in self._waiting)
        due = due if most is None else min(due, most - taken)
        for _, number, frame in self._waiting[:due]:
            sink.take(number, frame)
        del self._waiting[:due]
        return due

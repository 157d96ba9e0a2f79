"""Where captured frames go: pcapng files, one or a ring of them, or lines."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from eigw_ns import __version__
from eigw_ns.frozen import frozen
from eigw_ns.kernel.traffic.capture_socket import Frame
from eigw_ns.lab.capture import pcapng
from eigw_ns.lab.capture.checksums import completed
from eigw_ns.lab.capture.points import Point
from eigw_ns.lab.capture.session import SNAP_LENGTH, Loss
from eigw_ns.lab.capture.summary import summary


@frozen
class Ring:
    """At most `files` files of at most `size` bytes each. The oldest one is overwritten."""

    files: int
    size: int


class Pcapng:
    """Writes frames as pcapng. `open_file` opens the file of a number: 0, and those of a ring after it."""

    def __init__(
        self,
        points: Sequence[Point],
        open_file: Callable[[int], BinaryIO],
        *,
        packet_filter: str = "",
        snap_length: int = SNAP_LENGTH,
        raw_checksums: bool = False,
        ring: Ring | None = None,
    ) -> None:
        self._points, self._open, self._filter = points, open_file, packet_filter
        self._snap_length, self._raw, self._ring = snap_length, raw_checksums, ring
        self._number, self._written, self._last = 0, 0, 0
        self._file = self._begin()

    def take(self, number: int, frame: Frame) -> None:
        """See `Sink`."""
        data = frame.data if self._raw or not frame.unfinished else completed(frame.data)
        block = pcapng.packet(number, frame.time, data, frame.length, frame.direction)
        if self._ring and self._written + len(block) > self._ring.size:
            self._file.close()
            self._number = (self._number + 1) % self._ring.files
            self._file = self._begin()
        self._last = frame.time
        self._write(block)

    def flush(self) -> None:
        """See `Sink`."""
        self._file.flush()

    def end(self, losses: Sequence[Loss]) -> None:
        """See `Sink`."""
        for number, loss in enumerate(losses):
            self._write(pcapng.statistics(number, self._last, loss.received, loss.lost))
        self._file.close()

    def _begin(self) -> BinaryIO:
        opened, self._written = self._open(self._number), 0
        system = f"{os.uname().sysname} {os.uname().release}"
        self._file = opened
        self._write(pcapng.section(system, f"eigw-ns {__version__}"))
        for point in self._points:
            about = f"{point.link} in {point.namespace}"
            self._write(pcapng.interface(point.name, about, system, self._snap_length, self._filter))
        return opened

    def _write(self, block: bytes) -> None:
        self._written += len(block)
        self._file.write(block)


def ring_file(path: Path, number: int) -> Path:
    """Return the name of a file of a ring: `app.1.pcapng` for number 1 of `app.pcapng`."""
    return path.with_name(f"{path.stem}.{number}{path.suffix}")


class Lines:
    """Prints the fields of each frame by a function that takes the point's name, the frame and its fields."""

    def __init__(self, points: Sequence[Point], show: Callable[[Point, Frame, dict[str, Any]], None]) -> None:
        self._points, self._show = points, show

    def take(self, number: int, frame: Frame) -> None:
        """See `Sink`."""
        whole = replace(frame, data=completed(frame.data)) if frame.unfinished else frame
        self._show(self._points[number], whole, summary(whole.data))

    def flush(self) -> None:
        """See `Sink`. Lines are written at once."""

    def end(self, losses: Sequence[Loss]) -> None:
        """See `Sink`."""

"""Notes and progress on stderr. Data goes to stdout, through `output`."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import TextIO

import click

from eigw_ns.cli.output import columns
from eigw_ns.cloud.words import printable, printable_lines
from eigw_ns.lab.lifecycle.progress import Phase

Progress = Callable[[int, int, object], None]
"""Called with the steps done, the steps in all, and the step that is done or the `Phase` that begins."""

_REDRAW_SECONDS = 0.1
_BAR = 30  # characters
_CLEAR = "\r\x1b[K"  # to the begin of the line, which is erased; ECMA-48


class Talk:
    """Prints as much as the user asked for: with `quiet` only errors, with `verbose` every step."""

    def __init__(self, *, quiet: bool, verbose: bool) -> None:
        self.quiet = quiet
        self.verbose = verbose and not quiet
        self._bar: Bar | None = None

    def note(self, text: str) -> None:
        """Print a note, unless the user asked for quiet."""
        if not self.quiet:
            if self._bar:
                self._bar.clear()
            click.echo(printable_lines(text), err=True)

    @contextlib.contextmanager
    def progress(self, title: str) -> Iterator[Progress]:
        """Yield a function to call at each step and phase. It prints lines with `-v`, and draws a bar on a terminal."""
        if self.verbose:
            yield lambda done, total, step: click.echo(line(title, done, total, step), err=True)
        elif self.quiet or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
            yield lambda _done, _total, _step: None
        else:
            bar = self._bar = Bar(title, sys.stderr)
            try:
                yield bar.show
            finally:
                bar.clear()
                self._bar = None


def line(title: str, done: int, total: int, step: object) -> str:
    """Return the line of a step, or of a phase that begins."""
    return printable(f"{title}: {step}" if isinstance(step, Phase) else f"{title} {done}/{total}: {step}")


class Bar:
    """One line of a terminal that is drawn again. No thread draws it: each thread has its own network namespace."""

    def __init__(self, title: str, terminal: TextIO) -> None:
        self._title, self._terminal = title, terminal
        self._phase = ""
        self._began = time.monotonic()
        self._drawn = 0.0

    def show(self, done: int, total: int, step: object) -> None:
        """Draw a phase at once. Draw a step if the last drawing is long enough ago."""
        now = time.monotonic()
        if isinstance(step, Phase):
            self._phase = printable(step.text)
        elif now - self._drawn < _REDRAW_SECONDS and done != total:
            return
        self._drawn = now
        width = columns() - 1
        self._terminal.write(f"{_CLEAR}{draw_bar(self._title, done, total, now - self._began, self._phase)[:width]}")
        self._terminal.flush()

    def clear(self) -> None:
        """Remove the line."""
        self._terminal.write(_CLEAR)
        self._terminal.flush()


def draw_bar(title: str, done: int, total: int, seconds: float, phase: str) -> str:
    """Return the line: a bar, the steps done and in all, the time, and the phase. Without steps, it has no bar."""
    if not total:
        return f"{title}: {phase}"
    full = _BAR * done // total
    bar = "█" * full + "░" * (_BAR - full)
    minutes, rest = divmod(int(seconds), 60)
    return f"{title} {bar} {done}/{total} {minutes}:{rest:02} {phase}"

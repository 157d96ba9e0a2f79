"""Notes and progress on stderr. Data goes to stdout, through `output`."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator

import click

from eigw_ns.cloud.words import printable, printable_lines

Progress = Callable[[int, int, object], None]
"""Called with (steps done, steps in total, the current step)."""

_REDRAW_SECONDS = 0.1


class Talk:
    """Prints as much as the user asked for: with `quiet` only errors, with `verbose` every step."""

    def __init__(self, *, quiet: bool, verbose: bool) -> None:
        self.quiet = quiet
        self.verbose = verbose and not quiet

    def note(self, text: str) -> None:
        """Print a note, unless the user asked for quiet."""
        if not self.quiet:
            click.echo(printable_lines(text), err=True)

    @contextlib.contextmanager
    def progress(self, title: str) -> Iterator[Progress]:
        """Yield a function to call at each step. It prints a line with `-v`, and draws a bar on a terminal."""
        if self.verbose:
            yield lambda done, total, step: click.echo(printable(f"{title} {done}/{total}: {step}"), err=True)
        elif self.quiet or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
            yield lambda _done, _total, _step: None
        else:
            with _bar(title) as bar:
                yield bar


@contextlib.contextmanager
def _bar(title: str) -> Iterator[Progress]:
    """Yield a function that redraws a bar. No thread redraws it: each thread has its own network namespace."""
    from rich.console import Console  # imported here: only a terminal needs it
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), auto_refresh=False, transient=True) as bar:
        task = bar.add_task(title, total=None)
        drawn = 0.0

        def advance(done: int, total: int, _step: object) -> None:
            nonlocal drawn
            if time.monotonic() - drawn >= _REDRAW_SECONDS or done == total:
                bar.update(task, completed=done, total=total)
                bar.refresh()
                drawn = time.monotonic()

        yield advance

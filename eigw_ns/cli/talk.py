"""What the program says on stderr: notes and progress. Data goes to stdout, by `output`."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator

import click

Progress = Callable[[int, int, object], None]
"""Called with (how many are done, of how many, what is being done)."""

_REDRAW_SECONDS = 0.1


class Talk:
    """Says as much as the user wants to hear: `quiet` only errors, `verbose` every step."""

    def __init__(self, *, quiet: bool, verbose: bool) -> None:
        self.quiet = quiet
        self.verbose = verbose and not quiet

    def note(self, text: str) -> None:
        """Something worth knowing."""
        if not self.quiet:
            click.echo(text, err=True)

    @contextlib.contextmanager
    def progress(self, title: str) -> Iterator[Progress]:
        """A function to be called at each step: a bar on a terminal, a line each with `-v`, nothing else."""
        if self.verbose:
            yield lambda done, total, step: click.echo(f"{title} {done}/{total}: {step}", err=True)
        elif self.quiet or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
            yield lambda _done, _total, _step: None
        else:
            with _bar(title) as bar:
                yield bar


@contextlib.contextmanager
def _bar(title: str) -> Iterator[Progress]:
    """A bar that is redrawn by whoever calls, not by a thread: threads and namespaces do not mix."""
    from rich.console import Console  # only a terminal pays for the import
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

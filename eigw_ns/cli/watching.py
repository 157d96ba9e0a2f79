"""`--watch`: show something again and again, until Ctrl-C."""

from __future__ import annotations

import sys
from collections.abc import Callable

import click

from eigw_ns.kernel.protocol import Host

_CLEAR = "\x1b[H\x1b[2J"  # to the first line, and erase the screen; ECMA-48
_SECONDS = 2.0


def watched(host: Host, watch: bool, show: Callable[[], int]) -> int:
    """Call `show` and return its exit code. If `watch`, call it again and again on a cleared terminal, until Ctrl-C."""
    if not watch:
        return show()
    while True:
        if sys.stdout.isatty():
            click.echo(_CLEAR, nl=False)
        show()
        host.wait((), _SECONDS)

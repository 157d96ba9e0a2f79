"""`eigw-ns events`: what happens to a lab, and who did it."""

from __future__ import annotations

import os
import stat
import sys
from datetime import UTC, datetime

import click

from eigw_ns.cli import options, streams
from eigw_ns.cli.context import choose_lab, labels, open_kernel, open_storage
from eigw_ns.cli.talk import Talk
from eigw_ns.errors import LockedError
from eigw_ns.lab.events.event import Event
from eigw_ns.lab.events.follow import Follower, Settings
from eigw_ns.lab.events.looks import Eye
from eigw_ns.lab.events.views import Words, standing
from eigw_ns.render import events


@click.command("events")
@options.positional_lab
@options.lab
@click.option("--follow", is_flag=True, help="Print events as they happen, until the lab is destroyed.")
@options.output
@options.quiet
def command(lab: str | None, follow: bool, output: str, quiet: bool) -> int:
    """Print what happens to a lab: changes and who made them, drift, blackhole routes, replicas, bursts of drops.

    Without --follow, prints what is not as it should be now: drift, routes that are blackholes, replicas that carry no
    flows. With --follow, prints a line for each event until the lab is destroyed, the reader of the output is gone
    (exit code 0), or Ctrl-C (exit code 130). Changes by `serve` and `ec2` are events, too. Any other
    change is drift, by "somebody else".

    \b
    eigw-ns events
    eigw-ns events --follow
    eigw-ns events --follow -o json | jq -c 'select(.kind | startswith("drift"))'
    """
    kernel = open_kernel()
    chosen, storage, talk = choose_lab(lab, kernel), open_storage(), Talk(quiet=quiet, verbose=False)
    words = Words(labels, events.compare)

    def say(event: Event) -> None:
        now = datetime.now(UTC)
        click.echo(events.data(event, chosen, now) if output == "json" else events.line(event, now))
        sys.stdout.flush()

    if not follow:
        view = Eye(kernel, storage, chosen).look()
        if view is None:
            raise LockedError(f"the lab {chosen} is being changed", hint="try again, or give --follow")
        for event in standing(view, words):
            say(event)
        return 0
    follower = Follower(kernel, storage, chosen, words, say, Settings(ends=_readers()))
    try:
        follower.run(ready=lambda: talk.note(f"following the lab {chosen}"))
    except BrokenPipeError:
        streams.let_go(sys.stdout)
    return 0


def _readers() -> tuple[int, ...]:
    """Return stdout if it is a pipe: its descriptor becomes ready when the reader is gone."""
    try:
        number = sys.stdout.fileno()
        return (number,) if stat.S_ISFIFO(os.fstat(number).st_mode) else ()
    except OSError:  # it is closed, or no file: a write will tell
        return ()

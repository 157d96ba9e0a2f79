"""`eigw-ns agent`: replicas under watch."""

from __future__ import annotations

import json
import signal
import sys
from dataclasses import asdict
from datetime import datetime

import click

from eigw_ns.cli import options, stopping, streams
from eigw_ns.cli.changes import CHANGES
from eigw_ns.cli.context import choose_lab, open_kernel, open_storage
from eigw_ns.cli.program import INTERRUPTED
from eigw_ns.cloud.words import printable
from eigw_ns.lab.agent import background
from eigw_ns.lab.agent.events import Event, Stopped
from eigw_ns.lab.agent.loop import Agent, Settings


@click.command("agent")
@click.option("--repair", is_flag=True, help="Rebuild replicas that are dead.")
@click.option("--once", is_flag=True, help="Check once, act, and end, for cron. Exit code 3 if a replica is dead.")
@options.positional_lab
@options.lab
@options.output
@options.quiet
def command(repair: bool, once: bool, lab: str | None, output: str, quiet: bool) -> int:
    """Watch the replicas of egress-only internet gateways, and keep flows away from dead ones.

    Sends heartbeats through each replica, both ways. If a replica is visibly broken (its namespace, a link, its rules
    or its forwarding is gone), the others get its flows within 0.2 s. If it drops packets silently, they get its flows
    within 1 s. If it works again, it is told the flows of its share and gets the share back.

    Prints a line for each event; `-o json` prints JSON lines. Runs until the lab is gone, or until SIGTERM or Ctrl-C
    (exit code 130). A lab has at most one agent.

    \b
    eigw-ns agent --repair
    eigw-ns agent --once --repair -q
    eigw-ns apply -f lab.yaml --agent      # in the background, until `eigw-ns destroy`
    systemctl enable --now eigw-ns-agent@demo
    """
    kernel = open_kernel()
    chosen, storage = choose_lab(lab, kernel), open_storage()
    signals = stopping.signals()
    log = _Log(as_json=output == "json", quiet=quiet)
    agent = Agent(kernel, storage, chosen, Settings(repair=repair), log.say, stopped=lambda: bool(signals))
    code = 0
    with background.alone(kernel, storage.folders, chosen):
        if once:
            code = 0 if agent.once() else CHANGES
        else:
            agent.run()
            log.say(Stopped(chosen))
    return INTERRUPTED if signal.SIGINT in signals else code


class _Log:
    """Prints a line for each event: its time, its code and its fields, as logfmt or as JSON."""

    def __init__(self, *, as_json: bool, quiet: bool) -> None:
        self._json, self._quiet = as_json, quiet

    def say(self, event: Event) -> None:
        """Print the event at once, so that a journal has it when it happens. The agent goes on if nobody reads it."""
        if self._quiet:
            return
        try:
            click.echo(line(event, datetime.now().astimezone(), as_json=self._json))
        except BrokenPipeError:
            streams.let_go(sys.stdout)
            click.echo("nobody reads the events any more; the agent goes on", err=True)
        except OSError:  # a full disc may have room again for what happens next
            pass


def line(event: Event, moment: datetime, *, as_json: bool) -> str:
    """Return the event as it is printed, without the line end: as JSON, or else as logfmt.

    JSON also has the kind by which `eigw-ns events` knows it, if it has one.
    """
    record = {"time": moment.isoformat("T", "milliseconds"), "event": event.code, **asdict(event)}
    if as_json:
        return json.dumps(record | ({"kind": event.kind} if event.kind else {}))
    return printable(" ".join(f"{key}={_word(value)}" for key, value in record.items()))


def _word(value: object) -> str:
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if " " in text or '"' in text or not text else text

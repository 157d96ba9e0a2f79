"""`--log` of `eigw-ns flows`: write the records of a flow log to a file or to stdout."""

from __future__ import annotations

import functools
import signal
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import click

from eigw_ns.cli import stopping, streams
from eigw_ns.cli.context import choose_lab, open_kernel, open_storage
from eigw_ns.cli.options import Seconds
from eigw_ns.cli.program import INTERRUPTED
from eigw_ns.cli.talk import Talk
from eigw_ns.cloud import flow_log_format
from eigw_ns.cloud.flow_log_format import RecordFormat
from eigw_ns.cloud.flow_logs import TrafficType
from eigw_ns.errors import NoSuchLabError, UsageError
from eigw_ns.frozen import frozen
from eigw_ns.lab.flows import flow_log
from eigw_ns.lab.flows.flow_log import FlowLog, Record
from eigw_ns.lab.flows.log_files import LogFile

_STDOUT = "-"


_MEBIBYTE = 1 << 20


@frozen
class Asked:
    """The values of the options of `options`; None where the user gave none."""

    target: str | None
    record_format: str | None
    interval: float | None
    traffic: TrafficType | None
    header: bool
    strict: bool
    rotate: int | None
    rotate_size: int | None

    def check(self, others: Iterable[str]) -> None:
        """Refuse options that need --log without it, and `others`, which do not go with it."""
        if self.target is None:
            given = (each.name for each in fields(self) if getattr(self, each.name))
            for name in given:
                raise UsageError(f"--{_option(name)} is for flow logs", hint="add --log FILE")
        for name in others if self.target is not None else ():
            raise UsageError(f"{name} does not go with --log, which records all flows", hint=f"omit {name}")

    def style(self) -> Style:
        """Return what is recorded. Raises UsageError if the format is not valid."""
        return Style(
            RecordFormat() if self.record_format is None else flow_log_format.parse(self.record_format),
            self.interval or 60,
            self.traffic or "ALL",
            self.header,
            self.strict,
            self.rotate or 5,
            (self.rotate_size or 100) * _MEBIBYTE,
        )


def _option(name: str) -> str:
    return "format" if name == "record_format" else name.replace("_", "-")


@frozen
class Style:
    """What is recorded, and how it is written. `interval` is in seconds, `size` in bytes."""

    format: RecordFormat
    interval: float
    traffic: TrafficType
    header: bool
    strict: bool
    older: int
    size: int


_OPTIONS = (
    click.option("--log", "target", metavar="FILE", type=click.Path(dir_okay=False, allow_dash=True),
                 help="Write AWS's flow log records to a file, - for stdout, until a signal."),
    click.option("--format", "record_format", metavar="STRING",
                 help="With --log: fields of each record, such as '${srcaddr} ${bytes}'.  "
                 "[default: AWS's version 2]"),
    click.option("--interval", type=Seconds(1, 86_400), metavar="S",
                 help="With --log: seconds that a record sums up.  [default: 60]"),
    click.option("--traffic", type=click.Choice(get_args(TrafficType), case_sensitive=False),
                 help="With --log: what is recorded.  [default: ALL]"),
    click.option("--header", is_flag=True, help="With --log: begin each file with the names of the fields."),
    click.option("--strict", is_flag=True, help="With --log: only values that AWS has, so no traffic-path 100."),
    click.option("--rotate", type=click.IntRange(1, 1000), metavar="N",
                 help="With --log: number of older files that are kept: FILE.1, FILE.2, …  [default: 5]"),
    click.option("--rotate-size", type=click.IntRange(1, 1 << 20), metavar="MIB",
                 help="With --log: begin another file after this size.  [default: 100]"),
)  # fmt: skip


def options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a verb with the options of flow logs. It gets their values as one argument, `log`."""
    names = [each.name for each in fields(Asked)]

    @functools.wraps(function)
    def call(**values: Any) -> Any:
        asked = Asked(**{name: values.pop(name) for name in names})
        return function(log=asked, **values)

    for option in reversed(_OPTIONS):
        call = option(call)
    return call


def write(asked: Asked, lab: str | None, talk: Talk) -> int:
    """Write records until SIGTERM, SIGINT, or the lab is gone. Returns the exit code."""
    style, target = asked.style(), asked.target
    assert target is not None
    kernel, store = open_kernel(), open_storage().store
    chosen = choose_lab(lab, kernel)
    put = _printer(style) if target == _STDOUT else _file(Path(target), style).write
    flow_log.require(store.load(chosen).cloud, style.traffic)
    put(())  # an error of the file is known now, and not after an interval
    received = stopping.signals()
    with FlowLog(kernel, lambda: store.load(chosen).cloud, style.traffic) as log:
        _warn(flow_log.scope(store.load(chosen).cloud, style.traffic), style.traffic, talk)
        talk.note(f"recording in {log.places} namespaces, every {style.interval:g} s")

        def hand_on(records: Sequence[Record]) -> None:
            put([style.format.line(record) for record in records])

        try:
            log.run(hand_on, style.interval, lambda: bool(received), strict=style.strict)
        except BrokenPipeError:  # the reader has enough
            streams.let_go(sys.stdout)
            return 0
    if not received:
        hint = "all records until then are written"
        raise NoSuchLabError(f"the lab {chosen} is gone, or has no flow log any more", hint=hint)
    return INTERRUPTED if signal.SIGINT in received else 0


def _warn(scope: flow_log.Scope, traffic: TrafficType, talk: Talk) -> None:
    if traffic == "ALL" and not (scope.accepted and scope.rejected):
        missing = "accepted" if scope.rejected else "refused"
        talk.note(f"{missing} packets are not recorded: no VPC has a flow log of them")


def _file(path: Path, style: Style) -> LogFile:
    return LogFile(path, style.size, style.older, style.format.header() if style.header else "")


def _printer(style: Style) -> Callable[[Sequence[str]], None]:
    left = [style.format.header()] if style.header else []

    def show(lines: Sequence[str]) -> None:
        for line in (*left, *lines):
            click.echo(line)
        left.clear()
        sys.stdout.flush()

    return show

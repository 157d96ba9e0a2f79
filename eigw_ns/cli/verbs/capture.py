"""`eigw-ns capture`: packets at a node, or at every hop between two machines."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import click

from eigw_ns.cli import complete, options, stopping, streams
from eigw_ns.cli.context import choose_lab, find_node, open_kernel, open_storage
from eigw_ns.cli.program import INTERRUPTED
from eigw_ns.cli.talk import Talk
from eigw_ns.cloud.model import Cloud
from eigw_ns.cloud.nodes import nodes
from eigw_ns.cloud.words import printable
from eigw_ns.errors import UsageError
from eigw_ns.frozen import frozen
from eigw_ns.kernel.traffic.capture_socket import Frame
from eigw_ns.kernel.traffic.pcap_filter import compiled
from eigw_ns.kernel.traffic.sockets import Program
from eigw_ns.lab.capture import points, sinks, summary
from eigw_ns.lab.capture.points import Point
from eigw_ns.lab.capture.session import SNAP_LENGTH, Capture, Limits, Outcome

STDOUT = "-"
_MEBIBYTE = 1 << 20


@click.command("capture")
@click.argument("node", required=False, shell_complete=complete.nodes)
@click.argument("filter_words", metavar="[FILTER]", nargs=-1)
@click.option("--path", nargs=2, metavar="FROM TO", shell_complete=complete.nodes,
              help="Capture at every hop between two machines instead of at one NODE.")  # fmt: skip
@click.option("--interface", metavar="NAME", help="Only this interface of the node.  [default: all]")
@click.option("-w", "--write", "target", metavar="FILE", type=click.Path(dir_okay=False, allow_dash=True),
              help="Write a pcapng file; - writes to stdout.  [default: print a line for each packet]")  # fmt: skip
@click.option("-c", "--count", type=click.IntRange(1), metavar="N", help="End after N packets.")
@click.option("--seconds", type=options.Seconds(0.001, 864_000), metavar="S", help="End after S seconds.")
@click.option("--snaplen", type=click.IntRange(64, SNAP_LENGTH), default=SNAP_LENGTH, show_default=True,
              metavar="BYTES", help="Bytes of each packet that are kept.")  # fmt: skip
@click.option("--ring", type=click.IntRange(2, 1000), metavar="N", help="With -w FILE: write N files in turn, and "
              "overwrite the oldest one.")  # fmt: skip
@click.option("--ring-size", type=click.IntRange(1, 1 << 20), metavar="MIB", default=100, show_default=True,
              help="With --ring: size of each file.")  # fmt: skip
@click.option("--raw-checksums", is_flag=True, help="Keep checksums as they are on the link. Over veth, Linux leaves "
              "them unfinished, and Wireshark calls them wrong.")  # fmt: skip
@options.lab
@options.output
@options.quiet
def command(
    node: str | None,
    filter_words: tuple[str, ...],
    path: tuple[str, str] | None,
    interface: str | None,
    target: str | None,
    count: int | None,
    seconds: float | None,
    snaplen: int,
    ring: int | None,
    ring_size: int,
    raw_checksums: bool,
    lab: str | None,
    output: str,
    quiet: bool,
) -> int:
    """Capture packets at a NODE, or with --path at every hop between two machines, into one file.

    With --path, the file has an interface for each hop, so Wireshark shows where a packet was last seen. FILTER is in
    the language of pcap-filter(7); `@app` in it is the address of app. Needs no tcpdump. Runs until a limit, SIGTERM or
    Ctrl-C (exit code 130); the file is complete in any case.

    \b
    eigw-ns capture app
    eigw-ns capture --path web app -w hops.pcapng 'host @web and tcp port 22'
    eigw-ns capture outbound -w - | wireshark -k -i -
    eigw-ns capture app -w app.pcapng --ring 5 --ring-size 10
    eigw-ns capture app -c 10 -o json icmp6
    """
    _check(node, path, interface, target, ring)
    kernel = open_kernel()
    cloud = open_storage().store.load(choose_lab(lab, kernel)).cloud
    if path:
        found, words = points.of_path(cloud, *path), (node, *filter_words)
    else:
        found, words = points.of_node(cloud, find_node(cloud, node or "")[0], interface), filter_words
    text = points.with_addresses(cloud, " ".join(word for word in words if word))
    program = _program(text, snaplen, (node or "", cloud))
    style = _Style(text, snaplen, raw_checksums, sinks.Ring(ring, ring_size * _MEBIBYTE) if ring else None)
    talk, signals = Talk(quiet=quiet, verbose=False), stopping.signals()
    with Capture(found, program, snaplen) as capture:
        talk.note(f"capturing on {', '.join(point.name for point in found)}")
        try:
            sink = _lines(found, output) if target is None else _file(found, target, style)
            outcome = capture.run(sink, Limits(count, seconds), lambda: bool(signals))
        except BrokenPipeError:  # the reader has enough
            streams.let_go(sys.stdout)
            return 0
    talk.note(_ended(outcome, found))
    return INTERRUPTED if signal.SIGINT in signals else 0


def _program(text: str, snap_length: int, here: tuple[str, Cloud]) -> Program | None:
    """Return the program of a filter, None without one. A second node in its place is a --path that was not written."""
    try:
        return compiled(text, snap_length) if text else None
    except UsageError as error:
        first, cloud = here
        if text in {name for node in nodes(cloud) for name in (node.name, node.qualified)}:
            raise UsageError(error.message, hint=f"eigw-ns capture --path {first} {text}") from error
        raise


def _check(
    node: str | None, path: tuple[str, str] | None, interface: str | None, target: str | None, ring: int | None
) -> None:
    """Refuse options that do not fit each other, before anything is opened."""
    if path is None and node is None:
        raise UsageError("a capture needs a NODE, or --path FROM TO", hint="eigw-ns capture app")
    if ring and target in (None, STDOUT):
        raise UsageError("--ring writes files in turn", hint="add -w FILE")
    if interface and path:
        raise UsageError("--interface is for a NODE: --path has one interface for each hop", hint="omit --interface")
    if target == STDOUT and sys.stdout.isatty():
        raise UsageError("a pcapng file is not for a terminal", hint="eigw-ns capture … -w - | wireshark -k -i -")


@frozen
class _Style:
    """How a file is written."""

    packet_filter: str
    snap_length: int
    raw_checksums: bool
    ring: sinks.Ring | None


def _file(found: Sequence[Point], target: str, style: _Style) -> sinks.Pcapng:
    def opened(number: int) -> BinaryIO:
        if target == STDOUT:
            return sys.stdout.buffer
        path = Path(target)
        try:
            return (sinks.ring_file(path, number) if style.ring else path).open("wb")
        except OSError as error:
            raise UsageError(f"cannot write {target}: {error.strerror}", hint="choose another file") from error

    return sinks.Pcapng(
        found,
        opened,
        packet_filter=style.packet_filter,
        snap_length=style.snap_length,
        raw_checksums=style.raw_checksums,
        ring=style.ring,
    )


def _lines(found: Sequence[Point], output: str) -> sinks.Lines:
    width = max(len(point.name) for point in found)

    def show(point: Point, frame: Frame, fields: dict[str, Any]) -> None:
        moment = datetime.fromtimestamp(frame.time / 1e9).astimezone()
        if output == "json":
            record = {"time": _precise(moment, frame.time), "interface": point.name, "direction": frame.direction}
            click.echo(json.dumps(record | fields | {"length": frame.length}))
        else:
            said = summary.line(fields, frame.length)
            click.echo(printable(f"{moment:%H:%M:%S}.{frame.time // 1000 % 1_000_000:06} "
                                 f"{point.name:{width}} {frame.direction:3} {said}"))  # fmt: skip

    return sinks.Lines(found, show)


def _precise(moment: datetime, nanoseconds: int) -> str:
    """Return the moment in ISO 8601 with nanoseconds."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{nanoseconds % 1_000_000_000:09}{moment:%z}"


def _ended(outcome: Outcome, found: Sequence[Point]) -> str:
    lost = [f"{loss.lost} at {point.name}" for point, loss in zip(found, outcome.losses, strict=True) if loss.lost]
    more = f"; lost because this process could not keep up: {', '.join(lost)}" if lost else ""
    return f"{outcome.frames} packet{'' if outcome.frames == 1 else 's'} captured{more}"

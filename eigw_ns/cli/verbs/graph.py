"""`eigw-ns graph`: draw a lab."""

from __future__ import annotations

import contextlib

import click

from eigw_ns.cli import complete, options
from eigw_ns.cli.context import open_kernel, open_storage, running_kernel, topology_of
from eigw_ns.cli.output import columns, has_colour, is_utf8, show_json
from eigw_ns.cloud.model import Cloud
from eigw_ns.cloud.protocols import WITH_PORTS, number
from eigw_ns.dataplane.trace.explanation import Question, explain
from eigw_ns.errors import EigwError, UsageError
from eigw_ns.kernel.protocol import Machine
from eigw_ns.lab.lifecycle import description, operations
from eigw_ns.lab.lifecycle.description import Readings
from eigw_ns.render.graph import marks as render_marks
from eigw_ns.render.graph import text as render_text
from eigw_ns.render.graph.data import data
from eigw_ns.render.graph.document import Document, Replica, document
from eigw_ns.render.graph.dot import dot
from eigw_ns.render.graph.layout import layout
from eigw_ns.render.graph.marks import Marks
from eigw_ns.render.graph.mermaid import mermaid
from eigw_ns.render.graph.svg import svg

_FORMS = ("text", "svg", "mermaid", "dot", "json")
_PORT = 443


@click.command("graph")
@click.option("-o", "--output", type=click.Choice(_FORMS), default="text", show_default=True,
              help="Output format: text for terminals, svg for browsers, mermaid and dot for documents, json for "
              "programs.")  # fmt: skip
@click.option("--ascii", "ascii_only", is_flag=True, help="Draw text with ASCII characters only.")
@click.option("--verdicts", is_flag=True, help="Mark instances: can the internet begin a connection to them? "
              "The model answers; `eigw-ns verify` proves it with packets.")  # fmt: skip
@click.option("--path", nargs=2, metavar="FROM TO", shell_complete=complete.nodes,
              help="Show the way of a packet, and where it ends.")  # fmt: skip
@click.option("--protocol", metavar="NAME|NUMBER", help="With --path: protocol of the packet.  [default: tcp]",
              shell_complete=complete.protocols)  # fmt: skip
@click.option("--port", type=click.IntRange(1, 65535), metavar="N",
              help=f"With --path: destination port of tcp and udp.  [default: {_PORT}]")  # fmt: skip
@click.option("--drift", is_flag=True, help="Mark nodes where the kernel differs from what was applied, with the "
              "number of differing objects. Needs a running lab.")  # fmt: skip
@options.positional_file
@options.file
@options.lab
def command(
    output: str,
    ascii_only: bool,
    verdicts: bool,
    path: tuple[str, str] | None,
    protocol: str | None,
    port: int | None,
    drift: bool,
    file: str | None,
    lab: str | None,
) -> None:
    """Draw a lab: subnets, their routes, the gateways at the border of the VPC, and the internet.

    An egress-only gateway has an arrow out, and a line from the internet that ends at a bar. A blackhole ends inside
    the VPC. With a FILE, draws the topology without root. Without one, draws the lab that was applied last; if this
    process may look, with the state of replicas and the number of refused packets.

    \b
    eigw-ns graph lab.yaml
    eigw-ns graph -o svg > lab.svg
    eigw-ns graph -o mermaid lab.yaml >> README.md
    eigw-ns graph --path web app --port 22
    eigw-ns graph --verdicts --drift
    """
    if path is None and (protocol or port):
        raise UsageError("--protocol and --port say which packet --path shows", hint="add --path FROM TO")
    if drift and file is not None:
        raise UsageError("a file has no drift: --drift compares the kernel with what was applied", hint="omit the file")
    cloud = topology_of(file, lab).cloud
    marks = Marks(
        reachable=render_marks.verdicts(cloud) if verdicts else {},
        drift=_drift(cloud) if drift else None,
        path=_path(cloud, path, protocol or "tcp", port) if path else None,
    )
    found = _document(cloud, _readings(cloud) if file is None else Readings())
    _show(found, marks, output, ascii_only)


def _show(found: Document, marks: Marks, output: str, ascii_only: bool) -> None:
    if output == "json":
        show_json(data(found, marks))
    elif output == "text":
        plain = ascii_only or not is_utf8()
        glyphs = render_text.ASCII if plain else render_text.UNICODE
        lines = render_text.text(found, marks, width=columns(), glyphs=glyphs)
        click.echo(render_text.plain(lines, _coloured if has_colour() else _uncoloured), nl=False, color=has_colour())
    else:
        forms = {"mermaid": lambda: mermaid(found, marks), "dot": lambda: dot(found, marks)}
        click.echo(forms[output]() if output in forms else svg(layout(found), marks), nl=False)


def _coloured(text: str, style: str) -> str:
    return click.style(text, bold=style == "bold", dim=style == "dim", fg=style if style in _COLOURS else None)


def _uncoloured(text: str, _style: str) -> str:
    return text


_COLOURS = ("red", "green", "yellow")


def _path(cloud: Cloud, ends: tuple[str, str], protocol: str, port: int | None) -> render_marks.Path:
    if port is None and number(protocol) in WITH_PORTS:
        port = _PORT
    return render_marks.path(explain(cloud, Question(*ends, protocol, port)))


def _drift(cloud: Cloud) -> dict[str, int]:
    """Return the number of differing objects of each node. Raises HostError if this process may not look."""
    steps = operations.drift(open_kernel(), open_storage(), cloud.lab)
    return render_marks.drift(step.object.namespace for step in steps)


def _readings(cloud: Cloud) -> Readings:
    """Return what the kernel says about gateways; nothing if this process may not look, or the lab does not run."""
    kernel: Machine | None = running_kernel()
    if kernel is not None:
        with contextlib.suppress(EigwError):
            return description.read(kernel, cloud, description.counted_routers(cloud, ("EgressOnlyInternetGateways",)))
    return Readings()


def _document(cloud: Cloud, readings: Readings) -> Document:
    replicas = {
        gateway: tuple(Replica(each.number, each.in_service, each.flows) for each in reports)
        for gateway, reports in readings.replicas.items()
    }
    counted = ((gateway, found.get("drop_inbound")) for gateway, found in readings.counters.items())
    refused = {gateway: count.packets for gateway, count in counted if count is not None}
    return document(cloud, replicas, refused)

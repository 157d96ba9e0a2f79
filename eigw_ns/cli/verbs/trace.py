"""`eigw-ns trace`: one real packet, and what each rule on its way did with it, beside the model."""

from __future__ import annotations

import click

from eigw_ns.cli import complete, options
from eigw_ns.cli.context import open_kernel, open_storage, topology_of
from eigw_ns.cli.output import show_json, show_tables, show_text
from eigw_ns.cli.talk import Talk
from eigw_ns.cloud.protocols import WITH_PORTS, number
from eigw_ns.dataplane.trace.explanation import Explanation, Question, explain
from eigw_ns.lab.trace.session import PacketTrace
from eigw_ns.lab.trace.session import trace as trace_packet
from eigw_ns.render import trace as render

DISAGREES = 4
"""The exit code if the packet does not do what the model says."""

_PORT = 443
_PORTS = click.IntRange(1, 65535)


@click.command("trace")
@click.argument("source", metavar="FROM", shell_complete=complete.nodes)
@click.argument("destination", metavar="TO", shell_complete=complete.nodes)
@click.option("--protocol", type=click.Choice(["tcp", "udp", "icmpv6"]), default="tcp", show_default=True,
              help="Protocol of the packet; icmpv6 is an echo request.")  # fmt: skip
@click.option("--port", type=_PORTS, metavar="N", help=f"Destination port of tcp and udp.  [default: {_PORT}]")
@click.option("--source-port", type=_PORTS, metavar="N",
              help="Source port of tcp and udp.  [default: any of 32768-60999]")  # fmt: skip
@options.lab
@options.output
@options.quiet
def command(
    source: str,
    destination: str,
    protocol: str,
    port: int | None,
    source_port: int | None,
    lab: str | None,
    output: str,
    quiet: bool,
) -> int:
    """Send one packet from FROM to TO, and show which nftables rule passed or dropped it and its answer at each hop.

    FROM and TO are instances or internet hosts. Linux's own trace stands beside what `explain` predicts; exit code 4 if
    they disagree. The packet is marked by a table `eigw_ns_trace` in each namespace on the way, which vanishes with
    this command, however it ends. Holds the lock of the lab for at most about two seconds.

    \b
    eigw-ns trace app web
    eigw-ns trace web app --port 22
    eigw-ns trace app web --protocol icmpv6
    eigw-ns trace app web -o json | jq -r '.steps[] | [.node, .rule, .verdict] | @tsv'
    """
    cloud = topology_of(None, lab).cloud
    if port is None and number(protocol) in WITH_PORTS:
        port = _PORT
    found = traced(explain(cloud, Question(source, destination, protocol, port, source_port)), quiet=quiet)
    if output == "json":
        show_json(render.document(found))
    else:
        show(found)
    return 0 if found.agrees else DISAGREES


def traced(explanation: Explanation, *, quiet: bool = False) -> PacketTrace:
    """Send the packet that was explained, and return its trace. Raises as `lab.trace.session.trace` does."""
    explanation.require_real()
    open_kernel()
    return trace_packet(explanation, open_storage().lock, Talk(quiet=quiet, verbose=False).note)


def show(found: PacketTrace) -> None:
    """Print the tables and the verdict for people."""
    show_tables(render.tables(found))
    show_text("\n" + render.verdict(found))

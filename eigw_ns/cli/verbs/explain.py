"""`eigw-ns explain`: which rule decides."""

from __future__ import annotations

from typing import get_args

import click

from eigw_ns.cli import complete, options
from eigw_ns.cli.context import open_kernel, topology_of
from eigw_ns.cli.output import show_json, show_tables
from eigw_ns.dataplane.trace import Protocol
from eigw_ns.lab.explain import Explanation, Question, explain
from eigw_ns.lab.verify import Check, probe
from eigw_ns.render import explain as render
from eigw_ns.render.explain_aws import document
from eigw_ns.topology import Expectation

DISAGREES = 4
"""The exit code where the packet does not do what was predicted."""

_PORT = 443
_PORTS = click.IntRange(1, 65535)


@click.command("explain")
@click.argument("source", metavar="FROM", shell_complete=complete.nodes)
@click.argument("destination", metavar="TO", shell_complete=complete.nodes)
@click.option("--protocol", type=click.Choice(get_args(Protocol)), default="tcp", show_default=True,
              help="What is sent; icmpv6 is an echo request.")  # fmt: skip
@click.option("--port", type=_PORTS, metavar="N", help=f"The destination port.  [default: {_PORT}]")
@click.option("--source-port", type=_PORTS, metavar="N",
              help="The source port.  [default: any of 32768-60999, as Linux chooses]")  # fmt: skip
@click.option("--probe", "send", is_flag=True, help="Send the packet too; exit code 4 if it does something else.")
@options.file
@options.lab
@options.output
def command(
    source: str,
    destination: str,
    protocol: Protocol,
    port: int | None,
    source_port: int | None,
    send: bool,
    file: str | None,
    lab: str | None,
    output: str,
) -> int:
    """Say hop by hop what becomes of a packet and of its answer: which route, rule or gateway decides, and why.

    FROM and TO are instances, internet hosts or IPv6 addresses on the internet. Needs no root and no running lab, save
    for --probe. Limits of connections are not part of it: what they refuse is counted, and shown by `eigw-ns describe`
    (drop_limit_source, drop_limit_gateway) and `eigw-ns describe subnets` (drop_limit_instance). `-o json` is in the
    shape of AWS's Reachability Analyzer, with its codes.

    \b
    eigw-ns explain app web
    eigw-ns explain web app --port 22 -f lab.yaml
    eigw-ns explain app 2001:db8:80::1 --protocol icmpv6 --probe
    eigw-ns explain app web -o json | jq -r '.Explanations[].ExplanationCode'
    """
    cloud = topology_of(file, lab).cloud
    if port is None and protocol != "icmpv6":
        port = _PORT
    explanation = explain(cloud, Question(source, destination, protocol, port, source_port))
    check = _probed(explanation) if send else None
    if output == "json":
        show_json(document(explanation, check))
    else:
        show_tables(render.tables(explanation))
        click.echo("\n" + render.verdict(explanation))
        if check is not None:
            click.echo(render.probed(check))
    return DISAGREES if check is not None and not check.passed else 0


def _probed(explanation: Explanation) -> Check:
    explanation.require_real()
    open_kernel()
    question, trace = explanation.question, explanation.trace
    ends = explanation.source_id, explanation.destination_id
    return probe(explanation.cloud, Expectation(*ends, question.protocol, question.port, trace.outcome), trace)

"""`eigw-ns explain`: show which rule decides about a packet."""

from __future__ import annotations

import contextlib

import click

from eigw_ns.cli import complete, options
from eigw_ns.cli.changes import warn_of_drift
from eigw_ns.cli.context import open_kernel, open_storage, running_kernel, topology_of
from eigw_ns.cli.output import show_json, show_tables, show_text
from eigw_ns.cli.talk import Talk
from eigw_ns.cloud.model import Cloud
from eigw_ns.cloud.protocols import WITH_PORTS, number
from eigw_ns.dataplane.trace.explanation import Explanation, Question, explain
from eigw_ns.errors import EigwError
from eigw_ns.lab.verify.checks import Check, probe
from eigw_ns.lab.verify.disturbance import undisturbed
from eigw_ns.render import explain as render
from eigw_ns.render.explain_aws import document
from eigw_ns.topology import Expectation

FAILED = 4
"""The exit code if the packet does not do what was predicted, or what --check asks for."""

_PORT = 443
_PORTS = click.IntRange(1, 65535)


@click.command("explain")
@click.argument("source", metavar="FROM", shell_complete=complete.nodes)
@click.argument("destination", metavar="TO", shell_complete=complete.nodes)
@click.option("--protocol", metavar="NAME|NUMBER", default="tcp", show_default=True, shell_complete=complete.protocols,
              help="Protocol of the packet: tcp, udp, icmpv6 (an echo request), or another name or number, such as "
              "sctp, esp or 89.")  # fmt: skip
@click.option("--port", type=_PORTS, metavar="N", help=f"Destination port of tcp and udp.  [default: {_PORT}]")
@click.option("--source-port", type=_PORTS, metavar="N",
              help="Source port of tcp and udp.  [default: any of 32768-60999, as Linux chooses]")  # fmt: skip
@click.option("--check", is_flag=True, help="Exit code 4 if the packet does not arrive or its answer does not.")
@click.option("--probe", "send", is_flag=True, help="Also send the packet; exit code 4 if the prediction is wrong.")
@click.option("--trace", "tracing", is_flag=True, help="Also send the packet, and show which nftables rules decided "
              "about it, as `eigw-ns trace` does; exit code 4 if the prediction is wrong.")  # fmt: skip
@options.file
@options.lab
@options.output
def command(
    source: str,
    destination: str,
    protocol: str,
    port: int | None,
    source_port: int | None,
    check: bool,
    send: bool,
    tracing: bool,
    file: str | None,
    lab: str | None,
    output: str,
) -> int:
    """Show hop by hop what happens to a packet and its answer: which route, rule or gateway decides, and why.

    FROM and TO are instances, internet hosts or IPv6 addresses of any kind. A sender whose address no node has is taken
    to be on the internet. Every machine is taken to have a service that answers. Needs no root and no running lab,
    except with --probe and --trace. If the lab runs and has drift, a warning says so. Does not consider connection
    limits: `eigw-ns describe` shows how many packets they dropped (drop_limit_source, drop_limit_gateway; with
    `describe subnets`, drop_limit_instance). `-o json` prints the shape and the codes of AWS's Reachability Analyzer.

    \b
    eigw-ns explain app web
    eigw-ns explain web app --port 22 -f lab.yaml
    eigw-ns explain app 2001:db8:80::1 --protocol icmpv6 --probe
    eigw-ns explain web app --port 22 --trace
    eigw-ns explain app 64:ff9b::1 --protocol sctp --check
    eigw-ns explain app web -o json | jq -r '.Explanations[].ExplanationCode'
    """
    cloud = topology_of(file, lab).cloud
    if port is None and number(protocol) in WITH_PORTS:
        port = _PORT
    explanation = explain(cloud, Question(source, destination, protocol, port, source_port))
    if tracing:
        return _with_trace(explanation, output, check=check)
    probe_result = _probed(explanation) if send else None
    if output == "json":
        show_json(document(explanation, probe_result))
    else:
        show_tables(render.tables(explanation))
        show_text("\n" + render.verdict(explanation))
        if probe_result is not None:
            show_text(render.probed(probe_result))
    if file is None:
        _warn_of_drift(cloud)
    disagrees = probe_result is not None and not (probe_result.passed or probe_result.inconclusive)
    fails = check and explanation.trace.outcome != "allowed"
    return FAILED if disagrees or fails else 0


def _with_trace(explanation: Explanation, output: str, *, check: bool) -> int:
    """Print the explanation and the trace of a real packet. Return the exit code."""
    from eigw_ns.cli.verbs import trace  # late: most explanations send no packet
    from eigw_ns.render import trace as render_trace

    found = trace.traced(explanation)
    if output == "json":
        show_json({**document(explanation, found.check), "Trace": render_trace.document(found)})
    else:
        show_tables(render.tables(explanation))
        show_text("\n" + render.verdict(explanation) + "\n")
        trace.show(found)
    fails = check and explanation.trace.outcome != "allowed"
    return 0 if found.agrees and not fails else FAILED


def _warn_of_drift(cloud: Cloud) -> None:
    """Warn of drift if this process may look. The explanation is about what was applied, and needs no kernel."""
    kernel = running_kernel()
    if kernel is not None:
        with contextlib.suppress(EigwError):
            warn_of_drift(kernel, cloud, Talk(quiet=False, verbose=False))


def _probed(explanation: Explanation) -> Check:
    protocol = explanation.require_real()
    open_kernel()
    question, trace = explanation.question, explanation.trace
    ends = explanation.source_id, explanation.destination_id
    expected = Expectation(*ends, protocol, question.port, trace.outcome)
    say = Talk(quiet=False, verbose=False).note
    lock = open_storage().lock
    return undisturbed(lock, explanation.cloud.lab, lambda: probe(explanation.cloud, expected, trace), say)

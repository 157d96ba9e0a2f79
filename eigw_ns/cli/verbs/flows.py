"""`eigw-ns flows`: the flows in the connection tables of gateways and subnets."""

from __future__ import annotations

import time

import click

from eigw_ns.cli import complete, flow_logs, options
from eigw_ns.cli.context import apply_again, choose_lab, open_kernel, open_storage
from eigw_ns.cli.output import show_json, show_tables
from eigw_ns.cli.talk import Talk
from eigw_ns.cli.watching import watched
from eigw_ns.cloud import protocols
from eigw_ns.cloud.model import Cloud
from eigw_ns.kernel.protocol import Machine
from eigw_ns.lab.flows import selection, tables
from eigw_ns.lab.flows.selection import Selection
from eigw_ns.render import flows as render


@click.command("flows")
@click.argument("router", metavar="[GATEWAY | SUBNET]", required=False, shell_complete=complete.nodes)
@click.option("--source", metavar="END", shell_complete=complete.nodes,
              help="Only flows from this NODE, address or prefix.")  # fmt: skip
@click.option("--destination", metavar="END", shell_complete=complete.nodes,
              help="Only flows to this NODE, address or prefix.")  # fmt: skip
@click.option("--protocol", metavar="NAME", help="Only flows of this protocol: a name, or IANA's number.")
@click.option("--port", type=click.IntRange(0, 65535), metavar="N", help="Only flows to this destination port.")
@click.option("--state", "states", multiple=True, metavar="STATE",
              help="Only flows in this state, such as established; repeatable.")  # fmt: skip
@click.option("-n", "--limit", type=click.IntRange(1), metavar="N", help="Maximum number of flows to print.")
@flow_logs.options
@options.lab
@options.watch
@options.output
@options.quiet
def command(
    router: str | None,
    source: str | None,
    destination: str | None,
    protocol: str | None,
    port: int | None,
    states: tuple[str, ...],
    limit: int | None,
    log: flow_logs.Asked,
    lab: str | None,
    watch: bool,
    output: str,
    quiet: bool,
) -> int:
    """Show the flows in the connection tables of gateways, merged over their replicas, or of a subnet.

    Without a name, shows those of all egress-only internet gateways. Out is from the flow's source to its destination,
    In is the answers: packets and bytes with their IPv6 headers. They are known for gateways with `flow_accounting`.
    `-o json` prints one object for each flow, on a line of its own.

    --log writes records as AWS's flow logs have them, for VPCs with `flow_logs` in the topology file: what passes
    egress-only gateways, and what gateways and subnets refuse. Fields besides AWS's: gateway-id, replica, drop-reason.

    \b
    eigw-ns flows
    eigw-ns flows outbound --source app --state established
    eigw-ns flows private-a --protocol udp --port 53
    eigw-ns flows --destination 2001:db8::/32 --watch
    eigw-ns flows -o json | jq -s 'sort_by(-.bytes_in)[:5]'
    eigw-ns flows --log flows.log --interval 60 --header
    eigw-ns flows --log - --traffic REJECT --format '${srcaddr} ${dstaddr} ${dstport} ${drop-reason}'
    """
    others = {"a gateway": router, "--source": source, "--destination": destination, "--protocol": protocol,
              "--port": port, "--state": states, "--limit": limit, "--watch": watch}  # fmt: skip
    log.check(name for name, value in others.items() if value)
    if log.target is not None:
        return flow_logs.write(log, lab, Talk(quiet=quiet, verbose=False))
    talk, kernel = Talk(quiet=quiet, verbose=False), open_kernel()
    chosen, store = choose_lab(lab, kernel), open_storage().store

    def show() -> int:
        cloud = store.load(chosen).cloud  # again: another command may have changed it
        wanted = Selection(
            None if source is None else selection.ends(cloud, source),
            None if destination is None else selection.ends(cloud, destination),
            None if protocol is None else protocols.number(protocol),
            port,
            selection.states(states),
        )
        _show(kernel, cloud, tables.tables(cloud, router), wanted, limit, output, talk)
        return 0

    return watched(kernel, watch, show)


def _show(
    kernel: Machine,
    cloud: Cloud,
    wanted: tuple[tables.Table, ...],
    selected: Selection,
    limit: int | None,
    output: str,
    talk: Talk,
) -> None:
    found, gone = tables.read(kernel, wanted)
    for each in gone:
        talk.note(f"{each.label} is not alive; `{apply_again(cloud.lab)}` rebuilds it")
    matching = [row for row in found if selected.matches(row.entry)]
    rows, known, now = matching[:limit], render.names(cloud), time.time_ns()
    if output == "json":
        for row in rows:
            show_json(render.data(row, known, now), indent=None)
    elif rows:
        show_tables((render.table(rows, known, now),))
    if not matching:
        talk.note("there is no such flow" if found else "there are no flows")
    elif len(rows) < len(matching):
        talk.note(f"{len(matching) - len(rows):,} more; --limit {len(matching)} shows all")

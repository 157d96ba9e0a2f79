"""`eigw-ns describe`: resources with ids, states, counters."""

from __future__ import annotations

from collections.abc import Iterable

import click

from eigw_ns.cli import complete, options
from eigw_ns.cli.context import apply_again, choose_lab, open_kernel, open_store
from eigw_ns.cli.output import show_json, show_tables
from eigw_ns.cli.talk import Talk
from eigw_ns.cloud.ec2.schema import Shape
from eigw_ns.cloud.model import Cloud, Tags
from eigw_ns.cloud.words import did_you_mean
from eigw_ns.dataplane.compile.names import namespace_name
from eigw_ns.dataplane.replication.watched_gateways import gateways
from eigw_ns.errors import HostError, MissingError, UsageError
from eigw_ns.kernel.linux import LinuxKernel
from eigw_ns.lab.agent import replica_reports
from eigw_ns.render import aws
from eigw_ns.render import describe as render
from eigw_ns.render import replicas as render_replicas

_SHORT = {
    "rtb": "route-tables",
    "eigw": "egress-only-internet-gateways",
    "igw": "internet-gateways",
    "acl": "network-acls",
    "sg": "security-groups",
    "host": "internet-hosts",
    "hosts": "internet-hosts",
}


def _kind(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """A kind of resource in aws-cli's spelling, in the singular, or as its ids begin."""
    if value is None:
        return None
    word = value.lower()
    for candidate in (word, f"{word}s", _SHORT.get(word, "")):
        if candidate in aws.WORDS:
            return aws.WORDS[candidate]
    raise UsageError(
        f"there is no kind of resource {value}",
        hint=did_you_mean(word, aws.WORDS) or f"the kinds are {', '.join(aws.WORDS)}",
    )


def _tags(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> Tags:
    """`KEY=VALUE` each; the value may be empty and may hold `=`."""
    wrong = [value for value in values if not value.partition("=")[0] or "=" not in value]
    if wrong:
        raise UsageError(f"the tag {wrong[0]!r} is not KEY=VALUE", hint="eigw-ns describe --tag Team=network")
    return tuple((value.partition("=")[0], value.partition("=")[2]) for value in values)


@click.command("describe")
@click.argument("kind", callback=_kind, required=False, shell_complete=complete.kinds)
@click.option(
    "--tag", "tags", callback=_tags, multiple=True, metavar="K=V", help="Only what bears this tag; repeatable."
)
@options.lab
@options.output
@options.quiet
@options.verbose
def command(kind: str | None, tags: Tags, lab: str | None, output: str, quiet: bool, verbose: bool) -> None:
    """Show resources with ids, states and counters; all kinds, or one KIND.

    KIND is vpcs, subnets, route-tables, egress-only-internet-gateways (or eigw), internet-gateways (or igw),
    network-acls (or acl), security-groups (or sg), instances or internet-hosts. Gateways, and subnets where KIND asks
    for them, come with the counters that have counted anything, with -v with all; gateways with their replicas, too:
    health, flows, copies of the others' flows. That takes root. `-o json` has AWS's own shapes.

    \b
    eigw-ns describe
    eigw-ns describe eigw --tag Name=outbound
    eigw-ns describe subnets -v
    eigw-ns describe route-tables -o json | jq '.RouteTables[].Routes[] | select(.State == "blackhole")'
    """
    talk = Talk(quiet=quiet, verbose=verbose)
    kernel = _kernel_if_allowed(talk)
    cloud = open_store().load(choose_lab(lab, kernel)).cloud
    kinds = (kind,) if kind else tuple(aws.KINDS)
    shapes = aws.describe(cloud, kinds, tags)
    replicated = _replicated(kernel, cloud, shapes, talk) if kernel else {}
    counters = _counters(kernel, cloud, _counting(kind, shapes), replicated, talk) if kernel else {}
    if output == "json":
        found = {"Counters": render.counter_data(counters)} if counters else {}
        more = {"Replicas": render_replicas.data(replicated)} if replicated else {}
        show_json({**shapes, **found, **more})
        return
    tables = render.tables(cloud, kinds, tags, counters, zeros=talk.verbose)
    if replicated:
        tables = (*tables, render_replicas.table(cloud, replicated))
    if tables:
        show_tables(tables)
    else:
        talk.note("there is no such resource")


def _kernel_if_allowed(talk: Talk) -> LinuxKernel | None:
    try:
        return open_kernel()
    except HostError as error:
        talk.note(f"counters are left out: {error.message}")
        return None


def _replicated(
    kernel: LinuxKernel, cloud: Cloud, shapes: dict[str, list[Shape]], talk: Talk
) -> dict[str, tuple[replica_reports.Report, ...]]:
    """The replicas of those gateways among `shapes` that have several."""
    wanted = set(_gateway_ids(shapes))
    found: dict[str, tuple[replica_reports.Report, ...]] = {}
    for gateway in gateways(cloud):
        if gateway.id in wanted:
            try:
                found[gateway.id] = replica_reports.examine(kernel, gateway)
            except MissingError:
                talk.note(f"{gateway.label} is not alive; `{apply_again(cloud.lab)}` rebuilds it")
    return found


def _counters(
    kernel: LinuxKernel,
    cloud: Cloud,
    routers: Iterable[str],
    replicated: dict[str, tuple[replica_reports.Report, ...]],
    talk: Talk,
) -> render.Counters:
    """The named counters of the routers with these ids; those of several replicas added up."""
    found: dict[str, dict[str, tuple[int, int]]] = {}
    for router in routers:
        try:
            reports = replicated.get(router)
            counts = replica_reports.totals(reports) if reports else kernel.counters(namespace_name(cloud.lab, router))
        except MissingError:
            talk.note(f"{router} is not alive, so it has no counters; `{apply_again(cloud.lab)}` rebuilds it")
            continue
        found[router] = {name: (count.packets, count.bytes) for name, count in counts.items()}
    return found


def _counting(kind: str | None, shapes: dict[str, list[Shape]]) -> Iterable[str]:
    """Whose counters are shown: those of gateways, and of subnets, of which there may be hundreds, when asked for."""
    return [str(shape["SubnetId"]) for shape in shapes[kind]] if kind == "Subnets" else _gateway_ids(shapes)


def _gateway_ids(shapes: dict[str, list[Shape]]) -> Iterable[str]:
    for kind, member in (
        ("EgressOnlyInternetGateways", "EgressOnlyInternetGatewayId"),
        ("InternetGateways", "InternetGatewayId"),
    ):
        yield from (str(shape[member]) for shape in shapes.get(kind, ()) if shape["Attachments"])

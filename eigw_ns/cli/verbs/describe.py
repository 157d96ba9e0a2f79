"""`eigw-ns describe`: resources with ids, states, counters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import click

from eigw_ns.cli import complete, options
from eigw_ns.cli.context import apply_again, choose_lab, open_kernel, open_store
from eigw_ns.cli.output import show_json, show_tables
from eigw_ns.cli.talk import Talk
from eigw_ns.cloud.aws_words import lacking
from eigw_ns.cloud.model import Cloud, Tags
from eigw_ns.cloud.words import did_you_mean
from eigw_ns.errors import HostError, UsageError
from eigw_ns.kernel.protocol import Count, Machine
from eigw_ns.lab.lifecycle import description, operations
from eigw_ns.lab.lifecycle.description import Readings
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
        hint=lacking(word) or did_you_mean(word, aws.WORDS) or f"the kinds are {', '.join(aws.WORDS)}",
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
    "--tag", "tags", callback=_tags, multiple=True, metavar="K=V", help="Only resources that have this tag; repeatable."
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
    routers = description.counted_routers(cloud, kinds, tags)
    readings = _read(kernel, cloud, routers, talk) if kernel else Readings()
    counters = {router: _numbers(counts) for router, counts in readings.counters.items()}
    if output == "json":
        found = {"Counters": render.counter_data(counters)} if counters else {}
        more = {"Replicas": render_replicas.data(readings.replicas)} if readings.replicas else {}
        show_json({**shapes, **found, **more})
        return
    tables = render.tables(cloud, kinds, tags, counters, zeros=talk.verbose)
    if readings.replicas:
        tables = (*tables, render_replicas.table(cloud, readings.replicas))
    if tables:
        show_tables(tables)
    else:
        talk.note("there is no such resource")


def _kernel_if_allowed(talk: Talk) -> Machine | None:
    try:
        return open_kernel()
    except HostError as error:
        talk.note(f"counters are left out: {error.message}")
        return None


def _read(kernel: Machine, cloud: Cloud, routers: Iterable[str], talk: Talk) -> Readings:
    readings = description.read(kernel, cloud, routers)
    limits = operations.lowered_limits(kernel, cloud)
    if limits is not None:
        talk.note(str(limits))
    for label in readings.gone_gateways:
        talk.note(f"{label} is not alive; `{apply_again(cloud.lab)}` rebuilds it")
    for router in readings.gone:
        talk.note(f"{router} is not alive, so it has no counters; `{apply_again(cloud.lab)}` rebuilds it")
    return readings


def _numbers(counts: Mapping[str, Count]) -> dict[str, tuple[int, int]]:
    return {name: (count.packets, count.bytes) for name, count in counts.items()}

"""`eigw-ns describe`: resources with ids, states, counters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

from eigw_ns.cli import complete, options
from eigw_ns.cli.context import apply_again, choose_lab, open_kernel, open_storage, this_machine
from eigw_ns.cli.output import show_json, show_tables
from eigw_ns.cli.talk import Talk
from eigw_ns.cli.watching import watched
from eigw_ns.cloud import families
from eigw_ns.cloud.aws_words import lacking
from eigw_ns.cloud.model import Cloud, Tags
from eigw_ns.cloud.words import did_you_mean
from eigw_ns.errors import HostError, NoSuchLabError, UsageError
from eigw_ns.frozen import frozen
from eigw_ns.kernel.protocol import Count, Machine
from eigw_ns.lab.lifecycle import description, operations
from eigw_ns.lab.lifecycle.description import Readings
from eigw_ns.render import aws, legend, nodes, one_resource
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


@frozen
class Subject:
    """What is described: kinds of resource (keys of `aws.KINDS`), or one resource by its id, and nodes."""

    kinds: tuple[str, ...]
    only: str = ""
    nodes: bool = False


def _kind(value: str | None) -> Subject | None:
    """Return the kinds that a word means, in aws-cli's spelling, in the singular or as ids begin; else None."""
    if value is None:
        return Subject(tuple(aws.KINDS))
    word = value.lower()
    if word in ("node", "nodes"):
        return Subject((), nodes=True)
    candidates = (word, f"{word}s", _SHORT.get(word, ""))
    return next((Subject((aws.WORDS[each],)) for each in candidates if each in aws.WORDS), None)


def _resource(cloud: Cloud, value: str) -> Subject:
    found = one_resource.find(cloud, value)
    if found is None:
        raise _unknown(value)
    return Subject((found.kind,) if found.kind else (), found.id, nodes=True)


def _unknown(value: str) -> UsageError:
    word = value.lower()
    return UsageError(
        f"there is no kind of resource {value}, and no resource of that name",
        hint=lacking(word) or did_you_mean(word, aws.WORDS) or f"the kinds are nodes, {', '.join(aws.WORDS)}",
    )


def _tags(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> Tags:
    """Split each `KEY=VALUE`. The value may be empty and may have a `=`."""
    wrong = [value for value in values if not value.partition("=")[0] or "=" not in value]
    if wrong:
        raise UsageError(f"the tag {wrong[0]!r} is not KEY=VALUE", hint="eigw-ns describe --tag Team=network")
    return tuple((value.partition("=")[0], value.partition("=")[2]) for value in values)


@click.command("describe")
@click.argument("what", metavar="[KIND | NODE]", required=False, shell_complete=complete.kinds_and_nodes)
@click.option(
    "--tag", "tags", callback=_tags, multiple=True, metavar="K=V", help="Only resources that have this tag; repeatable."
)
@options.lab
@options.watch
@options.output
@options.quiet
@options.verbose
def command(what: str | None, tags: Tags, lab: str | None, watch: bool, output: str, quiet: bool, verbose: bool) -> int:
    """Show resources with ids, states and counters: all, those of one KIND, or one resource.

    NODE is the name or the id of any resource: `app`, `main/outbound`, `rtb-…`. KIND is nodes, which shows namespaces
    and interfaces, or vpcs, subnets, route-tables, egress-only-internet-gateways (or eigw), internet-gateways (or igw),
    network-acls (or acl), security-groups (or sg), instances or internet-hosts. As root, also
    shows the counters of gateways (and of subnets, if KIND is subnets) that are not zero (-v: all), and the replicas of
    gateways: their health and their flows. `-o json` prints AWS's own shapes, and beside them in `SubnetClasses` what
    connects each subnet to the internet by its routes: public, nat, egress-only, inspected, none, unknown.

    \b
    eigw-ns describe
    eigw-ns describe eigw --tag Name=outbound
    eigw-ns describe subnets -v
    eigw-ns describe app
    eigw-ns describe nodes
    eigw-ns describe eigw --watch
    eigw-ns describe route-tables -o json | jq '.RouteTables[].Routes[] | select(.State == "blackhole")'
    """
    talk = Talk(quiet=quiet, verbose=verbose)
    kernel = _kernel_if_allowed(talk)
    kind, storage = _kind(what), open_storage()
    try:
        chosen = choose_lab(lab, kernel)
    except NoSuchLabError:
        if what is not None and kind is None:  # a misspelling is an error without a lab, too
            raise _unknown(what) from None
        raise

    def show() -> int:
        cloud = storage.store.load(chosen).cloud  # again: another command may have changed it
        _show(kernel, cloud, kind or _resource(cloud, what or ""), tags, output, talk)
        return 0

    return watched(kernel or this_machine(storage.folders.run), watch, show)


def _show(kernel: Machine | None, cloud: Cloud, subject: Subject, tags: Tags, output: str, talk: Talk) -> None:
    routers = description.counted_routers(cloud, subject.kinds, tags)
    routers = tuple(router for router in routers if subject.only in ("", router))
    readings = _read(kernel, cloud, routers, talk) if kernel else Readings()
    counters = {router: _numbers(counts) for router, counts in readings.counters.items()}
    if output == "json":
        show_json(_data(cloud, subject, tags, readings, counters))
        return
    tables = render.tables(cloud, subject.kinds, tags, counters, zeros=talk.verbose)
    if subject.only:
        tables = one_resource.tables(tables, subject.only)
    if subject.nodes and not tags:
        tables = (*tables, nodes.table(nodes.data(cloud, subject.only)))
    if readings.replicas:
        tables = (*tables, render_replicas.table(cloud, readings.replicas))
    shown = (name for found in counters.values() for name, (packets, _) in found.items() if packets or talk.verbose)
    tables = tuple(table for table in (*tables, legend.table(shown)) if table.rows)
    if tables:
        show_tables(tables)
        if subject.kinds and (recorded := families.recorded(cloud)):
            talk.note(families.recorded_note(recorded))
    else:
        talk.note("there is no such resource")


def _data(
    cloud: Cloud, subject: Subject, tags: Tags, readings: Readings, counters: render.Counters
) -> dict[str, object]:
    shapes: Mapping[str, Sequence[Mapping[str, Any]]] = aws.describe(cloud, subject.kinds, tags)
    shapes = one_resource.shapes(shapes, subject.only) if subject.only else shapes
    subnets = [each["SubnetId"] for each in shapes.get("Subnets", ())]
    classes = {"SubnetClasses": render.class_data(cloud, subnets)} if subnets else {}
    found = {"Counters": render.counter_data(counters)} if counters else {}
    more = {"Replicas": render_replicas.data(readings.replicas)} if readings.replicas else {}
    there = {"Nodes": nodes.data(cloud, subject.only)} if subject.nodes and not tags else {}
    return {**shapes, **classes, **there, **found, **more}


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

"""A diagram in Graphviz's language (https://graphviz.org/doc/info/lang.html). Graphviz itself is not needed here."""

from __future__ import annotations

from collections.abc import Iterator

from eigw_ns.render.graph.document import KIND_WORDS, Document, GraphSubnet, GraphVpc
from eigw_ns.render.graph.marks import NO_MARKS, Marks

_RED, _GREEN = "#c01818", "#12805c"
_SPECIAL = frozenset('{}|<>"\\')


def dot(document: Document, marks: Marks = NO_MARKS) -> str:
    """Return a digraph: a cluster for each VPC and subnet, a record with a port for each route of a subnet."""
    return "".join(f"{line}\n" for line in _lines(document, marks))


def _lines(document: Document, marks: Marks) -> Iterator[str]:
    yield f"digraph {_quoted(document.lab)} {{"
    yield '  graph [rankdir=LR, fontname="sans-serif"]; node [shape=box, fontname="sans-serif"];'
    for vpc in document.vpcs:
        yield from _vpc(vpc, marks)
    yield '  "internet" [shape=cylinder];'
    for host in document.hosts:
        yield f"  {_quoted(host.id)} [label={_label(host.name, host.address)}];"
        yield f'  "internet" -> {_quoted(host.id)} [dir=none];'
    for vpc in document.vpcs:
        yield from _edges(vpc)
    yield "}"


def _vpc(vpc: GraphVpc, marks: Marks) -> Iterator[str]:
    yield f"  subgraph {_quoted(f'cluster_{vpc.id}')} {{ label={_label(f'VPC {vpc.name}', *vpc.cidrs)};"
    for subnet in vpc.subnets:
        yield f"    subgraph {_quoted(f'cluster_{subnet.id}')} {{ label={_label(subnet.name, subnet.cidr)};"
        for instance in subnet.instances:
            label = _label(instance.name, instance.address or instance.state)
            yield f"      {_quoted(instance.id)} [label={label}{_colour(marks.reachable.get(instance.id))}];"
        yield f"      {_quoted(subnet.id)} [shape=record, label={_record(subnet)}];"
        yield "    }"
        for number, route in enumerate(subnet.table.routes):
            if route.end:
                label = _label(route.end, route.why)
                yield f'    {_quoted(f"{subnet.id}-{number}")} [label={label}, color="{_RED}", fontcolor="{_RED}"];'
    for gateway in vpc.gateways:
        replicas = f"{len(gateway.replicas)} replicas" if len(gateway.replicas) > 1 else ""
        yield f"    {_quoted(gateway.id)} [label={_label(gateway.name, KIND_WORDS[gateway.kind], replicas)}];"
    yield "  }"


def _edges(vpc: GraphVpc) -> Iterator[str]:
    for subnet in vpc.subnets:
        for number, route in enumerate(subnet.table.routes):
            start = f"{_quoted(subnet.id)}:r{number}"
            if route.gateway_id:
                yield f"  {start} -> {_quoted(route.gateway_id)};"
            else:
                yield f'  {start} -> {_quoted(f"{subnet.id}-{number}")} [style=dashed, color="{_RED}"];'
    for gateway in vpc.gateways:
        both = gateway.kind == "internet"
        style = f"dir={'both' if both else 'forward'}, label={_quoted('both ways' if both else 'out only')}"
        yield f'  {_quoted(gateway.id)} -> "internet" [{style}, color="{_GREEN}"];'


def _record(subnet: GraphSubnet) -> str:
    fields = [f"<r{number}> {_field(str(route.destination))}" for number, route in enumerate(subnet.table.routes)]
    return f'"{"|".join([_field(f"route table {subnet.table.name}"), *fields])}"'


def _field(text: str) -> str:
    """Return a field of a record, in which more characters are special than in a quoted text."""
    return "".join(f"\\{each}" if each in _SPECIAL else each for each in _printable(text))


def _colour(reachable: bool | None) -> str:
    return "" if reachable is None else f', color="{_RED if reachable else _GREEN}", penwidth=3'


def _label(*lines: str) -> str:
    return '"' + "\\n".join(_escaped(line) for line in lines if line) + '"'


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    return _printable(text).replace("\\", "\\\\").replace('"', '\\"')


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() else " " for each in text)

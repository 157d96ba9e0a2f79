"""A diagram as mermaid text (https://mermaid.js.org/syntax/flowchart.html), for documents that render it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from eigw_ns.frozen import frozen
from eigw_ns.render.graph.document import KIND_WORDS, Document, GraphRoute, GraphSubnet, GraphVpc
from eigw_ns.render.graph.marks import NO_MARKS, Marks

_RED, _GREEN = "#c01818", "#12805c"
_SPECIAL = {"#": "#35;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "&": "#amp;", "`": "#96;"}


def mermaid(document: Document, marks: Marks = NO_MARKS) -> str:
    """Return a flowchart. Every label is quoted, because a name may be a word of mermaid such as `end`."""
    return "".join(f"{line}\n" for line in _lines(document, marks))


@frozen
class _DeadEnd:
    """A route that drops packets, with the id of the node that stands for its end."""

    id: str
    subnet: GraphSubnet
    route: GraphRoute


def _lines(document: Document, marks: Marks) -> Iterator[str]:
    ids = {resource: f"n{number}" for number, resource in enumerate(_resources(document))}
    dead = {vpc.id: tuple(_dead_ends(vpc, ids)) for vpc in document.vpcs}
    yield "flowchart LR"
    for vpc in document.vpcs:
        yield from _vpc(vpc, ids, dead[vpc.id])
    yield '  internet(["internet"])'
    for host in document.hosts:
        yield f"  {ids[host.id]}[{_quoted(host.name, host.address)}]"
    for vpc in document.vpcs:
        yield from _edges(vpc, ids, dead[vpc.id])
    yield from (f"  internet --- {ids[host.id]}" for host in document.hosts)
    yield from (f"  style {end.id} stroke:{_RED},color:{_RED}" for ends in dead.values() for end in ends)
    for node, reachable in sorted(marks.reachable.items(), key=lambda pair: ids[pair[0]]):
        yield f"  style {ids[node]} stroke:{_RED if reachable else _GREEN},stroke-width:3px"


def _resources(document: Document) -> Iterator[str]:
    """Yield the id of each resource in the order of the document. As such, an id could be a word of mermaid."""
    for vpc in document.vpcs:
        yield vpc.id
        for subnet in vpc.subnets:
            yield from (subnet.id, *(instance.id for instance in subnet.instances))
        yield from (gateway.id for gateway in vpc.gateways)
    yield from (host.id for host in document.hosts)


def _dead_ends(vpc: GraphVpc, ids: Mapping[str, str]) -> Iterator[_DeadEnd]:
    for subnet in vpc.subnets:
        dropping = (route for route in subnet.table.routes if route.end)
        yield from (_DeadEnd(f"{ids[subnet.id]}d{number}", subnet, route) for number, route in enumerate(dropping))


def _vpc(vpc: GraphVpc, ids: Mapping[str, str], dead: tuple[_DeadEnd, ...]) -> Iterator[str]:
    yield f"  subgraph {ids[vpc.id]}[{_quoted(f'VPC {vpc.name}', *vpc.cidrs)}]"
    for subnet in vpc.subnets:
        yield f"    subgraph {ids[subnet.id]}[{_quoted(subnet.name, subnet.cidr, f'route table {subnet.table.name}')}]"
        for instance in subnet.instances:
            yield f"      {ids[instance.id]}[{_quoted(instance.name, instance.address or instance.state)}]"
        yield from () if subnet.instances else (f'      {ids[subnet.id]}e["no instance"]',)
        yield "    end"
    yield from (f"    {end.id}[{_quoted(end.route.end, end.route.why)}]" for end in dead)
    for gateway in vpc.gateways:
        replicas = f"{len(gateway.replicas)} replicas" if len(gateway.replicas) > 1 else ""
        yield f"    {ids[gateway.id]}{{{{{_quoted(gateway.name, KIND_WORDS[gateway.kind], replicas)}}}}}"
    yield "  end"


def _edges(vpc: GraphVpc, ids: Mapping[str, str], dead: tuple[_DeadEnd, ...]) -> Iterator[str]:
    for subnet in vpc.subnets:
        for route in subnet.table.routes:
            if route.gateway_id:
                yield f"  {ids[subnet.id]} -->|{_quoted(str(route.destination))}| {ids[route.gateway_id]}"
    for end in dead:
        yield f"  {ids[end.subnet.id]} -.-x|{_quoted(str(end.route.destination))}| {end.id}"
    for gateway in vpc.gateways:
        arrow, words = ("<-->", "both ways") if gateway.kind == "internet" else ("-->", "out only")
        yield f'  {ids[gateway.id]} {arrow}|"{words}"| internet'


def _quoted(*lines: str) -> str:
    """Return a label of the lines that are not empty."""
    return f'"{"<br/>".join(_escaped(line) for line in lines if line)}"'


def _escaped(text: str) -> str:
    """Return the text with mermaid's entity codes for what a quoted text cannot hold."""
    return "".join(_SPECIAL.get(each, each if each.isprintable() else " ") for each in text)

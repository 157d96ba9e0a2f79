"""A diagram as text for terminals of 60 columns or more, and as an indented list for narrower ones.

It has the order of the map. Routes stand beside the instances of their subnet. A narrow terminal gets less: first the
id of a target that is gone is left out, then security groups, then the blocks of subnets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import zip_longest

from eigw_ns.cloud.words import printable
from eigw_ns.frozen import frozen
from eigw_ns.render.graph.document import (
    KIND_WORDS,
    Document,
    GraphGateway,
    GraphInstance,
    GraphRoute,
    GraphSubnet,
    GraphVpc,
    Replica,
)
from eigw_ns.render.graph.marks import NO_MARKS, Marks

WIDEST, NARROWEST = 96, 60
_LONGEST_NAME, _LONGEST_ID = 24, 13

Span = tuple[str, str]
"""A text with its style in colour: `red`, `green`, `dim`, or "" for none."""

TextLine = tuple[Span, ...]


@frozen
class Glyphs:
    """The characters of the drawing."""

    top: str = "╭╮"
    bottom: str = "╰╯"
    across: str = "─"
    down: str = "│"
    out: str = "──▶"
    both: str = "◀─▶"
    dead: str = "──✗"
    refused: str = "⊣◀─"
    cut: str = "…"
    differs: str = "≠"
    then: str = "→"
    dies: str = "✗"


UNICODE = Glyphs()
ASCII = Glyphs("++", "++", "-", "|", "-->", "<->", "--x", "|<-", "..", "!=", "->", "x")


@frozen
class _Detail:
    """What is shown of each resource."""

    gone: bool = True
    groups: bool = True
    blocks: bool = True


_DETAILS = (_Detail(), _Detail(gone=False), _Detail(gone=False, groups=False), _Detail(False, False, False))


def text(
    document: Document, marks: Marks = NO_MARKS, *, width: int = WIDEST, glyphs: Glyphs = UNICODE
) -> list[TextLine]:
    """Return the lines of the diagram. None is longer than `width`, if `width` is at least `NARROWEST`."""
    width = min(width, WIDEST)
    if width < NARROWEST:
        return list(_Writer(document, marks, glyphs, width, _DETAILS[-1]).listed())
    for detail in _DETAILS:
        lines = list(_Writer(document, marks, glyphs, width, detail).drawn())
        if all(_length(line) <= width for line in lines):
            return lines
    return list(_Writer(document, marks, glyphs, width, _DETAILS[-1]).listed())


class _Writer:
    def __init__(self, document: Document, marks: Marks, glyphs: Glyphs, width: int, detail: _Detail) -> None:
        self._document, self._marks, self._glyphs, self._width, self._detail = document, marks, glyphs, width, detail
        vpcs = document.vpcs
        subnets = [subnet for vpc in vpcs for subnet in vpc.subnets]
        gateways = [gateway.name for vpc in vpcs for gateway in vpc.gateways]
        self._name = self._widest(instance.name for subnet in subnets for instance in subnet.instances)
        self._address = max((cells(_address(each, one)) for each in subnets for one in each.instances), default=0)
        self._gateway = self._widest(("internet", *gateways))
        routes = [str(route.destination) for subnet in subnets for route in subnet.table.routes]
        self._destination = max(map(cells, routes), default=0)
        self._box = max((self._needed(subnet) for subnet in subnets), default=0)

    def _widest(self, names: Iterable[str]) -> int:
        return max((cells(self._short(name)) for name in names), default=0)

    def _short(self, name: str, longest: int = _LONGEST_NAME) -> str:
        name = printable(name)
        return name if cells(name) <= longest else _cut(name, longest - cells(self._glyphs.cut)) + self._glyphs.cut

    def drawn(self) -> Iterator[TextLine]:
        """Yield the lines of the drawing."""
        for vpc in self._document.vpcs:
            yield from self._title(vpc)
            yield ()
            for subnet in vpc.subnets:
                yield from self._subnet(subnet)
            yield ()
            for gateway in vpc.gateways:
                yield from self._gateway_lines(gateway)
            if vpc.gateways:
                yield ()
        yield from self._hosts()
        yield from self._path()

    def _title(self, vpc: GraphVpc) -> Iterator[TextLine]:
        yield ((f"VPC {self._short(vpc.name)}", "bold"), (f" {' '.join(vpc.cidrs[:1])}", "dim"))

    def _needed(self, subnet: GraphSubnet) -> int:
        """Return the width inside the box that the subnet needs."""
        rows = (sum(cells(part) for part, _ in self._inside(instance)) for instance in self._cells_of(subnet))
        return max(cells(self._head(subnet)) + 2, cells(self._foot(subnet)) + 2, *rows, 0)

    def _cells_of(self, subnet: GraphSubnet) -> list[tuple[GraphSubnet, GraphInstance]]:
        return [(subnet, instance) for instance in subnet.instances]

    def _head(self, subnet: GraphSubnet) -> str:
        name = self._short(subnet.name)
        return f" {name} {subnet.cidr} " if self._detail.blocks else f" {name} "

    def _foot(self, subnet: GraphSubnet) -> str:
        return f" route table {self._short(subnet.table.name)}{' (main)' if subnet.table.main else ''} "

    def _inside(self, placed: tuple[GraphSubnet, GraphInstance]) -> TextLine:
        """Return what a box says of an instance, in columns."""
        subnet, instance = placed
        name = _padded(self._short(instance.name), max(self._name, 10))
        address = _padded(_address(subnet, instance), max(self._address, 8))
        groups = self._short(", ".join(instance.groups), 15) if self._detail.groups else ""
        spans: list[Span] = [(f" {name} ", ""), (f"{address} ", "dim"), (_padded(groups, 15) if groups else "", "dim")]
        return (*spans, *self._verdict(instance.id), *self._drift(instance.id), (" ", ""))

    def _verdict(self, node: str) -> Iterator[Span]:
        reachable = self._marks.reachable.get(node)
        if reachable is not None:
            yield (" open  ", "red") if reachable else (" closed", "green")

    def _drift(self, node: str) -> Iterator[Span]:
        differing = (self._marks.drift or {}).get(node)
        if differing:
            yield f" {self._glyphs.differs}{differing}", "yellow"

    def _subnet(self, subnet: GraphSubnet) -> Iterator[TextLine]:
        glyphs, head, foot = self._glyphs, self._head(subnet), self._foot(subnet)
        drift = tuple(self._drift(subnet.id))
        rule = glyphs.across * (self._box - cells(head) - 1)
        yield ((f"{glyphs.top[0]}{glyphs.across}", ""), (head, "bold"), (f"{rule}{glyphs.top[1]}", ""), *drift)
        rows = [self._inside(placed) for placed in self._cells_of(subnet)]
        nothing: TextLine = ((" " * self._box, ""),)
        pairs = zip_longest(rows or [nothing], self._routes(subnet), fillvalue=None)
        for row, route in pairs:
            inside = row or nothing
            gap = " " * (self._box - _length(inside))
            line = ((glyphs.down, ""), *inside, (f"{gap}{glyphs.down}", ""))
            yield (*line, ("  ", ""), *route) if route else line
        rule = glyphs.across * (self._box - cells(foot) - 1)
        yield ((f"{glyphs.bottom[0]}{rule}", ""), (foot, ""), (f"{glyphs.across}{glyphs.bottom[1]}", ""))

    def _routes(self, subnet: GraphSubnet) -> Iterator[TextLine]:
        for route in subnet.table.routes:
            destination = _padded(str(route.destination), self._destination)
            yield ((f"{destination} ", "red" if route.end else ""), *self._target(subnet, route))

    def _target(self, subnet: GraphSubnet, route: GraphRoute) -> Iterator[Span]:
        if route.gateway_id:
            arrow = self._glyphs.both if self._is_open(route.gateway_id) else self._glyphs.out
            yield f"{arrow} {self._short(route.target)}", ""
            return
        why = ""
        if route.why and self._detail.gone:
            target = self._short(route.target, _LONGEST_ID + cells(self._glyphs.cut))
            why = f" ({target}{route.why.removeprefix(route.target)})"
        yield f"{self._glyphs.dead} {route.end}{why}", "red"

    def _is_open(self, gateway_id: str) -> bool:
        every = (gateway for vpc in self._document.vpcs for gateway in vpc.gateways)
        return any(gateway.id == gateway_id and gateway.kind == "internet" for gateway in every)

    def _gateway_lines(self, gateway: GraphGateway) -> Iterator[TextLine]:
        glyphs, longest = self._glyphs, max(map(cells, KIND_WORDS.values()))
        name = _padded(self._short(gateway.name), self._gateway)
        kind = _padded(KIND_WORDS[gateway.kind], longest)
        head: TextLine = ((f"{name}   ", "bold"), (f"{kind}  ", ""))
        drift = tuple(self._drift(gateway.id))
        if gateway.kind == "internet":
            yield (*head, (f"{glyphs.both} internet", "green"), *drift)
            return
        refused = f" {gateway.refused:,} times" if gateway.refused else ""
        words = "what the internet begins" if self._width >= WIDEST else ""
        refuses = f"   {glyphs.refused} refuses{refused or (f' {words}' if words else '')}"
        yield (*head, (f"{glyphs.out} internet", "green"), (refuses, "red"), *drift)
        if len(gateway.replicas) > 1:
            indent = " " * (self._gateway + 3)
            yield ((f"{indent}replicas", "dim"), *(span for each in gateway.replicas for span in _replica(each)))

    def _hosts(self) -> Iterator[TextLine]:
        """Yield the hosts, as many on a line as fit."""
        lead, line = _padded("internet", self._gateway), ""
        for host in self._document.hosts:
            word = f"   {self._short(host.name)} {host.address}"
            if line and cells(lead) + cells(line) + cells(word) > self._width:
                yield ((lead, "bold"), (line, ""))
                lead, line = " " * self._gateway, ""
            line += word
        yield ((lead, "bold"), (line, ""))

    def _path(self) -> Iterator[TextLine]:
        path = self._marks.path
        if path is None:
            return
        yield ()
        named = _names(self._document)
        steps = [f"{number} {self._short(named.get(node, 'internet'))}" for number, node in enumerate(path.nodes, 1)]
        yield from self._wrapped(f" {self._glyphs.then} ".join(steps), "bold")
        if path.dies_at is not None:
            where = self._short(named.get(path.nodes[path.dies_at], "internet"))
            yield from self._wrapped(f"{self._glyphs.dies} ends at {where}: {printable(path.reason)}", "red")

    def _wrapped(self, words: str, style: str) -> Iterator[TextLine]:
        from eigw_ns.render.table import wrap  # late: it needs rich

        yield from (((line, style),) for line in wrap(words, self._width, "  "))

    def listed(self) -> Iterator[TextLine]:
        """Yield the lines of the indented list."""
        for vpc in self._document.vpcs:
            yield from self._title(vpc)
            for subnet in vpc.subnets:
                yield ((f"  {self._short(subnet.name)}", "bold"), (f" table {self._short(subnet.table.name)}", "dim"))
                for instance in subnet.instances:
                    name = f"    {self._short(instance.name)} {_address(subnet, instance)}"
                    yield ((name, ""), *self._verdict(instance.id), *self._drift(instance.id))
                yield from ((("    ", ""), *self._listed_route(subnet, route)) for route in subnet.table.routes)
            for gateway in vpc.gateways:
                arrow = self._glyphs.both if gateway.kind == "internet" else self._glyphs.out
                yield ((f"  {self._short(gateway.name)} {arrow} internet", "green"),)
        yield from (((f"{self._short(host.name)} {host.address}", ""),) for host in self._document.hosts)
        yield from self._path()

    def _listed_route(self, subnet: GraphSubnet, route: GraphRoute) -> TextLine:
        return ((f"{route.destination} ", ""), *self._target(subnet, route))


def _names(document: Document) -> dict[str, str]:
    """Return the name of each node by id."""
    named = {host.id: host.name for host in document.hosts}
    for vpc in document.vpcs:
        named |= {gateway.id: gateway.name for gateway in vpc.gateways}
        named |= {subnet.id: subnet.name for subnet in vpc.subnets}
        named |= {instance.id: instance.name for subnet in vpc.subnets for instance in subnet.instances}
    return named


def _replica(replica: Replica) -> Iterator[Span]:
    words, style = {None: ("", ""), True: ("in service", "green"), False: ("down", "red")}[replica.in_service]
    yield f"  #{replica.number}", ""
    yield (f" {words} ", style) if words else ("", "")


def _address(subnet: GraphSubnet, instance: GraphInstance) -> str:
    """Return the address without the prefix of its subnet; the state of an instance without an address."""
    if instance.address is None:
        return instance.state if instance.state != "running" else "no IPv6"
    return instance.address.removeprefix(subnet.cidr.partition("/")[0].removesuffix("::"))


def _padded(text: str, size: int) -> str:
    return text + " " * (size - cells(text))


def _cut(text: str, size: int) -> str:
    while cells(text) > size:
        text = text[:-1]
    return text


def _length(line: TextLine) -> int:
    return sum(cells(text) for text, _ in line)


def cells(text: str) -> int:
    """Return how many columns of a terminal the text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # late: names are mostly ASCII

    return cell_len(text)


def plain(lines: Iterable[TextLine], style: Callable[[str, str], str] = lambda text, _style: text) -> str:
    """Return the lines as one text. `style` adds the colour of a span, if the terminal has colours."""
    return "".join("".join(style(part, how) for part, how in line).rstrip() + "\n" for line in lines)

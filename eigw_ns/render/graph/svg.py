"""A diagram as SVG. It uses classes and presentation attributes only: a strict content security policy allows no more.

Names, tags and reasons are strangers' text: ElementTree escapes them. Nothing in the SVG is executed or fetched.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from eigw_ns.frozen import frozen
from eigw_ns.render.graph import hops
from eigw_ns.render.graph.document import KIND_WORDS, GraphInstance, GraphSubnet, Replica
from eigw_ns.render.graph.layout import (
    CARD_WIDTH,
    GATEWAY_X,
    INTERNET_X,
    ROUTE_FIRST,
    STRIP_RIGHT,
    STRIP_WIDTH,
    Box,
    Layout,
    Line,
    PlacedGateway,
    PlacedHost,
    PlacedInstance,
    PlacedRoute,
    PlacedSubnet,
    PlacedVpc,
)
from eigw_ns.render.graph.marks import NO_MARKS, Marks
from eigw_ns.render.graph.measure import fitted, width
from eigw_ns.render.graph.style import STYLE

_NAMESPACE = "http://www.w3.org/2000/svg"
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold: https://www.w3.org/TR/xml/#charsets."""

_H1, _H2, _TEXT, _SMALL = 16, 13.5, 12.5, 11
_HOLE, _RING = 44, 9


def svg(found: Layout, marks: Marks = NO_MARKS, *, interactive: bool = False) -> str:
    """Return the diagram. By itself it has its stylesheet in it. An `interactive` one is for a page that has it.

    Each node of an interactive diagram is a button, and a stop for the tabulator key in reading order.
    """
    root = _Drawing(marks, interactive).draw(found)
    ElementTree.indent(root, " ")
    return ElementTree.tostring(root, encoding="unicode") + "\n"


@frozen
class _Node:
    """A node of the diagram: how it is called, and what its tooltip says."""

    id: str
    label: str


class _Drawing:
    def __init__(self, marks: Marks, interactive: bool) -> None:
        self._marks = marks
        self._interactive = interactive
        path = marks.path
        self._lit = frozenset((*path.nodes, *path.beyond)) if path else None

    def draw(self, found: Layout) -> Element:
        size = {"width": _number(found.width), "height": _number(found.height)}
        label = f"Map of the lab {found.lab}"
        root = Element("svg", {"xmlns": _NAMESPACE, "viewBox": f"0 0 {size['width']} {size['height']}", **size})
        root.attrib |= {"class": "map", "role": "graphics-document document", "aria-label": _clean(label)}
        _leaf(root, "title", label)
        if not self._interactive:
            _leaf(root, "style", STYLE)
        for vpc in found.vpcs:
            self._border(root, vpc)
        self._internet(root, found)
        for vpc in found.vpcs:
            self._inside(root, vpc)
        for host in found.hosts:
            self._host(root, host)
        if self._marks.path:
            self._hops(root, found)
        return root

    def _border(self, root: Element, placed: PlacedVpc) -> None:
        """Draw the frame of a VPC with its name and blocks."""
        vpc, box = placed.vpc, placed.box
        _rect(root, box, "vpc", 12)
        title = fitted(f"VPC {vpc.name}", 300, _H1, bold=True)
        _text(root, box.x + 14, box.y + 28, title, "h1")
        x = box.x + 14 + width(title, _H1, bold=True) + 10
        _text(root, x, box.y + 28, fitted("  ".join(vpc.cidrs), box.right - 100 - x, _SMALL, mono=True), "mono dim")
        self._drift(root, vpc.id, box)

    def _internet(self, root: Element, found: Layout) -> None:
        box = found.internet
        for host in found.hosts:
            _path(root, f"M{_number(box.right)} {_number(host.box.middle)}H{_number(host.box.x)}", "wire")
        _rect(root, box, "net", 22)
        x, y = _number(box.x + box.width / 2), _number(box.middle)
        text = _text(root, box.x + box.width / 2, box.middle, "internet", "h2 middle")
        text.attrib |= {"transform": f"rotate(-90 {x} {y})", "dy": "5"}

    def _inside(self, root: Element, placed: PlacedVpc) -> None:
        for line in placed.lines:
            self._line(root, line)
        for subnet in placed.subnets:
            for route in subnet.routes:
                if route.route.end:
                    self._dead_end(root, subnet, route)
            self._subnet(root, subnet)
            for card in subnet.instances:
                self._instance(root, subnet.subnet, card)
        for gateway in placed.gateways:
            self._uplink(root, gateway)
            self._gateway(root, gateway)

    def _line(self, root: Element, line: Line) -> None:
        first, last = STRIP_RIGHT, GATEWAY_X - 3
        middle, start, end = _number((first + last) / 2), _number(line.start), _number(line.end)
        faint = " faint" if self._lit is not None and not {line.subnet_id, line.gateway_id} <= self._lit else ""
        curve = f"M{_number(first)} {start}C{middle} {start} {middle} {end} {_number(last - 8)} {end}"
        _path(root, curve, f"edge s{line.colour}{faint}")
        _head(root, last, line.end, 1, f"f{line.colour}{faint}")

    def _dead_end(self, root: Element, subnet: PlacedSubnet, placed: PlacedRoute) -> None:
        """Draw a route that drops packets: it ends inside the VPC."""
        x, y = STRIP_RIGHT + _HOLE, placed.y
        faint = " faint" if self._lit is not None and subnet.subnet.id not in self._lit else ""
        group = ElementTree.SubElement(root, "g", {"class": faint.strip()} if faint else {})
        _leaf(group, "title", f"{placed.route.destination} {placed.route.end}: {placed.route.why or 'drops packets'}")
        _path(group, f"M{_number(STRIP_RIGHT)} {_number(y)}H{_number(x)}", "hole")
        _circle(group, x + _RING + 1, y, _RING, "ring")
        _path(group, f"M{_number(x + 4)} {_number(y - 6)}l12 12", "in")
        _text(group, x + 2 * _RING + 8, y + 4, placed.route.end, "bad b sm")

    def _subnet(self, root: Element, placed: PlacedSubnet) -> None:
        subnet, box, strip = placed.subnet, placed.box, placed.strip
        main = " (main)" if subnet.table.main else ""
        label = f"{subnet.name}, subnet {subnet.cidr}, route table {subnet.table.name}{main}, network ACL {subnet.acl}"
        group = self._node(root, _Node(subnet.id, label))
        _rect(group, box, f"shape box s{placed.colour}", 9)
        flat = _number(STRIP_WIDTH - 9)
        rounded = f"h{flat}q8 0 8 8v{_number(strip.height - 18)}q0 8 -8 8h-{flat}z"
        _path(group, f"M{_number(strip.x)} {_number(box.y + 1)}{rounded}", f"tint f{placed.colour}")
        block = fitted(subnet.cidr, 190, _SMALL, mono=True)
        room = strip.x - 20 - box.x - 20 - width(block, _SMALL, mono=True)
        _text(group, box.x + 12, box.y + 22, fitted(subnet.name, room, _H2, bold=True), "h2")
        _text(group, strip.x - 10, box.y + 22, block, "mono dim end")
        title = f"{subnet.table.name} · main" if subnet.table.main else subnet.table.name
        title = fitted(title, STRIP_WIDTH - 20, _H2, bold=True)
        _text(group, strip.x + 10, box.y + 22, title, f"h2 f{placed.colour}")
        for route in placed.routes:
            self._route(group, placed, route)
        if not placed.routes and box.height >= 60:
            words = "local only" if subnet.has_ipv6 else "no IPv6"
            _text(group, strip.x + 10, box.y + ROUTE_FIRST + 4, words, "sm dim")
        self._drift(group, subnet.id, box)

    def _route(self, group: Element, placed: PlacedSubnet, row: PlacedRoute) -> None:
        x, dead = placed.strip.x, bool(row.route.end)
        if dead:
            _rect(group, Box(x + 5, row.y - 10, STRIP_WIDTH - 12, 20), "row", 5)
        text = fitted(str(row.route.destination), STRIP_WIDTH - 24, _SMALL, mono=True)
        _text(group, x + 10, row.y + 4, text, "mono bad" if dead else "mono")
        _circle(group, STRIP_RIGHT, row.y, 4.5, "bad" if dead else f"f{placed.colour}")

    def _instance(self, root: Element, subnet: GraphSubnet, placed: PlacedInstance) -> None:
        box, instance = placed.box, placed.instance
        if instance is None:
            group = self._node(root, _Node(f"{subnet.id}-more", f"+{placed.more} more instances in {subnet.name}"))
            _rect(group, box, "shape card", 6)
            _text(group, box.x + box.width / 2, box.middle + 4, f"+{placed.more} more", "dim middle")
            return
        groups = ", ".join(instance.groups)
        label = f"{instance.name}, instance {instance.address or instance.state}, security groups {groups or 'none'}"
        group = self._node(root, _Node(instance.id, label))
        _rect(group, box, "shape card", 6)
        name = fitted(instance.name, CARD_WIDTH - 18, _TEXT, bold=True)
        _text(group, box.x + 9, box.y + 17, name, "b")
        _text(group, box.x + 9, box.y + 33, _address(subnet, instance), "mono dim")
        room = CARD_WIDTH - 26 - width(name, _TEXT, bold=True)
        if room > 24:
            _text(group, box.right - 9, box.y + 17, fitted(groups, room, _SMALL), "sm dim end")
        self._verdict(group, instance.id, box)
        self._drift(group, instance.id, box)

    def _gateway(self, root: Element, placed: PlacedGateway) -> None:
        gateway, box = placed.gateway, placed.box
        group = self._node(root, _Node(gateway.id, f"{gateway.name}, {KIND_WORDS[gateway.kind]}"))
        _rect(group, box, "shape gw", 10)
        _text(group, box.x + 12, box.y + 20, fitted(gateway.name, box.width - 24, _H2, bold=True), "h2")
        words = "egress-only internet gw" if gateway.kind == "egress-only" else KIND_WORDS[gateway.kind]
        _text(group, box.x + 12, box.y + 36, words, "sm dim")
        if gateway.kind == "internet":
            _text(group, box.x + 12, box.y + 58, "both ways, no state", "sm dim")
        for index, replica in enumerate(gateway.replicas):
            _replica(group, replica, Box(box.x + 10, box.y + 44 + 26 * index, box.width - 20, 21))
        self._drift(group, gateway.id, box)

    def _uplink(self, root: Element, placed: PlacedGateway) -> None:
        """Draw what passes between a gateway and the internet. This pair says `egress-only` without a word."""
        gateway, box = placed.gateway, placed.box
        faint = " faint" if self._lit is not None and gateway.id not in self._lit else ""
        group = ElementTree.SubElement(root, "g", {"class": faint.strip()} if faint else {})
        left, right, middle = box.right, INTERNET_X, (box.right + INTERNET_X) / 2
        if gateway.kind == "internet":
            y = box.middle
            _path(group, f"M{_number(left + 11)} {_number(y)}H{_number(right - 10)}", "out")
            _head(group, right - 2, y, 1, "head")
            _head(group, left + 3, y, -1, "head")
            _pill(group, middle, y - 16, "both ways", "")
            return
        out, back = box.middle - 14, box.middle + 14
        _path(group, f"M{_number(left)} {_number(out)}H{_number(right - 10)}", "out")
        _head(group, right - 2, out, 1, "head")
        _pill(group, middle, out - 16, "out", "ok")
        _path(group, f"M{_number(right)} {_number(back)}H{_number(left + 10)}", "in")
        _path(group, f"M{_number(left + 10)} {_number(back - 9)}v18", "bar")
        refused = f"refused {short(gateway.refused)}" if gateway.refused else "refused"
        _pill(group, middle, back + 16, refused, "bad")

    def _host(self, root: Element, placed: PlacedHost) -> None:
        host, box = placed.host, placed.box
        group = self._node(root, _Node(host.id, f"{host.name}, internet host {host.address}"))
        _rect(group, box, "shape host", 7)
        _text(group, box.x + 11, box.y + 19, fitted(host.name, box.width - 20, _TEXT, bold=True), "b")
        _text(group, box.x + 11, box.y + 36, fitted(host.address, box.width - 20, _SMALL, mono=True), "mono dim")

    def _node(self, root: Element, node: _Node) -> Element:
        role = {"role": "button", "tabindex": "0"} if self._interactive else {"role": "img"}
        group = ElementTree.SubElement(root, "g", {"id": _clean(node.id), "class": self._classes(node.id), **role})
        group.attrib["aria-label"] = _clean(node.label)
        _leaf(group, "title", f"{node.label}\n{node.id}")
        return group

    def _classes(self, node_id: str) -> str:
        classes, path = ["node"], self._marks.path
        reachable = self._marks.reachable.get(node_id)
        if reachable is not None:
            classes.append("open" if reachable else "closed")
        if self._marks.drift and self._marks.drift.get(node_id):
            classes.append("drifted")
        if path:
            beyond = "beyond pale" if node_id in path.beyond else "pale"
            classes.append("onpath" if node_id in path.nodes else beyond)
        return " ".join(classes)

    def _verdict(self, group: Element, node_id: str, box: Box) -> None:
        """Write whether the internet reaches an instance: a colour alone says nothing to everybody."""
        reachable = self._marks.reachable.get(node_id)
        if reachable is not None:
            words, style = ("open", "sm bad end") if reachable else ("closed", "sm ok end")
            _text(group, box.right - 9, box.y + 33, words, style)

    def _drift(self, group: Element, node_id: str, box: Box) -> None:
        differing = (self._marks.drift or {}).get(node_id)
        if differing:
            _pill(group, box.right - 24, box.y, f"≠ {differing}", "warn")

    def _hops(self, root: Element, found: Layout) -> None:
        assert self._marks.path
        for hop in hops.discs(found, self._marks.path):
            _circle(root, hop.x, hop.y, 10, "hop dies" if hop.dies else "hop")
            _text(root, hop.x, hop.y + 4, "✗" if hop.dies else str(hop.number), "hopt")


def short(number: float) -> str:
    """Return a number in SI with one decimal above 999: `3.4k`."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.1f}{unit}"
    return f"{number:.0f}"


def _replica(group: Element, replica: Replica, box: Box) -> None:
    state = {None: "unknown", True: "", False: "dead"}[replica.in_service]
    _rect(group, box, f"rep {state}".strip(), 5)
    _text(group, box.x + 8, box.y + 15, f"#{replica.number}", "mono b")
    words, style = {None: ("", ""), True: ("in service", "sm ok"), False: ("down", "sm bad b")}[replica.in_service]
    if words:
        _text(group, box.x + 32, box.y + 15, words, style)
    if replica.flows is not None:
        _text(group, box.right - 8, box.y + 15, f"{short(replica.flows)} flows", "sm dim end")


def _address(subnet: GraphSubnet, instance: GraphInstance) -> str:
    """Return the address without the prefix of its subnet, or why there is none."""
    if instance.address is None:
        return instance.state if instance.state != "running" else "no IPv6"
    prefix = subnet.cidr.partition("/")[0].removesuffix("::")
    rest = instance.address.removeprefix(prefix)
    return fitted(f"…{rest}" if rest != instance.address else rest, CARD_WIDTH - 60, _SMALL, mono=True)


def _pill(group: Element, x: float, y: float, text: str, style: str) -> None:
    wide = width(text, _SMALL) + 16
    _rect(group, Box(x - wide / 2, y - 10, wide, 20), "pill", 10)
    _text(group, x, y + 4, text, f"sm middle {style}".strip())


def _head(group: Element, x: float, y: float, direction: int, style: str) -> None:
    """Draw an arrow head whose tip is at x. `direction` is 1 to the right, -1 to the left."""
    back = _number(x - 10 * direction)
    _path(group, f"M{back} {_number(y - 5)}L{_number(x)} {_number(y)}L{back} {_number(y + 5)}z", style)


def _rect(group: Element, box: Box, style: str, radius: int) -> None:
    place = {"x": _number(box.x), "y": _number(box.y), "width": _number(box.width), "height": _number(box.height)}
    ElementTree.SubElement(group, "rect", {**place, "rx": str(radius), "class": style})


def _path(group: Element, line: str, style: str) -> None:
    ElementTree.SubElement(group, "path", {"d": line, "class": style})


def _circle(group: Element, x: float, y: float, radius: float, style: str) -> None:
    ElementTree.SubElement(group, "circle", {"cx": _number(x), "cy": _number(y), "r": _number(radius), "class": style})


def _text(group: Element, x: float, y: float, text: str, style: str) -> Element:
    element = ElementTree.SubElement(group, "text", {"x": _number(x), "y": _number(y), "class": style})
    element.text = _clean(text)
    return element


def _leaf(group: Element, tag: str, text: str) -> None:
    ElementTree.SubElement(group, tag).text = _clean(text)


def _clean(text: str) -> str:
    """Return the text without characters that XML cannot hold."""
    return _FORBIDDEN.sub("\ufffd", text)


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")

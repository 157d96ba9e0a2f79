"""Diagrams: their layout by rules, their forms as golden files in tests/golden/graphs, and names of every kind.

`REGENERATE=1 pytest tests/unit/test_graph.py` writes the golden files again. Look at them before you commit them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eigw_ns.cloud.model import Cloud, RouteTable
from eigw_ns.dataplane.trace.explanation import Question, explain
from eigw_ns.render.graph import marks, measure, text
from eigw_ns.render.graph.data import data
from eigw_ns.render.graph.document import Document, Replica, document
from eigw_ns.render.graph.dot import dot
from eigw_ns.render.graph.layout import Box, Layout, layout
from eigw_ns.render.graph.marks import NO_MARKS, Marks
from eigw_ns.render.graph.mermaid import mermaid
from eigw_ns.render.graph.svg import short, svg
from eigw_ns.topology import load
from tests.support.strategies import clouds

GOLDEN = Path(__file__).parent.parent / "golden" / "graphs"
SVG = "{http://www.w3.org/2000/svg}"
MAP = """
lab: map
vpcs:
  main:
    ipv6_cidr_block: 2600:1f16:aa0:5500::/56
    egress_only_internet_gateways: {outbound: {replicas: 2}}
    internet_gateways: {edge: {}}
    route_tables:
      private: {routes: [{destination: "::/0", target: outbound}]}
      public:
        main: true
        routes: [{destination: "::/0", target: edge}, {destination: "2001:db8:53::/48", target: outbound}]
      legacy: {routes: [{destination: "::/0", target: eigw-0dead0dead0dead00}]}
    security_groups: {open: {ingress: [{protocol: all, cidr: "::/0"}]}}
    subnets:
      private-a: {ipv6_cidr_block: "2600:1f16:aa0:5501::/64", route_table: private}
      public-a: {ipv6_cidr_block: "2600:1f16:aa0:5502::/64"}
      data-a: {ipv6_cidr_block: "2600:1f16:aa0:5503::/64", route_table: legacy}
    instances:
      app: {subnet: private-a, ipv6_address: "2600:1f16:aa0:5501::10", security_groups: [open]}
      worker: {subnet: private-a, ipv6_address: "2600:1f16:aa0:5501::11", security_groups: [open]}
      bastion: {subnet: public-a, ipv6_address: "2600:1f16:aa0:5502::11"}
      www: {subnet: public-a, ipv6_address: "2600:1f16:aa0:5502::10", security_groups: [open]}
      db: {subnet: data-a, ipv6_address: "2600:1f16:aa0:5503::10", security_groups: [open]}
internet:
  hosts:
    dns: {ipv6_address: "2001:db8:53::53"}
    scanner: {ipv6_address: "2001:db8:bad::1"}
    web: {ipv6_address: "2001:db8:80::1"}
"""
HOSTILE = "</text><script>alert(1)</script>\"'&<b onclick=x>\x1b]0;\u202e end`"


def _cloud(source: str = MAP) -> Cloud:
    return load(source.encode(), file="map.yaml", default_lab="map").cloud


def _seen(cloud: Cloud) -> Document:
    """Return the document of a running lab, one replica of which is down."""
    (gateway,) = cloud.egress_only_internet_gateways
    return document(cloud, {gateway: (Replica(1, True, 210), Replica(2, False, 198))}, {gateway: 3400})


def _plain(found: Document, given: Marks = NO_MARKS, width: int = 96, *, ascii_only: bool = False) -> str:
    return text.plain(text.text(found, given, width=width, glyphs=text.ASCII if ascii_only else text.UNICODE))


def _path(source: str, destination: str, port: int) -> Marks:
    return Marks(path=marks.path(explain(_cloud(), Question(source, destination, "tcp", port))))


FORMS: dict[str, Callable[[], str]] = {
    "map.svg": lambda: svg(layout(document(_cloud()))),
    "seen.svg": lambda: svg(layout(_seen(_cloud())), interactive=True),
    "dies.svg": lambda: svg(layout(document(_cloud())), _path("web", "app", 22)),
    "verdicts.svg": lambda: svg(layout(document(_cloud())), Marks(reachable=marks.verdicts(_cloud()))),
    "map.txt": lambda: _plain(document(_cloud())),
    "map-80.txt": lambda: _plain(document(_cloud()), width=80),
    "map-50.txt": lambda: _plain(document(_cloud()), width=50),
    "map-ascii.txt": lambda: _plain(_seen(_cloud()), ascii_only=True),
    "dies.txt": lambda: _plain(document(_cloud()), _path("web", "app", 22)),
    "map.mmd": lambda: mermaid(document(_cloud())),
    "map.dot": lambda: dot(document(_cloud())),
    "map.json": lambda: json.dumps(data(_seen(_cloud())), indent=1) + "\n",
}


@pytest.mark.parametrize("name", FORMS)
def test_forms_are_as_their_golden_files(name: str) -> None:
    drawn = FORMS[name]()
    if os.environ.get("REGENERATE"):
        (GOLDEN / name).write_text(drawn)
    assert drawn == (GOLDEN / name).read_text()


def _boxes(found: Layout) -> Iterator[Box]:
    """Yield the boxes that must not overlap: subnets, gateways, hosts, the internet, and of a subnet its cards."""
    yield found.internet
    yield from (host.box for host in found.hosts)
    for vpc in found.vpcs:
        yield from (subnet.box for subnet in vpc.subnets)
        yield from (gateway.box for gateway in vpc.gateways)


@given(clouds())
@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
def test_no_boxes_overlap_and_all_are_inside(cloud: Cloud) -> None:
    found = layout(document(cloud))
    assert not [pair for pair in combinations(_boxes(found), 2) if pair[0].overlaps(pair[1])]
    assert not [pair for pair in combinations([vpc.box for vpc in found.vpcs], 2) if pair[0].overlaps(pair[1])]
    assert all(box.right <= found.width and box.bottom <= found.height for box in _boxes(found))
    for vpc in found.vpcs:
        for subnet in vpc.subnets:
            cards = [card.box for card in subnet.instances]
            assert not [pair for pair in combinations(cards, 2) if pair[0].overlaps(pair[1])]
            assert all(card.right <= subnet.strip.x and card.bottom <= subnet.box.bottom for card in cards)
            assert all(subnet.box.y < route.y < subnet.box.bottom for route in subnet.routes)


@given(clouds())
@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
def test_lines_cross_only_if_a_subnet_has_several_gateways(cloud: Cloud) -> None:
    simple = {table.id: _with_one_gateway(table) for table in cloud.route_tables.values()}
    found = layout(document(replace(cloud, route_tables=simple)))
    for vpc in found.vpcs:
        assert not [pair for pair in combinations(vpc.lines, 2) if pair[0].crosses(pair[1])]


def _with_one_gateway(table: RouteTable) -> RouteTable:
    return replace(table, routes=tuple(route for route in table.routes if route.destination.prefixlen == 0))


def test_the_lines_of_one_gateway_never_cross_and_arrive_apart() -> None:
    (vpc,) = layout(document(_cloud())).vpcs
    ends = [line.end for line in vpc.lines]
    assert len(ends) == 3
    assert len(set(ends)) == 3
    assert not [pair for pair in combinations(vpc.lines, 2) if pair[0].crosses(pair[1])]


_SIZES = {"h1": 16.0, "h2": 13.5, "mono": 11.0, "sm": 11.0, "hopt": 11.0}
_INSIDE = 2


def _extent(element: Element) -> tuple[float, float]:
    """Return the left and the right end of a text."""
    classes = element.attrib["class"].split()
    size = next((_SIZES[each] for each in classes if each in _SIZES), 12.5)
    bold = bool({"h1", "h2", "b"} & set(classes))
    wide = measure.width(element.text or "", size, bold=bold, mono="mono" in classes)
    x = float(element.attrib["x"])
    left = x - wide if "end" in classes else x - wide / 2 if "middle" in classes else x
    return left, left + wide


def _escaping(root: Element) -> Iterator[str]:
    """Yield the texts of nodes that leave the first box of their node. A pill has a box of its own."""
    for node in root.iter(f"{SVG}g"):
        if "node" in node.attrib.get("class", "").split():
            box = next(node.iter(f"{SVG}rect")).attrib
            left, right = float(box["x"]), float(box["x"]) + float(box["width"])
            for element in node.iter(f"{SVG}text"):
                first, last = _extent(element)
                if first < left + _INSIDE or last > right - _INSIDE:
                    yield element.text or ""


@given(clouds())
@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
def test_no_text_leaves_its_box(cloud: Cloud) -> None:
    drawn = svg(layout(document(cloud)), Marks(reachable=marks.verdicts(cloud)))
    assert not list(_escaping(ElementTree.fromstring(drawn)))


@given(clouds(), st.randoms(use_true_random=False))
@settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow])
def test_the_order_of_mappings_changes_no_byte(cloud: Cloud, random: object) -> None:
    def shuffled(mapping: object) -> object:
        pairs = list(mapping.items())  # type: ignore[attr-defined]
        random.shuffle(pairs)  # type: ignore[attr-defined]
        return dict(pairs)

    kinds = ("vpcs", "subnets", "route_tables", "instances", "hosts", "egress_only_internet_gateways")
    other = replace(cloud, **{kind: shuffled(getattr(cloud, kind)) for kind in kinds})  # type: ignore[arg-type]
    assert svg(layout(document(other))) == svg(layout(document(cloud)))
    assert _plain(document(other)) == _plain(document(cloud))


@given(clouds(), st.integers(20, 120), st.booleans())
@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
def test_text_fits_the_terminal(cloud: Cloud, width: int, ascii_only: bool) -> None:
    given = Marks(reachable=marks.verdicts(cloud))
    drawn = _plain(document(cloud), given, width, ascii_only=ascii_only)
    assert ascii_only is False or drawn.isascii()
    assert width < text.NARROWEST or all(text.cells(line) <= width for line in drawn.splitlines())


def _renamed(cloud: Cloud, name: str) -> Cloud:
    def of(kind: str) -> object:
        return {each.id: replace(each, name=name) for each in getattr(cloud, kind).values()}

    kinds = ("vpcs", "subnets", "route_tables", "security_groups", "instances", "hosts", "internet_gateways",
             "egress_only_internet_gateways")  # fmt: skip
    return replace(cloud, **{kind: of(kind) for kind in kinds})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", [HOSTILE, "W" * 63, "漢字" * 40, "end", "\x00\ud800", ""])
def test_names_of_strangers_are_only_text(name: str) -> None:
    cloud = _renamed(_cloud(), name)
    found = document(cloud)
    root = ElementTree.fromstring(svg(layout(found), interactive=True))
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        "svg", "title", "g", "rect", "path", "circle", "text"
    }  # fmt: skip
    assert not [key for element in root.iter() for key in element.attrib if key.startswith("on") or key == "style"]
    assert not list(_escaping(root))
    assert all(text.cells(line) <= 96 for line in _plain(found).splitlines())
    assert not {"\x1b", "\x00", "\u202e"} & set(_plain(found) + mermaid(found) + dot(found))
    assert all(line.count('"') % 2 == 0 for line in mermaid(found).splitlines())


def test_more_than_six_instances_are_counted() -> None:
    many = "".join(f"      n{number:02}: {{subnet: private-a}}\n" for number in range(9))
    cloud = _cloud(MAP.replace("    instances:\n", f"    instances:\n{many}"))
    (vpc,) = layout(document(cloud)).vpcs
    cards = vpc.subnets[0].instances
    assert [card.more for card in cards] == [0, 0, 0, 0, 0, 6]
    assert "+6 more" in svg(layout(document(cloud)))


def test_a_path_ends_where_the_packet_is_dropped() -> None:
    cloud = _cloud()
    ids = {each.name: each.id for kind in (cloud.instances, cloud.subnets, cloud.hosts) for each in kind.values()}
    (gateway,), path = cloud.egress_only_internet_gateways, _path("web", "app", 22).path
    assert path is not None
    assert path.nodes[0] == ids["web"]
    assert path.nodes[path.dies_at or 0] == gateway
    assert path.beyond == (ids["app"],)
    there = _path("app", "web", 443).path
    assert there is not None
    assert (there.outcome, there.dies_at, there.nodes[1]) == ("allowed", None, ids["private-a"])
    hole = _path("db", "web", 443).path
    assert hole is not None
    assert hole.nodes[hole.dies_at or 0] == ids["data-a"]


def test_stand_alone_pictures_have_their_stylesheet_and_pages_have_none() -> None:
    assert "<style>" in FORMS["map.svg"]()
    assert "<style>" not in FORMS["seen.svg"]()
    assert 'role="button"' in FORMS["seen.svg"]()


@pytest.mark.parametrize(("number", "words"), [(0, "0"), (999, "999"), (3400, "3.4k"), (1.25e6, "1.2M"), (2e9, "2.0G")])
def test_numbers_are_short(number: float, words: str) -> None:
    assert short(number) == words

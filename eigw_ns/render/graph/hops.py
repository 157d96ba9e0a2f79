"""Where the numbered discs of a path stand in a diagram."""

from __future__ import annotations

from collections.abc import Iterator

from eigw_ns.frozen import frozen
from eigw_ns.render.graph.layout import STRIP_RIGHT, STRIP_X, Layout, boxes
from eigw_ns.render.graph.marks import Path


@frozen
class Disc:
    """A disc at a node of the path. `number` counts from 1. `dies` marks the node that drops the packet."""

    x: float
    y: float
    number: int
    dies: bool


def discs(found: Layout, path: Path) -> Iterator[Disc]:
    """Yield a disc for each node of the path that the diagram draws, in order."""
    placed, gateways = boxes(found), {each.gateway.id for vpc in found.vpcs for each in vpc.gateways}
    routes = {each.subnet.id: each.routes for vpc in found.vpcs for each in vpc.subnets}
    inward = path.nodes[0] in {host.host.id for host in found.hosts}
    for number, node in enumerate(path.nodes, 1):
        dies = path.dies_at == number - 1
        box = placed.get(node)
        if box is None:
            continue
        if node in gateways:
            yield Disc(box.right if inward else box.x, box.middle, number, dies)
        elif node in routes:
            height = routes[node][0].y if routes[node] else box.y + 10
            yield Disc(STRIP_RIGHT, height - 14, number, dies)
        else:
            yield Disc(box.x if box.x > STRIP_X else box.right, box.y, number, dies)

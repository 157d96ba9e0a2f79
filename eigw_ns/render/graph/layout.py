"""Positions of everything in a diagram, in pixels at scale 1: sorting and adding up, no search.

From left to right: subnets with their instances and routes, lines, gateways across the border of the VPC, the internet,
hosts. A line leaves the strip of routes at the height of its route, and arrives at a gateway at a port of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from statistics import fmean

from eigw_ns.frozen import frozen
from eigw_ns.render.graph.document import (
    Document,
    GraphGateway,
    GraphHost,
    GraphInstance,
    GraphRoute,
    GraphSubnet,
    GraphVpc,
)

MARGIN = 16
TITLE = 44  # the row with the name of a VPC
SUBNET_X, SUBNET_WIDTH, HEAD = MARGIN + 14, 504, 34
STRIP_WIDTH, STRIP_RIGHT = 176, SUBNET_X + SUBNET_WIDTH
STRIP_X = STRIP_RIGHT - STRIP_WIDTH
CARD_WIDTH, CARD_HEIGHT, CARD_GAP, PADDING = 148, 42, 8, 12
CARDS_IN_A_ROW, MOST_CARDS, CARDS_IF_MORE = 2, 6, 5
ROUTE_FIRST, ROUTE_STEP = 46, 24  # from the top of the subnet to the middle of its first route, and to the next one
BETWEEN_SUBNETS, BETWEEN_GATEWAYS, BETWEEN_VPCS = 12, 26, 20
GATEWAY_X, GATEWAY_WIDTH = STRIP_RIGHT + 150, 172
GATEWAY_HEAD, REPLICA, INTERNET_GATEWAY_HEIGHT = 46, 26, 72
PORT_STEP = 16
VPC_RIGHT = GATEWAY_X + GATEWAY_WIDTH // 2
INTERNET_X, INTERNET_WIDTH = GATEWAY_X + GATEWAY_WIDTH + 132, 44
HOST_X, HOST_WIDTH, HOST_HEIGHT, HOST_STEP = INTERNET_X + INTERNET_WIDTH + 26, 176, 46, 64
WIDTH = HOST_X + HOST_WIDTH + MARGIN
FIRST_SCREEN = 700  # hosts are centred on the internet, but not below this height
LEAST_HEIGHT = 160
TABLE_COLOURS = 6


@frozen
class Box:
    """A rectangle: the position of its upper left corner, and its size."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """The x of its right edge."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """The y of its lower edge."""
        return self.y + self.height

    @property
    def middle(self) -> float:
        """The y of its centre."""
        return self.y + self.height / 2

    def overlaps(self, other: Box) -> bool:
        """Return whether the two have an area in common."""
        across = self.x < other.right and other.x < self.right
        return across and self.y < other.bottom and other.y < self.bottom


@frozen
class PlacedRoute:
    """A route in the strip of a subnet. `y` is the middle of its row."""

    route: GraphRoute
    y: float


@frozen
class PlacedInstance:
    """An instance, or `more` instances that the diagram does not draw one by one (then `instance` is None)."""

    instance: GraphInstance | None
    box: Box
    more: int = 0


@frozen
class PlacedSubnet:
    """A subnet with its strip of routes. `colour` is that of its route table, 0 to 5."""

    subnet: GraphSubnet
    box: Box
    colour: int
    routes: tuple[PlacedRoute, ...]
    instances: tuple[PlacedInstance, ...]

    @property
    def strip(self) -> Box:
        """The part with the routes."""
        return Box(STRIP_X, self.box.y, STRIP_WIDTH, self.box.height)


@frozen
class PlacedGateway:
    """A gateway, half in its VPC and half outside."""

    gateway: GraphGateway
    box: Box


@frozen
class Line:
    """The line of a route from its strip (at `start`) to its gateway (at `end`): heights, in pixels."""

    subnet_id: str
    route: GraphRoute
    gateway_id: str
    colour: int
    start: float
    end: float

    def crosses(self, other: Line) -> bool:
        """Return whether the two lines cross. All lines of a VPC begin and end at the same x."""
        return (self.start - other.start) * (self.end - other.end) < 0


@frozen
class PlacedVpc:
    """A VPC with everything that is in it or on its border."""

    vpc: GraphVpc
    box: Box
    subnets: tuple[PlacedSubnet, ...]
    gateways: tuple[PlacedGateway, ...]
    lines: tuple[Line, ...]


@frozen
class PlacedHost:
    """A machine on the internet."""

    host: GraphHost
    box: Box


@frozen
class Layout:
    """A whole diagram."""

    lab: str
    width: float
    height: float
    vpcs: tuple[PlacedVpc, ...]
    internet: Box
    hosts: tuple[PlacedHost, ...]


def layout(document: Document) -> Layout:
    """Return the positions of everything in the document."""
    vpcs: list[PlacedVpc] = []
    top = float(MARGIN)
    colours = _colours(document)
    for vpc in document.vpcs:
        vpcs.append(_vpc(vpc, top, colours))
        top = vpcs[-1].box.bottom + BETWEEN_VPCS
    bottom = max(top - BETWEEN_VPCS, LEAST_HEIGHT, MARGIN + HOST_STEP * len(document.hosts))
    internet = Box(INTERNET_X, MARGIN, INTERNET_WIDTH, bottom - MARGIN)
    hosts = tuple(_hosts(document.hosts, internet))
    return Layout(document.lab, WIDTH, bottom + MARGIN, tuple(vpcs), internet, hosts)


def _colours(document: Document) -> dict[str, int]:
    """Return the colour of each route table that a subnet uses, in the order in which they are drawn."""
    used = dict.fromkeys(subnet.table.id for vpc in document.vpcs for subnet in vpc.subnets)
    return {table: number % TABLE_COLOURS for number, table in enumerate(used)}


def _vpc(vpc: GraphVpc, top: float, colours: Mapping[str, int]) -> PlacedVpc:
    subnets = tuple(_subnets(vpc, top + TITLE, colours))
    gateways = tuple(_gateways(vpc, subnets, top + TITLE))
    bottoms = [*(each.box.bottom for each in subnets), *(each.box.bottom for each in gateways)]
    lowest = max(bottoms, default=top + TITLE)
    box = Box(MARGIN, top, VPC_RIGHT - MARGIN, lowest + 14 - top)
    return PlacedVpc(vpc, box, subnets, gateways, tuple(_lines(subnets, gateways)))


def _subnets(vpc: GraphVpc, top: float, colours: Mapping[str, int]) -> Iterator[PlacedSubnet]:
    for subnet in vpc.subnets:
        instances = tuple(_instances(subnet, top + HEAD))
        rows = -(-len(instances) // CARDS_IN_A_ROW)
        height = max(HEAD + rows * (CARD_HEIGHT + CARD_GAP) + 6, 42 + ROUTE_STEP * len(subnet.table.routes))
        heights = count(top + ROUTE_FIRST, ROUTE_STEP)
        routes = tuple(PlacedRoute(route, y) for route, y in zip(subnet.table.routes, heights, strict=False))
        box = Box(SUBNET_X, top, SUBNET_WIDTH, height)
        yield PlacedSubnet(subnet, box, colours[subnet.table.id], routes, instances)
        top += height + BETWEEN_SUBNETS


def _instances(subnet: GraphSubnet, top: float) -> Iterator[PlacedInstance]:
    """Yield the cards of a subnet: all instances, or five and how many more there are."""
    found: tuple[GraphInstance | None, ...] = subnet.instances
    more = 0
    if len(found) > MOST_CARDS:
        more = len(found) - CARDS_IF_MORE
        found = (*found[:CARDS_IF_MORE], None)
    for index, instance in enumerate(found):
        row, column = divmod(index, CARDS_IN_A_ROW)
        x = SUBNET_X + PADDING + column * (CARD_WIDTH + CARD_GAP)
        y = top + row * (CARD_HEIGHT + CARD_GAP)
        yield PlacedInstance(instance, Box(x, y, CARD_WIDTH, CARD_HEIGHT), 0 if instance else more)


def _height(gateway: GraphGateway, arrivals: int) -> float:
    """Return the height of a gateway: enough for its rows, and for the ports of its lines."""
    own = GATEWAY_HEAD + REPLICA * len(gateway.replicas) if gateway.replicas else INTERNET_GATEWAY_HEIGHT
    return max(own, PORT_STEP * (arrivals + 1))


def _gateways(vpc: GraphVpc, subnets: Iterable[PlacedSubnet], top: float) -> Iterator[PlacedGateway]:
    """Yield the gateways, each at the mean height of the routes that lead to it, one below the other."""
    starts: dict[str, list[float]] = {}
    for _, placed in _leading(subnets):
        starts.setdefault(placed.route.gateway_id or "", []).append(placed.y)
    for gateway in vpc.gateways:
        arrivals = starts.get(gateway.id, [])
        height = _height(gateway, len(arrivals))
        y = max(top, fmean(arrivals) - height / 2) if arrivals else top
        yield PlacedGateway(gateway, Box(GATEWAY_X, y, GATEWAY_WIDTH, height))
        top = y + height + BETWEEN_GATEWAYS


def _leading(subnets: Iterable[PlacedSubnet]) -> Iterator[tuple[PlacedSubnet, PlacedRoute]]:
    """Yield each route that leads to a gateway, with its subnet, from top to bottom."""
    return ((subnet, route) for subnet in subnets for route in subnet.routes if route.route.gateway_id)


def _lines(subnets: Iterable[PlacedSubnet], gateways: Iterable[PlacedGateway]) -> Iterator[Line]:
    """Yield the lines. Those of one gateway arrive in the order in which they begin, so none of them cross."""
    leading = tuple(_leading(subnets))
    for placed in gateways:
        own = [(subnet, route) for subnet, route in leading if route.route.gateway_id == placed.gateway.id]
        first = placed.box.middle - PORT_STEP * (len(own) - 1) / 2
        for (subnet, route), end in zip(own, count(first, PORT_STEP), strict=False):
            yield Line(subnet.subnet.id, route.route, placed.gateway.id, subnet.colour, route.y, end)


def _hosts(hosts: tuple[GraphHost, ...], internet: Box) -> Iterator[PlacedHost]:
    height = HOST_STEP * len(hosts) - (HOST_STEP - HOST_HEIGHT)
    top = max(internet.y, min(internet.middle, FIRST_SCREEN / 2) - height / 2)
    for host, y in zip(hosts, count(top, HOST_STEP), strict=False):
        yield PlacedHost(host, Box(HOST_X, y, HOST_WIDTH, HOST_HEIGHT))


def boxes(found: Layout) -> Mapping[str, Box]:
    """Return the box of each node by id: subnets, instances that are drawn, gateways, hosts."""
    placed = {host.host.id: host.box for host in found.hosts}
    for vpc in found.vpcs:
        placed |= {subnet.subnet.id: subnet.box for subnet in vpc.subnets}
        placed |= {gateway.gateway.id: gateway.box for gateway in vpc.gateways}
        cards = (card for subnet in vpc.subnets for card in subnet.instances)
        placed |= {card.instance.id: card.box for card in cards if card.instance}
    return placed

"""The compiled state, indexed for packets: where a namespace's routes, veth pairs and bridges take a packet next."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from ipaddress import IPv6Address, IPv6Network
from typing import Generic, TypeVar

from eigw_ns.dataplane.compile.names import ROUTER_MAC
from eigw_ns.dataplane.compile.notation import address_text
from eigw_ns.dataplane.state import Address, Fdb, Link, Namespace, Neighbour, NetState, Route, Ruleset

End = tuple[str, str]
"""A namespace, and an interface in it."""

_BITS = 128
_ANY = IPv6Network("::/0")

T = TypeVar("T")


class Prefixes(Generic[T]):
    """Values by prefix, looked up by address."""

    def __init__(self, items: Iterable[tuple[IPv6Network, T]]) -> None:
        by_length: dict[int, dict[int, list[T]]] = {}
        for prefix, value in items:
            shift = _BITS - prefix.prefixlen
            by_length.setdefault(shift, {}).setdefault(int(prefix.network_address) >> shift, []).append(value)
        self._by_shift = sorted(by_length.items())

    def matches(self, address: IPv6Address) -> Iterator[T]:
        """Yield the values of all prefixes that contain the address: longest prefix first, then in the given order."""
        number = int(address)
        for shift, values in self._by_shift:
            yield from values.get(number >> shift, ())


class Fib:
    """The IPv6 routes of one namespace. The longest destination wins, then the longest source, then the metric."""

    def __init__(self, routes: Iterable[Route]) -> None:
        sourced = [(IPv6Network(route.source) if route.source else _ANY, route) for route in routes]
        sourced.sort(key=lambda pair: (-pair[0].prefixlen, pair[1].metric))
        self._routes = Prefixes((IPv6Network(route.destination), (source, route)) for source, route in sourced)

    def look_up(self, source: IPv6Address, destination: IPv6Address) -> Route | None:
        """Return the route that Linux would use; None if no route matches."""
        return next((route for prefix, route in self._routes.matches(destination) if source in prefix), None)


class Network:
    """All namespaces of a lab and the veth pairs between them, indexed for many walks."""

    def __init__(self, state: NetState) -> None:
        self.ids: dict[str, str] = {}
        self._links: dict[End, Link] = {}
        self._addresses: set[tuple[str, IPv6Address]] = set()
        self._macs: dict[tuple[str, str, str], str] = {}
        self._ports: dict[tuple[str, str], str] = {}
        self._routers: dict[str, Prefixes[str]] = {}
        routes: dict[str, list[Route]] = defaultdict(list)
        for thing in state:
            match thing:
                case Namespace():
                    self.ids[thing.namespace] = thing.id
                case Link():
                    self._links[thing.namespace, thing.name] = thing
                case Address():
                    self._addresses.add((thing.namespace, IPv6Address(thing.address.partition("/")[0])))
                case Neighbour():
                    self._macs[thing.namespace, thing.link, thing.address] = thing.mac
                case Fdb():
                    self._ports[thing.namespace, thing.mac] = thing.link
                case Ruleset(family="bridge"):
                    self._routers[thing.namespace] = _subnet_macs(thing)
                case Route():
                    routes[thing.namespace].append(thing)
                case _:
                    pass
        self._fibs = {namespace: Fib(found) for namespace, found in routes.items()}

    def has(self, namespace: str, address: IPv6Address) -> bool:
        """Return whether `address` is an address of the namespace."""
        return (namespace, address) in self._addresses

    def look_up(self, namespace: str, source: IPv6Address, destination: IPv6Address) -> Route:
        """Return the matching route. Never None: the routes of every namespace include one for all destinations."""
        route = self._fibs[namespace].look_up(source, destination)
        assert route is not None
        return route

    def far_end(self, namespace: str, link: str) -> End:
        """Return the other end of a veth pair."""
        peer = self._links[namespace, link].peer
        assert peer is not None
        return peer

    def transmit(self, route: Route, destination: IPv6Address) -> End:
        """Return the interface at which a packet arrives that leaves by the route.

        It is a bridge's own interface if the packet is for the bridge, or if the bridge has no port for it. For a
        gateway with replicas, which all behave alike, it is always the first replica's.
        """
        mac: str | None = self._macs[route.namespace, route.link, route.via or address_text(destination)]
        if self._links[route.namespace, route.link].kind == "bridge":
            return self.far_end(route.namespace, self._ports[route.namespace, str(mac)])
        namespace, link = self.far_end(route.namespace, route.link)
        bridge = self._links[namespace, link].bridge
        if bridge is None:
            return namespace, link
        if mac == ROUTER_MAC:
            mac = next(self._routers[namespace].matches(destination), None)
        if mac is None or mac == self._links[namespace, bridge].mac:
            return namespace, bridge
        return self.far_end(namespace, self._ports[namespace, mac])


def _subnet_macs(fabric: Ruleset) -> Prefixes[str]:
    """Return the fabric's map from subnet blocks to MACs."""
    return Prefixes((IPv6Network(block), mac) for item in fabric.sets for block, mac in item.elements if item.data_type)

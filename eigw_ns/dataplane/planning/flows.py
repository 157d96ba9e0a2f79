"""Which entries of a connection table a change ends: flows whose route is gone, and flows of an instance that is gone.

A flow through an egress-only gateway is in two tables: its instance's subnet has tracked it from its first packet, and
the gateway judges by its own. It ends in both, since a replica that takes flows over is told what the subnets remember
(`handover`).

An instance that takes the address of another must not inherit its flows: a security group lets known flows pass. Which
instance has an address is read from the routers alone, since a tenant may claim in its own namespace what it likes; and
in two places (the port that it may be the source of, the route to it), since a plan cut short has changed one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from ipaddress import IPv6Address, IPv6Network
from itertools import pairwise
from typing import NamedTuple, TypeGuard

from eigw_ns.cloud.ids import EGRESS_ONLY_INTERNET_GATEWAY, SUBNET
from eigw_ns.dataplane.compile.names import FABRIC_LINK, ROUTER_LINK_LOCAL, link_local, port_name
from eigw_ns.dataplane.compile.notation import address_text
from eigw_ns.dataplane.compile.ranges import Range, address_range
from eigw_ns.dataplane.rulesets.group_rules import SENDING, SOURCES
from eigw_ns.dataplane.rulesets.kept_flows import ends_flows, is_stateful, kept_flows
from eigw_ns.dataplane.state import Kept, NetObject, NetState, Route, Ruleset
from eigw_ns.dataplane.state.naming import is_first_replica, is_instance_port, kind_of
from eigw_ns.frozen import frozen

_SHOWN = 2  # addresses and prefixes, in words
_ANY_SOURCE = "::/0"  # only instances begin flows to destinations that a gateway leads to


@frozen
class Flows:
    """Entries of a connection table that go: those that no `keep` covers, and those that `gone` covers or that have an
    end in `ended`.

    If `keep` is None, all others may stay. `ended` are addresses and prefixes.
    """

    namespace: str
    keep: Kept | None = None
    ended: tuple[str, ...] = ()
    gone: Kept = ()

    def __str__(self) -> str:
        if self.keep is not None or not self.ended:
            return f"flows of {self.namespace}"
        more = f" and {len(self.ended) - _SHOWN} more" if len(self.ended) > _SHOWN else ""
        return f"flows with {', '.join(self.ended[:_SHOWN])}{more} in {self.namespace}"


def common(one: Kept, other: Kept) -> Kept:
    """Return the flows that both cover."""
    there: dict[str, list[tuple[int, int]]] = {}
    for prefix, first, last in other:
        there.setdefault(prefix, []).append((_number(first), _number(last)))
    found = []
    for prefix, first, last in one:
        for other_first, other_last in there.get(prefix, ()):
            low, high = max(_number(first), other_first), min(_number(last), other_last)
            if low <= high:
                found.append((prefix, address_text(low), address_text(high)))
    return tuple(found)


def _number(address: str) -> int:
    return int(IPv6Address(address))


def of_tenants(
    desired: NetState, actual: NetState, tables: Callable[[], Iterable[str]], *, after_crash: bool
) -> Iterator[Flows]:
    """Return, for every table that stays, the flows with addresses whose instance goes, or gives way to another.

    They are flushed after the rules stop the old instance and before they let the new one send. `tables` returns the
    namespaces of the tables. `after_crash`: an earlier change is unfinished, so the state may not show which instance
    had an address.
    """
    ended = ended_addresses(desired, actual, after_crash=after_crash)
    if ended:
        yield from (Flows(namespace, ended=ended) for namespace in tables())


def tables(rulesets: Iterable[NetObject]) -> Iterator[str]:
    """Yield the namespaces of those rulesets which keep a connection table: subnets, egress-only gateways."""
    return (thing.namespace for thing in rulesets if isinstance(thing, Ruleset) and _tracks(thing))


def of_routes(desired: NetState, actual: NetState, *, after_crash: bool) -> Iterator[Flows]:
    """Return, for each egress-only gateway that stays, the flows whose route is gone, or may have gone unseen."""
    for thing in desired:
        if isinstance(thing, Ruleset) and is_stateful(thing) and _stands(thing, actual):
            old = actual.objects.get(thing.key)
            if after_crash or not _is_stateful(old) or ends_flows(old, thing):
                yield Flows(thing.namespace, kept_flows(thing))


def _is_stateful(thing: NetObject | None) -> TypeGuard[Ruleset]:
    return isinstance(thing, Ruleset) and is_stateful(thing)


# ---- what the subnets remember ---------------------------------------------------------------------------------------


def of_subnets(desired: NetState, actual: NetState) -> Iterator[Flows]:
    """Return, for each subnet that stays, the flows that an egress-only gateway carried and does not carry any more, or
    that another one carried before.

    A route that was missing was no other way: somebody may have removed it by hand, and its flows go on.
    """
    changed = _rerouted(desired, actual) | _rerouted(actual, desired)
    before, after = _tables(actual, changed), _tables(desired, changed)
    egress_only = gateways_by_address(desired) | gateways_by_address(actual)
    ended: dict[tuple[_Table, _Table], Kept] = {}  # many subnets share a route table
    for namespace, table in after.items():
        change = before.get(namespace, table), table
        if change not in ended:
            ended[change] = tuple(
                (_ANY_SOURCE, address_text(first), address_text(last))
                for (first, last), was, now in _moved(*change)
                if was and (was in egress_only or now in egress_only)
            )
        if ended[change]:
            yield Flows(namespace, gone=ended[change])


def gateways_by_address(state: NetState) -> dict[str, str]:
    """Return the ids of the egress-only gateways by the link-local address by which subnets reach them."""
    ids = (owner.id for owner in state.namespaces() if kind_of(owner.id) == EGRESS_ONLY_INTERNET_GATEWAY)
    return {link_local(each): each for each in ids if is_first_replica(each)}


def subnets_by_gateway(desired: NetState, actual: NetState) -> dict[str, tuple[str, ...]]:
    """Return the namespaces of the subnets that stay and that have a route by each egress-only gateway (its id)."""
    gateways, found = gateways_by_address(desired), dict[str, set[str]]()
    for thing in actual:
        if isinstance(thing, Route) and thing.via in gateways and ("namespace", thing.namespace) in desired.objects:
            found.setdefault(gateways[thing.via], set()).add(thing.namespace)
    return {gateway: tuple(sorted(namespaces)) for gateway, namespaces in found.items()}


class _Hop(NamedTuple):
    """A route of a subnet: where its packets to `destination` go next; `via` is empty if they are dropped."""

    destination: str
    via: str
    metric: int


_Table = frozenset[_Hop]


def _rerouted(one: NetState, other: NetState) -> frozenset[str]:
    """Return the namespaces with a route that `other` does not have."""
    routes = (thing for thing in one if isinstance(thing, Route))
    return frozenset(route.namespace for route in routes if other.objects.get(route.key) != route)


def _tables(state: NetState, namespaces: Collection[str]) -> Mapping[str, _Table]:
    """Return the routes that lead out of the VPC, for each subnet among `namespaces`; most subnets have the same."""
    owners = (owner for owner in state.namespaces() if owner.namespace in namespaces)
    subnets = (owner.namespace for owner in owners if kind_of(owner.id) == SUBNET)
    found: dict[str, list[_Hop]] = {name: [] for name in subnets}
    for thing in state:
        if isinstance(thing, Route) and thing.namespace in found and thing.link in ("", FABRIC_LINK):
            found[thing.namespace].append(_Hop(thing.destination, thing.via, thing.metric))
    return {name: frozenset(_leading_out(hops)) for name, hops in found.items()}


def _leading_out(hops: Iterable[_Hop]) -> Iterator[_Hop]:
    """Leave out what is dropped within the VPC's block: the rest of the subnet's own block, whose instances differ."""
    hops = tuple(hops)
    local = [address_range(IPv6Network(hop.destination)) for hop in hops if hop.via == ROUTER_LINK_LOCAL]
    for hop in hops:
        first = 0 if hop.via else _number(hop.destination.partition("/")[0])
        if hop.via or not any(low <= first <= high for low, high in local):
            yield hop


def _moved(before: _Table, after: _Table) -> Iterator[tuple[Range, str, str]]:
    """Return the ranges of destinations that go another way after than before, and both ways (next hops)."""
    old, new = (
        [(address_range(IPv6Network(hop.destination)), hop.via) for hop in sorted(table, key=_preference)]
        for table in (before, after)
    )
    edges = sorted({edge for (first, last), _ in (*old, *new) for edge in (first, last + 1)}) if old != new else []
    for first, following in pairwise(edges):
        was, now = _next_hop(old, first), _next_hop(new, first)
        if was != now:
            yield (first, following - 1), was, now


def _preference(hop: _Hop) -> tuple[int, int]:
    """Sort by the longest prefix, then by the lowest metric: the first route that matches decides."""
    return -IPv6Network(hop.destination).prefixlen, hop.metric


def _next_hop(table: Iterable[tuple[Range, str]], address: int) -> str:
    return next((via for (first, last), via in table if first <= address <= last), "")


# ---- what changes hands ----------------------------------------------------------------------------------------------


def _stands(ruleset: Ruleset, actual: NetState) -> bool:
    """Return whether the namespace is there already: a connection table outlives the rules that filled it."""
    return ("namespace", ruleset.namespace) in actual.objects


def ended_addresses(desired: NetState, actual: NetState, *, after_crash: bool) -> tuple[str, ...]:
    """Return the addresses and prefixes that change hands, sorted."""
    wanted, routed = _routed(desired), _routed(actual)
    was, now = routed | _permitted(actual), wanted | _permitted(desired)
    leaving = {port_name(owner.id) for owner in actual.namespaces() if owner.key not in desired.objects}
    found = {address for address, _ in was - now}
    if after_crash or {port for port in leaving if is_instance_port(port)} - {port for _, port in was}:
        found |= {address for address, _ in wanted - routed}  # it does not show whose they were
    return tuple(sorted(found))


def _routed(state: NetState) -> frozenset[tuple[str, str]]:
    """Return (address or prefix, port) of the instances that a router has a route to; tenants have no such links."""
    return frozenset(
        (thing.destination.removesuffix("/128"), thing.link)
        for thing in state
        if isinstance(thing, Route) and is_instance_port(thing.link)
    )


def _permitted(state: NetState) -> frozenset[tuple[str, str]]:
    """Return (address or prefix, port) of the instances whose packets their subnet takes."""
    elements = (element for thing in state if isinstance(thing, Ruleset) for element in _sources(thing))
    pairs = (element.split(" . ") for element in elements)
    return frozenset((address, port.strip('"')) for port, address in pairs)


def _sources(ruleset: Ruleset) -> Iterator[str]:
    return (element for item in ruleset.sets if item.name in SENDING for element, _ in item.elements)


def _tracks(ruleset: Ruleset) -> bool:
    """Return whether the namespace keeps a connection table: a subnet, an egress-only gateway."""
    return is_stateful(ruleset) or any(item.name == SOURCES for item in ruleset.sets)

"""Which entries of a connection table a change ends: those whose route is gone, and those of an instance that is gone.

An instance that takes the address of another must not inherit its flows: a security group lets known flows pass. Who
has an address is read from the routers alone, since a tenant may claim in its own namespace what it likes; and in two
places (the port that it may be the source of, the route to it), since a plan cut short has changed one of them only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from eigw_ns.dataplane.group_rules import SOURCES
from eigw_ns.dataplane.names import port_name
from eigw_ns.dataplane.rules import kept_flows
from eigw_ns.dataplane.state import NetState, Route, Ruleset

_SHOWN = 2  # addresses, in words

Kept = tuple[tuple[str, str, str], ...]
"""Flows by (source prefix, first destination, last destination), the original direction's."""


@dataclass(frozen=True, slots=True)
class Flows:
    """Entries of a connection table that go: those that no `keep` covers, and those with an end in `ended`.

    `keep` is None where all others may stay; `ended` are addresses.
    """

    namespace: str
    keep: Kept | None = None
    ended: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.keep is not None or not self.ended:
            return f"flows of {self.namespace}"
        more = f" and {len(self.ended) - _SHOWN} more" if len(self.ended) > _SHOWN else ""
        return f"flows with {', '.join(self.ended[:_SHOWN])}{more} in {self.namespace}"


def of_tenants(desired: NetState, actual: NetState, *, distrust: bool) -> Iterator[Flows]:
    """In every table that stays: the flows with addresses whose instance goes, or gives way to another.

    Due once the rules have stopped the old instance and before they let the new one send. `distrust`: a change was cut
    short before, so that what an address was used for may not show any more.
    """
    ended = _ended(desired, actual, distrust)
    if not ended:
        return
    for thing in desired:
        if isinstance(thing, Ruleset) and _stands(thing, actual) and _tracks(thing):
            yield Flows(thing.namespace, ended=ended)


def of_routes(desired: NetState, actual: NetState, *, distrust: bool) -> Iterator[Flows]:
    """In the egress-only gateways that stay: the flows whose route is gone, or may have gone unseen."""
    for thing in desired:
        if not isinstance(thing, Ruleset) or not _stands(thing, actual):
            continue
        keep, old = kept_flows(thing), actual.objects.get(thing.key)
        if keep is None:
            continue
        before = kept_flows(old) if isinstance(old, Ruleset) else None
        if distrust or before is None or set(before) - set(keep):
            yield Flows(thing.namespace, keep)


def _stands(ruleset: Ruleset, actual: NetState) -> bool:
    """Whether the namespace is there already: a connection table outlives the rules that filled it."""
    return ("namespace", ruleset.namespace) in actual.objects


def _ended(desired: NetState, actual: NetState, distrust: bool) -> tuple[str, ...]:
    """The addresses that change hands, sorted."""
    wanted, routed = _routed(desired), _routed(actual)
    was, now = routed | _permitted(actual), wanted | _permitted(desired)
    leaving = {port_name(owner.id) for owner in actual.namespaces() if owner.key not in desired.objects}
    found = {address for address, _ in was - now}
    if distrust or {port for port in leaving if is_instance(port)} - {port for _, port in was}:
        found |= {address for address, _ in wanted - routed}  # nobody can tell whose they were
    return tuple(sorted(found))


def is_instance(port: str) -> bool:
    """Whether a link of this name is the port of an instance."""
    return port.startswith("i-")


def _routed(state: NetState) -> frozenset[tuple[str, str]]:
    """(address, port) of the instances that a router has a route to; tenants have no such links."""
    return frozenset(
        (thing.destination.removesuffix("/128"), thing.link)
        for thing in state
        if isinstance(thing, Route) and is_instance(thing.link)
    )


def _permitted(state: NetState) -> frozenset[tuple[str, str]]:
    """(address, port) of the instances whose packets their subnet takes."""
    elements = (element for thing in state if isinstance(thing, Ruleset) for element in _sources(thing))
    pairs = (element.split(" . ") for element in elements)
    return frozenset((address, port.strip('"')) for port, address in pairs)


def _sources(ruleset: Ruleset) -> Iterator[str]:
    return (element for item in ruleset.sets if item.name == SOURCES for element, _ in item.elements)


def _tracks(ruleset: Ruleset) -> bool:
    """Whether the namespace keeps a connection table: a subnet, an egress-only gateway."""
    return kept_flows(ruleset) is not None or any(item.name == SOURCES for item in ruleset.sets)

"""Which flows may live in an egress-only gateway: those that its set of routed destinations covers."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv6Network

from eigw_ns.dataplane.compile.notation import address_text
from eigw_ns.dataplane.rulesets.gateway_rules import PER_GATEWAY, ROUTED
from eigw_ns.dataplane.state import Kept, Ruleset


def is_stateful(rules: Ruleset) -> bool:
    """Return whether the rules are those of an egress-only gateway, which keeps connections."""
    return any(item.name == PER_GATEWAY.name for item in rules.sets)


def kept_flows(rules: Ruleset) -> Kept | None:
    """Return the flows that may live in an egress-only gateway, as (source prefix, first, last destination).

    Returns None if the namespace keeps no connections: it is a subnet, a fabric or an internet gateway.
    """
    return tuple(_flows(_routed(rules))) if is_stateful(rules) else None


def ends_flows(old: Ruleset, new: Ruleset) -> bool:
    """Return whether flows that may live under the old rules of an egress-only gateway may not under the new ones.

    Mostly a few elements of a thousand differ, and only those are parsed. An element of the old rules that is not ours
    may have covered any flow.
    """
    before, after = set(_routed(old)), set(_routed(new))
    if before <= after:
        return False
    try:
        gone = set(_flows(before - after))
    except ValueError:  # a listing shows comments and timeouts too
        return True
    return not gone <= set(_flows(after))


def _routed(rules: Ruleset) -> tuple[str, ...]:
    return tuple(element for item in rules.sets if item.name == ROUTED for element, _ in item.elements)


def _flows(elements: Iterable[str]) -> Kept:
    pairs = [element.split(" . ") for element in elements]
    ends = {each: _ends(each) for each in {destinations for _, destinations in pairs}}  # most subnets have the same
    return tuple((prefix, *ends[destinations]) for prefix, destinations in pairs)


def _ends(destinations: str) -> tuple[str, str]:
    """Return the first and the last address."""
    first, _, last = destinations.partition("-")
    block = IPv6Network(first)  # the first address alone, if there is a last one
    return address_text(block[0]), last or address_text(block[-1])

"""Match a new flow only if its instance has fewer connections than its limit (R1)."""

from __future__ import annotations

from typing import Literal

from eigw_ns.dataplane.rulesets import owner_rules

_LIST = 512
"""How many connections one list of a limit should hold at most."""


def within_limit(counting: str, address: Literal["saddr", "daddr"], limit: int) -> str:
    """Return a match: the address has at most so many connections (R1), counted in a set. It fails if no list is left.

    Changes the packet's mark.
    """
    lists, each = limit_lists(limit)
    peer = "daddr" if address == "saddr" else "saddr"
    return (
        f"meta mark set jhash ip6 {peer} . th sport . th dport mod {lists} "
        f"add @{counting} {{ ip6 {address} . meta mark ct count {each} }}"
    )


def within_owner_limit(counting: str, limit: int) -> str:
    """Return a match as `within_limit` does, for all addresses of an instance, after `owner_rules.is_owned`."""
    lists, each = limit_lists(limit)
    hashed = f"meta mark set {owner_rules.FLOW} mod {lists}"
    return f"{hashed} add @{counting} {{ {owner_rules.NUMBER} . meta mark ct count {each} }}"


def limit_lists(limit: int) -> tuple[int, int]:
    """Return the number of lists of a limit, and how many each may hold. A low limit has one list, which is exact.

    Linux finds out how many there are by walking a list of them, for each new flow: 140 µs where one source has 48,000.
    So a large number is spread over many short lists by a hash of the flow; the limit is then one of each list.
    """
    lists = max(1, min(256, limit // _LIST))
    return lists, limit // lists

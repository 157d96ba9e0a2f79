"""A fixed order for the elements of Terraform's sets, whose order in a mocked state hangs on random ids."""

from __future__ import annotations

from eigw_ns.cloud.model import Block
from eigw_ns.importing.design import DesignGroupRule, DesignRoute, Link

Rank = tuple[int, int, int, int, str]


def rank(found: Block | Link) -> Rank:
    """Return a key that sorts IPv4 blocks before IPv6 blocks before names."""
    if isinstance(found, Block):
        return 0, found.version, int(found.network_address), found.prefixlen, ""
    return 1, 0, 0, 0, found.text


def rank_of_route(route: DesignRoute) -> Rank:
    """Return a key that sorts the routes of a table."""
    return rank(route.destination)


def rank_of_rule(rule: DesignGroupRule) -> tuple[object, ...]:
    """Return a key that sorts the rules of a group in one direction."""
    ports = tuple(-2 if port is None else port for port in (rule.from_port, rule.to_port))
    return rule.protocol, ports, rank(rule.peer), rule.description

"""What refers to managed prefix lists, and the entries in place of the references.

Nothing after `expanded` knows prefix lists: compiler, tracer and exposure read plain rules and routes. Each of those
that an entry made names its list, for explanations.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv6Network

from eigw_ns.cloud.model import AnyRoute, Block, Cloud, Route, RouteTable, SecurityGroup, SecurityGroupRule
from eigw_ns.cloud.prefix_lists import PrefixListRoute


def expanded(cloud: Cloud) -> Cloud:
    """Return the cloud with the IPv6 entries of lists in place of references; the same object if nothing refers to one.

    Tables and groups without a reference stay the same objects.
    """
    if not cloud.prefix_lists:
        return cloud
    tables = {each.id: _with_entries(cloud, each) for each in cloud.route_tables.values()}
    groups = {each.id: _with_rules(cloud, each) for each in cloud.security_groups.values()}
    if all(cloud.route_tables[key] is each for key, each in tables.items()) and all(
        cloud.security_groups[key] is each for key, each in groups.items()
    ):
        return cloud
    return replace(cloud, route_tables=tables, security_groups=groups)


def referring(cloud: Cloud, list_id: str) -> Iterator[str]:
    """Yield the ids of the security groups, then of the route tables, that refer to the list."""
    for group in cloud.security_groups.values():
        if any(rule.peer == list_id for rule in group.rules):
            yield group.id
    for table in cloud.route_tables.values():
        if any(route.prefix_list_id == list_id for route in table.prefix_list_routes):
            yield table.id


def destinations(cloud: Cloud, route: AnyRoute) -> tuple[Block, ...]:
    """Return the blocks to which a route leads: one, or all entries of a prefix list."""
    if isinstance(route, PrefixListRoute):
        return tuple(entry.cidr_block for entry in cloud.prefix_lists[route.prefix_list_id].entries)
    return (route.destination,)


def rules_counted(cloud: Cloud, rule: SecurityGroupRule, ip_version: int) -> int:
    """Return how many rules of this IP version a rule counts for in AWS's quota.

    A rule whose peer is a group counts for both versions. One whose peer is a prefix list counts as often as the list
    can have entries.
    """
    found = cloud.prefix_lists.get(rule.peer) if isinstance(rule.peer, str) else None
    if found is not None:
        return found.max_entries if found.ip_version == ip_version else 0
    return int(isinstance(rule.peer, str) or rule.peer.version == ip_version)


def routes_counted(cloud: Cloud, table: RouteTable, ip_version: int) -> int:
    """Return how many routes of this IP version a table has for AWS's quota. A list counts by its `max_entries`."""
    lists = (cloud.prefix_lists[route.prefix_list_id] for route in table.prefix_list_routes)
    plain = len(table.routes if ip_version == 6 else table.ipv4_routes)
    return plain + sum(each.max_entries for each in lists if each.ip_version == ip_version)


def _with_entries(cloud: Cloud, table: RouteTable) -> RouteTable:
    """Return the table with a route for each entry of its lists.

    The longest prefix decides, and of equal prefixes the route to a block. If several lists have the same block, AWS
    chooses one of them for good; here it is the one to which the table refers first.
    Source: AWS, "Route priority", https://docs.aws.amazon.com/vpc/latest/userguide/route-tables-priority.html
    """
    if not table.prefix_list_routes:
        return table
    found = {route.destination: route for route in table.routes}
    for route in table.prefix_list_routes:
        for block in _ipv6_blocks(cloud, route.prefix_list_id):
            found.setdefault(block, Route(block, route.target_id, route.prefix_list_id))
    routes = tuple(sorted(found.values(), key=lambda each: each.destination))
    return replace(table, routes=routes, prefix_list_routes=())


def _with_rules(cloud: Cloud, group: SecurityGroup) -> SecurityGroup:
    """Return the group with a rule for each entry of a list in place of the rule whose peer is the list."""
    if all(rule.referenced_list_id is None for rule in group.rules):
        return group
    return replace(group, rules=tuple(each for rule in group.rules for each in _rules(cloud, rule)))


def _rules(cloud: Cloud, rule: SecurityGroupRule) -> Iterator[SecurityGroupRule]:
    list_id = rule.referenced_list_id
    if list_id is None:
        yield rule
        return
    for block in _ipv6_blocks(cloud, list_id):
        yield replace(rule, peer=block, prefix_list_id=list_id)


def _ipv6_blocks(cloud: Cloud, list_id: str) -> Iterator[IPv6Network]:
    blocks = (entry.cidr_block for entry in cloud.prefix_lists[list_id].entries)
    return (block for block in blocks if isinstance(block, IPv6Network))

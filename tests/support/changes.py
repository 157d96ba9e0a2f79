"""Random changes of a cloud, of every kind that a route table, a subnet, a gateway or an instance can have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any

from hypothesis import strategies as st

from eigw_ns.cloud.interfaces import primary, primary_id, with_primary
from eigw_ns.cloud.model import Cloud, Instance
from eigw_ns.cloud.prefix_lists import PrefixListEntry, PrefixListRoute
from tests.support.strategies import DESTINATIONS, clouds

LAB = "lab"
SECTIONS = tuple(field.name for field in fields(Cloud) if field.name != "lab")


def same_lab(cloud: Cloud) -> Cloud:
    """Return the cloud under the name that all clouds of a series have."""
    return replace(cloud, lab=LAB)


def _replaced(cloud: Cloud, section: str, content: Mapping[str, Any]) -> Cloud:
    changed: Mapping[str, Any] = {section: content}
    return replace(cloud, **changed)


def _without(cloud: Cloud, section: str, draw: st.DataObject) -> Cloud:
    """Return the cloud without one resource that nothing refers to but routes."""
    content = getattr(cloud, section)
    return _without_key(cloud, section, draw.draw(st.sampled_from(sorted(content)))) if content else cloud


def _without_key(cloud: Cloud, section: str, gone: str) -> Cloud:
    return _replaced(cloud, section, {key: thing for key, thing in getattr(cloud, section).items() if key != gone})


def _changed(cloud: Cloud, section: str, draw: st.DataObject, change: Callable[[Any], Any]) -> Cloud:
    """Return the cloud with one resource of the section changed."""
    content = getattr(cloud, section)
    if not content:
        return cloud
    chosen = draw.draw(st.sampled_from(sorted(content)))
    return _replaced(cloud, section, {**content, chosen: change(content[chosen])})


def _rerouted(cloud: Cloud, draw: st.DataObject) -> Cloud:
    destination = draw.draw(st.sampled_from(DESTINATIONS))
    targets = [*cloud.egress_only_internet_gateways, *cloud.internet_gateways, "blackhole"]
    target = draw.draw(st.sampled_from(targets))

    def change(table: Any) -> Any:
        others = tuple(route for route in table.routes if route.destination != destination)
        if len(others) < len(table.routes) or not table.routes:
            return replace(table, routes=others)
        return replace(table, routes=(*others, replace(others[0], destination=destination, target_id=target)))

    return _changed(cloud, "route_tables", draw, change)


def _reassociated(cloud: Cloud, draw: st.DataObject) -> Cloud:
    def change(subnet: Any) -> Any:
        tables = [each.id for each in cloud.route_tables.values() if each.vpc_id == subnet.vpc_id]
        return replace(subnet, route_table_id=draw.draw(st.sampled_from([None, *tables])))

    return _changed(cloud, "subnets", draw, change)


def _regrouped(cloud: Cloud, draw: st.DataObject) -> Cloud:
    return _changed(cloud, "security_groups", draw, lambda group: replace(group, rules=group.rules[1:]))


def _relisted(cloud: Cloud, draw: st.DataObject) -> Cloud:
    blocks = draw.draw(st.lists(st.sampled_from(DESTINATIONS), unique=True, max_size=3))
    entries = tuple(map(PrefixListEntry, blocks))

    def change(found: Any) -> Any:
        return replace(found, entries=entries, version=found.version + 1) if found.ip_version == 6 else found

    return _changed(cloud, "prefix_lists", draw, change)


def _listed(cloud: Cloud, draw: st.DataObject) -> Cloud:
    """Return the cloud with a route to a prefix list added, replaced or deleted."""
    lists = sorted(each.id for each in cloud.prefix_lists.values() if each.ip_version == 6)
    if not lists:
        return cloud
    found = draw.draw(st.sampled_from(lists))
    targets = [*cloud.egress_only_internet_gateways, *cloud.internet_gateways, None]
    target = draw.draw(st.sampled_from(targets))

    def change(table: Any) -> Any:
        others = tuple(each for each in table.prefix_list_routes if each.prefix_list_id != found)
        new = () if target is None else (PrefixListRoute(found, target),)
        return replace(table, prefix_list_routes=(*others, *new))

    return _changed(cloud, "route_tables", draw, change)


def _tagged(cloud: Cloud, draw: st.DataObject) -> Cloud:
    section = draw.draw(st.sampled_from(("vpcs", "subnets", "instances", "egress_only_internet_gateways")))
    return _changed(cloud, section, draw, lambda thing: replace(thing, tags=(("key", "value"),)))


def _detached(cloud: Cloud, draw: st.DataObject) -> Cloud:
    return _changed(cloud, "internet_gateways", draw, lambda gateway: replace(gateway, vpc_id=None))


def _scaled(cloud: Cloud, draw: st.DataObject) -> Cloud:
    number = draw.draw(st.integers(1, 3))
    return _changed(cloud, "egress_only_internet_gateways", draw, lambda each: replace(each, replicas=number))


def _switched(cloud: Cloud, draw: st.DataObject) -> Cloud:
    """Return the cloud with an instance stopped, or started."""
    state = draw.draw(st.sampled_from(("running", "stopped")))
    return _changed(cloud, "instances", draw, lambda each: replace(each, state=state))


def _unassigned(cloud: Cloud, draw: st.DataObject) -> Cloud:
    """Return the cloud with an instance that loses further addresses and prefixes."""
    return _changed(cloud, "instances", draw, lambda each: replace(each, ipv6_addresses=(), ipv6_prefixes=()))


def _handed_over(cloud: Cloud, draw: st.DataObject) -> Cloud:
    """Return the cloud with an instance that takes over the addresses of another one of its subnet, which goes."""

    def change(each: Any) -> Any:
        names = "ipv6_address", "ipv6_addresses", "ipv6_prefixes"
        return replace(each, **{name: getattr(giver, name) for name in names})

    instances = cloud.instances
    if len(instances) < 2:
        return cloud
    giver, taker = (instances[key] for key in draw.draw(st.permutations(sorted(instances)))[:2])
    if giver.subnet_id != taker.subnet_id:
        return cloud
    rest = {key: each for key, each in instances.items() if key != giver.id}
    return _replaced(cloud, "instances", {**rest, taker.id: change(taker)})


def _kept(cloud: Cloud, draw: st.DataObject) -> Cloud:
    """Return the cloud with an instance terminated whose interface stays, with its addresses."""
    after = _without(cloud, "instances", draw)
    gone = (each for key, each in cloud.instances.items() if key not in after.instances)
    left = {primary_id(each): replace(primary(each), attachment=None) for each in gone}
    return _replaced(after, "network_interfaces", {**cloud.network_interfaces, **left})


def _launched(cloud: Cloud, draw: st.DataObject) -> Cloud:
    """Return the cloud with a new instance on one of the interfaces that no instance has."""
    new = f"i-{draw.draw(st.integers(0, 9)):017x}"
    if not cloud.network_interfaces or new in cloud.instances:
        return cloud
    taken = cloud.network_interfaces[draw.draw(st.sampled_from(sorted(cloud.network_interfaces)))]
    instance = with_primary(Instance(new, new, taken.subnet_id, None), taken)
    after = _without_key(cloud, "network_interfaces", taken.id)
    return _replaced(after, "instances", {**cloud.instances, new: instance})


def _without_subnet(cloud: Cloud, draw: st.DataObject) -> Cloud:
    """Return the cloud without a subnet, its instances and its interfaces."""
    after = _without(cloud, "subnets", draw)
    for section in ("instances", "network_interfaces"):
        left = {key: each for key, each in getattr(cloud, section).items() if each.subnet_id in after.subnets}
        after = _replaced(after, section, left)
    return after


def _equal(cloud: Cloud) -> Cloud:
    for section in SECTIONS:
        cloud = _replaced(cloud, section, dict(getattr(cloud, section)))
    return cloud


CHANGES: tuple[Callable[[Cloud, st.DataObject], Cloud], ...] = (
    _rerouted,
    _reassociated,
    _regrouped,
    _relisted,
    _listed,
    _tagged,
    _detached,
    _scaled,
    _switched,
    _unassigned,
    _handed_over,
    _kept,
    _launched,
    _without_subnet,
    lambda cloud, draw: _without(cloud, "instances", draw),
    lambda cloud, draw: _without(cloud, "hosts", draw),
    lambda cloud, draw: _without(cloud, "egress_only_internet_gateways", draw),
    lambda cloud, draw: _without(cloud, "internet_gateways", draw),
    lambda cloud, draw: replace(cloud, client_tokens={}),
    lambda cloud, draw: _equal(cloud),
    lambda cloud, draw: same_lab(draw.draw(clouds())),
)


def changed(cloud: Cloud, draw: st.DataObject) -> Cloud:
    """Return the cloud after one or two changes."""
    for change in draw.draw(st.lists(st.sampled_from(CHANGES), min_size=1, max_size=2)):
        cloud = change(cloud, draw)
    return cloud

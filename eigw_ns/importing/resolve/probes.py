"""Instances that stand for what a design runs in its subnets, so that packets can be sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from eigw_ns.frozen import frozen
from eigw_ns.importing.design import Design, DesignSubnet, DesignWorkload, Key
from eigw_ns.importing.resolve.choices import Choices
from eigw_ns.importing.resolve.index import Index
from eigw_ns.importing.resolve.naming import Names, free_name
from eigw_ns.importing.resolve.networks import has_ipv6, home
from eigw_ns.importing.resolve.parts import Found, Part
from eigw_ns.topology.forms import MAX_NAME, as_name

OPEN_GROUP = "eigw-probe-open"
_DESCRIPTION = "added by import: lets everything in, so that subnets and gateways alone decide"
_PREFIX = "probe-"


@frozen
class Probe:
    """An instance in a subnet. `groups` are keys of security groups; none means the open group."""

    name: str
    subnet: Key
    groups: tuple[Key, ...] = ()


def probes(design: Design, index: Index, names: Names, choices: Choices) -> tuple[Probe, ...]:
    """Return the probes of all subnets with IPv6 that are in the lab, in their order."""
    if choices.probes == "none":
        return ()
    linked = [each for each in design.subnets if has_ipv6(each) and home(each.vpc, index, names)]
    found = [Probe(f"{_PREFIX}{names[each.label.key]}", each.label.key) for each in linked]
    if choices.probes == "groups":
        found += (probe for each in linked for probe in _of_groups(design, each, index, names))
    return tuple(_with_free_names(found, index, names))


def _with_free_names(found: Iterable[Probe], index: Index, names: Names) -> Iterator[Probe]:
    """Yield the probes under names that no other node of their VPC has."""
    taken: dict[Key | None, set[str]] = {}
    for key, name in names.items():
        taken.setdefault(index.vpc_of(key), set()).add(name)
    for probe in found:
        used = taken[index.vpc_of(probe.subnet)]
        name = free_name(probe.name, used)
        used.add(name)
        yield replace(probe, name=name)


def _of_groups(design: Design, subnet: DesignSubnet, index: Index, names: Names) -> Iterator[Probe]:
    """Yield a probe for each combination of groups that workloads have in the subnet."""
    seen: set[frozenset[Key]] = set()
    for workload in design.workloads:
        groups = tuple(each for each in workload.groups if isinstance(each, Key) and _fits(each, subnet, index))
        if subnet.label.key in workload.subnets and groups and frozenset(groups) not in seen:
            seen.add(frozenset(groups))
            yield Probe(_name(subnet, workload, names), subnet.label.key, groups)


def _fits(group: Key, subnet: DesignSubnet, index: Index) -> bool:
    return group in index.groups and index.groups[group].vpc == subnet.vpc


def _name(subnet: DesignSubnet, workload: DesignWorkload, names: Names) -> str:
    return as_name(f"{_PREFIX}{names[subnet.label.key]}-{workload.label.name}", MAX_NAME)


def probe_parts(found: tuple[Probe, ...], index: Index, names: Names) -> Found:
    """Yield the open group of each VPC that needs it, and the instances."""
    opened: set[tuple[str, ...]] = set()
    for probe in found:
        subnet = index.subnets[probe.subnet]
        where = home(subnet.vpc, index, names)
        assert where is not None  # see `probes`
        if not probe.groups and where not in opened:
            opened.add(where)
            everything = {"protocol": "all", "cidr": "::/0"}
            body = {"description": _DESCRIPTION, "ingress": [everything], "egress": [everything]}
            yield Part((*where, "security_groups", OPEN_GROUP), body, subnet.label.place)
        groups = [names[group] for group in probe.groups] or [OPEN_GROUP]
        body = {"subnet": names[probe.subnet], "security_groups": groups}
        yield Part((*where, "instances", probe.name), body, subnet.label.place)

"""The whole way from a design to a lab: names, a topology that loads, probes, expectations, and what is not known."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from eigw_ns.cloud import ids
from eigw_ns.errors import Mistake, TopologyError
from eigw_ns.frozen import frozen
from eigw_ns.importing.design import Design, DesignSubnet, Key
from eigw_ns.importing.intent import Intent, stated_intent
from eigw_ns.importing.messages import Message, Place
from eigw_ns.importing.resolve.choices import Choices
from eigw_ns.importing.resolve.expectations import expectations
from eigw_ns.importing.resolve.filters import filters
from eigw_ns.importing.resolve.index import Index
from eigw_ns.importing.resolve.names_of_design import all_names
from eigw_ns.importing.resolve.naming import Names
from eigw_ns.importing.resolve.networks import home, networks
from eigw_ns.importing.resolve.parts import Part
from eigw_ns.importing.resolve.probes import Probe, probe_parts, probes
from eigw_ns.importing.resolve.selection import selected
from eigw_ns.topology import Expectation, Topology, load
from eigw_ns.topology.data import Data
from eigw_ns.topology.forms import MAX_LAB_NAME, as_name

_MANY = 10_000
_QUOTAS = {
    "egress_only_internet_gateways_per_vpc": _MANY,
    "entries_per_network_acl": _MANY,
    "rules_per_security_group": _MANY,
    "security_groups_per_interface": _MANY,
    "tags_per_resource": _MANY,
}
"""A design may be one of an account whose quotas AWS raised."""


@frozen
class ImportedSubnet:
    """A subnet of the design in the lab. `unknown` tells that a refusal touches it, so nobody knows what reaches it.

    `intent` is what the design says it is meant for. `probe` is the NODE of its probe, if it has one.
    """

    name: str
    vpc: str
    id: str
    design: DesignSubnet
    intent: Intent | None
    probe: str | None
    unknown: bool


@frozen
class Import:
    """A design as a lab. `topology` is None if it breaks a rule of the file; a message says which.

    With a message of level `refuse`, the topology is only a part of the design, and closed where nobody knows.
    `names` are those of resources by key.
    """

    topology: Topology | None
    messages: tuple[Message, ...]
    subnets: tuple[ImportedSubnet, ...]
    names: Mapping[Key, str]

    @property
    def refused(self) -> bool:
        """Whether something that decides what is reachable is not known."""
        return any(message.level == "refuse" for message in self.messages)


IntentOf = Callable[[DesignSubnet, str], Intent | None]
"""What a subnet is meant for, by the subnet of the design and its name in the lab."""


def _stated(subnet: DesignSubnet, _name: str) -> Intent | None:
    return stated_intent(subnet)


def imported(design: Design, choices: Choices, intent_of: IntentOf = _stated) -> Import:
    """Return the design as a lab. By default, `intent_of` is what the design itself says.

    Raises UsageError if a VPC or a host that the user names is not possible.
    """
    design = selected(design, choices.vpcs)
    index = Index(design)
    names = all_names(design, index, tuple(name for name, _ in choices.hosts))
    placed = probes(design, index, names, choices)
    parts: dict[tuple[str, ...], Part] = {}
    messages = [*design.messages, *_without_ipv6(design)]
    for found in (*networks(design, index, names), *filters(design, index, names), *probe_parts(placed, index, names)):
        if isinstance(found, Message):
            messages.append(found)
        else:
            parts[found.path] = found
    lab = choices.lab or as_name(f"import-{design.name or choices.source}", MAX_LAB_NAME)
    topology = _loaded(_data(lab, parts.values(), choices), parts, messages)
    unknown = _unknown(messages, index)
    subnets = tuple(_subnets(design, index, names, lab, placed, unknown, intent_of))
    if topology:
        topology = replace(topology, expectations=tuple(_expectations(topology, subnets, choices)))
    return Import(topology, tuple(messages), subnets, names)


def _without_ipv6(design: Design) -> Iterator[Message]:
    if not any(subnet.ipv6_blocks for subnet in design.subnets):
        yield Message("note", Place(design.name or design.kind), "nothing of this design is reachable over IPv6")


def _data(lab: str, parts: Iterable[Part], choices: Choices) -> Data:
    """Return the parts as one file."""
    data: dict[str, Any] = {"lab": lab, "quotas": _QUOTAS, "vpcs": {}}
    for part in sorted(parts, key=lambda part: part.path):
        here = data
        for step in part.path[:-1]:
            here = here.setdefault(step, {})
        here.setdefault(part.path[-1], {}).update(part.body)
    data["internet"] = {"hosts": {name: {"ipv6_address": str(address)} for name, address in choices.hosts}}
    return data


def _loaded(data: Data, parts: Mapping[tuple[str, ...], Part], messages: list[Message]) -> Topology | None:
    """Return the topology. A mistake becomes a message with the place of the part that has it."""
    try:
        return load(json.dumps(data).encode(), file="design", default_lab="design")
    except TopologyError as error:
        places = {".".join(path): part for path, part in parts.items()}
        messages.extend(_refusal(mistake, places) for mistake in error.mistakes)
        return None


def _refusal(mistake: Mistake, places: Mapping[str, Part]) -> Message:
    steps = mistake.path.split("[")[0].split(".")
    paths = (".".join(steps[:end]) for end in range(len(steps), 0, -1))
    place = next((places[path].place for path in paths if path in places), Place(mistake.path or "the design"))
    value = f" (got {mistake.value})" if mistake.value else ""
    return Message("refuse", place, f"{mistake.problem}{value}", _remedy(mistake))


def _remedy(mistake: Mistake) -> str:
    if not mistake.path:
        return "choose fewer VPCs: --vpc NAME"
    return (
        "choose another one: --host NAME=ADDRESS" if mistake.path.startswith("internet.") else "a lab cannot have this"
    )


def _unknown(messages: Iterable[Message], index: Index) -> frozenset[Key]:
    """Return the subnets that a refusal touches."""
    refusals = (message for message in messages if message.level == "refuse")
    return frozenset(subnet for each in refusals for subnet in index.subnets_touched(map(Key, each.touches)))


def _subnets(
    design: Design,
    index: Index,
    names: Names,
    lab: str,
    placed: tuple[Probe, ...],
    unknown: frozenset[Key],
    intent_of: IntentOf,
) -> Iterator[ImportedSubnet]:
    several = len(design.vpcs) > 1
    by_subnet = {probe.subnet: probe.name for probe in reversed(placed)}
    for subnet in design.subnets:
        key, where = subnet.label.key, home(subnet.vpc, index, names)
        if where is None:
            continue
        probe = by_subnet.get(key)
        node = f"{where[1]}/{probe}" if probe and several else probe
        subnet_id = ids.make_id(ids.SUBNET, lab, where[1], names[key])
        intent = intent_of(subnet, names[key])
        yield ImportedSubnet(names[key], where[1], subnet_id, subnet, intent, node, key in unknown)


def _expectations(topology: Topology, subnets: Iterable[ImportedSubnet], choices: Choices) -> Iterator[Expectation]:
    """Yield the expectations of all subnets whose class is known, for the first host."""
    if not choices.hosts:
        return
    for each in sorted(subnets, key=lambda each: (each.vpc, each.name)):
        if each.probe and not each.unknown:
            subnet = topology.cloud.subnets[each.id]
            yield from expectations(topology.cloud, subnet, each.probe, choices.hosts[0], each.intent)

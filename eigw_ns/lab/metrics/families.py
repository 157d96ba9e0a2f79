"""Metrics as values: names, help texts, labels and numbers. Pure.

What is not known has no sample: a 0 would be a claim. Labels are names; one metric `_info` has ids and tags. Source of
the names: AWS, "NAT gateway metrics", https://docs.aws.amazon.com/vpc/latest/userguide/vpc-nat-gateway-cloudwatch.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Literal

from eigw_ns.cloud.model import Cloud, Tags
from eigw_ns.cloud.routing import route_state
from eigw_ns.cloud.tag_names import named_by_tags
from eigw_ns.dataplane.compile.names import FABRIC_LINK, UPLINK
from eigw_ns.frozen import frozen
from eigw_ns.kernel.protocol import Count, Traffic
from eigw_ns.lab.metrics.targets import GatewayTarget, SubnetTarget

Labels = tuple[tuple[str, str], ...]

_DROPPED = "drop_"
_NOT_A_LABEL = re.compile("[^a-zA-Z0-9_]")


@frozen
class Sample:
    """A number with its labels."""

    labels: Labels
    value: float


@frozen
class Family:
    """A metric with all its samples. The name of a counter ends in `_total`."""

    name: str
    kind: Literal["counter", "gauge"]
    help: str
    samples: tuple[Sample, ...]


@frozen
class Seen:
    """What the kernel says: traffic by namespace, and the namespaces of replicas in service."""

    traffic: Mapping[str, Traffic]
    serving: Collection[str]


_Reading = Callable[[Traffic], float | None]


def _link(name: str, sent: bool, size: bool) -> _Reading:
    def read(traffic: Traffic) -> float | None:
        link = traffic.links.get(name)
        if link is None:
            return None
        count = link.sent if sent else link.received
        return count.bytes if size else count.packets

    return read


_DIRECTIONS = (
    ("in_from_source", FABRIC_LINK, False, "from instances to the gateway"),
    ("out_to_destination", UPLINK, True, "from the gateway to the internet"),
    ("in_from_destination", UPLINK, False, "from the internet to the gateway"),
    ("out_to_source", FABRIC_LINK, True, "from the gateway to instances"),
)
_LINKS: tuple[tuple[str, str, _Reading], ...] = tuple(
    (f"eigw_ns_gateway_{unit}_{name}_total", f"{unit.capitalize()} {words}.", _link(link, sent, unit == "bytes"))
    for unit in ("packets", "bytes")
    for name, link, sent, words in _DIRECTIONS
)


def gateways(lab: str, targets: Iterable[GatewayTarget], seen: Seen) -> Iterator[Family]:
    """Yield the metrics of egress-only gateways: one sample for each replica."""
    found = [(_labels(lab, target), target, seen.traffic.get(target.namespace)) for target in targets]
    alive = [(labels, target, traffic) for labels, target, traffic in found if traffic is not None]
    for name, about, read in _LINKS:
        yield _family(name, "counter", about, ((labels, read(traffic)) for labels, _, traffic in alive))
    flows = ((labels, float(traffic.flows)) for labels, _, traffic in alive)
    yield _family("eigw_ns_gateway_active_connections", "gauge", "Flows that the replica tracks now.", flows)
    attempts = ((labels, _packets(traffic, "allowed_new")) for labels, _, traffic in alive)
    about = "First packets of new flows from inside."
    yield _family("eigw_ns_gateway_connection_attempts_total", "counter", about, attempts)
    drops = (sample for labels, _, traffic in alive for sample in _drops(labels, traffic))
    yield _family("eigw_ns_gateway_dropped_packets_total", "counter", "Packets that the gateway dropped.", drops)
    limits = ((labels, float(target.most_flows)) for labels, target, _ in alive)
    yield _family("eigw_ns_gateway_connections_max", "gauge", "Maximum number of flows that a replica tracks.", limits)
    states = ((labels, float(target.namespace in seen.serving)) for labels, target, _ in found)
    yield _family("eigw_ns_gateway_replica_in_service", "gauge", "1 if flows are sent to the replica.", states)


def subnets(lab: str, targets: Iterable[SubnetTarget], seen: Seen) -> Iterator[Family]:
    """Yield the metrics of subnets."""
    found = (
        sample
        for target in targets
        if target.namespace in seen.traffic
        for sample in _drops(
            (("lab", lab), ("vpc", target.vpc), ("subnet", target.name)), seen.traffic[target.namespace]
        )
    )
    yield _family("eigw_ns_subnet_dropped_packets_total", "counter", "Packets that the subnet's router dropped.", found)


def of_model(cloud: Cloud, applied: float | None, drift: int | None) -> Iterator[Family]:
    """Yield what is known without the kernel. `applied` is in seconds since 1970, `drift` a number of objects."""
    lab, named = (("lab", cloud.lab),), named_by_tags(cloud)
    routes = {(vpc.name, state): 0.0 for vpc in named.vpcs.values() for state in ("active", "blackhole")}
    for table in named.route_tables.values():
        for route in table.routes:
            routes[named.vpcs[table.vpc_id].name, route_state(named, table, route)] += 1
    counted = (((*lab, ("vpc", vpc), ("state", state)), number) for (vpc, state), number in sorted(routes.items()))
    yield _family("eigw_ns_routes", "gauge", "IPv6 routes of all route tables, without the local ones.", counted)
    about = "Always 1. Its labels are the id and the tags of a gateway."
    yield _family("eigw_ns_gateway_info", "gauge", about, _infos(named))
    times = ((lab, applied),)
    yield _family("eigw_ns_lab_applied_timestamp_seconds", "gauge", "When the lab was applied last.", times)
    about = "Objects in which the kernel differs from what was applied."
    yield _family("eigw_ns_drift_objects", "gauge", about, ((lab, None if drift is None else float(drift)),))


def errors(lab: str, number: int) -> Family:
    """Return how many gateways and subnets could not be read, because they are not alive."""
    about = "Gateways, replicas and subnets of this scrape that could not be read."
    return _family("eigw_ns_scrape_errors", "gauge", about, (((("lab", lab),), float(number)),))


def merged(families: Iterable[Family]) -> tuple[Family, ...]:
    """Return the families of several labs as one each. A family without samples is left out."""
    found: dict[str, Family] = {}
    for each in families:
        before = found.get(each.name)
        found[each.name] = Family(each.name, each.kind, each.help, (*(before.samples if before else ()), *each.samples))
    return tuple(each for each in found.values() if each.samples)


def _infos(cloud: Cloud) -> Iterator[tuple[Labels, float]]:
    for gateway in sorted(cloud.egress_only_internet_gateways.values(), key=lambda each: (each.name, each.id)):
        vpc = cloud.vpcs[gateway.vpc_id].name
        own = (("lab", cloud.lab), ("vpc", vpc), ("gateway", gateway.name), ("id", gateway.id))
        yield (*own, *_tag_labels(gateway.tags)), 1.0


def _tag_labels(tags: Tags) -> Labels:
    """Return the tags as labels. Of two keys that differ only in characters that labels lack, the first counts."""
    found: dict[str, str] = {}
    for key, value in tags:
        found.setdefault(f"tag_{_NOT_A_LABEL.sub('_', key)}", value)
    return tuple(sorted(found.items()))


def _labels(lab: str, target: GatewayTarget) -> Labels:
    return ("lab", lab), ("vpc", target.vpc), ("gateway", target.name), ("replica", str(target.replica))


def _drops(labels: Labels, traffic: Traffic) -> Iterator[tuple[Labels, float]]:
    for name, count in sorted(traffic.counters.items()):
        if name.startswith(_DROPPED):
            yield (*labels, ("reason", name.removeprefix(_DROPPED))), float(count.packets)


def _packets(traffic: Traffic, counter: str) -> float | None:
    count: Count | None = traffic.counters.get(counter)
    return None if count is None else float(count.packets)


def _family(
    name: str, kind: Literal["counter", "gauge"], about: str, found: Iterable[tuple[Labels, float | None]]
) -> Family:
    return Family(name, kind, about, tuple(Sample(labels, value) for labels, value in found if value is not None))

"""Where to listen: the interfaces of a node, or one interface for each wire on the way between two machines. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from eigw_ns.cloud import ids, nodes
from eigw_ns.cloud.model import Cloud, EgressOnlyInternetGateway
from eigw_ns.cloud.nodes import Node
from eigw_ns.cloud.words import did_you_mean
from eigw_ns.dataplane.compile.compiler import compile_cloud
from eigw_ns.dataplane.compile.names import FABRIC_LINK, INSTANCE_LINK, UPLINK, namespace_name
from eigw_ns.dataplane.state import Link
from eigw_ns.dataplane.trace.explanation import Question, explain
from eigw_ns.errors import UsageError
from eigw_ns.frozen import frozen

_MENTIONED = re.compile(r"@([^\s()&|!]+)")


@frozen
class Point:
    """An interface in a namespace, and how a reader of the capture calls it: `app`, `outbound#2 up`."""

    namespace: str
    link: str
    name: str


def of_node(cloud: Cloud, node: Node, interface: str | None = None) -> tuple[Point, ...]:
    """Return the interfaces of a node, or only the one that is named. Raises UsageError if it does not have that."""
    namespace = namespace_name(cloud.lab, node.id)
    links = sorted(
        each.name
        for each in compile_cloud(cloud, None).objects.values()
        if isinstance(each, Link) and each.namespace == namespace
    )
    if interface is not None and interface not in links:
        hint = did_you_mean(interface, links) or f"its interfaces are {', '.join(links)}"
        raise UsageError(f"{node.qualified} has no interface {interface}", hint=hint)
    chosen = links if interface is None else [interface]
    return tuple(Point(namespace, link, _name(node, link)) for link in chosen)


def of_path(cloud: Cloud, source: str, destination: str) -> tuple[Point, ...]:
    """Return one interface for each wire on the way between two machines, and those of each replica of the gateways.

    They are in the order in which a packet may meet them. Raises UsageError if an end is not a machine of the lab.
    """
    explanation = explain(cloud, Question(source, destination, "icmpv6", None))
    explanation.require_real()
    ends = explanation.source_id, explanation.destination_id
    outside = _vpc(cloud, ends[0]) != _vpc(cloud, ends[1])
    named = {node.id: node for node in nodes.nodes(cloud)}
    there = list(_of_end(cloud, named, ends[0], outside))
    back = reversed(list(_of_end(cloud, named, ends[1], outside)))
    return tuple(dict.fromkeys((*there, *back)))


def _vpc(cloud: Cloud, end: str) -> str | None:
    instance = cloud.instances.get(end)
    return cloud.subnets[instance.subnet_id].vpc_id if instance else None


def _of_end(cloud: Cloud, named: dict[str, Node], end: str, outside: bool) -> Iterator[Point]:
    """Yield the machine, and for an instance its subnet; if the way leads `outside`, the gateways of its VPC, too."""
    yield Point(namespace_name(cloud.lab, end), INSTANCE_LINK, named[end].name)
    instance = cloud.instances.get(end)
    if instance is None:
        return
    subnet = cloud.subnets[instance.subnet_id]
    yield Point(namespace_name(cloud.lab, subnet.id), FABRIC_LINK, f"{named[subnet.id].name} {FABRIC_LINK}")
    if not outside:
        return
    eigws = (each for each in cloud.egress_only_internet_gateways.values() if each.vpc_id == subnet.vpc_id)
    for eigw in sorted(eigws, key=lambda each: each.name):
        yield from _of_replicas(cloud, eigw, named)
    for igw in cloud.internet_gateways.values():
        if igw.vpc_id == subnet.vpc_id:
            yield from _both(namespace_name(cloud.lab, igw.id), named[igw.id].name)


def _of_replicas(cloud: Cloud, gateway: EgressOnlyInternetGateway, named: dict[str, Node]) -> Iterator[Point]:
    for number in range(1, gateway.replicas + 1):
        suffix = f"#{number}" if gateway.replicas > 1 else ""
        yield from _both(namespace_name(cloud.lab, ids.replica_id(gateway.id, number)), named[gateway.id].name + suffix)


def _both(namespace: str, name: str) -> Iterator[Point]:
    yield Point(namespace, FABRIC_LINK, f"{name} {FABRIC_LINK}")
    yield Point(namespace, UPLINK, f"{name} {UPLINK}")


def _name(node: Node, link: str) -> str:
    return node.name if link == INSTANCE_LINK else f"{node.name} {link}"


def with_addresses(cloud: Cloud, text: str) -> str:
    """Return a filter in which `@app` is replaced by the address of `app`.

    Raises UsageError if no machine of the lab has the name.
    """

    def address(found: re.Match[str]) -> str:
        node = nodes.find(cloud, found[1])
        machine = cloud.instances.get(node.id) or cloud.hosts.get(node.id)
        if machine is None or machine.ipv6_address is None:
            raise UsageError(
                f"{found[1]} has no address of its own", hint="write @ and an instance or an internet host"
            )
        return str(machine.ipv6_address)

    return _MENTIONED.sub(address, text)

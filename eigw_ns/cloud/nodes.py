"""NODE: the name that a user types for a source, a destination or a hop of packets.

A NODE is one of: a short name (`app`), a qualified name (`main/app`; `internet/web` for an internet host), a replica of
an egress-only internet gateway (`main/outbound#1`), `internet`, or a resource id. The name of a resource that EC2's API
has made is its `Name` tag.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from eigw_ns.cloud import ids
from eigw_ns.cloud.families import ipv6_part
from eigw_ns.cloud.model import Cloud
from eigw_ns.cloud.words import did_you_mean, shorten
from eigw_ns.errors import UsageError
from eigw_ns.frozen import frozen

NodeKind = Literal[
    "instance", "host", "subnet", "egress-only-internet-gateway", "replica", "internet-gateway", "internet"
]

INTERNET = "internet"
"""The name of the internet router, and the qualifier of internet hosts. No other node can have this name."""

_REPLICA = "#"  # precedes the number of a replica; the gateway's name without a number means the first replica
_SHOWN = 8
_ENDS = ("instance", "host")  # the kinds of nodes that users ask for most


@frozen
class Node:
    """A resource that has a namespace. `name` can be ambiguous in a lab; `qualified` and `id` are unique."""

    id: str
    kind: NodeKind
    name: str
    qualified: str


def internet_id(lab: str) -> str:
    """Return the id of the lab's internet: the router that all gateways and hosts are connected to."""
    return ids.make_id(ids.INTERNET, lab)


def nodes(cloud: Cloud) -> tuple[Node, ...]:
    """Return all nodes of `cloud`, sorted by qualified name.

    A detached internet gateway is excluded, because no packet reaches it. So are subnets and gateways without IPv6.
    A resource without a name of its own has that of its `Name` tag; several nodes may have the same tag.
    """
    from eigw_ns.cloud.tag_names import named_by_tags  # late: a second apply needs no names

    return tuple(sorted(_nodes(named_by_tags(cloud)), key=lambda node: (node.qualified, node.id)))


def _nodes(cloud: Cloud) -> Iterator[Node]:
    vpc_names, linked = {vpc.id: vpc.name for vpc in cloud.vpcs.values()}, ipv6_part(cloud)
    yield Node(internet_id(cloud.lab), "internet", INTERNET, INTERNET)
    for host in cloud.hosts.values():
        yield Node(host.id, "host", host.name, f"{INTERNET}/{host.name}")
    for subnet in linked.subnets.values():
        yield Node(subnet.id, "subnet", subnet.name, f"{vpc_names[subnet.vpc_id]}/{subnet.name}")
    for instance in cloud.instances.values():
        vpc_name = vpc_names[cloud.subnets[instance.subnet_id].vpc_id]
        yield Node(instance.id, "instance", instance.name, f"{vpc_name}/{instance.name}")
    for eigw in linked.egress_only_internet_gateways.values():
        qualified = f"{vpc_names[eigw.vpc_id]}/{eigw.name}"
        yield Node(eigw.id, "egress-only-internet-gateway", eigw.name, qualified)
        for number in range(2, eigw.replicas + 1):
            suffix = f"{_REPLICA}{number}"
            yield Node(ids.replica_id(eigw.id, number), "replica", eigw.name + suffix, qualified + suffix)
    for igw in linked.internet_gateways.values():
        if igw.vpc_id is not None:
            yield Node(igw.id, "internet-gateway", igw.name, f"{vpc_names[igw.vpc_id]}/{igw.name}")


def find(cloud: Cloud, text: str) -> Node:
    """Return the node that `text` names.

    Raises UsageError if no node or several nodes have that name. The hint says what to type instead.
    """
    return NodeIndex(nodes(cloud)).find(text)


class NodeIndex:
    """An index of nodes by every spelling of their names, for callers that look up many.

    `by_id`: users may write ids. In a topology file, a name that is used twice is a mistake.
    """

    def __init__(self, known: Iterable[Node], *, by_id: bool = True) -> None:
        self._nodes, self._by_id = tuple(known), by_id
        self._meant: dict[str, dict[str, Node]] = {}
        for node in self._nodes:
            for spelling in _spellings(node):
                self._meant.setdefault(spelling, {})[node.id] = node

    def has(self, text: str) -> bool:
        """Return whether `text` names a node, or several."""
        return text in self._meant

    def find(self, text: str) -> Node:
        """Return the node that `text` names. Raises UsageError as the function `find` does."""
        meant = tuple(self._meant.get(text, {}).values())
        if len(meant) == 1:
            return meant[0]
        if meant:
            options = tuple(dict.fromkeys(node.qualified for node in meant))
            if len(options) == len(meant):
                hint = f"write {' or '.join(map(shorten, options[:_SHOWN]))}"
            elif self._by_id:  # they have the same tag
                hint = f"write {' or '.join([node.id for node in meant][:_SHOWN])}"
            else:
                hint = "give one of them another name"
            raise UsageError(f"{shorten(text)} is ambiguous: it names {len(meant)} nodes", hint=hint)
        base, _, replica = text.partition(_REPLICA)
        named = next(iter(self._meant.get(base, {}).values()), None)
        if replica and named is not None:
            raise self._no_such_replica(named, base, replica)
        raise self._unknown(text)

    def text(self, node: Node) -> str:
        """Return the shortest text that names this node alone."""
        spellings = (node.name, node.qualified, node.id)
        return next(each for each in spellings if len(self._meant[each]) == 1)

    def _no_such_replica(self, node: Node, base: str, replica: str) -> UsageError:
        if node.kind != "egress-only-internet-gateway":
            return UsageError(f"{base} has no replicas", hint=f"write {base}")
        others = sum(each.kind == "replica" and each.id.startswith(f"{node.id}.") for each in self._nodes)
        last = f"{base}{_REPLICA}{others + 1}"
        known = f"its replicas are {base}{_REPLICA}1 to {last}" if others else f"its only replica is {last}"
        return UsageError(f"{base} has no replica {shorten(replica)}", hint=known)

    def _unknown(self, text: str) -> UsageError:
        spellings = {node.qualified if "/" in text else node.name for node in self._nodes}
        useful = sorted(self._nodes, key=lambda node: node.kind not in _ENDS)
        names = ", ".join(shorten(node.qualified) for node in useful[:_SHOWN])
        listed = f"the nodes are {names}" + (", …" if len(self._nodes) > _SHOWN else "")
        problem = f"no node is called {shorten(text) or repr(text)}"
        from eigw_ns.cloud.aws_words import lacking_id  # late: only a mistake needs it

        return UsageError(problem, hint=lacking_id(text) or did_you_mean(text, spellings) or listed)


def _spellings(node: Node) -> tuple[str, ...]:
    plain = (node.name, node.qualified, node.id)
    if node.kind != "egress-only-internet-gateway":
        return plain
    return (*plain, *(f"{spelling}{_REPLICA}1" for spelling in plain))

"""The names of nodes for a hosts file (hosts(5)), so that programs in a node can use names instead of addresses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from eigw_ns.cloud import nodes
from eigw_ns.cloud.model import Cloud
from eigw_ns.cloud.nodes import Node


def names(cloud: Cloud) -> dict[str, tuple[str, ...]]:
    """Return the names of each IPv6 address of an instance or internet host.

    They are the short name if no other machine has it, the qualified name (`main/app`), and `app.main`, because some
    programs accept only names of DNS.
    """
    machines = tuple(_machines(cloud))
    shared = Counter(node.name for node, _ in machines)
    return {address: _names(node, short=shared[node.name] == 1) for node, found in machines for address in found}


def _machines(cloud: Cloud) -> Iterator[tuple[Node, tuple[str, ...]]]:
    """Yield each node that has addresses, with them."""
    for node in nodes.nodes(cloud):
        if node.kind == "instance":
            yield node, tuple(str(address) for address in cloud.instances[node.id].addresses)
        elif node.kind == "host":
            yield node, (str(cloud.hosts[node.id].ipv6_address),)


def _names(node: Node, *, short: bool) -> tuple[str, ...]:
    domain = node.qualified.partition("/")[0]
    return (*((node.name,) if short else ()), f"{node.name}.{domain}", node.qualified)

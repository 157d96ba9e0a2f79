"""The names of nodes for a hosts file (hosts(5)), so that programs in a node can use names instead of addresses."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from eigw_ns.cloud import nodes
from eigw_ns.cloud.model import Cloud
from eigw_ns.cloud.nodes import Node


def names(cloud: Cloud) -> dict[str, tuple[str, ...]]:
    """Return the names of each IPv6 address of an instance or internet host.

    They are the short name, the qualified name (`main/app`), and `app.main`, because some programs accept only names of
    DNS. A name that another machine has too is left out, and so is a tag with characters that the file cannot hold.
    """
    machines = tuple(_machines(cloud))
    shared = Counter(name for node, _ in machines for name in _names(node))
    return {
        address: tuple(name for name in _names(node) if shared[name] == 1 and _POSSIBLE.fullmatch(name))
        for node, found in machines
        for address in found
    }


_POSSIBLE = re.compile(r"[\w./-]+", re.ASCII)


def _machines(cloud: Cloud) -> Iterator[tuple[Node, tuple[str, ...]]]:
    """Yield each node that has addresses, with them."""
    for node in nodes.nodes(cloud):
        if node.kind == "instance":
            yield node, tuple(str(address) for address in cloud.instances[node.id].addresses)
        elif node.kind == "host":
            yield node, (str(cloud.hosts[node.id].ipv6_address),)


def _names(node: Node) -> tuple[str, ...]:
    domain = node.qualified.removesuffix(f"/{node.name}")
    return node.name, f"{node.name}.{domain}", node.qualified

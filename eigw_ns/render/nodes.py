"""Nodes with their namespaces and interfaces, as `describe nodes` shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eigw_ns.cloud import nodes
from eigw_ns.cloud.model import Cloud
from eigw_ns.cloud.tag_names import named_by_tags
from eigw_ns.dataplane.compile.compiler import compile_cloud
from eigw_ns.dataplane.compile.names import namespace_name
from eigw_ns.dataplane.state import Address, Link
from eigw_ns.render.table import Table

Shape = dict[str, Any]


def data(cloud: Cloud, only: str = "") -> list[Shape]:
    """Return each node, or only the one with this id, with its namespace and its interfaces as they must be."""
    links: dict[str, list[Link]] = {}
    addresses: dict[tuple[str, str], list[str]] = {}
    for thing in compile_cloud(cloud, None).objects.values():
        if isinstance(thing, Link):
            links.setdefault(thing.namespace, []).append(thing)
        elif isinstance(thing, Address):
            addresses.setdefault((thing.namespace, thing.link), []).append(thing.address)
    named = {namespace_name(cloud.lab, node.id): node.qualified for node in nodes.nodes(cloud)}
    vpcs = named_by_tags(cloud).vpcs.values()
    named |= {namespace_name(cloud.lab, vpc.id): f"{vpc.name} (fabric)" for vpc in vpcs}
    wanted = (node for node in nodes.nodes(cloud) if only in ("", node.id))
    return [
        {
            "Name": node.qualified,
            "Id": node.id,
            "Kind": node.kind,
            "Namespace": (namespace := namespace_name(cloud.lab, node.id)),
            "Interfaces": [
                _interface(link, addresses.get((namespace, link.name), []), named)
                for link in sorted(links.get(namespace, ()), key=lambda link: link.name)
            ],
        }
        for node in wanted
    ]


def table(shapes: list[Shape]) -> Table:
    """Return a row for each interface of the nodes in `data`."""
    rows = tuple(row for shape in shapes for row in _rows(shape))
    return Table("Nodes", ("Name", "Kind", "Namespace", "Interface", "Addresses", "Leads to"), rows)


def _interface(link: Link, addresses: list[str], named: Mapping[str, str]) -> Shape:
    far = f"{named.get(link.peer[0], link.peer[0])} {link.peer[1]}" if link.peer else None
    return {"Name": link.name, "Mac": link.mac, "Mtu": link.mtu, "Addresses": sorted(addresses), "LeadsTo": far}


def _rows(shape: Shape) -> list[tuple[str, ...]]:
    first = (shape["Name"], shape["Kind"], shape["Namespace"])
    ends = [(each["Name"], ", ".join(each["Addresses"]), each["LeadsTo"] or "") for each in shape["Interfaces"]]
    return [(*(("", "", "") if index else first), *end) for index, end in enumerate(ends or [("", "", "")])]

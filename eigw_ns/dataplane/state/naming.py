"""Make and parse the names of a lab's namespaces and of the links between them. No other module knows the grammar.

    eigw-<lab>-<kind>-<digits>[.n]    a namespace; n is the number of a gateway's replica, from 2
    eigw-ns:<lab>:<id>                its mark, the ifalias of its `lo`
    <kind>-<digits>[.n]               the id of a resource, or of a replica (`cloud.ids`)
    <kind>-<last digits>[.n]          a router's or bridge's interface towards the resource: Linux allows 15 characters

A lab may contain dashes; a kind and digits may not.
"""

from __future__ import annotations

import re

from eigw_ns.cloud import ids

PREFIX = "eigw-"
"""Prefix of the name of every namespace of ours."""

TENANT_KINDS = frozenset({ids.INSTANCE, ids.INTERNET_HOST})
"""Kinds of the namespaces that belong to a user."""

ROUTERS_OF_TENANTS = (ids.SUBNET, ids.INTERNET)
"""Kinds of the routers that tenants are connected to."""

GROUP = "replicas_"
"""Prefix of the name of an nftables map of flow buckets to a gateway's replicas."""

_MARK = "eigw-ns"
_KINDS = (ids.VPC, ids.SUBNET, ids.EGRESS_ONLY_INTERNET_GATEWAY, ids.INTERNET_GATEWAY, ids.INSTANCE,
          ids.INTERNET_HOST, ids.INTERNET)  # fmt: skip
_NAMESPACE = re.compile(rf"{PREFIX}(.+)-(?:{'|'.join(_KINDS)})-(?:[0-9a-f]{{8}}|[0-9a-f]{{17}})(?:\.[2-8])?")
_TENANT_PORTS = tuple(f"{kind}-" for kind in TENANT_KINDS)
_LONGEST_LINK, _LONGEST_KIND = 15, 4  # characters of a link's name (IFNAMSIZ), and of the kind in it


# ---- namespaces ------------------------------------------------------------------------------------------------------


def namespace_name(lab: str, resource_id: str) -> str:
    """Return the name of a resource's namespace: `eigw-demo-i-0123456789abcdef0`."""
    return f"{PREFIX}{lab}-{resource_id}"


def lab_prefix(lab: str) -> str:
    """Return the prefix of the names of a lab's namespaces. Names of other labs may have it too: see `is_name_of`."""
    return namespace_name(lab, "")


def kind_prefix(lab: str, kind: str) -> str:
    """Return the prefix of the names of a lab's namespaces of this kind."""
    return namespace_name(lab, f"{kind}-")


def lab_of(name: str) -> str | None:
    """Return the lab of a namespace by its name; None if the name is not exactly one of ours."""
    match = _NAMESPACE.fullmatch(name)
    return match.group(1) if match else None


def is_name_of(lab: str, name: str) -> bool:
    """Return whether `name` is a namespace name of this lab. `eigw-a-b-i-…` belongs to the lab `a-b`, not to `a`."""
    return lab_of(name) == lab


def split_name(name: str) -> tuple[str, str]:
    """Return the lab and the id in a name that `namespace_name` made. The digits of the id are not checked."""
    lab, kind, digits = name.removeprefix(PREFIX).rsplit("-", 2)
    return lab, f"{kind}-{digits}"


def is_tenant(name: str) -> bool:
    """Return whether the namespace of this name belongs to a user, who may be root in it."""
    return name.rpartition("-")[0].rpartition("-")[2] in TENANT_KINDS  # thousands of times in a plan


def mark_text(lab: str, resource_id: str) -> str:
    """Return the mark that makes a namespace ours."""
    return f"{_MARK}:{lab}:{resource_id}"


def parse_mark(text: str) -> tuple[str, str] | None:
    """Return the lab and the id in a mark; None if the text is not one."""
    program, _, rest = text.partition(":")
    lab, _, resource_id = rest.partition(":")
    return (lab, resource_id) if program == _MARK else None


# ---- ids of resources and replicas -----------------------------------------------------------------------------------


def kind_of(resource_id: str) -> str:
    """Return the kind in an id, such as `subnet`; of a replica, its gateway's."""
    return resource_id.partition("-")[0]


def gateway_of(replica_id: str) -> str:
    """Return the id of the gateway to which a replica belongs."""
    return replica_id.partition(".")[0]


def is_first_replica(replica_id: str) -> bool:
    """Return whether this is the id of a gateway's first replica, which is the gateway's own id."""
    return gateway_of(replica_id) == replica_id


def group_name(gateway_id: str) -> str:
    """Return the name of the nftables maps of flow buckets to this gateway's replicas."""
    return GROUP + gateway_id.partition("-")[2]


# ---- links -----------------------------------------------------------------------------------------------------------


def port_name(resource_id: str) -> str:
    """Return the name of a router's or bridge's interface towards the resource."""
    kind, digits = resource_id.rsplit("-", 1)
    short = kind[:_LONGEST_KIND]
    return f"{short}-{digits[-(_LONGEST_LINK - 1 - len(short)) :]}"


def is_tenant_port(link: str) -> bool:
    """Return whether a router's interface of this name leads to a tenant."""
    return link.startswith(_TENANT_PORTS)


def is_instance_port(link: str) -> bool:
    """Return whether a subnet's interface of this name leads to an instance."""
    return link.startswith(f"{ids.INSTANCE}-")

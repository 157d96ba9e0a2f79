"""Names in place of ids: `private` or `main/private` for a route table's id. AWS has no such names; requests need ids.

A `Name` tag is such a name too, if no resource that the parameter takes has it as its own name. A front end may resolve
the names in a request before it calls an action.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from eigw_ns.cloud import ids
from eigw_ns.cloud.ec2.resources import (
    DHCP_OPTIONS,
    EGRESS_ONLY_INTERNET_GATEWAY,
    ELASTIC_IP,
    INSTANCE,
    INTERNET_GATEWAY,
    KINDS,
    NAT_GATEWAY,
    NETWORK_ACL,
    NETWORK_INTERFACE,
    PREFIX_LIST,
    ROUTE_TABLE,
    SECURITY_GROUP,
    SECURITY_GROUP_RULE,
    SUBNET,
    VPC,
    Kind,
)
from eigw_ns.cloud.ec2.schema import Shape
from eigw_ns.cloud.model import Cloud, Vpc
from eigw_ns.cloud.tag_names import NAME
from eigw_ns.cloud.words import shorten
from eigw_ns.errors import UsageError

_NAMED: tuple[Kind[Any], ...] = tuple(kind for kind in KINDS if kind is not SECURITY_GROUP_RULE)

KINDS_OF: Mapping[str, tuple[Kind[Any], ...]] = {
    "VpcId": (VPC,),
    "VpcIds": (VPC,),
    "SubnetId": (SUBNET,),
    "SubnetIds": (SUBNET,),
    "RouteTableId": (ROUTE_TABLE,),
    "RouteTableIds": (ROUTE_TABLE,),
    "EgressOnlyInternetGatewayId": (EGRESS_ONLY_INTERNET_GATEWAY,),
    "EgressOnlyInternetGatewayIds": (EGRESS_ONLY_INTERNET_GATEWAY,),
    "InternetGatewayId": (INTERNET_GATEWAY,),
    "InternetGatewayIds": (INTERNET_GATEWAY,),
    "GatewayId": (INTERNET_GATEWAY,),
    "NetworkAclId": (NETWORK_ACL,),
    "NetworkAclIds": (NETWORK_ACL,),
    "GroupId": (SECURITY_GROUP,),
    "GroupIds": (SECURITY_GROUP,),
    "SecurityGroupIds": (SECURITY_GROUP,),
    "Groups": (SECURITY_GROUP,),
    "InstanceId": (INSTANCE,),
    "InstanceIds": (INSTANCE,),
    "NetworkInterfaceId": (NETWORK_INTERFACE,),
    "NetworkInterfaceIds": (NETWORK_INTERFACE,),
    "NatGatewayId": (NAT_GATEWAY,),
    "NatGatewayIds": (NAT_GATEWAY,),
    "AllocationId": (ELASTIC_IP,),
    "AllocationIds": (ELASTIC_IP,),
    "DhcpOptionsId": (DHCP_OPTIONS,),
    "DhcpOptionsIds": (DHCP_OPTIONS,),
    "PrefixListId": (PREFIX_LIST,),
    "PrefixListIds": (PREFIX_LIST,),
    "DestinationPrefixListId": (PREFIX_LIST,),
    "Resources": _NAMED,
}
"""The kinds of resources whose ids a parameter takes. Parameters of other names take no names in place of ids."""


_SHOWN = 3  # candidates for an ambiguous name


def has_names(request: Mapping[str, Any]) -> bool:
    """Return True if a parameter of the request has a text that is not an id."""
    return any(ids.kind_of(text) is None for name in KINDS_OF for text in _texts(request.get(name)))


def resolve(cloud: Cloud, request: Mapping[str, Any]) -> tuple[Shape, dict[str, str]]:
    """Return the request with ids in place of names, and the id of each name that it had.

    A text that no resource has as its name stays: the action refuses it as AWS does.
    Raises UsageError if several resources have the name; it has their ids.
    """
    found: dict[str, str] = {}
    resolved = dict(request)
    for parameter, kinds in KINDS_OF.items():
        for text in _texts(request.get(parameter)):
            if ids.kind_of(text) is None and (resource_id := _find(cloud, kinds, text)):
                found[text] = resource_id
        if isinstance(value := request.get(parameter), list):
            resolved[parameter] = [found.get(text, text) for text in value]
        elif isinstance(value, str):
            resolved[parameter] = found.get(value, value)
    return resolved, found


def meanings(cloud: Cloud, kinds: Iterable[Kind[Any]]) -> dict[str, list[str]]:
    """Return the ids of the resources that each name means. Own names win over tags."""
    found: dict[str, list[str]] = {}
    for spelled in (tag_spellings, spellings):
        named: dict[str, dict[str, None]] = {}
        for name, resource_id in (pair for kind in kinds for pair in spelled(cloud, kind)):
            named.setdefault(name, {})[resource_id] = None
        found |= {name: list(meant) for name, meant in named.items()}
    return found


def spellings(cloud: Cloud, kind: Kind[Any]) -> Iterator[tuple[str, str]]:
    """Yield each name of a resource of this kind, and its id: its own name, and the name with the VPC before it."""
    for resource in kind.all(cloud).values():
        vpc = _vpc(cloud, kind, resource)
        yield _own(resource), resource.id
        if vpc is not None:
            yield f"{vpc.name}/{_own(resource)}", resource.id


def tag_spellings(cloud: Cloud, kind: Kind[Any]) -> Iterator[tuple[str, str]]:
    """Yield each name of a resource of this kind that a `Name` tag makes, its own or its VPC's, and its id."""
    for resource in kind.all(cloud).values():
        vpc, tag = _vpc(cloud, kind, resource), _tag(resource)
        over = [name for name in (vpc.name, _tag(vpc)) if name] if vpc is not None else []
        if tag:
            yield tag, resource.id
            yield from ((f"{name}/{tag}", resource.id) for name in over)
        yield from ((f"{name}/{_own(resource)}", resource.id) for name in over[1:])


def _vpc(cloud: Cloud, kind: Kind[Any], resource: Any) -> Vpc | None:
    """Return the VPC that the resource is in, or None."""
    in_subnet = kind in (INSTANCE, NETWORK_INTERFACE)
    vpc_id = cloud.subnets[resource.subnet_id].vpc_id if in_subnet else getattr(resource, "vpc_id", None)
    return None if vpc_id is None else cloud.vpcs[vpc_id]


def _own(resource: Any) -> str:
    """Return its own name. A volume has none but its id."""
    return str(getattr(resource, "name", resource.id))


def _tag(resource: Any) -> str:
    return str(dict(resource.tags).get(NAME, ""))


def _find(cloud: Cloud, kinds: tuple[Kind[Any], ...], text: str) -> str:
    """Return the id of the only resource with the name, or ""."""
    meant = meanings(cloud, kinds).get(text, [])
    if len(meant) > 1:
        options = " or ".join(meant[:_SHOWN])
        raise UsageError(f"{shorten(text)} is ambiguous: it names {len(meant)} resources", hint=f"write {options}")
    return meant[0] if meant else ""


def _texts(value: Any) -> list[str]:
    texts = value if isinstance(value, list) else [value]
    return [text for text in texts if isinstance(text, str)]

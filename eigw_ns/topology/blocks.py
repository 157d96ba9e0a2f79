"""The blocks and attributes of VPCs and subnets, to and from plain data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from ipaddress import IPv4Network, IPv6Network
from typing import Any

from eigw_ns.cloud import ids
from eigw_ns.cloud.associations import block_association
from eigw_ns.cloud.model import INTERNET_MTU, B, BlockAssociation, Subnet, SubnetAttributes, Vpc, VpcAttributes
from eigw_ns.topology.data import NONE, Data, body_of, tags_of


def vpc(vpc_id: str, name: str, body: Mapping[str, Any], dhcp_options_id: str | None = None) -> Vpc:
    """Return the VPC that `body` describes. `dhcp_options_id` is the id of the DHCP options that it names."""
    known = body.get("association_ids", {})
    return Vpc(
        vpc_id,
        name,
        _associations(vpc_id, map(IPv6Network, _written(body, "ipv6_cidr_block")), known),
        tags=tags_of(body),
        mtu=body.get("mtu", INTERNET_MTU),
        ipv4_associations=_associations(vpc_id, map(IPv4Network, _written(body, "cidr_block")), known),
        attributes=VpcAttributes(**attributes(VpcAttributes, body) | {"dhcp_options_id": dhcp_options_id}),
    )


def of_subnet(subnet_id: str, body: Mapping[str, Any]) -> BlockAssociation[IPv6Network] | None:
    """Return the IPv6 block of the subnet that `body` describes; None if it has none."""
    text = body.get("ipv6_cidr_block", NONE)
    if text == NONE:
        return None
    derived = block_association(ids.SUBNET_BLOCK, subnet_id, IPv6Network(text))
    return BlockAssociation(body.get("association_id", derived.id), derived.block)


def attributes(kind: type, body: Mapping[str, Any]) -> Data:
    """Return the values in `body` of the fields of `kind`."""
    return {field.name: body[field.name] for field in fields(kind) if field.name in body}


def changed(found: object, usual: Any) -> Data:
    """Return the attributes that differ from the default."""
    names = [field.name for field in fields(usual)]
    return {name: getattr(found, name) for name in names if getattr(found, name) != getattr(usual, name)}


def vpc_data(subject: Vpc) -> Data:
    """Return the blocks and attributes of a VPC, the inverse of `vpc`."""
    found: tuple[BlockAssociation[IPv4Network] | BlockAssociation[IPv6Network], ...]
    found = (*subject.ipv4_associations, *subject.ipv6_associations)
    others = {
        str(each.block): each.id for each in found if each.id != ids.make_id(ids.VPC_BLOCK, subject.id, str(each.block))
    }
    return {
        **_blocks_data("ipv6_cidr_block", subject.ipv6_cidr_blocks),
        **_blocks_data("cidr_block", subject.cidr_blocks),
        **body_of(
            association_ids=others,
            mtu=subject.mtu if subject.mtu != INTERNET_MTU else None,
        ),
        **changed(replace(subject.attributes, dhcp_options_id=None), VpcAttributes()),
    }


def subnet_data(subject: Subnet) -> Data:
    """Return the blocks and attributes of a subnet."""
    found = subject.ipv6_association
    derived = block_association(ids.SUBNET_BLOCK, subject.id, found.block) if found else None
    return {
        **body_of(
            ipv6_cidr_block=str(found.block) if found else NONE,
            association_id=found.id if found and found != derived else None,
            cidr_block=str(subject.cidr_block) if subject.cidr_block else None,
        ),
        **changed(subject.attributes, SubnetAttributes()),
    }


def _associations(vpc_id: str, blocks: Iterable[B], known: Mapping[str, str]) -> tuple[BlockAssociation[B], ...]:
    derived = (block_association(ids.VPC_BLOCK, vpc_id, block) for block in blocks)
    return tuple(BlockAssociation(known.get(str(each.block), each.id), each.block) for each in derived)


def _written(body: Mapping[str, Any], key: str) -> tuple[str, ...]:
    first = (body[key],) if key in body else ()
    return (*first, *body.get(f"{key}s", ()))


def _blocks_data(key: str, blocks: Iterable[object]) -> Data:
    texts = list(map(str, blocks))
    return body_of(**{key: next(iter(texts), None), f"{key}s": texts[1:]})

"""VPCs, subnets, gateways and route tables of a design as parts of the file."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network

from eigw_ns.cloud.addressing import GLOBAL_UNICAST
from eigw_ns.importing.design import (
    Design,
    DesignAssociation,
    DesignGateway,
    DesignRouteTable,
    DesignSubnet,
    DesignVpc,
    Key,
    Label,
    Link,
)
from eigw_ns.importing.messages import Message
from eigw_ns.importing.resolve.index import Index
from eigw_ns.importing.resolve.naming import Names, free_name
from eigw_ns.importing.resolve.parts import Found, Part, tags
from eigw_ns.importing.resolve.routes import route
from eigw_ns.topology.data import NONE, body_of

_SECTIONS = {"egress-only": "egress_only_internet_gateways", "internet": "internet_gateways", "nat": "nat_gateways"}


def networks(design: Design, index: Index, names: Names) -> Found:
    """Yield the parts of all VPCs, and messages about what is left out or not known."""
    for vpc in design.vpcs:
        yield from _vpc(vpc, names)
    for subnet in design.subnets:
        yield from _subnet(subnet, index, names)
    yield from _gateways(design, index, names)
    for table in design.route_tables:
        yield from _table(design, table, index, names)
    yield from _associations(design, index)


def _vpc(vpc: DesignVpc, names: Names) -> Found:
    label = vpc.label
    ipv6 = [each.block for each in vpc.ipv6_blocks if each.block.subnet_of(GLOBAL_UNICAST)]
    if len(ipv6) < len(vpc.ipv6_blocks):
        yield Message("note", label.place, "a private IPv6 block is left out: the internet routes none")
    elif not ipv6:
        yield Message("note", label.place, "the VPC has no IPv6 block")
    if not ipv6 and not vpc.ipv4_blocks:
        yield Message("note", label.place, "the VPC has no block that is known, so it is left out")
        return
    blocks = {**_blocks("cidr_block", vpc.ipv4_blocks), **_blocks("ipv6_cidr_block", ipv6)}
    yield Part(("vpcs", names[label.key]), {**blocks, **tags(label)}, label.place)


def _blocks(key: str, found: tuple[IPv4Network, ...] | list[IPv6Network]) -> dict[str, object]:
    texts = list(map(str, found))
    return body_of(**{key: next(iter(texts), None), f"{key}s": texts[1:]})


def has_block(vpc: DesignVpc) -> bool:
    """Return whether the VPC has a block that a lab can have. One without is left out, with everything in it."""
    return bool(vpc.ipv4_blocks) or any(each.block.subnet_of(GLOBAL_UNICAST) for each in vpc.ipv6_blocks)


def has_ipv6(subnet: DesignSubnet) -> bool:
    """Return whether the subnet has an IPv6 block that a lab can have."""
    return any(each.subnet_of(GLOBAL_UNICAST) for each in subnet.ipv6_blocks)


def _subnet(subnet: DesignSubnet, index: Index, names: Names) -> Found:
    label = subnet.label
    where = home(subnet.vpc, index, names)
    if where is None:
        if not isinstance(subnet.vpc, Key):
            yield _elsewhere(label, "subnet", subnet.vpc)
        return
    ipv6 = [each for each in subnet.ipv6_blocks if each.subnet_of(GLOBAL_UNICAST)]
    if len(ipv6) > 1:
        what = f"the subnet has {len(ipv6)} IPv6 blocks; a lab's subnet has one"
        yield Message("refuse", label.place, what, "remove the others from the copy that you check", _touch(label.key))
    if not ipv6:
        yield Message("note", label.place, "the subnet has no IPv6 block")
        if subnet.ipv4_block is None:
            yield Message("note", label.place, "the subnet has no block that is known, so it is left out")
            return
    table, acl = index.table_of.get(label.key), index.acl_of.get(label.key)
    body = body_of(
        ipv6_cidr_block=str(ipv6[0]) if ipv6 else NONE,
        cidr_block=str(subnet.ipv4_block) if subnet.ipv4_block else None,
        map_public_ip_on_launch=subnet.map_public_ip_on_launch and subnet.ipv4_block is not None,
        route_table=names.get(table.to) if table and isinstance(table.to, Key) else None,
        network_acl=names.get(acl.to) if acl and isinstance(acl.to, Key) else None,
    )
    yield Part((*where, "subnets", names[label.key]), {**body, **tags(label)}, label.place)


def _gateways(design: Design, index: Index, names: Names) -> Found:
    """Yield the gateways. Each NAT gateway that is not private has an elastic IP address of its own."""
    addresses: set[str] = set()
    for gateway in design.gateways:
        where = home(index.vpc_of(gateway.label.key), index, names)
        public = gateway.kind == "nat" and not gateway.private
        address = free_name(f"{where[1]}-{names[gateway.label.key]}", addresses) if where and public else None
        if address:
            addresses.add(address)
            yield Part(("elastic_ips", address), tags(gateway.label), gateway.label.place)
        yield from _gateway(gateway, index, names, address)


def _gateway(gateway: DesignGateway, index: Index, names: Names, address: str | None) -> Found:
    label = gateway.label
    where = home(index.vpc_of(label.key), index, names)
    if where is None:
        if gateway.kind == "internet" and gateway.vpc is None:
            yield Message("info", label.place, "the internet gateway is attached to no VPC, so it is left out")
        elif not isinstance(gateway.vpc or gateway.subnet, Key):
            what = f"the gateway belongs to something outside this source ({_text(gateway.vpc or gateway.subnet)})"
            yield Message("info", label.place, what)
        return
    subnet = _subnet_of(gateway, index) if gateway.kind == "nat" else None
    body = body_of(subnet=None if subnet is None else names[subnet], elastic_ip=address)
    yield Part((*where, _SECTIONS[gateway.kind], names[label.key]), {**body, **tags(label)}, label.place)


def _subnet_of(gateway: DesignGateway, index: Index) -> Key | None:
    """Return the subnet of a NAT gateway. A regional one, which has none, is recorded in the first one of its VPC."""
    if isinstance(gateway.subnet, Key):
        return gateway.subnet
    return next((key for key, subnet in index.subnets.items() if subnet.vpc == gateway.vpc), None)


def _table(design: Design, table: DesignRouteTable, index: Index, names: Names) -> Found:
    label = table.label
    where = home(table.vpc, index, names)
    if where is None:
        if not isinstance(table.vpc, Key):
            yield _elsewhere(label, "route table", table.vpc)
        return
    rows = []
    for each in design.routes:
        if each.table == label.key:
            for found in route(each, index, names):
                if isinstance(found, Message):
                    yield found
                else:
                    rows.append(found)
    yield Part(
        (*where, "route_tables", names[label.key]), body_of(main=table.main, routes=rows) | tags(label), label.place
    )


def _associations(design: Design, index: Index) -> Found:
    """Yield a refusal for each association or route that leads out of the design: it decides, and we do not see it."""
    for lost in design.routes:
        if lost.table not in index.tables:
            what = f"the route is in a route table that this source does not have ({_text(lost.table)})"
            yield Message("refuse", lost.place, what, _WHOLE, _touch(lost.table))
    for kind, associations in (("route table", design.table_associations), ("network ACL", design.acl_associations)):
        known = index.tables if kind == "route table" else index.acls
        for each in associations:
            if each.to not in known:
                what = f"the subnet has a {kind} that this source does not have ({_text(each.to)})"
                yield Message("refuse", each.place, what, _WHOLE, _touch(each.subnet))
            elif _is_second(each, associations):
                what = f"the subnet is associated with two {kind}s, and which one counts is not known"
                yield Message("refuse", each.place, what, "remove one of the associations", _touch(each.subnet))
            elif each.subnet not in index.subnets:
                what = f"the {kind} is associated with a subnet that this source does not have ({_text(each.subnet)})"
                yield Message("refuse", each.place, what, _WHOLE, _touch(each.to))


def _is_second(found: DesignAssociation, associations: tuple[DesignAssociation, ...]) -> bool:
    """Return whether an earlier association gives the same subnet to something else."""
    earlier = associations[: associations.index(found)]
    return any(each.subnet == found.subnet and each.to != found.to for each in earlier)


_WHOLE = "give all files of the design together"


def home(vpc: Link | None, index: Index, names: Names) -> tuple[str, str] | None:
    """Return the path of a VPC of the design; None if it has none, or if it is left out."""
    found = index.vpcs.get(vpc) if isinstance(vpc, Key) else None
    return ("vpcs", names[found.label.key]) if found and has_block(found) else None


def _elsewhere(label: Label, what: str, vpc: Link) -> Message:
    words = f"the {what} is in a VPC that this source does not have ({_text(vpc)})"
    return Message("refuse", label.place, words, _WHOLE, _touch(label.key))


def _touch(link: Link) -> frozenset[str]:
    return frozenset((link.text,)) if isinstance(link, Key) else frozenset()


def _text(link: Link | None) -> str:
    """Return what to call something outside; keys are never shown."""
    return "another resource" if link is None or isinstance(link, Key) else link.text

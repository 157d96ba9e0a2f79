"""A route of a design as a row of the file, or the reason why nobody can know what it does."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network

from eigw_ns.cloud import ids
from eigw_ns.cloud.addressing import GLOBAL_UNICAST, NEVER_ROUTED
from eigw_ns.cloud.model import BLACKHOLE, UNKNOWN
from eigw_ns.importing.design import DesignRoute, Key, Outside, TargetKind
from eigw_ns.importing.messages import Message
from eigw_ns.importing.resolve.index import Index
from eigw_ns.importing.resolve.naming import Names
from eigw_ns.topology.data import Data

NAT64 = IPv6Network("64:ff9b::/96")
"""RFC 6052 section 2.1. On AWS, a NAT gateway translates what is sent there."""

_GATEWAYS: tuple[TargetKind, ...] = ("egress-only", "internet", "nat")
_IDS: dict[TargetKind, str] = {
    "instance": ids.INSTANCE,
    "network-interface": ids.NETWORK_INTERFACE,
    "transit-gateway": "tgw",
    "peering": "pcx",
    "endpoint": "vpce",
    "vpn": "vgw",
}
_WORDS: dict[TargetKind, str] = {
    "instance": "an instance",
    "network-interface": "a network interface",
    "transit-gateway": "a transit gateway",
    "peering": "a peering connection",
    "endpoint": "an endpoint",
    "carrier": "a carrier gateway",
    "core-network": "a core network",
    "local-gateway": "a local gateway",
    "vpn": "a virtual private gateway",
    "unknown": "a target that is not known",
    "egress-only": "an egress-only internet gateway",
    "internet": "an internet gateway",
    "nat": "a NAT gateway",
}


def route(found: DesignRoute, index: Index, names: Names) -> Iterator[Data | Message]:
    """Yield the row of the route, and messages. A route that is refused leads to `unknown`: it is closed.

    Yields no row for a `local` route, which every table has.
    """
    destination = found.destination
    if isinstance(destination, Outside):
        what = f"the route is for the prefix list {destination.text}, whose entries this source does not have"
        yield _refusal(found, what, "write its entries as routes of their own")
        return
    if found.kind == "local" or _is_never_routed(destination):
        return
    if _in_vpc(destination, found, index):
        yield _refusal(found, f"a route to {destination}, inside the VPC's block, replaces the local route", "")
        return
    if _is_loose(found, index):
        yield _refusal(
            found, f"{destination} leads to {_WORDS[found.kind]} that this source attaches to no VPC", _WHOLE
        )
        yield _row(destination, UNKNOWN)
        return
    if isinstance(destination, IPv4Network):
        yield from _ipv4(destination, found, index, names)
        return
    yield from _ipv6(destination, found, index, names)


def _is_loose(found: DesignRoute, index: Index) -> bool:
    """Return whether the target is a gateway of the design that belongs to no VPC of it. AWS has no such route."""
    gateway = index.gateways.get(found.target) if isinstance(found.target, Key) else None
    return gateway is not None and index.vpc_of(gateway.label.key) is None


def _ipv4(destination: IPv4Network, found: DesignRoute, index: Index, names: Names) -> Iterator[Data | Message]:
    """Yield the row: a fact, with which IPv6 is compared."""
    target = _target(found, index, names) or _outside_id(found)
    if target == UNKNOWN:
        what = f"{destination} leads to {_WORDS.get(found.kind, found.kind)}, and what is behind it is not known"
        yield Message("note", found.place, what)
    yield _row(destination, target)


def _ipv6(destination: IPv6Network, found: DesignRoute, index: Index, names: Names) -> Iterator[Data | Message]:
    target = _target(found, index, names)
    if target is not None:
        if found.kind == "nat":
            yield _of_nat(destination, found)
        yield _row(destination, target)
    elif destination.overlaps(GLOBAL_UNICAST):
        led = _WORDS.get(found.kind, found.kind)
        text = found.target.text if isinstance(found.target, Outside) else ""
        of_design = "outside this source" if found.kind in _GATEWAYS else "which a lab does not have"
        what = f"{destination} leads to {led}{text and f' ({text})'}, {of_design}, and it decides what is reachable"
        yield _refusal(found, what, _REMEDIES.get(found.kind, _LEFT_OUT))
        yield _row(destination, UNKNOWN)
    else:
        what = f"{destination} leads to {_WORDS.get(found.kind, found.kind)}: packets to it are dropped here"
        yield Message("note", found.place, what)
        yield _row(destination, BLACKHOLE)


_LEFT_OUT = "no check through it can be proved; check what it leads to by other means"
_WHOLE = "give all files of the design together"
_REMEDIES: dict[TargetKind, str] = dict.fromkeys(_GATEWAYS, _WHOLE)


def _target(found: DesignRoute, index: Index, names: Names) -> str | None:
    """Return the name of a gateway of the design, or `blackhole`; None for anything else."""
    if found.target is None:
        return BLACKHOLE
    if isinstance(found.target, Key) and found.kind in _GATEWAYS and found.target in index.gateways:
        own = index.gateways[found.target]
        same = own.kind == found.kind and index.vpc_of(found.target) == index.vpc_of(found.table)
        return names.get(found.target, BLACKHOLE) if same else BLACKHOLE
    return None


def _outside_id(found: DesignRoute) -> str:
    """Return an id for a target that the lab does not have. It is derived from the place, so it is stable."""
    kind = _IDS.get(found.kind)
    text = found.target.text if isinstance(found.target, Outside) else ""
    if kind is None:
        return UNKNOWN
    return text if ids.kind_of(text) == kind else ids.make_id(kind, found.place.address)


def _of_nat(destination: IPv6Network, found: DesignRoute) -> Message:
    why = " (NAT64)" if destination == NAT64 else ""
    return Message("note", found.place, f"{destination} leads to a NAT gateway{why}: packets to it are dropped here")


def _row(destination: IPv4Network | IPv6Network, target: str) -> Data:
    return {"destination": str(destination), "target": target}


def _refusal(found: DesignRoute, what: str, remedy: str) -> Message:
    touched = found.table.text if isinstance(found.table, Key) else ""
    return Message("refuse", found.place, what, remedy, frozenset((touched,)) if touched else frozenset())


def _is_never_routed(destination: IPv4Network | IPv6Network) -> bool:
    return isinstance(destination, IPv6Network) and any(destination.subnet_of(each) for each in NEVER_ROUTED)


def _in_vpc(destination: IPv4Network | IPv6Network, found: DesignRoute, index: Index) -> bool:
    key = index.vpc_of(found.table)
    if key is None or isinstance(destination, IPv4Network):
        return False
    return any(destination.subnet_of(each.block) for each in index.vpcs[key].ipv6_blocks)

"""Read a namespace: all objects in it that `dataplane.state` has a type for, without those that the kernel made.

In a router, objects that were made by others are `ForeignObject`s.

A tenant (instance, internet host) may change its namespace at will. There, only its end of the veth pair is read, and
only objects with our protocol number on it. Other objects of a tenant are its own, also if they look like ours.

All functions read the namespace this thread is in. Its name is an argument only because the objects contain it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from eigw_ns.dataplane.state import (
    TENANT_LINK,
    Forwarding,
    Key,
    Link,
    Namespace,
    NetObject,
    Route,
    Ruleset,
    Sysctls,
    is_tenant,
    sysctl_keys,
)
from eigw_ns.dataplane.state.naming import is_tenant_port, namespace_name, parse_mark
from eigw_ns.errors import MissingError
from eigw_ns.kernel.namespaces import sysctl
from eigw_ns.kernel.netlink import rtnetlink
from eigw_ns.kernel.netlink.link_message import LinkMessage
from eigw_ns.kernel.netlink.rtnetlink import Names
from eigw_ns.kernel.netlink.socket import NETFILTER, Netlink
from eigw_ns.kernel.nft import fingerprint, listing
from eigw_ns.kernel.nft.library import Nft
from eigw_ns.kernel.reading import foreign
from eigw_ns.kernel.reading.parsed_routes import ParsedRoutes

Place = tuple[str, str]
"""A link's namespace and name."""

Numbers = tuple[int, int]
"""A link's number in its namespace, and the other end's in the other end's namespace."""


def links(netlink: Netlink) -> list[LinkMessage]:
    """Return every interface of the namespace, the loopback included."""
    return [
        LinkMessage(payload) for _, payload in netlink.dump(rtnetlink.GETLINK, rtnetlink.LINK_REQUEST, "list links")
    ]


def in_effect(netlink: Netlink, name: str, *, tenants: bool) -> bool:
    """Return whether our links with a carrier carry packets, and our addresses on them have their local route.

    `tenants`: also those that a tenant can change, which are both ends of its veth pair.
    """
    tenant = is_tenant(name)
    if tenant and not tenants:
        return True
    shown = [link for link in links(netlink) if not tenant or link.name == TENANT_LINK]
    if any(link.waking for link in shown if link.kind == "veth" and (tenants or not is_tenant_port(link.name))):
        return False
    names = {link.index: link.name for link in shown}
    dump = netlink.dump(rtnetlink.GETADDR, rtnetlink.ADDRESS_REQUEST, "list addresses")
    addresses = {
        rtnetlink.address_bytes(payload)
        for _, payload in dump
        if rtnetlink.parse_address(payload, name, names, ours=tenant) is not None
    }
    dump = netlink.dump(rtnetlink.GETROUTE, rtnetlink.LOCAL_ROUTE_REQUEST, "list local routes")
    return addresses <= {rtnetlink.destination_bytes(payload) for _, payload in dump}


def mark(name: str, first: LinkMessage | None) -> Namespace | None:
    """Return the namespace with the mark of its loopback (`first`), which may have another name; None if foreign.

    A mark of another name does not count: a tenant has forged it.
    """
    if first is None:
        return None
    found = parse_mark(first.alias)
    return Namespace(name, *found, first.up) if found is not None and namespace_name(*found) == name else None


def loopback(seen: Iterable[LinkMessage]) -> LinkMessage | None:
    """Return the loopback, which may have another name; None if a tenant has moved it away."""
    return next((link for link in seen if link.index == rtnetlink.LOOPBACK_INDEX), None)


def only_loopback(netlink: Netlink) -> list[LinkMessage]:
    """Return only the loopback, if it is there. It has the mark, and the namespace may have hundreds of links."""
    with contextlib.suppress(MissingError):
        return [LinkMessage(netlink.ask(rtnetlink.GETLINK, rtnetlink.LOOPBACK_REQUEST, "read the loopback"))]
    return []


def one_link(netlink: Netlink, name: str) -> list[LinkMessage]:
    """Return only the interface of this name, if it is there."""
    with contextlib.suppress(MissingError):
        return [LinkMessage(netlink.ask(rtnetlink.GETLINK, rtnetlink.one_link_request(name), "read a link"))]
    return []


def contents(
    netlink: Netlink,
    owner: Namespace,
    seen: list[LinkMessage],
    believed: Sequence[Ruleset],
    parsed: ParsedRoutes | None = None,
) -> Iterator[NetObject]:
    """Yield the objects of our namespace. The peers of veth ends are claims that `verify_peers` checks.

    Rules are listed unless a fingerprint proves that they are the `believed` ones. `parsed` knows routes of earlier
    reads.
    """
    name = owner.namespace
    yield owner
    with contextlib.closing(sysctl.Tree()) as tree:
        yield Sysctls(name, tuple(_values(netlink, tree, sysctl_keys(owner.id))))
        routes = list(_forwarding(owner, tree))
    if is_tenant(name):
        yield from _line(netlink, name, seen)
        return
    first = loopback(seen)
    yield from _rulesets(name, believed, first.other_names if first is not None else ())
    names = {link.index: link.name for link in seen}
    yield from (_link(name, link, names) for link in seen if link.kind in ("veth", "bridge"))
    dumps = [*_dumps(ours=False)]
    if any(link.kind == "bridge" for link in seen):  # any other link has no entries of ours, but a dozen of its own
        dumps.append(_BRIDGE)
    yield from _dumped(netlink, name, names, dumps)
    ours, others = foreign.routes(netlink, name, names, parsed)
    yield from ours
    yield from (thing for thing, _ in others)
    yield from (rule for rule, _ in foreign.rules(netlink, name) if rule is not None)
    yield from routes


def _line(netlink: Netlink, name: str, seen: list[LinkMessage]) -> Iterator[NetObject]:
    """Yield a tenant's end of its veth pair and our objects on it. Of two routes to one place the first counts."""
    end = next((link for link in seen if link.name == TENANT_LINK and link.kind == "veth"), None)
    if end is None:
        return
    yield _link(name, end, {link.index: link.name for link in seen})
    found: dict[Key, NetObject] = {}
    for thing in _dumped(netlink, name, {end.index: end.name}, [*_dumps(ours=True), _OUR_ROUTES]):
        if not isinstance(thing, Route) or thing.link:
            found.setdefault(thing.key, thing)
    yield from found.values()


def _forwarding(owner: Namespace, tree: sysctl.Tree) -> Iterator[Forwarding]:
    """Yield the forwarding of IPv6 if it is on. A tenant may switch its own on or off."""
    if not is_tenant(owner.namespace) and tree.read(sysctl.FORWARDING) == "1":
        yield Forwarding(owner.namespace)


def read_outline(owner: Namespace) -> Iterator[NetObject]:
    """Yield the namespace, and its forwarding if it is on."""
    yield owner
    with contextlib.closing(sysctl.Tree()) as tree:
        yield from _forwarding(owner, tree)


def _rulesets(name: str, believed: Sequence[Ruleset], notes: Sequence[str]) -> Iterator[NetObject]:
    """Yield the rules: the believed ones if they are proved. A table with replica maps, which change, is listed."""
    with Netlink(NETFILTER) as netfilter:
        quiet = len(believed) == 1 and not any(item.is_group for item in believed[0].sets)
        if quiet and fingerprint.proves(notes, believed[0], fingerprint.generation(netfilter)):
            yield believed[0]
            return
        tables = fingerprint.tables(netfilter)
    yield from (thing for table in tables if (thing := foreign.table(table, name)) is not None)
    families = fingerprint.families(tables)
    if not families:
        return
    library = Nft()
    for family in families:
        listed = library.listing(family)
        ruleset = listing.parse(listed, name)
        if ruleset is not None:
            yield ruleset
            yield from listing.parse_replica_maps(listed, name)


def _values(netlink: Netlink, tree: sysctl.Tree, keys: Iterable[str]) -> Iterator[tuple[str, str]]:
    for key in keys:
        value = ipv4_forwarding(netlink) if key == sysctl.IPV4_FORWARDING else tree.read(key)
        if value is not None:
            yield key, value


def ipv4_forwarding(netlink: Netlink) -> str:
    """Return the sysctl's value, by netlink.

    It takes 15 µs. To find the folder in procfs (`sysctl.Tree`) takes 25 µs on a host with 400 namespaces, 290 µs with
    1,600.
    """
    answer = netlink.ask(rtnetlink.GETNETCONF, rtnetlink.IPV4_REQUEST, "read whether IPv4 is forwarded")
    return "1" if rtnetlink.forwards(answer) else "0"


def _link(name: str, seen: LinkMessage, names: Names) -> Link:
    namespace, is_claim, peer = seen.alias.rpartition("/") if seen.kind == "veth" else ("", "", "")
    bridge = names.get(seen.master) if seen.master and seen.tame else None
    return Link(
        name,
        seen.name,
        "bridge" if seen.kind == "bridge" else "veth",
        seen.mac,
        peer=(namespace, peer) if is_claim else None,
        bridge=bridge,
        mtu=seen.mtu,
        up=seen.up,
    )


_Dump = tuple[int, bytes, Callable[..., NetObject | None]]


def _dumps(*, ours: bool) -> tuple[_Dump, ...]:
    """Return the dumps of every namespace; with `ours`, only objects with our protocol number."""
    return (
        (rtnetlink.GETADDR, rtnetlink.ADDRESS_REQUEST, partial(rtnetlink.parse_address, ours=ours)),
        (rtnetlink.GETNEIGH, rtnetlink.NEIGHBOUR_REQUEST, partial(rtnetlink.parse_neighbour, ours=ours)),
    )


_OUR_ROUTES: _Dump = (rtnetlink.GETROUTE, rtnetlink.OUR_ROUTE_REQUEST, rtnetlink.parse_route)
_BRIDGE: _Dump = (rtnetlink.GETNEIGH, rtnetlink.FDB_REQUEST, rtnetlink.parse_fdb)


def _dumped(netlink: Netlink, name: str, names: Names, dumps: Iterable[_Dump]) -> Iterator[NetObject]:
    for kind, request, parse in dumps:
        for _, payload in netlink.dump(kind, request, f"read the namespace {name}"):
            thing = parse(payload, name, names)
            if thing is not None:
                yield thing


def ends(name: str, seen: Iterable[LinkMessage]) -> Iterator[tuple[Place, Numbers]]:
    """Return the numbers of the links of a namespace, for `verify_peers`."""
    return (((name, link.name), (link.index, link.peer_index)) for link in seen)


def verify_peers(thing: NetObject, ends: Mapping[Place, Numbers]) -> NetObject:
    """Return the object. A veth end loses the peer that it claims, unless the numbers of both ends agree.

    An end without its peer differs from the desired one.
    """
    if isinstance(thing, Link) and thing.peer is not None:
        index, peer_index = ends[thing.namespace, thing.name]
        if ends.get(thing.peer) != (peer_index, index):
            return replace(thing, peer=None)
    return thing

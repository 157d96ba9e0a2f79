"""Reading a namespace: everything in it that `dataplane.state` has a word for, and nothing that the kernel put there.

A tenant (instance, internet host) may do in its namespace what it likes: there only what is ours is read.

All functions speak of the namespace this thread is in, whose name is given only to be written into the objects.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from eigw_ns.dataplane.state import (
    PREFIX,
    TENANT_KINDS,
    Forwarding,
    Link,
    Namespace,
    NetObject,
    Ruleset,
    Sysctls,
    sysctl_keys,
)
from eigw_ns.kernel import nft, proof, rtnetlink, sysctl
from eigw_ns.kernel.netlink import NETFILTER, Netlink
from eigw_ns.kernel.nft import Nft
from eigw_ns.kernel.rtnetlink import Names, SeenLink

_MARK = "eigw-ns"


def links(netlink: Netlink) -> list[SeenLink]:
    """Every interface of the namespace, the loopback included."""
    return [SeenLink(payload) for _, payload in netlink.dump(rtnetlink.GETLINK, rtnetlink.LINK_REQUEST, "list links")]


def in_effect(netlink: Netlink) -> bool:
    """Whether all links that have a carrier carry packets, and all addresses have their local route."""
    if any(link.waking for link in links(netlink) if link.kind == "veth"):
        return False
    dump = netlink.dump(rtnetlink.GETADDR, rtnetlink.ADDRESS_REQUEST, "list addresses")
    addresses = {rtnetlink.address_bytes(payload) for _, payload in dump}
    dump = netlink.dump(rtnetlink.GETROUTE, rtnetlink.LOCAL_ROUTE_REQUEST, "list local routes")
    return addresses <= {rtnetlink.destination_bytes(payload) for _, payload in dump}


def mark(name: str, seen: Iterable[SeenLink]) -> Namespace | None:
    """Whose namespace this is by the mark of its loopback, whatever that is called by now; None where foreign."""
    first = loopback(seen)
    program, _, rest = first.alias.partition(":")
    lab, _, resource_id = rest.partition(":")
    if program != _MARK or not resource_id:
        return None
    return Namespace(name, lab, resource_id, first.up)


def loopback(seen: Iterable[SeenLink]) -> SeenLink:
    """The loopback, whatever it is called by now."""
    return next(link for link in seen if link.index == rtnetlink.LOOPBACK_INDEX)


def contents(
    netlink: Netlink, owner: Namespace, seen: list[SeenLink], believed: Sequence[Ruleset]
) -> Iterator[NetObject]:
    """The objects of our namespace, veth peers left open: only `join_peers` can tell, which sees all namespaces.

    Rules are listed unless it is proved that they are those that are `believed` to be here.
    """
    name = owner.namespace
    yield owner
    yield from _rulesets(name, believed, loopback(seen).other_names)
    with contextlib.closing(sysctl.Tree()) as tree:
        yield Sysctls(name, tuple(_values(tree, sysctl_keys(owner.id))))
        routes = list(forwarding(owner, tree))
    names = {link.index: link.name for link in seen}
    tenant = owner.id.partition("-")[0] in TENANT_KINDS
    shown = [link for link in seen if link.kind in ("veth", "bridge") and not (tenant and not _is_ours(link))]
    yield from (_link(name, link, names) for link in shown)
    yield from _dumped(netlink, name, names, ours=tenant, bridge=any(link.kind == "bridge" for link in seen))
    yield from routes


def forwarding(owner: Namespace, tree: sysctl.Tree) -> Iterator[Forwarding]:
    """Whether our namespace routes IPv6; in a tenant's that is its own business."""
    if owner.id.partition("-")[0] not in TENANT_KINDS and tree.read(sysctl.FORWARDING) == "1":
        yield Forwarding(owner.namespace)


def outline(_netlink: Netlink, owner: Namespace, _seen: list[SeenLink]) -> Iterator[NetObject]:
    """The namespace and whether it routes: all that one needs to know to end it."""
    yield owner
    with contextlib.closing(sysctl.Tree()) as tree:
        yield from forwarding(owner, tree)


def _rulesets(name: str, believed: Sequence[Ruleset], notes: Sequence[str]) -> Iterator[Ruleset]:
    with Netlink(NETFILTER) as netfilter:
        if len(believed) == 1 and proof.proves(notes, believed[0], proof.generation(netfilter)):
            yield believed[0]
            return
        families = proof.families(netfilter)
    if not families:
        return
    library = Nft()
    for family in families:
        ruleset = nft.parse(library.listing(family), name)
        if ruleset is not None:
            yield ruleset


def _values(tree: sysctl.Tree, keys: Iterable[str]) -> Iterator[tuple[str, str]]:
    for key in keys:
        value = tree.read(key)
        if value is not None:
            yield key, value


def _link(name: str, seen: SeenLink, names: Names) -> Link:
    bridge = names.get(seen.master) if seen.master and seen.silent else None
    return Link(
        name,
        seen.name,
        "bridge" if seen.kind == "bridge" else "veth",
        seen.mac,
        peer=None,
        bridge=bridge,
        mtu=seen.mtu,
        up=seen.up,
    )


def _is_ours(seen: SeenLink) -> bool:
    """Whether a link's ifalias names a peer in a namespace of ours."""
    return seen.alias.startswith(PREFIX)


def _dumped(netlink: Netlink, name: str, names: Names, *, ours: bool, bridge: bool) -> Iterator[NetObject]:
    dumps: list[tuple[int, bytes, Callable[..., NetObject | None]]] = [
        (rtnetlink.GETADDR, rtnetlink.ADDRESS_REQUEST, partial(rtnetlink.parse_address, ours=ours, names=names)),
        (rtnetlink.GETNEIGH, rtnetlink.NEIGHBOUR_REQUEST, partial(rtnetlink.parse_neighbour, ours=ours, names=names)),
        (rtnetlink.GETRULE, rtnetlink.RULE_REQUEST, partial(rtnetlink.parse_rule, ours=ours)),
        (rtnetlink.GETROUTE, rtnetlink.ROUTE_REQUEST, partial(rtnetlink.parse_route, ours=ours, names=names)),
    ]
    if bridge:  # only a bridge has entries of ours, and every other link a dozen of its own
        dumps.append((rtnetlink.GETNEIGH, rtnetlink.FDB_REQUEST, partial(rtnetlink.parse_fdb, names=names)))
    for kind, request, parse in dumps:
        for _, payload in netlink.dump(kind, request, f"read the namespace {name}"):
            thing = parse(payload, namespace=name)
            if thing is not None:
                yield thing


def join_peers(found: Iterable[NetObject], seen: dict[tuple[str, str], SeenLink]) -> Iterator[NetObject]:
    """The objects with each veth end's peer filled in: what its ifalias says, where both ends' numbers agree.

    An end whose peer is not where it should be keeps None, and so differs from what was wanted.
    """
    for thing in found:
        if isinstance(thing, Link) and thing.kind == "veth":
            here = seen[thing.namespace, thing.name]
            namespace, _, name = here.alias.rpartition("/")
            there = seen.get((namespace, name))
            if there and there.index == here.peer_index and there.peer_index == here.index:
                yield replace(thing, peer=(namespace, name))
                continue
        yield thing

"""Handle tenants that are root in their namespaces: remove what conflicts with our objects, and trust nothing there.

A tenant can change the mark of its namespace, the names of its links, everything on them, and whether IPv6 is enabled.
It cannot change its router. The router identifies the tenant's namespace as the one at the other end of a veth pair,
even after the pair was deleted: a namespace has a number in each other one (RTM_GETNSID) that lives as long as both.
"""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Iterator, Sequence
from dataclasses import replace
from errno import EINVAL, ENODEV, EOPNOTSUPP

from eigw_ns.dataplane.state import Address, Namespace, Neighbour, NetObject, Route, is_tenant
from eigw_ns.dataplane.state.addresses import to_octets
from eigw_ns.dataplane.state.naming import ROUTERS_OF_TENANTS, kind_prefix, split_name
from eigw_ns.errors import MissingError
from eigw_ns.kernel.namespaces import netns, sysctl
from eigw_ns.kernel.netlink import rtnetlink
from eigw_ns.kernel.netlink.link_message import LinkMessage
from eigw_ns.kernel.netlink.rtnetlink import LOOPBACK_INDEX, Indexes
from eigw_ns.kernel.netlink.socket import Message, Netlink, attributes, nested, number, text
from eigw_ns.kernel.reading import namespace_reader

_GETNSID, _NSID, _FD = 90, 1, 3  # linux/rtnetlink.h, net_namespace.h
_DELLINKPROP, _IFNAME, _PROP_LIST, _ALT_IFNAME = 109, 3, 52, 53  # if_link.h
_NONE = frozenset({ENODEV, EINVAL, EOPNOTSUPP})
_LOOPBACK = "lo"


# ---- identify a tenant's namespace -----------------------------------------------------------------------------------


def known(name: str, loopback: LinkMessage | None) -> Namespace | None:
    """Return the unmarked namespace `name` as a tenant's, if a router of its lab is or was connected to it.

    Returns None if the name is not a tenant's or no router knows the namespace: it is foreign then.
    """
    if not is_tenant(name):
        return None
    lab, resource_id = split_name(name)
    with _descriptor(name) as there:
        if any(_is_beyond(router, there) for router in _routers(lab)):
            up = loopback is not None and loopback.up
            return Namespace(name, lab, resource_id, up, marked=False)
    return None


def _routers(lab: str) -> Iterator[str]:
    prefixes = tuple(kind_prefix(lab, kind) for kind in ROUTERS_OF_TENANTS)
    return (name for name in netns.names() if name.startswith(prefixes))


def _is_beyond(router: str, there: int) -> bool:
    """Return whether the router is marked and has a number for the namespace behind the descriptor."""
    with contextlib.suppress(MissingError), netns.inside(router), Netlink() as netlink:
        if namespace_reader.mark(router, namespace_reader.loopback(namespace_reader.only_loopback(netlink))) is None:
            return False
        answer = netlink.ask(_GETNSID, bytes(4) + number(_FD, there), f"ask {router} which namespaces it knows")
        return bool(struct.unpack("=i", attributes(answer[4:])[_NSID])[0] >= 0)
    return False


@contextlib.contextmanager
def _descriptor(name: str) -> Iterator[int]:
    descriptor = netns.open_descriptor(name)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


# ---- remove conflicts ------------------------------------------------------------------------------------------------


def remove_conflicts(netlink: Netlink, things: Sequence[NetObject], indexes: Indexes) -> list[Message]:
    """Return the messages that remove what conflicts with `things` in the namespace this thread is in.

    If IPv6 is disabled on one of their links, this function enables it at once: that needs a sysctl, not a message.
    """
    links = {thing.link for thing in things if isinstance(thing, (Address, Neighbour, Route)) and thing.link}
    for link in links:
        if sysctl.read(f"net.ipv6.conf.{link}.disable_ipv6") == "1":
            sysctl.write("net.ipv6.conf.all.disable_ipv6", "0")  # on every interface, the loopback too
    messages = [rtnetlink.bring_up(indexes[link]) for link in links if link in indexes]
    messages += _addresses(netlink, [thing for thing in things if isinstance(thing, Address)], indexes)
    for thing in things:
        if isinstance(thing, Neighbour):
            messages.append(rtnetlink.neighbour_message(thing, indexes.get(thing.link, 0), delete=True))
    return messages + _routes(netlink, [thing for thing in things if isinstance(thing, Route)], indexes)


def _addresses(netlink: Netlink, wanted: Sequence[Address], indexes: Indexes) -> Iterator[Message]:
    """Delete the same addresses on the same links, with any prefix length."""
    places = {(indexes.get(thing.link), thing.address.partition("/")[0]): thing for thing in wanted}
    for _, payload in netlink.dump(rtnetlink.GETADDR, rtnetlink.ADDRESS_REQUEST, "list addresses"):
        index, address = rtnetlink.near_end(payload)
        thing = places.get((index, address.partition("/")[0]))
        if thing is not None:
            yield rtnetlink.address_message(replace(thing, address=address), index, delete=True)


def _routes(netlink: Netlink, wanted: Sequence[Route], indexes: Indexes) -> list[Message]:
    """Delete the same destinations: one deletion per route of any kind. Superfluous deletions do no harm."""
    if not wanted:
        return []
    dump = netlink.dump(rtnetlink.GETROUTE, rtnetlink.ROUTE_REQUEST, "list routes")
    found = [rtnetlink.destination_bytes(payload) for _, payload in dump]
    return [
        rtnetlink.route_message(thing, indexes, delete=True, protocol=0)
        for thing in wanted
        for _ in range(found.count(to_octets(thing.destination.partition("/")[0])))
    ]


def free_name(namespace: str, name: str) -> int:
    """Take this name, and this alternative name, from every link of the tenant. Returns the number of writes."""
    with netns.inside(namespace), Netlink(accept_partial=True) as netlink:
        alias = nested(_PROP_LIST, text(_ALT_IFNAME, name))
        messages = [Message(_DELLINKPROP, 0, rtnetlink.LINK_REQUEST + text(_IFNAME, name) + alias, "", _NONE)]
        seen = {link.name: link for link in namespace_reader.links(netlink)}
        messages += _renamings(seen, name)
        netlink.send(messages)
    return len(messages)


def _renamings(seen: dict[str, LinkMessage], name: str) -> Iterator[Message]:
    """Yield the messages that rename the link `name`.

    The loopback gets its own name back. Any other link gets a random name, which a tenant cannot have taken before.
    """
    link = seen.get(name)
    if link is None:
        return
    import secrets  # late: this module is read in every observation, and tenants rarely do this

    new = f"old{secrets.token_hex(4)}"
    if link.index == LOOPBACK_INDEX:
        yield from _renamings(seen, _LOOPBACK)
        new = _LOOPBACK
    yield rtnetlink.bring_up(link.index, up=False)
    yield rtnetlink.rename(link.index, new)
    if link.up:
        yield rtnetlink.bring_up(link.index)

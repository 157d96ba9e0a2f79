"""Translate objects of `dataplane.state` to rtnetlink messages and back.

Constants and layouts: linux/rtnetlink.h, if_link.h, if_addr.h, neighbour.h, fib_rules.h. Interfaces are numbers here;
`Indexes` maps their names to numbers, and `Names` maps numbers to names.
"""

from __future__ import annotations

import errno
import struct
import zlib
from collections.abc import Mapping
from typing import Literal

from eigw_ns.dataplane.state import (
    MAIN_TABLE,
    PROTOCOL,
    Address,
    Fdb,
    Link,
    Neighbour,
    Route,
    RoutingRule,
)
from eigw_ns.dataplane.state.addresses import FORWARDED, NOT_FORWARDED, family_of, to_octets, to_text, unspecified
from eigw_ns.kernel.netlink.link_message import (
    IFLA_ADDRESS,
    IFLA_IFALIAS,
    IFLA_IFNAME,
    IFLA_LINKINFO,
    IFLA_MASTER,
    IFLA_MTU,
    IFLA_PROP_LIST,
    INFO_KIND,
    INFO_SLAVE_DATA,
    LINK,
    PORT_FLAGS,
    LinkMessage,
    integer,
    mac_text,
)
from eigw_ns.kernel.netlink.socket import (
    CREATE,
    EXCLUSIVE,
    REPLACE,
    Message,
    attribute,
    attribute_of,
    attributes,
    nested,
    number,
    octet,
    text,
)

Indexes = Mapping[str, int]
Names = Mapping[int, str]

NEWLINK, DELLINK, GETLINK, SETLINK = 16, 17, 18, 19
NEWADDR, DELADDR, GETADDR = 20, 21, 22
NEWROUTE, DELROUTE, GETROUTE = 24, 25, 26
NEWNEIGH, DELNEIGH, GETNEIGH = 28, 29, 30
NEWRULE, DELRULE, GETRULE = 32, 33, 34
GETNETCONF = 82
NEWLINKPROP, DELLINKPROP = 108, 109

_AF_BRIDGE = 7
LOOPBACK_INDEX = 1  # the kernel's own constant, include/net/flow.h
_IFF_UP = 1
_IFLA_NET_NS_FD = 28
_IFLA_EXT_MASK, _SKIP_STATISTICS = 29, 1 << 3
_IFLA_ALT_IFNAME = 53
_INFO_DATA, _INFO_SLAVE_KIND, _VETH_PEER = 2, 4, 1
_BR_MCAST_SNOOPING = 23
_PORT_FLUSH = 24
_OWN_NUMBERS = 1 << 29  # our first link number; the kernel numbers links 1, 2, 3 …
_IFA_ADDRESS, _IFA_LOCAL, _IFA_FLAGS, _IFA_PROTO, _IFA_F_NODAD, _IFAPROT_KERNEL_LO = 1, 2, 8, 11, 0x02, 1
RTA_DST, RTA_SRC, RTA_OIF, RTA_GATEWAY, RTA_PRIORITY, RTA_PREFSRC, RTA_TABLE = 1, 2, 4, 5, 6, 7, 15
LOCAL_TABLE = 255
_NETCONF_IFINDEX, _NETCONF_FORWARDING, _ALL_LINKS = 1, 2, 0xFFFF_FFFF  # linux/netconf.h
_RTN_UNICAST, _RTN_BLACKHOLE, RTPROT_KERNEL = 1, 6, 2
EXTRAS = {7: "a preferred source", 8: "metrics", 9: "several next hops", 22: "encapsulation", 30: "a next hop object"}
"""Attributes of routes (RTA_…) that foreign routes may have, in words."""
_EXTRA_KINDS = frozenset(EXTRAS) - {RTA_PREFSRC}
"""Those that our routes never have."""

_NDA_DST, _NDA_LLADDR, _NDA_PROTOCOL = 1, 2, 12
_OURS = bytes((PROTOCOL,))
_NUD_PERMANENT, _NUD_NOARP, _NTF_MASTER = 0x80, 0x40, 0x04
FRA_PRIORITY, FRA_FWMARK, FRA_TABLE, FRA_FWMASK, FRA_PROTOCOL = 6, 10, 15, 16, 21
TO_TABLE, _RULE_BLACKHOLE = 1, 6
_OUR_ACTIONS: dict[tuple[int, int], Literal["main", "blackhole"]] = {
    (TO_TABLE, MAIN_TABLE): "main",
    (_RULE_BLACKHOLE, 0): "blackhole",
}
_OUR_SELECTORS = frozenset({FRA_PRIORITY, FRA_FWMARK, FRA_TABLE, FRA_FWMASK, FRA_PROTOCOL})
_GONE = frozenset({errno.ENOENT, errno.ENODEV, errno.ESRCH, errno.EADDRNOTAVAIL})

_ADDRESS = struct.Struct("=BBBBI")
ROUTE = struct.Struct("=BBBBBBBBI")
_NEIGHBOUR = struct.Struct("=BxxxiHBB")
RULE = struct.Struct("=BBBBBBBBI")
_NETCONF = struct.Struct("=Bxxx")
_NUMBER = struct.Struct("=I")
_LOOPBACK_ADDRESS = to_octets("::1")


# ---- requests to the kernel ------------------------------------------------------------------------------------------


def new_veth(near: Link, far: Link, near_fd: int, far_fd: int) -> Message:
    """Create both ends of a veth pair, each in its own namespace (descriptors). No third namespace ever sees them.

    They are created down: Linux cannot bring up the far end before it knows the near end (ENOTCONN). The near end gets
    a number that the far end cannot get by chance. Linux takes up to a second to activate a link whose number equals
    its peer's, since it takes them for one link (linkwatch_urgent_event in net/core/link_watch.c).
    """
    peer = LINK.pack(0, 0, 0, 0, 0) + _link_basics(far) + number(_IFLA_NET_NS_FD, far_fd)
    kind = nested(IFLA_LINKINFO, text(INFO_KIND, "veth"), nested(_INFO_DATA, attribute(_VETH_PEER, peer)))
    index = _OWN_NUMBERS + zlib.crc32(f"{near.namespace}/{near.name}".encode()) % _OWN_NUMBERS
    payload = LINK.pack(0, 0, index, 0, 0) + _link_basics(near) + number(_IFLA_NET_NS_FD, near_fd) + kind
    return Message(NEWLINK, CREATE | EXCLUSIVE, payload, f"create the {near}")


def new_bridge(link: Link) -> Message:
    """Create a bridge that is up and does not snoop multicast."""
    kind = nested(IFLA_LINKINFO, text(INFO_KIND, "bridge"), nested(_INFO_DATA, octet(_BR_MCAST_SNOOPING, 0)))
    payload = LINK.pack(0, 0, 0, _IFF_UP, _IFF_UP) + _link_basics(link) + kind
    return Message(NEWLINK, CREATE | EXCLUSIVE, payload, f"create the {link}")


def _link_basics(link: Link) -> bytes:
    address = attribute(IFLA_ADDRESS, _mac_bytes(link.mac)) if link.mac else b""
    return text(IFLA_IFNAME, link.name) + address + number(IFLA_MTU, link.mtu)


def set_link(link: Link, seen: LinkMessage, master: int) -> Message:
    """Bring an existing link to the state of `link`. `master` is the number of its bridge, 0 for none.

    The ifalias of a veth end names its peer. The MAC is set only if it differs, since that flushes the neighbours.
    """
    payload = LINK.pack(0, 0, seen.index, _IFF_UP if link.up else 0, _IFF_UP) + number(IFLA_MTU, link.mtu)
    payload += number(IFLA_MASTER, master)
    if link.peer is not None:
        payload += attribute(IFLA_IFALIAS, "/".join(link.peer).encode())
    if link.mac != seen.mac:
        payload += attribute(IFLA_ADDRESS, _mac_bytes(link.mac))
    return Message(SETLINK, 0, payload, f"change the {link}")


def mark_loopback(mark: str) -> Message:
    """Set the ifalias of the loopback, which is the mark of a namespace, and bring it up."""
    payload = LINK.pack(0, 0, LOOPBACK_INDEX, _IFF_UP, _IFF_UP) + attribute(IFLA_IFALIAS, mark.encode())
    return Message(SETLINK, 0, payload, "mark the namespace")


def bring_up(index: int, *, up: bool = True) -> Message:
    """Set a link up or down."""
    return Message(SETLINK, 0, LINK.pack(0, 0, index, _IFF_UP if up else 0, _IFF_UP), "set a link up or down", _GONE)


def rename(index: int, name: str) -> Message:
    """Rename a link. Older kernels require that it is down."""
    payload = LINK.pack(0, 0, index, 0, 0) + text(IFLA_IFNAME, name)
    return Message(SETLINK, 0, payload, f"rename a link to {name}", _GONE)


def give_name(name: str) -> Message:
    """Give the loopback an alternative name."""
    return _loopback_name(NEWLINKPROP, CREATE | EXCLUSIVE, name)


def forget_name(name: str) -> Message:
    """Remove an alternative name of the loopback."""
    return _loopback_name(DELLINKPROP, 0, name)


def _loopback_name(kind: int, flags: int, name: str) -> Message:
    payload = LINK.pack(0, 0, LOOPBACK_INDEX, 0, 0) + nested(IFLA_PROP_LIST, text(_IFLA_ALT_IFNAME, name))
    return Message(kind, flags, payload, "change a note at the loopback")


def set_port(link: Link, index: int) -> Message:
    """Disable learning and flooding on a bridge port: static entries decide where frames go.

    Learnt entries of the port are flushed. A link that was up when it became a port may have taught the bridge an
    address. A static entry for that address could not be added (EEXIST).
    """
    flags = b"".join(octet(flag, 0) for flag in PORT_FLAGS)
    data = nested(INFO_SLAVE_DATA, flags, attribute(_PORT_FLUSH, b""))  # Linux takes it after the flags
    slave = nested(IFLA_LINKINFO, text(_INFO_SLAVE_KIND, "bridge"), data)
    return Message(NEWLINK, 0, LINK.pack(0, 0, index, 0, 0) + slave, f"configure the {link} as a bridge port")


def delete_link(link: Link) -> Message:
    """Remove a link by name. The kernel removes its peer too."""
    return Message(DELLINK, 0, LINK.pack(0, 0, 0, 0, 0) + text(IFLA_IFNAME, link.name), f"delete the {link}", _GONE)


def address_message(address: Address, index: int, *, delete: bool = False) -> Message:
    """Add or remove an IPv6 address, `nodad` and marked as ours."""
    host, _, length = address.address.partition("/")
    payload = _ADDRESS.pack(family_of(host), int(length), 0, 0, index) + attribute(_IFA_ADDRESS, to_octets(host))
    if delete:
        return Message(DELADDR, 0, payload, f"delete the {address}", _GONE)
    payload += number(_IFA_FLAGS, _IFA_F_NODAD) + octet(_IFA_PROTO, PROTOCOL)
    return Message(NEWADDR, CREATE | EXCLUSIVE, payload, f"create the {address}")


def neighbour_message(neighbour: Neighbour, index: int, *, delete: bool = False, replace: bool = False) -> Message:
    """Add, replace or remove a permanent neighbour entry."""
    head = _NEIGHBOUR.pack(family_of(neighbour.address), index, _NUD_PERMANENT, 0, 0)
    payload = head + attribute(_NDA_DST, to_octets(neighbour.address))
    if delete:
        return Message(DELNEIGH, 0, payload, f"delete the {neighbour}", _GONE)
    payload += attribute(_NDA_LLADDR, _mac_bytes(neighbour.mac)) + octet(_NDA_PROTOCOL, PROTOCOL)
    return Message(NEWNEIGH, REPLACE if replace else CREATE | EXCLUSIVE, payload, f"create the {neighbour}")


def fdb_message(fdb: Fdb, index: int, *, delete: bool = False, replace: bool = False) -> Message:
    """Add, move or remove a static forwarding entry of the bridge of which the link is a port."""
    head = _NEIGHBOUR.pack(_AF_BRIDGE, index, _NUD_NOARP, _NTF_MASTER, 0)
    payload = head + attribute(_NDA_LLADDR, _mac_bytes(fdb.mac))
    if delete:
        return Message(DELNEIGH, 0, payload, f"delete the {fdb}", _GONE | {errno.EOPNOTSUPP})  # if it left the bridge
    return Message(NEWNEIGH, REPLACE if replace else CREATE | EXCLUSIVE, payload, f"create the {fdb}")


def rule_message(rule: RoutingRule, *, delete: bool = False) -> Message:
    """Add or remove a policy routing rule."""
    action, table = (TO_TABLE, MAIN_TABLE) if rule.action == "main" else (_RULE_BLACKHOLE, 0)
    payload = (
        RULE.pack(FORWARDED, 0, 0, 0, table, 0, 0, action, 0)
        + number(FRA_PRIORITY, rule.priority)
        + octet(FRA_PROTOCOL, PROTOCOL)
    )
    if rule.mark:
        payload += number(FRA_FWMARK, rule.mark) + number(FRA_FWMASK, rule.mark)
    if delete:
        return Message(DELRULE, 0, payload, f"delete the {rule}", _GONE)
    return Message(NEWRULE, CREATE | EXCLUSIVE, payload, f"create the {rule}")


def route_message(
    route: Route, indexes: Indexes, *, delete: bool = False, replace: bool = False, protocol: int = PROTOCOL
) -> Message:
    """Add, replace or remove a route of the main table. With `delete`, `protocol` 0 matches a route of any origin."""
    destination, _, length = route.destination.partition("/")
    source, _, source_length = route.source.partition("/")
    kind = _RTN_BLACKHOLE if route.blackhole else _RTN_UNICAST
    payload = (
        ROUTE.pack(family_of(destination), int(length), int(source_length or 0), 0, MAIN_TABLE, protocol, 0, kind, 0)
        + attribute(RTA_DST, to_octets(destination))
        + number(RTA_PRIORITY, route.metric)
    )
    if source:
        payload += attribute(RTA_SRC, to_octets(source))
    if delete:
        return Message(DELROUTE, 0, payload, f"delete the {route}", _GONE)
    if route.link:
        payload += number(RTA_OIF, indexes[route.link])
    if route.via:
        payload += attribute(RTA_GATEWAY, to_octets(route.via))
    if route.preferred:
        payload += attribute(RTA_PREFSRC, to_octets(route.preferred))
    return Message(NEWROUTE, REPLACE if replace else CREATE | EXCLUSIVE, payload, f"create the {route}")


# ---- answers of the kernel -------------------------------------------------------------------------------------------

LINK_REQUEST = LINK.pack(0, 0, 0, 0, 0) + number(_IFLA_EXT_MASK, _SKIP_STATISTICS)
LOOPBACK_REQUEST = LINK.pack(0, 0, LOOPBACK_INDEX, 0, 0) + number(_IFLA_EXT_MASK, _SKIP_STATISTICS)
ADDRESS_REQUEST = _ADDRESS.pack(FORWARDED, 0, 0, 0, 0)
NEIGHBOUR_REQUEST = _NEIGHBOUR.pack(FORWARDED, 0, 0, 0, 0)
FDB_REQUEST = _NEIGHBOUR.pack(_AF_BRIDGE, 0, 0, 0, 0)
RULE_REQUEST = RULE.pack(FORWARDED, 0, 0, 0, 0, 0, 0, 0, 0)
LOCAL_ROUTE_REQUEST = ROUTE.pack(FORWARDED, 0, 0, 0, LOCAL_TABLE, 0, 0, 0, 0) + number(RTA_TABLE, LOCAL_TABLE)
IPV4_REQUEST = _NETCONF.pack(NOT_FORWARDED) + number(_NETCONF_IFINDEX, _ALL_LINKS)
ALL_ROUTES_REQUEST = ROUTE.pack(FORWARDED, 0, 0, 0, 0, 0, 0, 0, 0)
ROUTE_REQUEST = ROUTE.pack(FORWARDED, 0, 0, 0, MAIN_TABLE, 0, 0, 0, 0) + number(RTA_TABLE, MAIN_TABLE)
OUR_ROUTE_REQUEST = ROUTE.pack(FORWARDED, 0, 0, 0, MAIN_TABLE, PROTOCOL, 0, 0, 0) + number(RTA_TABLE, MAIN_TABLE)


def one_link_request(name: str) -> bytes:
    """Return the payload that asks for the link of this name."""
    return LINK_REQUEST + text(IFLA_IFNAME, name)


def parse_address(payload: bytes, namespace: str, names: Names, *, ours: bool) -> Address | None:
    """Return the address in a message of a dump.

    Returns None for the loopback's own `::1` and for a link that is not in `names`. With `ours`, also returns None for
    an address without our protocol, and for one to which a tenant has given a peer: no packet is sent to such an
    address.
    """
    _, length, _, _, index = _ADDRESS.unpack_from(payload)
    found = attributes(payload, _ADDRESS.size)
    if found.get(_IFA_PROTO) == bytes((_IFAPROT_KERNEL_LO,)) or found[_IFA_ADDRESS] == _LOOPBACK_ADDRESS:
        return None
    if index not in names or (ours and (found.get(_IFA_PROTO) != _OURS or _IFA_LOCAL in found)):
        return None
    return Address(namespace, names[index], f"{to_text(found[_IFA_ADDRESS])}/{length}")


def forwards(payload: bytes) -> bool:
    """Return whether the namespace forwards IPv4, given the answer to IPV4_REQUEST."""
    return integer(attributes(payload, _NETCONF.size).get(_NETCONF_FORWARDING)) != 0


def near_end(payload: bytes) -> tuple[int, str]:
    """Return the link's number and the address with its prefix length, in a message of a dump.

    If the address has a peer, returns the local address.
    """
    _, length, _, _, index = _ADDRESS.unpack_from(payload)
    found = attributes(payload[_ADDRESS.size :])
    return index, f"{to_text(found.get(_IFA_LOCAL, found[_IFA_ADDRESS]))}/{length}"


def address_bytes(payload: bytes) -> bytes:
    """Return the address in a message of a dump, in network order."""
    return attribute_of(payload, _IFA_ADDRESS, _ADDRESS.size)


def destination_bytes(payload: bytes) -> bytes:
    """Return the destination in a message of a route dump, in network order."""
    return attribute_of(payload, RTA_DST, ROUTE.size) or unspecified(payload[0])


def parse_neighbour(payload: bytes, namespace: str, names: Names, *, ours: bool) -> Neighbour | None:
    """Return the neighbour in a message of a dump.

    Returns None if it is not permanent or its link is not in `names`; with `ours`, also if it lacks our protocol.
    """
    _, index, state, _, _ = _NEIGHBOUR.unpack_from(payload)
    found = attributes(payload, _NEIGHBOUR.size)
    if not state & _NUD_PERMANENT or _NDA_LLADDR not in found:
        return None
    if index not in names or (ours and found.get(_NDA_PROTOCOL) != _OURS):
        return None
    return Neighbour(namespace, names[index], to_text(found[_NDA_DST]), mac_text(found[_NDA_LLADDR]))


def parse_fdb(payload: bytes, namespace: str, names: Names) -> Fdb | None:
    """Return the bridge's forwarding entry in a message of a dump; None for learnt entries and the ports' own MACs."""
    family, index, state, _, _ = _NEIGHBOUR.unpack_from(payload)
    found = attributes(payload, _NEIGHBOUR.size)
    if family != _AF_BRIDGE or not state & _NUD_NOARP or _NDA_LLADDR not in found or index not in names:
        return None
    return Fdb(namespace, names[index], mac_text(found[_NDA_LLADDR]))


def parse_rule(payload: bytes, namespace: str) -> RoutingRule | None:
    """Return the policy routing rule in a message of a dump; None if we would not make one like it."""
    _, to, source, tos, table, _, _, action, flags = RULE.unpack_from(payload)
    found = attributes(payload, RULE.size)
    if found.get(FRA_PROTOCOL) != _OURS or to or source or tos or flags:
        return None
    if (action, table) not in _OUR_ACTIONS or found.get(FRA_FWMARK) != found.get(FRA_FWMASK):
        return None
    if any(kind not in _OUR_SELECTORS and says_something(value) for kind, value in found.items()):
        return None
    mark = integer(found.get(FRA_FWMARK))
    return RoutingRule(namespace, integer(found.get(FRA_PRIORITY)), mark, _OUR_ACTIONS[action, table])


def says_something(value: bytes) -> bool:
    """Return whether a rule's attribute selects anything. One with all bits 0 or all bits 1 does not."""
    return bool(value.strip(b"\0") and value.strip(b"\xff"))


def parse_route(payload: bytes, namespace: str, names: Names, *, plain: bool = False) -> Route | None:
    """Return our route in a message of a dump; None for other protocols, tables and types.

    With `plain`, also returns None for a route with attributes that we never set, such as several next hops.
    """
    family, length, source_length, _, table, protocol, _, kind, _ = ROUTE.unpack_from(payload)
    if protocol != PROTOCOL or table != MAIN_TABLE or kind not in (_RTN_UNICAST, _RTN_BLACKHOLE):
        return None
    found = attributes(payload, ROUTE.size)
    if plain and not _EXTRA_KINDS.isdisjoint(found):
        return None
    blackhole = kind == _RTN_BLACKHOLE
    source = found.get(RTA_SRC)
    gateway, preferred = found.get(RTA_GATEWAY), found.get(RTA_PREFSRC)
    return Route(
        namespace,
        f"{to_text(found.get(RTA_DST) or unspecified(family))}/{length}",
        link="" if blackhole else names.get(integer(found.get(RTA_OIF)), ""),
        via=to_text(gateway) if gateway else "",
        source=f"{to_text(source)}/{source_length}" if source else "",
        metric=integer(found.get(RTA_PRIORITY)),
        blackhole=blackhole,
        preferred=to_text(preferred) if preferred else "",
    )


def _mac_bytes(text_: str) -> bytes:
    return bytes.fromhex(text_.replace(":", ""))

"""Objects of `dataplane.state` to rtnetlink messages and back.

Constants and layouts: linux/rtnetlink.h, if_link.h, if_addr.h, neighbour.h, fib_rules.h. Interfaces are numbers here;
`Indexes` goes between them and names.
"""

from __future__ import annotations

import errno
import struct
import zlib
from collections.abc import Mapping
from socket import AF_INET6, inet_ntop, inet_pton

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
from eigw_ns.kernel.netlink import (
    CREATE,
    EXCLUSIVE,
    REPLACE,
    Attributes,
    Message,
    attribute,
    attributes,
    nested,
    number,
    octet,
    repeated,
    text,
)

Indexes = Mapping[str, int]
Names = Mapping[int, str]

NEWLINK, DELLINK, GETLINK, SETLINK = 16, 17, 18, 19
NEWADDR, DELADDR, GETADDR = 20, 21, 22
NEWROUTE, DELROUTE, GETROUTE = 24, 25, 26
NEWNEIGH, DELNEIGH, GETNEIGH = 28, 29, 30
NEWRULE, DELRULE, GETRULE = 32, 33, 34
NEWLINKPROP, DELLINKPROP = 108, 109

_AF_BRIDGE = 7
LOOPBACK_INDEX = 1  # the kernel's own constant, include/net/flow.h
_IFF_UP = 1
_IFLA_ADDRESS, _IFLA_IFNAME, _IFLA_MTU, _IFLA_LINK, _IFLA_MASTER = 1, 3, 4, 5, 10
_IFLA_OPERSTATE, _IFLA_LINKINFO, _IFLA_IFALIAS, _IFLA_NET_NS_FD = 16, 18, 20, 28
_IFLA_EXT_MASK, _SKIP_STATISTICS = 29, 1 << 3
_IFLA_CARRIER, _IFLA_PROP_LIST, _IFLA_ALT_IFNAME = 33, 52, 53
_OPERATIONAL = b"\6"  # IF_OPER_UP, linux/if.h
_INFO_KIND, _INFO_DATA, _INFO_SLAVE_KIND, _INFO_SLAVE_DATA, _VETH_PEER = 1, 2, 4, 5, 1
_BR_MCAST_SNOOPING = 23
_PORT_LEARNING, _PORT_FLOOD, _PORT_MCAST_FLOOD, _PORT_BCAST_FLOOD = 8, 9, 27, 30
_OWN_NUMBERS = 1 << 29  # from here on; the kernel numbers links 1, 2, 3 …
_PORT_FLAGS = (_PORT_LEARNING, _PORT_FLOOD, _PORT_MCAST_FLOOD, _PORT_BCAST_FLOOD)
_IFA_ADDRESS, _IFA_FLAGS, _IFA_PROTO, _IFA_F_NODAD, _IFAPROT_KERNEL_LO = 1, 8, 11, 0x02, 1
_RTA_DST, _RTA_SRC, _RTA_OIF, _RTA_GATEWAY, _RTA_PRIORITY, _RTA_TABLE = 1, 2, 4, 5, 6, 15
_LOCAL_TABLE = 255
_RTN_UNICAST, _RTN_BLACKHOLE, _RTPROT_KERNEL = 1, 6, 2
_NDA_DST, _NDA_LLADDR, _NDA_PROTOCOL = 1, 2, 12
_OURS = bytes((PROTOCOL,))
_NUD_PERMANENT, _NUD_NOARP, _NTF_MASTER = 0x80, 0x40, 0x04
_FRA_PRIORITY, _FRA_FWMARK, _FRA_TABLE, _FRA_FWMASK, _FRA_PROTOCOL = 6, 10, 15, 16, 21
_TO_TABLE, _RULE_BLACKHOLE = 1, 6
_GONE = frozenset({errno.ENOENT, errno.ENODEV, errno.ESRCH, errno.EADDRNOTAVAIL})

_LINK = struct.Struct("=BxHiII")
_ADDRESS = struct.Struct("=BBBBI")
_ROUTE = struct.Struct("=BBBBBBBBI")
_NEIGHBOUR = struct.Struct("=BxxxiHBB")
_RULE = struct.Struct("=BBBBBBBBI")
_NUMBER = struct.Struct("=I")
_ANY = bytes(16)


# ---- what the kernel is asked for -----------------------------------------------------------------------------------


def new_veth(near: Link, far: Link, near_fd: int, far_fd: int) -> Message:
    """Both ends of a veth pair, each born in its own namespace (descriptors), so that no third one ever sees them.

    They are born down: Linux cannot bring up the far end before it knows the near one (ENOTCONN). The near end gets
    a number that the far one cannot have by chance: Linux takes up to a second to activate a link whose number is that
    of its peer, since it does not see that they are two (linkwatch_urgent_event in net/core/link_watch.c).
    """
    peer = _LINK.pack(0, 0, 0, 0, 0) + _link_basics(far) + number(_IFLA_NET_NS_FD, far_fd)
    kind = nested(_IFLA_LINKINFO, text(_INFO_KIND, "veth"), nested(_INFO_DATA, attribute(_VETH_PEER, peer)))
    index = _OWN_NUMBERS + zlib.crc32(f"{near.namespace}/{near.name}".encode()) % _OWN_NUMBERS
    payload = _LINK.pack(0, 0, index, 0, 0) + _link_basics(near) + number(_IFLA_NET_NS_FD, near_fd) + kind
    return Message(NEWLINK, CREATE | EXCLUSIVE, payload, f"create the {near}")


def new_bridge(link: Link) -> Message:
    """A bridge, up, that snoops nothing."""
    kind = nested(_IFLA_LINKINFO, text(_INFO_KIND, "bridge"), nested(_INFO_DATA, octet(_BR_MCAST_SNOOPING, 0)))
    payload = _LINK.pack(0, 0, 0, _IFF_UP, _IFF_UP) + _link_basics(link) + kind
    return Message(NEWLINK, CREATE | EXCLUSIVE, payload, f"create the {link}")


def _link_basics(link: Link) -> bytes:
    address = attribute(_IFLA_ADDRESS, _mac_bytes(link.mac)) if link.mac else b""
    return text(_IFLA_IFNAME, link.name) + address + number(_IFLA_MTU, link.mtu)


def set_link(link: Link, seen: SeenLink, master: int) -> Message:
    """Bring an existing link to what `link` says; `master` is its bridge's number, 0 for none.

    A veth end's ifalias names its peer. The MAC is set only where it differs, since setting it flushes the neighbours.
    """
    payload = _LINK.pack(0, 0, seen.index, _IFF_UP if link.up else 0, _IFF_UP) + number(_IFLA_MTU, link.mtu)
    payload += number(_IFLA_MASTER, master)
    if link.peer is not None:
        payload += attribute(_IFLA_IFALIAS, "/".join(link.peer).encode())
    if link.mac != seen.mac:
        payload += attribute(_IFLA_ADDRESS, _mac_bytes(link.mac))
    return Message(SETLINK, 0, payload, f"change the {link}")


def mark_loopback(mark: str) -> Message:
    """Give the loopback its ifalias, the mark of a namespace, and bring it up."""
    payload = _LINK.pack(0, 0, LOOPBACK_INDEX, _IFF_UP, _IFF_UP) + attribute(_IFLA_IFALIAS, mark.encode())
    return Message(SETLINK, 0, payload, "mark the namespace")


def give_name(name: str) -> Message:
    """Give the loopback an alternative name."""
    return _loopback_name(NEWLINKPROP, CREATE | EXCLUSIVE, name)


def forget_name(name: str) -> Message:
    """Take an alternative name from the loopback."""
    return _loopback_name(DELLINKPROP, 0, name)


def _loopback_name(kind: int, flags: int, name: str) -> Message:
    payload = _LINK.pack(0, 0, LOOPBACK_INDEX, 0, 0) + nested(_IFLA_PROP_LIST, text(_IFLA_ALT_IFNAME, name))
    return Message(kind, flags, payload, "note which rules were loaded")


def set_port(link: Link, index: int) -> Message:
    """Make a bridge port one that neither learns nor floods: frames go only where the static entries say."""
    flags = b"".join(octet(flag, 0) for flag in _PORT_FLAGS)
    slave = nested(_IFLA_LINKINFO, text(_INFO_SLAVE_KIND, "bridge"), nested(_INFO_SLAVE_DATA, flags))
    return Message(NEWLINK, 0, _LINK.pack(0, 0, index, 0, 0) + slave, f"make a silent port of the {link}")


def delete_link(link: Link) -> Message:
    """Remove a link by name; its peer goes with it."""
    return Message(DELLINK, 0, _LINK.pack(0, 0, 0, 0, 0) + text(_IFLA_IFNAME, link.name), f"delete the {link}", _GONE)


def address_message(address: Address, index: int, *, delete: bool = False) -> Message:
    """Add or remove an IPv6 address, `nodad` and marked as ours."""
    host, _, length = address.address.partition("/")
    payload = _ADDRESS.pack(AF_INET6, int(length), 0, 0, index) + attribute(_IFA_ADDRESS, inet_pton(AF_INET6, host))
    if delete:
        return Message(DELADDR, 0, payload, f"delete the {address}", _GONE)
    payload += number(_IFA_FLAGS, _IFA_F_NODAD) + octet(_IFA_PROTO, PROTOCOL)
    return Message(NEWADDR, CREATE | EXCLUSIVE, payload, f"create the {address}")


def neighbour_message(neighbour: Neighbour, index: int, *, delete: bool = False, replace: bool = False) -> Message:
    """Add, replace or remove a permanent neighbour entry."""
    head = _NEIGHBOUR.pack(AF_INET6, index, _NUD_PERMANENT, 0, 0)
    payload = head + attribute(_NDA_DST, inet_pton(AF_INET6, neighbour.address))
    if delete:
        return Message(DELNEIGH, 0, payload, f"delete the {neighbour}", _GONE)
    payload += attribute(_NDA_LLADDR, _mac_bytes(neighbour.mac)) + octet(_NDA_PROTOCOL, PROTOCOL)
    return Message(NEWNEIGH, REPLACE if replace else CREATE | EXCLUSIVE, payload, f"create the {neighbour}")


def fdb_message(fdb: Fdb, index: int, *, delete: bool = False, replace: bool = False) -> Message:
    """Add, move or remove a static forwarding entry of the bridge that the link is a port of."""
    head = _NEIGHBOUR.pack(_AF_BRIDGE, index, _NUD_NOARP, _NTF_MASTER, 0)
    payload = head + attribute(_NDA_LLADDR, _mac_bytes(fdb.mac))
    if delete:
        return Message(DELNEIGH, 0, payload, f"delete the {fdb}", _GONE)
    return Message(NEWNEIGH, REPLACE if replace else CREATE | EXCLUSIVE, payload, f"create the {fdb}")


def rule_message(rule: RoutingRule, *, delete: bool = False) -> Message:
    """Add or remove a policy routing rule."""
    action, table = (_TO_TABLE, MAIN_TABLE) if rule.action == "main" else (_RULE_BLACKHOLE, 0)
    payload = (
        _RULE.pack(AF_INET6, 0, 0, 0, table, 0, 0, action, 0)
        + number(_FRA_PRIORITY, rule.priority)
        + octet(_FRA_PROTOCOL, PROTOCOL)
    )
    if rule.mark:
        payload += number(_FRA_FWMARK, rule.mark) + number(_FRA_FWMASK, rule.mark)
    if delete:
        return Message(DELRULE, 0, payload, f"delete the {rule}", _GONE)
    return Message(NEWRULE, CREATE | EXCLUSIVE, payload, f"create the {rule}")


def route_message(route: Route, indexes: Indexes, *, delete: bool = False, replace: bool = False) -> Message:
    """Add, replace or remove a route of the main table."""
    destination, _, length = route.destination.partition("/")
    source, _, source_length = route.source.partition("/")
    kind = _RTN_BLACKHOLE if route.blackhole else _RTN_UNICAST
    payload = (
        _ROUTE.pack(
            AF_INET6, int(length), int(source_length or 0), 0, MAIN_TABLE, 0 if delete else PROTOCOL, 0, kind, 0
        )
        + attribute(_RTA_DST, inet_pton(AF_INET6, destination))
        + number(_RTA_PRIORITY, route.metric)
    )
    if source:
        payload += attribute(_RTA_SRC, inet_pton(AF_INET6, source))
    if delete:
        return Message(DELROUTE, 0, payload, f"delete the {route}", _GONE)
    if route.link:
        payload += number(_RTA_OIF, indexes[route.link])
    if route.via:
        payload += attribute(_RTA_GATEWAY, inet_pton(AF_INET6, route.via))
    return Message(NEWROUTE, REPLACE if replace else CREATE | EXCLUSIVE, payload, f"create the {route}")


# ---- what the kernel answers -----------------------------------------------------------------------------------------

LINK_REQUEST = _LINK.pack(0, 0, 0, 0, 0) + number(_IFLA_EXT_MASK, _SKIP_STATISTICS)
LOOPBACK_REQUEST = _LINK.pack(0, 0, LOOPBACK_INDEX, 0, 0) + number(_IFLA_EXT_MASK, _SKIP_STATISTICS)
ADDRESS_REQUEST = _ADDRESS.pack(AF_INET6, 0, 0, 0, 0)
NEIGHBOUR_REQUEST = _NEIGHBOUR.pack(AF_INET6, 0, 0, 0, 0)
FDB_REQUEST = _NEIGHBOUR.pack(_AF_BRIDGE, 0, 0, 0, 0)
RULE_REQUEST = _RULE.pack(AF_INET6, 0, 0, 0, 0, 0, 0, 0, 0)
LOCAL_ROUTE_REQUEST = _ROUTE.pack(AF_INET6, 0, 0, 0, _LOCAL_TABLE, 0, 0, 0, 0) + number(_RTA_TABLE, _LOCAL_TABLE)
ROUTE_REQUEST = _ROUTE.pack(AF_INET6, 0, 0, 0, MAIN_TABLE, 0, 0, 0, 0) + number(_RTA_TABLE, MAIN_TABLE)


class SeenLink:
    """A link as a dump shows it: what is asked for is looked up when it is, since most ask for little of many links."""

    __slots__ = ("_found", "_info", "index", "name", "up")

    def __init__(self, payload: bytes) -> None:
        _, _, self.index, flags, _ = _LINK.unpack_from(payload)
        self._found = attributes(payload, _LINK.size)
        self._info: Attributes | None = None
        self.name = _string(self._found[_IFLA_IFNAME])
        self.up = bool(flags & _IFF_UP)

    @property
    def other_names(self) -> list[str]:
        """Its alternative names."""
        return [_string(name) for name in repeated(self._found.get(_IFLA_PROP_LIST, b""))]

    @property
    def alias(self) -> str:
        """Its ifalias."""
        return _string(self._found.get(_IFLA_IFALIAS, b""))

    @property
    def mac(self) -> str:
        """Its MAC address."""
        return _mac_text(self._found.get(_IFLA_ADDRESS, b""))

    @property
    def mtu(self) -> int:
        """Its MTU in bytes."""
        return _integer(self._found.get(_IFLA_MTU))

    @property
    def master(self) -> int:
        """The number of the bridge that it is a port of, 0 for none."""
        return _integer(self._found.get(_IFLA_MASTER))

    @property
    def peer_index(self) -> int:
        """The other end's number in the other end's namespace."""
        return _integer(self._found.get(_IFLA_LINK))

    @property
    def kind(self) -> str:
        """`veth`, `bridge` and so on; empty for the loopback."""
        return _string(self._information().get(_INFO_KIND, b""))

    @property
    def silent(self) -> bool:
        """Whether, as a port, it neither learns nor floods."""
        port = attributes(self._information().get(_INFO_SLAVE_DATA, b""))
        return not any(port.get(flag, b"\0") != b"\0" for flag in _PORT_FLAGS)

    @property
    def waking(self) -> bool:
        """Whether it has a carrier, and does not carry packets yet."""
        found = self._found
        return found.get(_IFLA_CARRIER) == b"\1" and found.get(_IFLA_OPERSTATE) != _OPERATIONAL

    def _information(self) -> Attributes:
        if self._info is None:
            self._info = attributes(self._found.get(_IFLA_LINKINFO, b""))
        return self._info


def parse_address(payload: bytes, namespace: str, names: Names, *, ours: bool) -> Address | None:
    """The address in a dump's message; None for the loopback's own `::1`, and with `ours` for any but ours."""
    _, length, _, _, index = _ADDRESS.unpack_from(payload)
    found = attributes(payload, _ADDRESS.size)
    if found.get(_IFA_PROTO) == bytes((_IFAPROT_KERNEL_LO,)) or found[_IFA_ADDRESS] == inet_pton(AF_INET6, "::1"):
        return None
    if ours and found.get(_IFA_PROTO) != _OURS:
        return None
    return Address(namespace, names[index], f"{inet_ntop(AF_INET6, found[_IFA_ADDRESS])}/{length}")


def address_bytes(payload: bytes) -> bytes:
    """The address in a dump's message, in network order."""
    return attributes(payload, _ADDRESS.size)[_IFA_ADDRESS]


def destination_bytes(payload: bytes) -> bytes:
    """The destination in a route dump's message, in network order."""
    return attributes(payload, _ROUTE.size).get(_RTA_DST, _ANY)


def parse_neighbour(payload: bytes, namespace: str, names: Names, *, ours: bool) -> Neighbour | None:
    """The neighbour in a dump's message; None where it is not a permanent one, and with `ours` for any but ours."""
    _, index, state, _, _ = _NEIGHBOUR.unpack_from(payload)
    found = attributes(payload, _NEIGHBOUR.size)
    if not state & _NUD_PERMANENT or _NDA_LLADDR not in found:
        return None
    if ours and found.get(_NDA_PROTOCOL) != _OURS:
        return None
    return Neighbour(namespace, names[index], inet_ntop(AF_INET6, found[_NDA_DST]), _mac_text(found[_NDA_LLADDR]))


def parse_fdb(payload: bytes, namespace: str, names: Names) -> Fdb | None:
    """The bridge's forwarding entry in a dump's message; None for the ports' own and for learnt ones."""
    family, index, state, _, _ = _NEIGHBOUR.unpack_from(payload)
    found = attributes(payload, _NEIGHBOUR.size)
    if family != _AF_BRIDGE or not state & _NUD_NOARP or _NDA_LLADDR not in found:
        return None
    return Fdb(namespace, names[index], _mac_text(found[_NDA_LLADDR]))


def parse_rule(payload: bytes, namespace: str, *, ours: bool) -> RoutingRule | None:
    """The policy routing rule in a dump's message; None for the kernel's own, and with `ours` for any but ours."""
    _, _, _, _, table, _, _, action, _ = _RULE.unpack_from(payload)
    found = attributes(payload, _RULE.size)
    if found.get(_FRA_PROTOCOL) == bytes((_RTPROT_KERNEL,)) or action not in (_TO_TABLE, _RULE_BLACKHOLE):
        return None
    if (action == _TO_TABLE and table != MAIN_TABLE) or (ours and found.get(_FRA_PROTOCOL) != _OURS):
        return None
    mark = _integer(found.get(_FRA_FWMARK))
    return RoutingRule(
        namespace, _integer(found.get(_FRA_PRIORITY)), mark, "main" if action == _TO_TABLE else "blackhole"
    )


def parse_route(payload: bytes, namespace: str, names: Names, *, ours: bool) -> Route | None:
    """The route in a dump's message; None for the kernel's own and other tables', and with `ours` for any but ours."""
    _, length, source_length, _, table, protocol, _, kind, _ = _ROUTE.unpack_from(payload)
    if protocol == _RTPROT_KERNEL or table != MAIN_TABLE or kind not in (_RTN_UNICAST, _RTN_BLACKHOLE):
        return None
    if ours and protocol != PROTOCOL:
        return None
    found = attributes(payload, _ROUTE.size)
    blackhole = kind == _RTN_BLACKHOLE
    source = found.get(_RTA_SRC)
    gateway = found.get(_RTA_GATEWAY)
    return Route(
        namespace,
        f"{inet_ntop(AF_INET6, found.get(_RTA_DST, _ANY))}/{length}",
        link="" if blackhole else names.get(_integer(found.get(_RTA_OIF)), ""),
        via=inet_ntop(AF_INET6, gateway) if gateway else "",
        source=f"{inet_ntop(AF_INET6, source)}/{source_length}" if source else "",
        metric=_integer(found.get(_RTA_PRIORITY)),
        blackhole=blackhole,
    )


def _string(value: bytes) -> str:
    return value.rstrip(b"\0").decode(errors="replace")


def _integer(value: bytes | None) -> int:
    return int(_NUMBER.unpack(value)[0]) if value else 0


def _mac_bytes(text_: str) -> bytes:
    return bytes.fromhex(text_.replace(":", ""))


def _mac_text(value: bytes) -> str:
    return value.hex(":")

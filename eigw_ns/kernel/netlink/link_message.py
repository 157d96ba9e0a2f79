"""A link as the kernel reports it (linux/if_link.h), and readers of link attributes."""

from __future__ import annotations

import struct

from eigw_ns.kernel.netlink.socket import Attributes, attribute_of, attributes, repeated

IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_LINK, IFLA_MASTER = 1, 3, 4, 5, 10
IFLA_OPERSTATE, IFLA_LINKINFO, IFLA_IFALIAS = 16, 18, 20
IFLA_CARRIER, IFLA_PROP_LIST = 33, 52
INFO_KIND, INFO_SLAVE_DATA = 1, 5
PORT_FLAGS = (8, 9, 27, 30)
"""Attributes of a bridge port: learning; flooding of unknown unicast, multicast, broadcast."""

LINK = struct.Struct("=BxHiII")
"""struct ifinfomsg: family, device type, index, flags, mask of the flags to change."""

_IFF_UP = 1
_OPERATIONAL = b"\6"  # IF_OPER_UP, linux/if.h
_NUMBER = struct.Struct("=I")


def string(value: bytes) -> str:
    """Decode a string with a final zero byte."""
    return value.rstrip(b"\0").decode(errors="replace")


def integer(value: bytes | None) -> int:
    """Decode an unsigned 32-bit number; return 0 if there is none."""
    return int(_NUMBER.unpack(value)[0]) if value else 0


def mac_text(value: bytes) -> str:
    """Return a MAC in its usual notation, with colons."""
    return value.hex(":")


class LinkMessage:
    """A link in a message of a dump. Attributes are decoded on first use, since most callers need few of many links.

    Linux sends about 40 attributes of each link, the name first.
    """

    __slots__ = ("_all", "_info", "_payload", "index", "name", "up")

    def __init__(self, payload: bytes) -> None:
        _, _, self.index, flags, _ = LINK.unpack_from(payload)
        self._payload = payload
        self._all: Attributes | None = None
        self._info: Attributes | None = None
        self.name = string(attribute_of(payload, IFLA_IFNAME, LINK.size))
        self.up = bool(flags & _IFF_UP)

    @property
    def other_names(self) -> list[str]:
        """Its alternative names."""
        return [string(name) for name in repeated(self._found().get(IFLA_PROP_LIST, b""))]

    @property
    def alias(self) -> str:
        """Its ifalias."""
        return string(self._found().get(IFLA_IFALIAS, b""))

    @property
    def mac(self) -> str:
        """Its MAC address."""
        return mac_text(self._found().get(IFLA_ADDRESS, b""))

    @property
    def mtu(self) -> int:
        """Its MTU in bytes."""
        return integer(self._found().get(IFLA_MTU))

    @property
    def master(self) -> int:
        """The number of the bridge of which it is a port; 0 for none."""
        return integer(self._found().get(IFLA_MASTER))

    @property
    def peer_index(self) -> int:
        """The number of the other end, in that end's namespace."""
        return integer(self._found().get(IFLA_LINK))

    @property
    def kind(self) -> str:
        """`veth`, `bridge` and so on; empty for the loopback."""
        return string(self._information().get(INFO_KIND, b""))

    @property
    def tame(self) -> bool:
        """Whether it is set as our bridge ports are: it does not learn and does not flood."""
        port = attributes(self._information().get(INFO_SLAVE_DATA, b""))
        return all(port.get(flag, b"\0") == b"\0" for flag in PORT_FLAGS)

    @property
    def waking(self) -> bool:
        """Whether it has a carrier but does not carry packets yet."""
        found = self._found()
        return found.get(IFLA_CARRIER) == b"\1" and found.get(IFLA_OPERSTATE) != _OPERATIONAL

    def _found(self) -> Attributes:
        if self._all is None:
            self._all = attributes(self._payload, LINK.size)
        return self._all

    def _information(self) -> Attributes:
        if self._info is None:
            self._info = attributes(self._found().get(IFLA_LINKINFO, b""))
        return self._info

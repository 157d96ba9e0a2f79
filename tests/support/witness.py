"""Read a namespace with pyroute2: a second opinion, so that our netlink code is not checked only by itself.

Values are text as iproute2 prints them. The kernel's own objects are included, with the protocol that marks them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv6Address
from socket import AF_INET6
from typing import Any

from pyroute2 import IPRoute

from eigw_ns.kernel.namespaces import netns

AF_BRIDGE = 7
MAIN_TABLE = 254
IFF_UP = 1
NUD_PERMANENT, NUD_NOARP = 0x80, 0x40
RTN_BLACKHOLE = 6


@dataclass(frozen=True)
class LinkMessage:
    kind: str
    mac: str
    mtu: int
    up: bool
    bridge: str
    alias: str


@dataclass(frozen=True)
class SeenRoute:
    destination: str
    source: str
    link: str
    via: str
    metric: int
    protocol: int
    blackhole: bool


class Witness:
    """Reads the namespace of that name, again for each call."""

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace

    @contextmanager
    def _netlink(self) -> Iterator[Any]:
        with netns.inside(self._namespace):
            netlink = IPRoute()
        with netlink:
            yield netlink

    def _ask(self, what: str, **filters: object) -> list[Any]:
        with self._netlink() as netlink:
            return list(getattr(netlink, what)(**filters))

    def _names(self) -> dict[int, str]:
        return {link["index"]: link.get_attr("IFLA_IFNAME") for link in self._ask("get_links")}

    def set_down(self, link: str) -> None:
        """Set the link down, as `ip link set … down` does, to interfere with the lab."""
        with self._netlink() as netlink:
            netlink.link("set", index=netlink.link_lookup(ifname=link)[0], state="down")

    def links(self) -> dict[str, LinkMessage]:
        names = self._names()
        return {
            link.get_attr("IFLA_IFNAME"): LinkMessage(
                link.get_nested("IFLA_LINKINFO", "IFLA_INFO_KIND") or "",
                link.get_attr("IFLA_ADDRESS"),
                link.get_attr("IFLA_MTU"),
                bool(link["flags"] & IFF_UP),
                names.get(link.get_attr("IFLA_MASTER"), ""),
                link.get_attr("IFLA_IFALIAS") or "",
            )
            for link in self._ask("get_links")
        }

    def silent_ports(self) -> set[str]:
        """Return the bridge ports that do not learn, and do not flood unicast, multicast or broadcast."""
        flags = ("LEARNING", "UNICAST_FLOOD", "MCAST_FLOOD", "BCAST_FLOOD")
        found = set()
        for link in self._ask("get_links"):
            port = link.get_nested("IFLA_LINKINFO", "IFLA_INFO_SLAVE_DATA")
            if port and not any(port.get_attr(f"IFLA_BRPORT_{flag}") for flag in flags):
                found.add(link.get_attr("IFLA_IFNAME"))
        return found

    def addresses(self) -> set[tuple[str, str, int]]:
        """Return (link, address with prefix length, IFA_PROTO) of each address."""
        names = self._names()
        return {
            (
                names[found["index"]],
                f"{found.get_attr('IFA_ADDRESS')}/{found['prefixlen']}",
                found.get_attr("IFA_PROTO") or 0,
            )
            for found in self._ask("get_addr", family=AF_INET6)
        }

    def neighbours(self) -> set[tuple[str, str, str]]:
        """Return (link, address, MAC) of the permanent entries."""
        names = self._names()
        return {
            (names[found["ifindex"]], found.get_attr("NDA_DST"), found.get_attr("NDA_LLADDR"))
            for found in self._ask("get_neighbours", family=AF_INET6)
            if found["state"] & NUD_PERMANENT
        }

    def fdb(self) -> set[tuple[str, str]]:
        """Return (port, MAC) of the static entries that are not a port's own."""
        names = self._names()
        return {
            (names[found["ifindex"]], found.get_attr("NDA_LLADDR"))
            for found in self._ask("get_neighbours", family=AF_BRIDGE)
            if found["state"] & NUD_NOARP and found.get_attr("NDA_MASTER")
        }

    def routes(self) -> set[SeenRoute]:
        """Return the IPv6 routes of the main table."""
        names = self._names()
        return {
            SeenRoute(
                _prefix(found.get_attr("RTA_DST"), found["dst_len"]),
                _prefix(found.get_attr("RTA_SRC"), found["src_len"]) if found["src_len"] else "",
                "" if found["type"] == RTN_BLACKHOLE else names[found.get_attr("RTA_OIF")],
                found.get_attr("RTA_GATEWAY") or "",
                found.get_attr("RTA_PRIORITY"),
                found["proto"],
                found["type"] == RTN_BLACKHOLE,
            )
            for found in self._ask("get_routes", family=AF_INET6, table=MAIN_TABLE)
        }

    def rules(self) -> set[tuple[int, int]]:
        """Return (priority, mark) of the IPv6 routing rules, including the kernel's own."""
        return {
            (found.get_attr("FRA_PRIORITY") or 0, found.get_attr("FRA_FWMARK") or 0)
            for found in self._ask("get_rules", family=AF_INET6)
        }


def _prefix(address: str | None, length: int) -> str:
    return f"{IPv6Address(address or '::')}/{length}"

"""What the kernel reports of a namespace while it changes: links that go down, nftables transactions, everything else.

Most reports only say that it is time to look: the difference of two looks says what has changed. So they are counted
and not decoded. One nftables transaction can have hundreds of messages. Its last one (NFT_MSG_NEWGEN) names the
process.
Sources: linux/rtnetlink.h (enum rtnetlink_groups), linux/netfilter/nf_tables.h (nft_gen_attributes).
"""

from __future__ import annotations

import socket
from itertools import islice

from eigw_ns.frozen import frozen
from eigw_ns.kernel.netlink.link_message import LinkMessage, string
from eigw_ns.kernel.netlink.listener import open_groups, waiting
from eigw_ns.kernel.netlink.socket import NETFILTER, attributes

_LINKS, _NEIGHBOURS, _ADDRESSES, _ROUTES, _RULES, _FORWARDING = 1, 3, 9, 11, 19, 25  # RTNLGRP_*, those of IPv6
_ROUTE_GROUPS = (_LINKS, _NEIGHBOURS, _ADDRESSES, _ROUTES, _RULES, _FORWARDING)
_NFTABLES_GROUPS = (7,)  # NFNLGRP_NFTABLES
_NEW_LINK, _DELETE_LINK = 16, 17
_AF_BRIDGE = 7  # linux/socket.h
_NEW_GENERATION = 10 << 8 | 15  # NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWGEN
_GENERATION, _PID, _NAME = 1, 2, 3  # NFTA_GEN_*
_MOST = 100_000  # messages at once; the rest waits for the next turn
_NETFILTER_HEADER = 4  # bytes of struct nfgenmsg

ROOM = 8 << 20
"""Bytes of the receive buffer of each socket. It takes memory only while it is full."""


@frozen
class LinkReport:
    """A link as it is now: up, down, or removed."""

    link: str
    up: bool
    removed: bool


@frozen
class Transaction:
    """A transaction of nftables, and the process that made it."""

    generation: int
    pid: int
    process: str


@frozen
class Heard:
    """What has been reported since the last time. `messages` counts all of them. `lost`: some did not fit."""

    messages: int
    links: tuple[LinkReport, ...]
    transactions: tuple[Transaction, ...]
    lost: bool


class Reports:
    """Listens in a namespace. Close it when the name of the namespace goes: it stays as long as a socket is in it.

    Raises MissingError if the namespace does not exist.
    """

    def __init__(self, namespace: str, room: int = ROOM) -> None:
        self._route = open_groups(namespace, socket.NETLINK_ROUTE, _ROUTE_GROUPS, room)
        try:
            self._nftables = open_groups(namespace, NETFILTER, _NFTABLES_GROUPS, room)
        except BaseException:
            self._route.close()
            raise

    def descriptors(self) -> tuple[int, int]:
        """Return the descriptors that become readable when there is something to hear."""
        return self._route.fileno(), self._nftables.fileno()

    def hear(self) -> Heard:
        """Return what has been reported. Does not wait, and ends even if a tenant sends without end."""
        routes, rules = (tuple(islice(waiting(each), _MOST)) for each in (self._route, self._nftables))
        return Heard(
            len(routes) + len(rules),
            tuple(_link(kind, payload) for kind, payload in routes if kind in (_NEW_LINK, _DELETE_LINK)),
            tuple(_transaction(payload) for kind, payload in rules if kind == _NEW_GENERATION),
            any(kind is None for kind, _ in (*routes, *rules)),
        )

    def close(self) -> None:
        """Close the sockets."""
        self._route.close()
        self._nftables.close()


def _link(kind: int | None, payload: bytes) -> LinkReport:
    message = LinkMessage(payload)
    of_bridge = payload[0] == _AF_BRIDGE  # a port that leaves its bridge is reported as deleted, too
    return LinkReport(message.name, message.up, kind == _DELETE_LINK and not of_bridge)


def _transaction(payload: bytes) -> Transaction:
    found = attributes(payload, _NETFILTER_HEADER)
    number, pid = (int.from_bytes(found.get(each, b""), "big") for each in (_GENERATION, _PID))
    return Transaction(number, pid, string(found.get(_NAME, b"")))

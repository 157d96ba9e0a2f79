"""Batches with more refusals than the receive buffer of the socket can hold."""

from __future__ import annotations

import os
import socket

import pytest

from eigw_ns.dataplane.state import Route
from eigw_ns.errors import ExistsError, KernelError
from eigw_ns.kernel.namespaces import netns
from eigw_ns.kernel.netlink import conntrack, rtnetlink
from eigw_ns.kernel.netlink.rtnetlink import LOOPBACK_INDEX
from eigw_ns.kernel.netlink.socket import Message, Netlink
from eigw_ns.kernel.nft.library import Nft

pytestmark = pytest.mark.root

MANY = 3000
FLOWS = 20_000
TRACKED = "add table inet t; add chain inet t o { type filter hook output priority 0; }; add rule inet t o ct state new"


def _blackhole(number: int) -> Route:
    return Route("", f"2001:db8::{number:x}/128", blackhole=True)


def _routes(netlink: Netlink) -> int:
    return len(netlink.dump(rtnetlink.GETROUTE, rtnetlink.OUR_ROUTE_REQUEST, "list routes"))


def _deletion(number: int) -> Message:
    return rtnetlink.route_message(_blackhole(number), {}, delete=True)


def test_thousands_of_refusals_hide_nothing() -> None:
    """Tolerated refusals are ignored, messages between them are carried out, and the first other refusal is raised."""
    with netns.nameless(), Netlink() as netlink:
        netlink.send([rtnetlink.bring_up(LOOPBACK_INDEX), rtnetlink.route_message(_blackhole(MANY), {})])
        assert _routes(netlink) == 1
        with pytest.raises(ExistsError, match=f"create the route 2001:db8::{MANY:x}/128"):
            netlink.send([rtnetlink.route_message(_blackhole(MANY), {})] * MANY)
        netlink.send([_deletion(number) for number in range(2 * MANY)])
        assert _routes(netlink) == 0


def test_a_socket_that_overflows_raises_our_error() -> None:
    """The socket can be used again: old answers are discarded, and the answers to the next batch are not lost."""
    with netns.nameless(), Netlink() as netlink:
        netlink.send([rtnetlink.bring_up(LOOPBACK_INDEX)])
        opened: socket.socket = vars(netlink)["_socket"]
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 0)
        with pytest.raises(KernelError, match="No buffer space available"):
            netlink.send([_deletion(number) for number in range(MANY)])
        netlink.send([rtnetlink.route_message(_blackhole(1), {})])
        assert _routes(netlink) == 1


def test_two_processes_flush_the_same_flows_at_once() -> None:
    with netns.nameless():
        with Netlink() as netlink:
            netlink.send([rtnetlink.bring_up(LOOPBACK_INDEX)])
        Nft().run(TRACKED, "track flows")
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sender:
            for port in range(1, FLOWS + 1):
                sender.sendto(b"", ("::1", port))
        assert len(conntrack.tracked()) == FLOWS
        ready, go = os.pipe()
        children = []
        for _ in range(2):
            child = os.fork()
            if child == 0:
                try:
                    os.close(go)
                    os.read(ready, 1)
                    conntrack.delete(lambda _: True)
                    os._exit(0)
                finally:
                    os._exit(1)
            children.append(child)
        os.close(ready)
        os.close(go)
        assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0]
        assert not conntrack.tracked()


def test_the_table_of_all_namespaces_is_not_walked_for_one_without_flows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Netlink, "dump", None)
    with netns.nameless():
        assert not conntrack.tracked()
        assert conntrack.delete(lambda _: True) == 0

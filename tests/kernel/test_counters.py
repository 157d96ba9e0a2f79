"""Counters are read by netlink: every one of our tables, whatever else is there; links as pyroute2 reads them."""

from __future__ import annotations

import socket
from time import perf_counter

import pytest
from pyroute2 import IPRoute

from eigw_ns.kernel.namespaces import netns
from eigw_ns.kernel.netlink import conntrack, counters
from eigw_ns.kernel.nft.library import Nft
from eigw_ns.kernel.protocol import Count

pytestmark = pytest.mark.root

TABLE = """table inet eigw_ns {
  counter empty { }
  counter full { packets 3 bytes 5000000000 }
  counter commented { packets 1 bytes 40; comment "a { packets 7 bytes 7 }"; }
  quota much { over 25 mbytes }
  set numbers { type mark; elements = { 0x1 comment "counter x { }" } }
  chain input { type filter hook input priority 0; policy drop; counter name full drop comment "	counter y {"; }
}
"""


def test_every_counter_of_our_tables_is_read() -> None:
    with netns.nameless():
        library = Nft()
        assert counters.named_counters() == {}
        library.run(TABLE, "make counters")
        library.run("add table inet other; add counter inet other foreign", "make a foreign counter")
        library.run("add table bridge eigw_ns; add counter bridge eigw_ns across", "make another one of ours")
        assert counters.named_counters() == {
            "across": Count(0, 0),
            "empty": Count(0, 0),
            "full": Count(3, 5_000_000_000),
            "commented": Count(1, 40),
        }


def test_links_are_counted_as_pyroute2_counts_them() -> None:
    with netns.nameless(), IPRoute() as witness:
        witness.link("set", index=1, state="up")
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sender:
            for _ in range(3):
                sender.sendto(b"x" * 100, ("::1", 9))
        seen = witness.get_links(1)[0].get_attr("IFLA_STATS64")
        read = counters.links()["lo"]
        assert read.received == Count(seen["rx_packets"], seen["rx_bytes"])
        assert read.sent == Count(seen["tx_packets"], seen["tx_bytes"])
        assert read.sent.packets >= 3
        assert conntrack.entries() == 0


def test_a_namespace_is_read_in_less_than_a_hundredth_of_a_second() -> None:
    with netns.nameless():
        Nft().run(TABLE, "make counters")
        began = perf_counter()
        for _ in range(20):
            counters.named_counters(), counters.links(), conntrack.entries()
        assert perf_counter() - began < 20 * 0.01

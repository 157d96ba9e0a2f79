"""Packets too big for the next link, malformed packets, and ARP requests: the gateway answers none (G3, G8)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pyroute2 import IPRoute
from scapy.layers.l2 import ARP

from eigw_ns.kernel.namespaces import netns
from tests.support.attack_bench import Bench
from tests.support.crafted_flows import Datagrams
from tests.support.raw_wire import ARP as ARP_FRAME
from tests.support.raw_wire import IPV6

pytestmark = pytest.mark.root

USUAL, JUMBO = 1500, 9000  # octets


def _set_uplink_mtu(bench: Bench, mtu: int) -> None:
    ends = ((bench.gateway, "up"), (bench.lab.namespace("internet"), bench.outer.link))
    for namespace, link in ends:
        with netns.inside(namespace), IPRoute() as netlink:
            netlink.link("set", index=netlink.link_lookup(ifname=link)[0], mtu=mtu)


@pytest.fixture
def wide(bench: Bench) -> Iterator[Bench]:
    """The bench, whose uplink takes larger packets than its fabric."""
    _set_uplink_mtu(bench, JUMBO)
    yield bench
    _set_uplink_mtu(bench, USUAL)


def test_a_packet_too_big_for_the_next_link_is_not_answered_unless_it_is_of_a_live_flow(wide: Bench) -> None:
    """About a live flow the gateway sends an error (I3), so it could. About other packets it sends none."""
    dead, live = Datagrams(wide.port()), Datagrams.opened(wide)
    outcome = wide.attack("in", [dead.back(bytes(4000)), dead.back(bytes(8000))], {"drop_inbound": 2})
    assert (outcome.through, outcome.answers) == ([], [])
    outcome = wide.attack("in", [live.back(bytes(4000))], {})
    assert outcome.through == []
    assert [answer[40:42] for answer in outcome.answers] == [b"\x02\0"]  # packet too big


@pytest.mark.parametrize("wanted", ["127.0.0.1", "0.0.0.0", "192.0.2.1", "255.255.255.255"])
def test_no_arp_request_is_answered(bench: Bench, wanted: str) -> None:
    question = bytes(ARP(op="who-has", psrc="192.0.2.9", pdst=wanted, hwdst="ff:ff:ff:ff:ff:ff"))
    bench.outer.heard(), bench.inner.heard()
    for wire in (bench.outer, bench.inner):
        wire.send([question], ARP_FRAME)
    for heard in bench.until_canaries().values():
        assert heard == []


SHORT = Datagrams(9).back(bytes(40))
BROKEN: dict[str, tuple[bytes, str, str]] = {
    "another version": (b"\x50" + SHORT[1:], "", "Ip6InHdrErrors"),
    "half a header": (SHORT[:20], "", "Ip6InHdrErrors"),
    "a length beyond its end": (SHORT[:4] + (900).to_bytes(2) + SHORT[6:], "", "Ip6InTruncatedPkts"),
    "nothing in it": (SHORT[:4] + bytes(2) + SHORT[6:40], "drop_invalid", ""),
    "half a UDP header": (SHORT[:4] + (4).to_bytes(2) + SHORT[6:44], "drop_invalid", ""),
    "a wrong checksum": (SHORT[:46] + b"\x12\x34" + SHORT[48:], "drop_invalid", ""),
}
"""A broken packet by what is wrong with it, and the counter that rises: ours, or one of Linux if it drops first."""


@pytest.mark.parametrize(("broken", "ours", "of_linux"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_packet_is_dropped_and_not_answered(bench: Bench, broken: bytes, ours: str, of_linux: str) -> None:
    before, linux = bench.counters(), bench.kernel_counter(of_linux) if of_linux else 0
    bench.outer.heard(), bench.inner.heard()
    bench.outer.send([broken], IPV6)
    for heard in bench.until_canaries().values():
        assert heard == []
    risen = {name for name, now in bench.counters().items() if now != before[name]} - {"drop_link_local"}
    assert risen == ({ours} if ours else set())
    if of_linux:
        assert bench.kernel_counter(of_linux) == linux + 1

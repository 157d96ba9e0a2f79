"""Sources and destinations that cannot be, hop limits, sizes, neighbour discovery, IPv4 (G3, G8, G9, I3, I4, S2–S4)."""

from __future__ import annotations

import pytest
from pyroute2 import IPRoute
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import (
    ICMPv6EchoRequest,
    ICMPv6MLReport2,
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6ND_RA,
    ICMPv6ND_Redirect,
    ICMPv6ND_RS,
    IPv6,
)
from scapy.packet import Packet

from eigw_ns.dataplane.compile import names
from eigw_ns.kernel.namespaces import netns
from tests.support.attack_bench import INSIDE, OUTSIDE, Bench, Case, Way, forwarded, with_hop_limit
from tests.support.crafted_flows import DNS, Datagrams, Tcp, packet
from tests.topologies.egress import APP
from tests.topologies.three_instances import DB

pytestmark = pytest.mark.root

NEVER_VALID = (
    "::",  # unspecified
    "::1",  # loopback
    "::ffff:198.51.100.1",  # mapped
    "64:ff9b::c633:6401",  # translated (RFC 6052)
    "100::1",  # discard (RFC 6666)
    "fc00::1",
    "fd00::1",  # unique local
    "ff02::1",
    "ff0e::1",  # multicast
    "4000::1",
    "e000::1",  # not allocated
)
DROPPED_BY_THE_KERNEL = ("::1", "ff02::1", "ff0e::1")
"""Linux itself drops packets from these sources (ip6_rcv in net/ipv6/ip6_input.c), so no counter of ours rises."""

LINK_LOCAL = "fe80::bad"
DOCUMENTATION = ("2001:db8:1::1", "3fff:1::1")


def _datagram(source: str, destination: str, bench: Bench) -> bytes:
    return packet(source, destination, UDP(sport=bench.port(), dport=DNS))


def test_sources_that_are_never_valid_on_the_internet_do_not_enter(bench: Bench) -> None:
    counted = [source for source in NEVER_VALID if source not in DROPPED_BY_THE_KERNEL]
    datagrams = [_datagram(source, INSIDE, bench) for source in NEVER_VALID]
    outcome = bench.attack("in", datagrams, {"drop_source": len(counted)})
    assert (outcome.through, outcome.answers) == ([], [])


def test_a_link_local_source_does_not_enter(bench: Bench) -> None:
    outcome = bench.attack("in", [_datagram(LINK_LOCAL, INSIDE, bench)] * 3, {"drop_link_local": 3})
    assert (outcome.through, outcome.answers) == ([], [])


def test_the_vpcs_own_addresses_do_not_enter_from_outside(bench: Bench) -> None:
    """They cannot change a flow either: a reset from the instance's address is dropped before conntrack."""
    flow = Tcp.opened(bench)
    forged = [flow.out("R"), flow.out("RA"), flow.out("FA"), flow.out("PA", b"x")]
    forged += [_datagram(source, INSIDE, bench) for source in (INSIDE, APP, DB)]
    outcome = bench.attack("in", forged, {"drop_source": len(forged)})
    assert (outcome.through, outcome.answers) == ([], [])
    flow.check()


def test_documentation_sources_are_legal_and_begin_no_flow(bench: Bench) -> None:
    datagrams = [_datagram(source, INSIDE, bench) for source in DOCUMENTATION]
    outcome = bench.attack("in", datagrams, {"drop_inbound": len(datagrams)})
    assert (outcome.through, outcome.answers) == ([], [])


def test_destinations_that_are_never_valid_do_not_leave(bench: Bench) -> None:
    wanted = [address for address in NEVER_VALID if address not in ("::", "::1")] + [LINK_LOCAL]
    datagrams = [_datagram(INSIDE, each, bench) for each in wanted]
    outcome = bench.attack("out", datagrams, {"drop_destination": len(wanted)})
    assert (outcome.through, outcome.answers) == ([], [])


@pytest.mark.parametrize("destination", [DB, "2600:1f16:aa0:55ff::1", "2600:1f16:aa0:5501::99"])
def test_a_packet_from_the_vpc_to_the_vpc_is_dropped(bench: Bench, destination: str) -> None:
    """G9: a packet from the fabric for the VPC, in a subnet or in none, is not sent back to the fabric."""
    outcome = bench.attack("out", [_datagram(INSIDE, destination, bench)], {"drop_hairpin": 1})
    assert (outcome.through, outcome.answers) == ([], [])


def test_another_vpc_is_not_behind_this_gateway(bench: Bench) -> None:
    """S3: a packet from outside for an address in no subnet of this VPC is dropped as inbound."""
    wanted = ("2600:1f16:aa0:6601::10", "2600:1f16:aa0:55ff::1", OUTSIDE, "ff0e::1", "fe80::2")
    outcome = bench.attack("in", [_datagram("2001:db8:bad::7", each, bench) for each in wanted], {"drop_inbound": 5})
    assert (outcome.through, outcome.answers) == ([], [])


@pytest.mark.parametrize("limit", [0, 1, 2, 64, 255])
def test_what_the_internet_starts_is_never_answered_whatever_its_hop_limit(bench: Bench, limit: int) -> None:
    """G3: the kernel would send `time exceeded` if it routed the packet. The packet is dropped before that."""
    attack = [with_hop_limit(_datagram(OUTSIDE, INSIDE, bench), limit), with_hop_limit(Tcp.new(bench).back("S"), limit)]
    outcome = bench.attack("in", attack, {"drop_inbound": 2})
    assert (outcome.through, outcome.answers) == ([], [])


def test_what_the_internet_starts_is_never_answered_whatever_its_size(bench: Bench) -> None:
    sizes = (0, 1, 1200, 1452)
    datagrams = [packet(OUTSIDE, INSIDE, UDP(sport=bench.port(), dport=DNS), bytes(size)) for size in sizes]
    outcome = bench.attack("in", datagrams, {"drop_inbound": len(sizes)})
    assert (outcome.through, outcome.answers) == ([], [])


def test_the_gateway_sends_time_exceeded_to_an_instance(bench: Bench) -> None:
    """I3: the gateway's own errors go to instances, and to the internet only about live flows."""
    outcome = bench.attack("out", [with_hop_limit(_datagram(INSIDE, OUTSIDE, bench), 1)], {})
    assert outcome.through == []
    (error,) = outcome.answers
    assert error[6] == 58  # ICMPv6
    assert error[40:42] == b"\x03\x00"  # time exceeded in transit


def test_the_gateway_sends_time_exceeded_to_the_internet_only_about_a_live_flow(bench: Bench) -> None:
    flow = Datagrams.opened(bench)
    outcome = bench.attack("in", [with_hop_limit(flow.back(), 1)], {})
    (error,) = outcome.answers
    assert error[40:42] == b"\x03\x00"
    assert outcome.through == []


def _gateways_addresses(bench: Bench) -> list[str]:
    gateway = bench.gateway.removeprefix(f"eigw-{bench.lab.name}-")
    return [names.infrastructure_address(gateway), names.link_local(gateway), names.PEER_LINK_LOCAL]


TO_ITSELF: tuple[Packet, ...] = (
    UDP(sport=1, dport=53),
    TCP(sport=1, dport=22, flags="S"),
    TCP(sport=1, dport=3780, flags="A"),
    ICMPv6EchoRequest(id=1),
)


@pytest.mark.parametrize("way", ["in", "out"])
def test_the_gateway_itself_answers_no_packet(bench: Bench, way: Way) -> None:
    """S4: no service of the gateway answers an echo or a port, from either side."""
    source = OUTSIDE if way == "in" else INSIDE
    packets = [packet(source, address, upper) for address in _gateways_addresses(bench) for upper in TO_ITSELF]
    before = bench.counters()
    bench.outer.heard(), bench.inner.heard()
    (bench.outer if way == "in" else bench.inner).send(packets)
    outcome = bench.listen("in")
    assert (outcome.through, outcome.answers) == ([], [])
    risen = {name: now - before[name] for name, now in bench.counters().items() if name != "drop_link_local"}
    assert sum(risen.values()) == len(packets)


DISCOVERY: tuple[Packet, ...] = (
    ICMPv6ND_RS(),
    ICMPv6ND_RA(routerlifetime=9000),
    ICMPv6ND_NS(tgt=APP),
    ICMPv6ND_NA(tgt=APP, S=1, O=1),
    ICMPv6ND_Redirect(tgt="fe80::bad", dst=OUTSIDE),
    ICMPv6MLReport2(),
)


@pytest.mark.parametrize("way", ["in", "out"])
@pytest.mark.parametrize("limit", [255, 64, 1])
def test_neighbour_discovery_is_not_forwarded_and_changes_no_neighbour(bench: Bench, way: Way, limit: int) -> None:
    """I4: 133 to 137 and multicast reports, to an instance and to the gateway, with hop limit 255 or less."""
    near, far = (OUTSIDE, INSIDE) if way == "in" else (INSIDE, OUTSIDE)
    packets = [with_hop_limit(packet(near, far, message), limit) for message in DISCOVERY]
    packets += [with_hop_limit(packet("fe80::bad", "fe80::2", message), limit) for message in DISCOVERY]
    before, neighbours = bench.counters(), _neighbours(bench)
    bench.outer.heard(), bench.inner.heard()
    (bench.outer if way == "in" else bench.inner).send(packets)
    outcome = bench.listen("in")
    assert (outcome.through, outcome.answers) == ([], [])
    risen = sum(now - before[name] for name, now in bench.counters().items())
    assert risen >= len(packets)
    assert _neighbours(bench) == neighbours


def _neighbours(bench: Bench) -> set[tuple[str, str]]:
    with netns.inside(bench.gateway), IPRoute() as netlink:
        return {(str(each.get_attr("NDA_DST")), str(each.get_attr("NDA_LLADDR"))) for each in netlink.get_neighbours()}


IPV4 = (
    IP(src="198.51.100.1", dst="192.0.2.1") / UDP(sport=1, dport=53),
    IP(src="198.51.100.1", dst="192.0.2.1") / TCP(sport=1, dport=80, flags="S"),
    IP(src="198.51.100.1", dst="192.0.2.1", ttl=1) / ICMP(),
    IP(src="198.51.100.1", dst="192.0.2.1", proto=41) / IPv6(src=INSIDE, dst=OUTSIDE) / UDP(),
    IP(src="127.0.0.1", dst="127.0.0.1") / UDP(),
    IP(src="198.51.100.1", dst="224.0.0.1") / UDP(),
)


@pytest.mark.parametrize("way", ["in", "out"])
def test_ipv4_is_not_forwarded_in_any_form(bench: Bench, way: Way) -> None:
    """G8. The kernel drops some packets (martians) before any rule. None passes, and none is answered."""
    bench.outer.heard(), bench.inner.heard()
    before = bench.counters()["drop_ipv4"]
    (bench.outer if way == "in" else bench.inner).send([bytes(each) for each in IPV4])
    outcome = bench.listen("in")
    assert (outcome.through, outcome.answers) == ([], [])
    assert bench.counters()["drop_ipv4"] - before >= len(IPV4) - 2


LEGAL = Case("a legal datagram", "out", lambda b: [_datagram(INSIDE, OUTSIDE, b)], {}, through=1)


def test_a_legal_datagram_leaves_with_one_hop_less(bench: Bench) -> None:
    """Each packet above differs from this one in one property."""
    (passed,) = bench.run(LEGAL).through
    assert passed == forwarded(passed[:7] + bytes([passed[7] + 1]) + passed[8:])

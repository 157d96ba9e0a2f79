"""What gateways let pass and what they drop, shown by packets, each claim with its control."""

from __future__ import annotations

import socket

import pytest

from tests.support.labs import SILENCE, Lab, inward, until
from tests.topologies.gateways import GATEWAYS

pytestmark = pytest.mark.root


APP, WWW, MIX, ONE = (f"2600:1f16:aa0:550{n}::10" for n in (1, 2, 3, 4))
WEB, NEAR = "2001:db8:80::1", "2001:db8:a::1"


@pytest.fixture
def lab(lab_name: str) -> Lab:
    built = Lab(lab_name)
    built.apply(GATEWAYS)
    return built


def _answers(lab: Lab, source: str, node: str, address: str) -> bool:
    """Return whether a TCP connection opens. The listener is there, so silence comes from the path."""
    with lab.listening(node, address, 7000), lab.open_socket(source) as client:
        client.settimeout(SILENCE)
        try:
            client.connect((address, 7000))
        except TimeoutError:
            return False
        return True


def test_an_outbound_flow_keeps_its_source_address(lab: Lab) -> None:
    with lab.stream("app", "web", WEB) as stream:
        assert stream.works()
        assert stream.server.getpeername()[0] == APP  # no NAT66


@pytest.mark.parametrize(
    ("source", "node", "address", "passes"),
    [
        ("app", "web", WEB, True),
        ("web", "app", APP, False),
        ("www", "web", WEB, True),
        ("web", "www", WWW, True),
        ("app", "www", WWW, True),
        ("www", "app", APP, True),
        ("mix", "near", NEAR, True),
        ("near", "mix", MIX, False),
        ("mix", "web", WEB, True),
        ("web", "mix", MIX, True),
        ("one", "near", NEAR, True),
        ("near", "one", ONE, True),
        ("one", "web", WEB, False),
        ("web", "one", ONE, False),
    ],
)
def test_which_node_may_begin_a_flow_to_which(lab: Lab, source: str, node: str, address: str, passes: bool) -> None:
    assert _answers(lab, source, node, address) is passes
    if not passes:  # the listener answers if the path is open: within its own namespace
        assert _answers(lab, node, node, address)


def test_a_packet_that_the_internet_starts_is_counted_and_not_answered(lab: Lab) -> None:
    before = {name: lab.counter("outbound", name) for name in ("drop_inbound", "drop_fragment")}
    inside, outside = lab.sniffer("app"), lab.sniffer("web")
    with inside, outside, lab.open_socket("web", kind=socket.SOCK_DGRAM) as sender:
        for size, counter, packets in ((1, "drop_inbound", 1), (1400, "drop_inbound", 1), (4000, "drop_fragment", 3)):
            sender.sendto(b"x" * size, (APP, 9))
            before[counter] += packets
        until(lambda: all(lab.counter("outbound", name) >= least for name, least in before.items()), "all counted")
        assert inward(inside) == []
        assert inward(outside) == []
        with lab.stream("app", "web", WEB) as stream:  # the control: both sniffers hear, and the path works
            assert stream.works()
        assert inward(inside)
        assert inward(outside)


def test_a_packet_to_the_vpc_outside_its_subnets_is_dropped(lab: Lab) -> None:
    heard = lab.sniffer("app")
    with heard, lab.open_socket("app", kind=socket.SOCK_DGRAM) as sender:
        for nowhere in ("2600:1f16:aa0:55ff::1", "2600:1f16:aa0:5501::99"):
            sender.sendto(b"x", (nowhere, 9))
        sender.sendto(b"x", (WWW, 9))  # the control: a closed port of an existing machine answers
        until(lambda: len(inward(heard)) == 1, "the control's port unreachable")
    assert lab.kernel.counters(lab.fabric("main"))["drop_no_subnet"].packets == 1
    assert lab.counter("outbound", "drop_hairpin") == 0


def test_traffic_within_the_vpc_never_meets_a_gateway(lab: Lab) -> None:
    before = lab.counted("outbound"), lab.counted("edge")
    with lab.stream("app", "www", WWW) as stream:
        assert stream.works()
    assert (lab.counted("outbound"), lab.counted("edge")) == before
    with lab.stream("app", "web", WEB) as out, lab.stream("www", "web", WEB, 4444) as public:  # the control
        assert out.works()
        assert public.works()
    assert lab.counted("outbound") != before[0]
    assert lab.counted("edge") != before[1]


def test_a_port_lets_out_its_own_instances_address_only(lab: Lab) -> None:
    subnet = "main/private-a"
    assert lab.counter(subnet, "drop_source") == 0
    with lab.open_socket("app", kind=socket.SOCK_DGRAM) as sender, lab.sniffer("web") as outside:
        sender.setsockopt(socket.IPPROTO_IPV6, 78, 1)  # IPV6_FREEBIND, linux/in6.h
        sender.bind((WWW, 0))
        sender.sendto(b"x", (WEB, 9))
        until(lambda: lab.counter(subnet, "drop_source") == 1, "the spoofed datagram counted")
        assert inward(outside) == []
    with lab.stream("app", "web", WEB) as stream:
        assert stream.works()


def test_a_gateway_whose_rules_are_gone_forwards_nothing(lab: Lab) -> None:
    with lab.stream("app", "web", WEB) as stream, lab.sniffer("app") as inside:
        assert stream.works()
        ruleset = next(
            thing
            for thing in lab.kernel.observe(lab.name)
            if thing.key == ("ruleset", lab.namespace("outbound"), "inet")
        )
        lab.kernel.delete([ruleset])
        inward(inside)
        assert stream.silent()
        assert not _answers(lab, "web", "app", APP)
        assert inward(inside) == []
        lab.kernel.create([ruleset])
        until(lambda: bool(inward(inside)), "the flow goes on when the rules are back")

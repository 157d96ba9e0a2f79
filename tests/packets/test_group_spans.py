"""Where an element spans a security group's members, nobody else between them gets in: no stranger, no router."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import pytest

from eigw_ns.dataplane.plan import Plan
from eigw_ns.dataplane.state import Ruleset
from eigw_ns.lab.execute import execute
from tests.labs import PATIENCE, SILENCE, Lab

pytestmark = pytest.mark.root

LAB = """
vpcs:
  main:
    ipv6_cidr_block: 2600:1f16:aa0:5500::/56
    security_groups: {open: {ingress: [{protocol: all, cidr: "::/0"}]}}
    subnets:
      one: {ipv6_cidr_block: "2600:1f16:aa0:5501::/64"}
      two: {ipv6_cidr_block: "2600:1f16:aa0:5502::/64"}
      three: {ipv6_cidr_block: "2600:1f16:aa0:5503::/64"}
    instances:
      first: {subnet: one, ipv6_address: "2600:1f16:aa0:5501::10"}
      middle: {subnet: two, ipv6_address: "2600:1f16:aa0:5502::10"%s}
      last: {subnet: three, ipv6_address: "2600:1f16:aa0:5503::10"}
      anyone: {subnet: three, ipv6_address: "2600:1f16:aa0:5503::20", security_groups: [open]}
"""
ADDRESSES = {"last": "2600:1f16:aa0:5503::10", "anyone": "2600:1f16:aa0:5503::20"}
_IPV6_FREEBIND = 78  # linux/in6.h
ROUTER = "2600:1f16:aa0:5502::1"


def reaches(lab: Lab, source: str, destination: str, patience: float, *, own: str = "::") -> bool:
    """Whether a TCP connection from the node, sent from its address `own`, is taken in time."""
    address = ADDRESSES[destination]
    with lab.listening(destination, address, 4443), lab.open_socket(source) as client:
        client.settimeout(patience)
        client.bind((own, 0))
        try:
            client.connect((address, 4443))
        except TimeoutError:
            return False
        return True


def test_members_reach_each_other_and_the_router_between_them_does_not(lab_name: str) -> None:
    lab = Lab(lab_name)
    lab.apply(LAB % "")
    assert reaches(lab, "first", "last", PATIENCE)
    assert reaches(lab, "middle", "last", PATIENCE)
    assert reaches(lab, "two", "anyone", PATIENCE, own=ROUTER)
    before = lab.counter("three", "drop_group_ingress")
    assert not reaches(lab, "two", "last", SILENCE, own=ROUTER)
    assert lab.counter("three", "drop_group_ingress") > before


def test_who_stands_between_members_is_none(lab_name: str) -> None:
    lab = Lab(lab_name)
    lab.apply(LAB % ", security_groups: [open]")
    assert reaches(lab, "first", "last", PATIENCE)
    assert reaches(lab, "middle", "anyone", PATIENCE)
    before = lab.counter("three", "drop_group_ingress")
    assert not reaches(lab, "middle", "last", SILENCE)
    assert lab.counter("three", "drop_group_ingress") > before


def test_who_takes_an_address_between_members_sends_nothing(lab_name: str) -> None:
    """What makes a span as good as a list: the subnet lets out no address but its instances' own."""
    lab = Lab(lab_name)
    lab.apply(LAB % ", security_groups: [open]")
    taken = "2600:1f16:aa0:5501::11"
    with lab.open_socket("first") as client:  # as its owner may: without asking
        client.setsockopt(socket.IPPROTO_IPV6, _IPV6_FREEBIND, 1)
        client.settimeout(SILENCE)
        client.bind((taken, 0))
        before = lab.counter("one", "drop_source")
        with lab.listening("last", ADDRESSES["last"], 4443), pytest.raises(TimeoutError):
            client.connect((ADDRESSES["last"], 4443))
    assert lab.counter("one", "drop_source") > before
    assert reaches(lab, "first", "last", PATIENCE)


STAYING = LAB % ", security_groups: [open]" + """\
      before: {subnet: two, ipv6_address: "2600:1f16:aa0:5502::20"}
      behind: {subnet: two, ipv6_address: "2600:1f16:aa0:5502::40"}
"""
MOVED = STAYING.replace("5502::10", "5502::30")
"""`middle`, who is no member, has moved between two members."""

PORT = 999


@contextlib.contextmanager
def _datagrams(lab: Lab, node: str, address: str) -> Iterator[socket.socket]:
    """A UDP socket of the node at this address, whether that is its own or not."""
    with lab.open_socket(node, kind=socket.SOCK_DGRAM) as opened:
        opened.setsockopt(socket.IPPROTO_IPV6, _IPV6_FREEBIND, 1)
        opened.settimeout(PATIENCE)
        opened.bind((address, PORT))
        yield opened


def _heard(receiver: socket.socket, stranger: socket.socket, member: socket.socket) -> list[bytes]:
    """What arrives when first the stranger sends, then the member, up to what the member sent."""
    for sender, word in ((stranger, b"stranger"), (member, b"member")):
        sender.sendto(word, receiver.getsockname()[:2])
    found = [receiver.recv(64)]
    while found[-1] != b"member":
        found.append(receiver.recv(64))
    return found


def _rules(plan: Plan) -> int:
    """The steps up to the last that changes rules."""
    return max(number for number, step in enumerate(plan, 1) if isinstance(step.object, Ruleset))


def test_a_move_between_members_that_is_cut_short_and_taken_up_again_lets_nobody_in(lab_name: str) -> None:
    """At no step, before the cut or after it: of who is on the way the rules do not tell any more where he was."""
    lab = Lab(lab_name)
    lab.apply(STAYING)
    with (
        _datagrams(lab, "last", ADDRESSES["last"]) as last,
        _datagrams(lab, "anyone", ADDRESSES["anyone"]) as anyone,
        _datagrams(lab, "middle", "2600:1f16:aa0:5502::30") as stranger,
        _datagrams(lab, "before", "2600:1f16:aa0:5502::20") as member,
    ):
        cuts = range(_rules(lab.plan(MOVED)) + 1)
        assert len(cuts) > 3
        for cut in cuts:
            lab.apply(STAYING)
            for step in lab.plan(MOVED)[:cut]:
                execute(lab.kernel, (step,))
                assert _heard(last, stranger, member) == [b"member"], f"after {step}"
            for step in lab.plan(MOVED):
                execute(lab.kernel, (step,))
                assert _heard(last, stranger, member) == [b"member"], f"cut after {cut} steps, then after {step}"
            assert _heard(anyone, stranger, member) == [b"stranger", b"member"]  # the control: it does send

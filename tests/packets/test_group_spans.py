"""If a set element spans the addresses of a security group's members, no other machine between them gets in."""

from __future__ import annotations

import socket

import pytest

from eigw_ns.lab.lifecycle.execute import execute
from tests.support.labs import PATIENCE, SILENCE, Lab
from tests.support.spoofing import IPV6_FREEBIND, cuts, datagrams, heard

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
ROUTER = "2600:1f16:aa0:5502::1"


def reaches(lab: Lab, source: str, destination: str, patience: float, *, own: str = "::") -> bool:
    """Return whether a TCP connection from the node, with the source address `own`, opens in time."""
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


def test_an_instance_between_members_is_not_a_member(lab_name: str) -> None:
    lab = Lab(lab_name)
    lab.apply(LAB % ", security_groups: [open]")
    assert reaches(lab, "first", "last", PATIENCE)
    assert reaches(lab, "middle", "anyone", PATIENCE)
    before = lab.counter("three", "drop_group_ingress")
    assert not reaches(lab, "middle", "last", SILENCE)
    assert lab.counter("three", "drop_group_ingress") > before


def test_an_instance_that_takes_an_address_between_members_sends_nothing(lab_name: str) -> None:
    """A span is as safe as a list because the subnet lets out only the addresses of its instances."""
    lab = Lab(lab_name)
    lab.apply(LAB % ", security_groups: [open]")
    taken = "2600:1f16:aa0:5501::11"
    with lab.open_socket("first") as client:  # as its owner may do
        client.setsockopt(socket.IPPROTO_IPV6, IPV6_FREEBIND, 1)
        client.settimeout(SILENCE)
        client.bind((taken, 0))
        before = lab.counter("one", "drop_source")
        with lab.listening("last", ADDRESSES["last"], 4443), pytest.raises(TimeoutError):
            client.connect((ADDRESSES["last"], 4443))
    assert lab.counter("one", "drop_source") > before
    assert reaches(lab, "first", "last", PATIENCE)


STAYING = (
    LAB % ", security_groups: [open]"
    + """\
      before: {subnet: two, ipv6_address: "2600:1f16:aa0:5502::20"}
      behind: {subnet: two, ipv6_address: "2600:1f16:aa0:5502::40"}
"""
)
MOVED = STAYING.replace("5502::10", "5502::30")
"""`middle`, which is not a member, has moved between two members."""

PORT = 999


def test_a_move_between_members_that_is_cut_short_and_resumed_lets_nothing_in(lab_name: str) -> None:
    """This holds at each step before and after the cut. The rules no longer say where a packet under way came from."""
    lab = Lab(lab_name)
    lab.apply(STAYING)
    with (
        datagrams(lab, "last", ADDRESSES["last"], PORT) as last,
        datagrams(lab, "anyone", ADDRESSES["anyone"], PORT) as anyone,
        datagrams(lab, "middle", "2600:1f16:aa0:5502::30", PORT) as stranger,
        datagrams(lab, "before", "2600:1f16:aa0:5502::20", PORT) as member,
    ):
        for cut in cuts(lab.plan(MOVED)):
            lab.apply(STAYING)
            for step in lab.plan(MOVED)[:cut]:
                execute(lab.kernel, (step,))
                assert heard(last, stranger, member) == [1], f"after {step}"
            for step in lab.plan(MOVED):
                execute(lab.kernel, (step,))
                assert heard(last, stranger, member) == [1], f"cut after {cut} steps, then after {step}"
            assert heard(anyone, stranger, member) == [0, 1]  # the control: it can send

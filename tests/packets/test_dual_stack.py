"""A VPC with several IPv6 blocks, and IPv4 beside them: every IPv6 block is the VPC's own; IPv4 is recorded."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from pyroute2 import IPRoute

from eigw_ns.cloud.nodes import find
from eigw_ns.kernel.namespaces import netns
from tests.support.labs import Lab, inward, until
from tests.topologies.dual_stack import DUAL_STACK

pytestmark = pytest.mark.root

APP, DB, WEB = "2600:1f16:aa0:5500::4", "2600:1f16:aa0:5701::4", "2001:db8:80::1"
NODAD = 2  # IFA_F_NODAD: Linux uses the address at once


@pytest.fixture(scope="module")
def lab(module_lab_name: str) -> Iterator[Lab]:
    lab = Lab(module_lab_name)
    text = DUAL_STACK.replace("lab: dual", f"lab: {module_lab_name}")
    lab.apply(text)
    assert lab.plan(text) == ()
    yield lab


def test_instances_of_both_blocks_reach_each_other_and_the_internet(lab: Lab) -> None:
    before = lab.counted("out")
    with lab.stream("app", "db", DB) as within:
        assert within.works()
    assert lab.counted("out") == before
    for source in ("app", "db"):
        with lab.stream(source, "web", WEB) as out:
            assert out.works()


@pytest.mark.parametrize("address", [APP, DB])
def test_the_internet_reaches_no_block(lab: Lab, address: str) -> None:
    node = "app" if address == APP else "db"
    before = lab.counter("out", "drop_inbound")
    with lab.sniffer(node) as inside, lab.open_socket("web", kind=socket.SOCK_DGRAM) as sender:
        sender.sendto(b"x", (address, 9))
        until(lambda: lab.counter("out", "drop_inbound") == before + 1, "counted")
        assert inward(inside) == []
        with lab.stream(node, "web", WEB) as control:
            assert control.works()
        assert inward(inside)


@pytest.mark.parametrize("forged", ["2600:1f16:aa0:5500::77", "2600:1f16:aa0:5777::77"])
def test_a_source_of_any_block_does_not_enter_from_outside(lab: Lab, forged: str) -> None:
    before = lab.counter("out", "drop_source")
    with netns.inside(lab.namespace("web")), IPRoute() as netlink:
        (index,) = netlink.link_lookup(ifname="eth0")
        netlink.addr("add", index=index, address=forged, prefixlen=128, flags=NODAD)
    with lab.sniffer("app") as inside, lab.open_socket("web", kind=socket.SOCK_DGRAM) as sender:
        sender.bind((forged, 0))
        sender.sendto(b"x", (APP, 9))
        until(lambda: lab.counter("out", "drop_source") == before + 1, "counted")
        with lab.stream("app", "web", WEB) as control:
            assert control.works()
        assert all(socket.inet_pton(socket.AF_INET6, forged) not in packet for packet in inward(inside))


def test_an_instance_without_ipv6_is_alone(lab: Lab) -> None:
    assert lab.current is not None
    server = find(lab.current.cloud, "old/server")
    assert server.kind == "instance"
    with netns.inside(lab.namespace("old/server")):
        assert [name for _, name in socket.if_nameindex()] == ["lo"]
    with netns.inside(lab.namespace("app")):  # the control
        assert "eth0" in [name for _, name in socket.if_nameindex()]


@pytest.mark.parametrize("number", ["54", "56"])
def test_blocks_side_by_side_are_read_as_they_were_written(lab_name: str, number: str) -> None:
    """nft lists such blocks as a prefix (54, 55) or as a range (55, 56)."""
    lab = Lab(lab_name)
    text = DUAL_STACK.replace("lab: dual", f"lab: {lab_name}").replace("aa0:57", f"aa0:{number}")
    lab.apply(text)
    assert lab.plan(text) == ()

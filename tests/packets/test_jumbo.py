"""Jumbo frames inside a VPC, Packet Too Big towards the internet, and ends of a pair with unequal MTUs."""

from __future__ import annotations

import copy
import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from pyroute2 import IPRoute

from eigw_ns.dataplane.state import Link
from eigw_ns.kernel.namespaces import netns
from tests.support.labs import PATIENCE, Lab, until
from tests.topologies.egress import ALL, MATE, TREE, WEB

pytestmark = pytest.mark.root

JUMBO = 9001
_HEADERS = 40 + 8  # IPv6 and UDP
_IPV6_MTU, _IPV6_MTU_DISCOVER, _IPV6_PMTUDISC_DO = 24, 23, 2  # linux/in6.h
OTHER, SMALL = "2600:1f16:aa0:5502::10", "2600:1f16:aa0:5501::30"


def _tree(gateway: str, mtu: int = JUMBO) -> str:
    tree: dict[str, Any] = copy.deepcopy(TREE)
    main = tree["vpcs"]["main"]
    main["mtu"] = mtu
    if gateway == "internet_gateways":
        main[gateway] = {"outbound": {}}
        del main["egress_only_internet_gateways"]
    else:
        main["egress_only_internet_gateways"]["outbound"] = {"replicas": 2}
    main["subnets"]["b"] = {"ipv6_cidr_block": "2600:1f16:aa0:5502::/64"}
    assert main["security_groups"]["open"]["ingress"] == [ALL]
    for name, subnet, address in (("mate", "a", MATE), ("other", "b", OTHER), ("small", "a", SMALL)):
        main["instances"][name] = {"subnet": subnet, "ipv6_address": address, "security_groups": ["open"]}
    main["instances"]["small"]["mtu"] = 1400
    return json.dumps(tree)


@pytest.fixture(scope="module", params=["egress_only_internet_gateways", "internet_gateways"])
def lab(request: pytest.FixtureRequest, module_lab_name: str) -> Iterator[Lab]:
    lab = Lab(module_lab_name)
    lab.apply(_tree(request.param))
    yield lab
    lab.destroy()


def _path_mtu(end: socket.socket) -> int:
    return int(end.getsockopt(socket.IPPROTO_IPV6, _IPV6_MTU))


def _crosses(lab: Lab, node: str, address: str, mtu: int) -> bool:
    """Send a datagram of the size of the path, after 8,000 bytes from which the sender learns that size."""
    with (
        lab.open_socket("app", kind=socket.SOCK_DGRAM) as client,
        lab.open_socket(node, kind=socket.SOCK_DGRAM) as server,
    ):
        server.bind((address, 5300))
        server.settimeout(PATIENCE)
        client.setsockopt(socket.IPPROTO_IPV6, _IPV6_MTU_DISCOVER, _IPV6_PMTUDISC_DO)
        client.connect((address, 5300))
        if mtu < 8000:
            client.send(b"x" * 8000)
            until(lambda: _path_mtu(client) == mtu, "the sender learns the size of the path")
            client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)  # the error, which the next call would return
        client.send(b"x" * (mtu - _HEADERS))
        return _path_mtu(client) == mtu and len(server.recv(JUMBO)) == mtu - _HEADERS


@pytest.mark.parametrize(("node", "address"), [("mate", MATE), ("other", OTHER)])
def test_jumbo_frames_reach_every_instance_of_the_vpc(lab: Lab, node: str, address: str) -> None:
    assert _crosses(lab, node, address, JUMBO)


@pytest.mark.parametrize(("node", "address", "mtu"), [("web", WEB, 1500), ("small", SMALL, 1400)])
def test_a_narrower_link_sends_packet_too_big(lab: Lab, node: str, address: str, mtu: int) -> None:
    assert _crosses(lab, node, address, mtu)


def test_both_ends_of_every_pair_have_the_same_mtu(lab: Lab) -> None:
    state = lab.kernel.observe(lab.name)
    pairs = [(each, state.objects["link", *each.peer]) for each in state if isinstance(each, Link) and each.peer]
    assert pairs
    assert [one for one, other in pairs if not isinstance(other, Link) or one.mtu != other.mtu] == []


def test_unequal_ends_are_drift_that_says_so(lab: Lab) -> None:
    text = _tree("internet_gateways" if lab.current and lab.current.cloud.internet_gateways else "")
    with netns.inside(lab.namespace("app")), IPRoute() as netlink:
        netlink.link("set", index=netlink.link_lookup(ifname="eth0")[0], mtu=1280)
    (step,) = lab.plan(text)
    assert step.reason == "differs: mtu 1280 → 9001; the other end has 9001, so larger packets are lost"
    lab.apply(text)
    assert lab.plan(text) == ()


def test_the_mtu_of_a_running_lab_changes_in_place(lab_name: str) -> None:
    lab = Lab(lab_name)
    lab.apply(_tree(""))
    for mtu in (1500, 9001, 1400):
        plan = lab.apply(_tree("", mtu))
        assert {step.verb for step in plan} == {"update"}
        assert lab.plan(_tree("", mtu)) == ()

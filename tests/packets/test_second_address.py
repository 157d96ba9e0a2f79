"""A user gives an instance more addresses: what it sends by default keeps the address that AWS lets through."""

from __future__ import annotations

import copy
import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from pyroute2 import IPRoute

from eigw_ns.cloud.model import Instance, InternetHost
from eigw_ns.dataplane.compile.names import namespace_name
from eigw_ns.dataplane.state import Route
from eigw_ns.kernel.namespaces import netns
from tests.support.labs import PATIENCE, SILENCE, Lab
from tests.topologies.egress import APP, MATE, TREE, WEB

pytestmark = pytest.mark.root

NODAD = 2  # IFA_F_NODAD: Linux uses the address at once
BLOCK = APP.rpartition("::")[0]
OTHERS = (f"{BLOCK}::99", f"{BLOCK}:8000::1", "2001:db8:80::7")  # the kernel may prefer any of them to our own


FURTHER = [f"{BLOCK}::11", f"{BLOCK}:4000::1"]


def _tree(*further: str) -> str:
    """Return the tree with further addresses of the instance, and a neighbour that lets in its group only."""
    tree: dict[str, Any] = copy.deepcopy(TREE)
    main = tree["vpcs"]["main"]
    main["instances"]["app"]["ipv6_addresses"] = [*further]
    main["security_groups"]["friends"] = {"ingress": [{"protocol": "tcp", "ports": 9000, "group": "open"}]}
    main["instances"]["mate"] = {"subnet": "a", "ipv6_address": MATE, "security_groups": ["friends"]}
    return json.dumps(tree)


@pytest.fixture(scope="module")
def lab(module_lab_name: str) -> Iterator[Lab]:
    lab = Lab(module_lab_name)
    lab.apply(json.dumps(TREE))
    with netns.inside(lab.namespace("app")), IPRoute() as netlink:
        (index,) = netlink.link_lookup(ifname="eth0")
        for address in OTHERS:
            netlink.addr("add", index=index, address=address, prefixlen=128, flags=NODAD)
        netlink.link("add", ifname="mine", kind="bridge")
        netlink.route("add", dst="2001:db8:99::/48", oif=index)
    yield lab


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_what_an_instance_sends_has_its_own_address(lab: Lab, kind: int) -> None:
    with lab.open_socket("app", kind=kind) as client, lab.open_socket("web", kind=kind) as server:
        server.bind((WEB, 53))
        if kind == socket.SOCK_STREAM:
            server.listen()
        client.settimeout(PATIENCE)
        client.connect((WEB, 53))
        assert client.getsockname()[0] == APP


def test_every_machine_prefers_its_own_address(lab: Lab) -> None:
    assert lab.current is not None
    state, cloud = lab.kernel.observe(lab.name), lab.current.cloud
    machines: list[Instance | InternetHost] = [*cloud.instances.values(), *cloud.hosts.values()]
    for node in machines:
        route = state.objects["route", namespace_name(lab.name, node.id), "::/0", "", "1024"]
        assert isinstance(route, Route)
        assert route.preferred == str(node.ipv6_address)


def test_additions_are_shown_and_are_no_drift(lab: Lab) -> None:
    name = lab.namespace("app")
    assert lab.plan(json.dumps(TREE)) == ()
    found = lab.kernel.additions([name, lab.namespace("web"), f"{name}-gone"])
    assert {each.namespace for each in found} == {name}
    texts = [each.text for each in found]
    assert texts[0] == "link mine"
    assert sorted(texts[1:-1]) == sorted(f"address {address}/128 on eth0" for address in OTHERS)
    assert texts[-1].startswith("route unicast 2001:db8:99::/48 dev eth0")


def _answered(lab: Lab, source: str, node: str, address: str, port: int) -> bool:
    """Return whether a connection from this address of the instance is accepted, with this source."""
    with lab.open_socket("app") as client, lab.open_socket(node) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((address, port))
        server.listen()
        server.settimeout(PATIENCE)
        client.settimeout(SILENCE)
        client.bind((source, 0))
        try:
            client.connect((address, port))
        except TimeoutError:
            return False
        accepted, peer = server.accept()
        accepted.close()
        return bool(peer[0] == source)


def test_every_address_of_an_instance_sends_and_receives(lab_name: str) -> None:
    lab = Lab(lab_name)
    lab.apply(_tree())
    assert _answered(lab, APP, "mate", MATE, 9000)
    lab.apply(_tree(*FURTHER))
    assert lab.plan(_tree(*FURTHER)) == ()
    for address in (APP, *FURTHER):
        assert _answered(lab, address, "web", WEB, 443)  # by the gateway
        assert _answered(lab, address, "mate", MATE, 9000)  # by the group of its instance
    with lab.open_socket("mate") as client, lab.open_socket("app") as server:
        server.bind((FURTHER[0], 7000))
        server.listen()
        client.settimeout(PATIENCE)
        client.connect((FURTHER[0], 7000))
    lab.apply(_tree(FURTHER[0]))
    with netns.inside(lab.namespace("app")), IPRoute() as netlink:  # the tenant keeps the address that it lost
        netlink.addr("add", index=netlink.link_lookup(ifname="eth0")[0], address=FURTHER[1], prefixlen=128, flags=NODAD)
    assert not _answered(lab, FURTHER[1], "mate", MATE, 9000)
    assert not _answered(lab, FURTHER[1], "web", WEB, 443)
    assert _answered(lab, FURTHER[0], "mate", MATE, 9000)
    assert lab.counter("main/a", "drop_source") > 0

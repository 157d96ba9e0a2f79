"""A user gives an instance more addresses: what it sends by default keeps the address that AWS lets through."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest
from pyroute2 import IPRoute

from eigw_ns.cloud.model import Instance, InternetHost
from eigw_ns.dataplane.compile.names import namespace_name
from eigw_ns.dataplane.state import Route
from eigw_ns.kernel.namespaces import netns
from tests.support.labs import PATIENCE, Lab
from tests.topologies.egress import APP, TREE, WEB

pytestmark = pytest.mark.root

BLOCK = APP.rpartition("::")[0]
OTHERS = (f"{BLOCK}::99", f"{BLOCK}:8000::1", "2001:db8:80::7")  # the kernel may prefer any of them to our own


@pytest.fixture(scope="module")
def lab(module_lab_name: str) -> Iterator[Lab]:
    lab = Lab(module_lab_name)
    lab.apply(json.dumps(TREE))
    with netns.inside(lab.namespace("app")), IPRoute() as netlink:
        (index,) = netlink.link_lookup(ifname="eth0")
        for address in OTHERS:
            netlink.addr("add", index=index, address=address, prefixlen=128)
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

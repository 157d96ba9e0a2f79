"""All instances have the same link-local address. Packets from it to the router cost no other instance a flow (R1).

The set that counts connections has room for the lists of as many addresses as there are instances, if this number is a
power of two. Flows from the link-local address took the lists of one of them.
"""

from __future__ import annotations

import json
import socket
import struct
from pathlib import Path
from typing import Any

import pytest

from eigw_ns.kernel.namespaces import netns
from eigw_ns.kernel.nft.library import Nft
from tests.support.labs import PATIENCE, Lab, until
from tests.topologies.egress import ALL, WEB

pytestmark = pytest.mark.root

SUBNET = "2600:1f16:aa0:5501::/64"
ROUTER, LINK_LOCAL, ROUTER_LINK_LOCAL = "2600:1f16:aa0:5501::1", "fe80::2", "fe80::1"
CROWD, FLOWS = 32, 300
LISTS = 32  # lists of each instance, by a hash of the flow


def _address(number: int) -> str:
    return f"2600:1f16:aa0:5501::{0x100 + number:x}"


def _crowd(lab_name: str, instances: int) -> Lab:
    """Return a subnet of this number of instances, which may begin any flow."""
    members: dict[str, Any] = {
        f"i{number}": {"subnet": "a", "ipv6_address": _address(number), "security_groups": ["open"]}
        for number in range(instances)
    }
    main = {
        "ipv6_cidr_block": "2600:1f16:aa0:5500::/56",
        "egress_only_internet_gateways": {"outbound": {}},
        "route_tables": {"private": {"main": True, "routes": [{"destination": "::/0", "target": "outbound"}]}},
        "security_groups": {"open": {"ingress": [ALL], "egress": [ALL]}},
        "subnets": {"a": {"ipv6_cidr_block": SUBNET}},
        "instances": members,
    }
    built = Lab(lab_name)
    built.apply(json.dumps({"vpcs": {"main": main}, "internet": {"hosts": {"web": {"ipv6_address": WEB}}}}))
    return built


def _ask_router(lab: Lab, node: str, count: int) -> None:
    """Send datagrams from the link-local address, each to another port, and wait until the router has them."""
    before = _unwanted(lab)
    with lab.open_socket(node, kind=socket.SOCK_DGRAM) as client:
        link = _link(lab, node)
        client.bind((LINK_LOCAL, 0, 0, link))
        for port in range(1000, 1000 + count):
            client.sendto(b"x", (ROUTER_LINK_LOCAL, port, 0, link))
    until(lambda: _unwanted(lab) == before + count, "the router got them")


def _link(lab: Lab, node: str) -> int:
    """Return the index of the node's interface."""
    with netns.inside(lab.namespace(node)):
        return socket.if_nametoindex("eth0")


def _unwanted(lab: Lab) -> int:
    """Return how many datagrams the subnet's router received for ports without a listener."""
    with netns.inside(lab.namespace("main/a")):
        lines = Path("/proc/thread-self/net/snmp6").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.split()[0] == "Udp6NoPorts")


def _counted(lab: Lab) -> set[str]:
    """Return the addresses that have a list in the set of each instance's connections."""
    with netns.inside(lab.namespace("main/a")):
        listing = Nft().run("list set inet eigw_ns per_instance", "list the set")
    _, _, elements = listing.partition("elements = {")
    return {part.split(" . ")[0].strip() for part in elements.split(",") if " . " in part}


def test_the_link_local_address_takes_no_list_of_an_instance(lab_name: str) -> None:
    lab = _crowd(lab_name, 2)
    _ask_router(lab, "i0", 100)
    assert _counted(lab) == set()
    assert lab.connections("main/a") == 0
    lab.begin_flows("i0", ROUTER, 10)  # the control: datagrams from its own address are counted, to the router too
    lab.begin_flows("i1", WEB, 10)
    until(lambda: _counted(lab) == {_address(0), _address(1)}, "both have lists")
    assert lab.connections("main/a") >= 20


def test_packets_from_the_link_local_address_cost_no_flow_in_a_full_subnet(lab_name: str) -> None:
    """Each instance fills all of its lists, so that there is no room for another address."""
    lab = _crowd(lab_name, CROWD)
    _ask_router(lab, "i0", 600)
    for number in range(CROWD):
        lab.begin_flows(f"i{number}", WEB, FLOWS)
    until(lambda: lab.connections("main/a") >= CROWD * FLOWS, "all flows are known")
    assert lab.counter("main/a", "drop_limit_instance") == 0
    assert _counted(lab) == {_address(number) for number in range(CROWD)}


@pytest.mark.parametrize("size", [8, 3000])
def test_an_instance_can_ping_its_router(lab_name: str, size: int) -> None:
    """From both of its addresses, and also if the echo is in fragments."""
    lab = _crowd(lab_name, 2)
    link = _link(lab, "i0")
    for source, router in ((LINK_LOCAL, ROUTER_LINK_LOCAL), (_address(0), ROUTER)):
        with lab.open_socket("i0", kind=socket.SOCK_RAW, protocol=socket.IPPROTO_ICMPV6) as client:
            client.settimeout(PATIENCE)
            scope = link if source == LINK_LOCAL else 0
            client.bind((source, 0, 0, scope))
            client.sendto(struct.pack("!BBHHH", 128, 0, 0, 7, 1) + bytes(size), (router, 0, 0, scope))
            answer = client.recv(5000)
            while answer[0] != 129:  # neighbours chatter
                answer = client.recv(5000)
            assert len(answer) == 8 + size

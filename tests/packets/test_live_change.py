"""Changes of a running lab: unchanged parts lose no packet, a second apply writes nothing, the host stays the same."""

from __future__ import annotations

import json
import multiprocessing
import select
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event as ProcessEvent
from pathlib import Path

import pytest
from pyroute2 import IPRoute

from eigw_ns.kernel.namespaces import netns
from tests.support.labs import Lab, meanwhile, until
from tests.topologies.egress import WEB
from tests.topologies.gateways import GATEWAYS

pytestmark = pytest.mark.root

MORE = GATEWAYS.replace(
    "    instances:\n",
    """      late: {ipv6_cidr_block: "2600:1f16:aa0:5505::/64", route_table: split}
    instances:
      new: {subnet: late, ipv6_address: "2600:1f16:aa0:5505::10"}
      second: {subnet: public-a, ipv6_address: "2600:1f16:aa0:5502::20"}
""",
)


ALL_PUBLIC = GATEWAYS.replace("target: outbound", "target: edge")

EVERY_GROUP = 0x7FFFFFFF  # rtnetlink's multicast groups, linux/rtnetlink.h


@contextmanager
def watching(namespace: str) -> Iterator[Callable[[], int]]:
    """Count the kernel's notices of changes in the namespace: links, addresses, neighbours, routes, rules."""
    with netns.inside(namespace):
        watcher = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
    watcher.bind((0, EVERY_GROUP))
    watcher.setblocking(False)

    def told() -> int:
        count = 0
        while True:
            try:
                watcher.recv(65536)
            except BlockingIOError:
                return count
            count += 1

    with watcher:
        yield told


def host() -> dict[str, object]:
    """Return the network of this process itself, as pyroute2 and /proc/sys show it."""
    with IPRoute() as netlink:
        seen: dict[str, object] = {
            "links": [(link["index"], link["flags"], link.get_attr("IFLA_IFNAME")) for link in netlink.get_links()],
            "addresses": [(address["index"], address.get_attr("IFA_ADDRESS")) for address in netlink.get_addr()],
            "routes": [(route["type"], route["proto"], route.get_attr("RTA_DST")) for route in netlink.get_routes()],
            "rules": [(rule["table"], rule.get_attr("FRA_PRIORITY")) for rule in netlink.get_rules()],
        }
    for key in sorted(Path("/proc/sys/net").rglob("*forwarding")) + sorted(
        Path("/proc/sys/net/netfilter").glob("*tcp*")
    ):
        seen[str(key)] = key.read_text()
    return seen


@pytest.fixture
def lab(lab_name: str) -> Lab:
    built = Lab(lab_name)
    built.apply(GATEWAYS)
    return built


def test_an_untouched_stream_loses_no_packet_while_the_lab_grows_and_shrinks(lab: Lab) -> None:
    with lab.stream("app", "web", WEB) as stream:
        for text in (MORE, GATEWAYS, MORE):
            assert lab.apply(text)
            assert stream.works()
        assert stream.retransmissions() == 0


def test_a_second_apply_writes_nothing(lab: Lab) -> None:
    before = lab.kernel.writes
    with watching(lab.namespace("main/private-a")) as changes:
        assert lab.apply(GATEWAYS) == ()
        assert lab.kernel.writes == before
        assert changes() == 0
        lab.apply(
            GATEWAYS.replace("    egress_only_internet_gateways: {outbound: {}}\n", "").replace("outbound", "edge")
        )
        assert changes() > 0  # the control: the watcher hears changes


def test_a_change_by_hand_is_drift_and_is_repaired(lab: Lab) -> None:
    gateway = lab.namespace("outbound")
    held = {thing.key: thing for thing in lab.kernel.observe(lab.name)}
    victims = [thing for thing in held.values() if thing.namespace == gateway and thing.rank in (4, 5, 7, 8, 9)]
    assert len(victims) >= 9
    for victim in victims:
        lab.kernel.delete([victim])
        plan = lab.apply(GATEWAYS)
        assert [(step.verb, step.object) for step in plan] == [("create", victim)], victim
    assert lab.plan(GATEWAYS) == ()


def test_the_host_is_the_same_before_during_and_after(lab_name: str) -> None:
    before = host()
    lab = Lab(lab_name)
    lab.apply(GATEWAYS)
    assert host() == before
    with lab.stream("app", "web", WEB) as stream:
        assert stream.works()
    lab.destroy()
    assert host() == before


def test_an_act_of_a_tenant_in_its_own_namespace_is_not_drift(lab: Lab) -> None:
    with netns.inside(lab.namespace("app")), IPRoute() as netlink:
        link = netlink.link_lookup(ifname="eth0")[0]
        netlink.addr("add", index=link, address="2001:db8:77::1", prefixlen=64)
        netlink.route("add", dst="2001:db8:78::/48", oif=link)
        netlink.link("add", ifname="mine", kind="veth", peer="mine-too")
        assert lab.apply(GATEWAYS) == ()
        assert netlink.link_lookup(ifname="mine")


def grouped(peers: str) -> str:
    """Return an instance behind a gateway, whose group allows traffic with these peers."""
    vpc = {
        "ipv6_cidr_block": "2600:1f16:aa0:5500::/56",
        "egress_only_internet_gateways": {"outbound": {}},
        "route_tables": {"private": {"main": True, "routes": [{"destination": "::/0", "target": "outbound"}]}},
        "security_groups": {"out": {"egress": [{"protocol": "all", "cidr": peers}]}},
        "subnets": {"private": {"ipv6_cidr_block": "2600:1f16:aa0:5501::/64"}},
        "instances": {"app": {"subnet": "private", "security_groups": ["out"]}},
    }
    return json.dumps({"vpcs": {"main": vpc}, "internet": {"hosts": {"web": {"ipv6_address": WEB}}}})


def _talk(sender: socket.socket, count: Synchronized[int], stop: ProcessEvent) -> None:
    while not stop.is_set():
        sender.send(b"x")
        count.value += 1
        select.select([], [], [], 0.00005)


def test_a_packet_that_a_group_allows_before_and_after_passes_all_the_time(lab_name: str) -> None:
    """The peer never answers, so each packet begins a flow and is looked up in the group's sets, which change."""
    lab = Lab(lab_name)
    lab.apply(grouped("::/0"))
    with (
        lab.open_socket("web", kind=socket.SOCK_DGRAM) as silent,
        lab.open_socket("app", kind=socket.SOCK_DGRAM) as sender,
    ):
        silent.bind((WEB, 9))
        sender.connect((WEB, 9))
        sent = multiprocessing.get_context("fork").Value("i")
        with meanwhile(_talk, sender, sent):
            for peers in ("2000::/3", "::/0") * 10:
                lab.apply(grouped(peers))
    assert sent.value > 1000
    assert lab.counter("private", "drop_group_egress") == 0
    passed = ("allowed_new", "allowed_established")
    until(lambda: sum(lab.counter("outbound", name) for name in passed) == sent.value, f"{sent.value} packets passed")

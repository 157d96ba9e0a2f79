"""Changes while connections run and an attacker sends: no packet of a live flow is lost, and no attack gets in.

The attacker is a separate process that sends datagrams and TCP segments from the internet to an instance behind the
egress-only gateway without end. It pauses between rounds: its packets must meet each instant, and not fill the queues.
"""

from __future__ import annotations

import copy
import json
import select
import socket

import pytest
from scapy.layers.inet import TCP
from scapy.layers.inet6 import IPv6

from eigw_ns.dataplane.state import Ruleset
from eigw_ns.kernel.namespaces import netns
from tests.support.labs import Lab, inward, meanwhile
from tests.support.load import ATTACK, PORT, attack, attacked, flowing
from tests.topologies.egress import APP, TREE, WEB

pytestmark = [pytest.mark.root, pytest.mark.alone]


@pytest.fixture
def lab(lab_name: str) -> Lab:
    built = Lab(lab_name)
    built.apply(json.dumps(TREE))
    return built


def test_rules_replaced_a_hundred_times(lab: Lab) -> None:
    grown = copy.deepcopy(TREE)
    grown["vpcs"]["main"]["subnets"]["b"] = {"ipv6_cidr_block": "2600:1f16:aa0:5502::/64"}
    key = ("ruleset", lab.namespace("outbound"), "inet")
    one = lab.kernel.observe(lab.name).objects[key]
    other = next(step.object for step in lab.plan(json.dumps(grown)) if getattr(step.object, "key", ()) == key)
    assert isinstance(one, Ruleset)
    assert isinstance(other, Ruleset)
    with attacked(lab), flowing(lab) as traffic:
        for _ in range(50):
            rounds = traffic.rounds
            lab.kernel.update([(one, other)])
            lab.kernel.update([(other, one)])
            while traffic.rounds == rounds:  # data has passed between the changes
                select.select([], [], [], 0.001)


def test_subnets_routes_and_other_gateways_come_and_go(lab: Lab) -> None:
    grown = copy.deepcopy(TREE)
    main = grown["vpcs"]["main"]
    main["route_tables"]["other"] = {"routes": [{"destination": "2001:db8:a::/48", "target": "outbound"}]}
    main["subnets"]["b"] = {"ipv6_cidr_block": "2600:1f16:aa0:5502::/64", "route_table": "other"}
    main["instances"]["box"] = {"subnet": "b", "ipv6_address": "2600:1f16:aa0:5502::10"}
    second = copy.deepcopy(TREE["vpcs"]["main"])
    second["ipv6_cidr_block"] = "2600:1f16:aa0:6600::/56"
    second["subnets"]["a"]["ipv6_cidr_block"] = "2600:1f16:aa0:6601::/64"
    second["instances"] = {"far": {"subnet": "a", "ipv6_address": "2600:1f16:aa0:6601::10"}}
    second["egress_only_internet_gateways"] = {"elsewhere": {}}
    second["route_tables"]["private"]["routes"][0]["target"] = "elsewhere"
    grown["vpcs"]["second"] = second
    with attacked(lab), flowing(lab):
        for _ in range(5):
            assert lab.apply(json.dumps(grown))
            assert lab.apply(json.dumps(TREE))


def test_built_changed_and_destroyed_under_attack(lab_name: str) -> None:
    """The attacker's host is built first. The path to the instance is built, broken and removed while it sends."""
    without = copy.deepcopy(TREE)
    without["vpcs"]["main"]["egress_only_internet_gateways"] = {}
    without["vpcs"]["main"]["route_tables"]["private"]["routes"] = []
    lab = Lab(lab_name)
    lab.apply(json.dumps(without))
    heard: list[bytes] = []
    with (
        lab.open_socket("web", kind=socket.SOCK_DGRAM) as sender,
        lab.open_socket("web", kind=socket.SOCK_RAW, protocol=socket.IPPROTO_RAW) as raw,
        lab.sniffer("app") as inside,
    ):
        segment = bytes(IPv6(src=WEB, dst=APP) / TCP(sport=4443, dport=PORT, flags="S") / ATTACK)
        with meanwhile(attack, sender, raw, [segment]):
            for _ in range(10):
                lab.apply(json.dumps(TREE))
                with lab.stream("app", "web", WEB) as stream:
                    assert stream.works()
                heard += inward(inside)
                lab.apply(json.dumps(without))
            lab.apply(json.dumps(TREE))
            netns.remove(lab.namespace("outbound"))
            lab.destroy()
        heard += inward(inside)
    assert heard
    assert [packet for packet in heard if ATTACK in packet] == []

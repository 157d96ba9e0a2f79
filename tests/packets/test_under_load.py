"""Changes while connections run and an attacker sends: no live packet is lost to a change, and none gets in.

The attacker is a process of its own that sends datagrams and TCP segments from the internet towards an instance behind
the egress-only gateway, without end and without haste: it shall meet every instant, not fill the machine's queues.
"""

from __future__ import annotations

import copy
import json
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Event as ProcessEvent
from typing import Any

import pytest
from scapy.layers.inet import TCP
from scapy.layers.inet6 import IPv6

from eigw_ns.dataplane.state import Ruleset
from eigw_ns.kernel.namespaces import netns
from tests.labs import Lab, Stream, inward, meanwhile

pytestmark = [pytest.mark.root, pytest.mark.alone]

APP, WEB, PORT = "2600:1f16:aa0:5501::10", "2001:db8:80::1", 47
ATTACK = b"the internet starts this"
ALL = {"protocol": "all", "cidr": "::/0"}
TREE: dict[str, Any] = {
    "vpcs": {
        "main": {
            "ipv6_cidr_block": "2600:1f16:aa0:5500::/56",
            "egress_only_internet_gateways": {"outbound": {}},
            "route_tables": {"private": {"main": True, "routes": [{"destination": "::/0", "target": "outbound"}]}},
            "security_groups": {"open": {"ingress": [ALL], "egress": [ALL]}},
            "subnets": {"a": {"ipv6_cidr_block": "2600:1f16:aa0:5501::/64"}},
            "instances": {"app": {"subnet": "a", "ipv6_address": APP, "security_groups": ["open"]}},
        }
    },
    "internet": {"hosts": {"web": {"ipv6_address": WEB}}},
}
STREAMS = 8


def _attack(sender: socket.socket, raw: socket.socket, segments: list[bytes], stop: ProcessEvent) -> None:
    while not stop.is_set():
        for segment in segments:
            try:
                sender.sendto(ATTACK, (APP, PORT))
                raw.sendto(segment, (APP, 0))
            except OSError:  # the way is gone at this instant
                pass
        select.select([], [], [], 0.0005)


@contextmanager
def attacked(lab: Lab) -> Iterator[None]:
    """An attacker on the host `web` while the block runs; none of its packets may have reached the instance `app`."""
    segments = [
        bytes(IPv6(src=WEB, dst=APP) / TCP(sport=4443, dport=PORT, flags=flags) / ATTACK)
        for flags in ("S", "SA", "A", "R", "FA", "PA")
    ]
    with (
        lab.open_socket("web", kind=socket.SOCK_DGRAM) as sender,
        lab.open_socket("web", kind=socket.SOCK_RAW, protocol=socket.IPPROTO_RAW) as raw,
        lab.sniffer("app") as inside,
    ):
        before = _dropped(lab)
        with meanwhile(_attack, sender, raw, segments):
            yield
        heard = inward(inside)
        assert heard, "the sniffer heard nothing, not even the live flows: it proves nothing"
        assert [packet for packet in heard if ATTACK in packet] == []
        assert _dropped(lab) > before, "the attacker's packets never met the gateway"


def _dropped(lab: Lab) -> int:
    return lab.counter("outbound", "drop_inbound") + lab.counter("outbound", "drop_invalid")


class Traffic:
    """Streams through the gateway on which data goes to and fro in a thread until the block ends."""

    def __init__(self, streams: list[Stream]) -> None:
        self._streams = streams
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.rounds = 0

    def _run(self) -> None:
        while not self._stop.is_set():
            assert all(stream.works() for stream in self._streams)
            self.rounds += 1

    def __enter__(self) -> Traffic:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


@contextmanager
def flowing(lab: Lab) -> Iterator[Traffic]:
    """Open streams with data on them; at the end not one segment may have been sent twice."""
    streams = [lab.stream("app", "web", WEB, 5000 + number) for number in range(STREAMS)]
    opened = [stream.__enter__() for stream in streams]
    try:
        with Traffic(opened) as traffic:
            yield traffic
        assert traffic.rounds > 0
        assert [stream.retransmissions() for stream in opened] == [0] * STREAMS
    finally:
        for stream in reversed(streams):
            stream.__exit__(None, None, None)


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
    """The attacker's host comes first; the way to the instance is built, broken and taken away while it sends."""
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
        with meanwhile(_attack, sender, raw, [segment]):
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

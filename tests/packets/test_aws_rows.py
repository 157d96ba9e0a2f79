"""The features of AWS's VPC that a lab has, each shown by packets (https://docs.aws.amazon.com/vpc/latest/userguide/).

A row is one feature. `ROWS` names the test of each row; `test_every_row_is_shown` fails if a row has none.
"""

from __future__ import annotations

import contextlib
import copy
import inspect
import json
import socket
import struct
from collections.abc import Callable
from typing import Any

import pytest
from scapy.layers.inet import TCP, UDP
from scapy.layers.inet6 import ICMPv6DestUnreach, IPv6

from eigw_ns.cloud.routing import route_state
from eigw_ns.dataplane.compile.compiler import compile_cloud
from eigw_ns.errors import TopologyError
from eigw_ns.kernel.namespaces import netns
from eigw_ns.kernel.nft.library import Nft
from tests.support.labs import PATIENCE, SILENCE, Lab, inward, topology, until
from tests.support.slowness import SLOWNESS

Tree = dict[str, Any]

APP, MATE, WWW, WEB, NEAR = (
    "2600:1f16:aa0:5501::10",
    "2600:1f16:aa0:5501::20",
    "2600:1f16:aa0:5502::10",
    "2001:db8:80::1",
    "2001:db8:a::1",
)
OUTBOUND = "eigw-0123456789abcdef0"
ALL: Tree = {"protocol": "all", "cidr": "::/0"}
BASE: Tree = {
    "vpcs": {
        "main": {
            "ipv6_cidr_block": "2600:1f16:aa0:5500::/56",
            "egress_only_internet_gateways": {OUTBOUND: {}},
            "internet_gateways": {"edge": {}},
            "route_tables": {
                "private": {"routes": [{"destination": "::/0", "target": OUTBOUND}]},
                "public": {"main": True, "routes": [{"destination": "::/0", "target": "edge"}]},
            },
            "network_acls": {},
            "security_groups": {"open": {"ingress": [ALL], "egress": [ALL]}},
            "subnets": {
                "private-a": {"ipv6_cidr_block": "2600:1f16:aa0:5501::/64", "route_table": "private"},
                "public-a": {"ipv6_cidr_block": "2600:1f16:aa0:5502::/64"},
            },
            "instances": {
                "app": {"subnet": "private-a", "ipv6_address": APP, "security_groups": ["open"]},
                "mate": {"subnet": "private-a", "ipv6_address": MATE, "security_groups": ["open"]},
                "www": {"subnet": "public-a", "ipv6_address": WWW, "security_groups": ["open"]},
            },
        }
    },
    "internet": {"hosts": {"web": {"ipv6_address": WEB}, "near": {"ipv6_address": NEAR}}},
}

ROWS: dict[str, str] = {}
"""The rows of the table, each with the test that shows it."""


def row(name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Record which row of the table a test shows."""

    def note(test: Callable[..., None]) -> Callable[..., None]:
        ROWS[name] = test.__name__
        marked: Callable[..., None] = pytest.mark.root(test)
        return marked

    return note


class World:
    """A lab and the tree that it was built from. `change` edits the tree and applies it."""

    def __init__(self, name: str) -> None:
        self.lab = Lab(name)
        self.tree = copy.deepcopy(BASE)

    @property
    def vpc(self) -> Tree:
        vpc: Tree = self.tree["vpcs"]["main"]
        return vpc

    def apply(self) -> None:
        self.lab.apply(json.dumps(self.tree))

    def routes(self, table: str, *routes: tuple[str, str]) -> None:
        self.vpc["route_tables"][table]["routes"] = [{"destination": where, "target": what} for where, what in routes]

    def acl(self, subnet: str, ingress: list[Tree], egress: list[Tree]) -> None:
        """Give the subnet its own ACL."""
        self.vpc["network_acls"]["tested"] = {"ingress": ingress, "egress": egress}
        self.vpc["subnets"][subnet]["network_acl"] = "tested"

    def group(self, instance: str, ingress: list[Tree], egress: list[Tree]) -> None:
        """Give the instance its own group."""
        self.vpc["security_groups"][f"{instance}s"] = {"ingress": ingress, "egress": egress}
        self.vpc["instances"][instance]["security_groups"] = [f"{instance}s"]

    def opens(self, source: str, node: str, address: str, port: int = 7000) -> bool:
        """Return whether a TCP connection opens. If it does not, assert that the listener works."""
        with self.lab.listening(node, address, port):
            if self._connects(source, address, port):
                return True
            assert self._connects(node, address, port), "the listener does not work, so silence proves nothing"
            return False

    def _connects(self, source: str, address: str, port: int) -> bool:
        with self.lab.open_socket(source) as client:
            client.settimeout(SILENCE)
            try:
                client.connect((address, port))
            except TimeoutError:
                return False
            return True

    def datagram_arrives(self, source: str, node: str, address: str) -> bool:
        """Return whether a datagram is heard in the other's namespace. If it is not, assert that the sniffer works."""
        with self.lab.open_socket(node, kind=socket.SOCK_DGRAM) as listener:
            listener.bind((address, 7001))
            listener.settimeout(SILENCE)
            for sender, word in ((source, b"asked"), (node, b"control")):
                with self.lab.open_socket(sender, kind=socket.SOCK_DGRAM) as client:
                    client.sendto(word, (address, 7001))
                    with contextlib.suppress(TimeoutError):
                        return listener.recv(16) == word == b"asked"
            raise AssertionError("the listener does not work, so silence proves nothing")

    def pings(self, source: str, address: str) -> bool:
        """Return whether an echo request is answered."""
        with self.lab.open_socket(source, kind=socket.SOCK_RAW, protocol=socket.IPPROTO_ICMPV6) as client:
            client.connect((address, 0))
            client.settimeout(SILENCE)
            client.send(struct.pack("!BBHHH", 128, 0, 0, 0x1234, 1))
            try:
                while client.recv(2048)[0] != 129:
                    pass
            except TimeoutError:
                return False
            return True

    def inject(self, node: str, packet: IPv6) -> None:
        """Send a packet as it is, with its own source address."""
        with self.lab.open_socket(node, kind=socket.SOCK_RAW, protocol=socket.IPPROTO_RAW) as sender:
            sender.sendto(bytes(packet), (packet.dst, 0))


@pytest.fixture
def world(lab_name: str) -> World:
    return World(lab_name)


@row("outbound TCP")
def test_outbound_tcp(world: World) -> None:
    world.apply()
    with world.lab.stream("app", "web", WEB) as stream:
        assert stream.works()
        assert stream.server.getpeername()[0] == APP


@row("outbound UDP")
def test_outbound_udp(world: World) -> None:
    world.apply()
    with (
        world.lab.open_socket("app", kind=socket.SOCK_DGRAM) as client,
        world.lab.open_socket("web", kind=socket.SOCK_DGRAM) as server,
        world.lab.open_socket("web", kind=socket.SOCK_DGRAM) as other,
    ):
        client.settimeout(PATIENCE)
        server.settimeout(PATIENCE)
        server.bind((WEB, 53))
        other.bind((WEB, 54))
        client.sendto(b"question", (WEB, 53))
        _, address = server.recvfrom(64)
        other.sendto(b"unsolicited", address[:2])
        server.sendto(b"answer", address[:2])
        assert client.recv(64) == b"answer"
        until(lambda: world.lab.counter(OUTBOUND, "drop_inbound") == 1, "the other port's datagram counted")


@row("outbound ping")
def test_outbound_ping(world: World) -> None:
    world.apply()
    with world.lab.sniffer("app") as inside:
        assert not world.pings("web", APP)
        assert inward(inside) == []
        assert world.pings("app", WEB)
        assert inward(inside)


@row("inbound TCP")
def test_inbound_tcp(world: World) -> None:
    world.apply()
    with world.lab.sniffer("app") as inside, world.lab.sniffer("web") as outside:
        assert not world.opens("web", "app", APP)
        assert inward(inside) == []
        assert inward(outside) == []  # no RST, no ICMPv6
        assert world.opens("app", "web", WEB)


@row('inbound TCP with forged "reply"')
def test_forged_replies(world: World) -> None:
    world.apply()
    with world.lab.sniffer("app") as inside:
        for flags in ("SA", "A", "R", "RA", "FA", "PA"):
            world.inject("web", IPv6(src=WEB, dst=APP) / TCP(sport=443, dport=40000, flags=flags, seq=7, ack=9))
        until(lambda: world.lab.counter(OUTBOUND, "drop_invalid") == 6, "six forged answers counted")
        assert inward(inside) == []
        assert world.opens("app", "web", WEB)


@row("IGW contrast")
def test_igw_contrast(world: World) -> None:
    for target, reached in ((OUTBOUND, False), ("edge", True), (OUTBOUND, False)):
        world.routes("private", ("::/0", target))
        world.apply()
        assert world.opens("web", "app", APP) is reached
        assert world.opens("app", "web", WEB)


@row("related ICMPv6 errors")
def test_related_errors(world: World) -> None:
    world.apply()
    with world.lab.open_socket("app", kind=socket.SOCK_DGRAM) as client:
        client.settimeout(PATIENCE)
        client.connect((WEB, 9999))
        client.send(b"to a closed port")
        with pytest.raises(ConnectionRefusedError):  # the host's port unreachable came back
            client.recv(64)
        port = client.getsockname()[1]
    stray = IPv6(src=APP, dst=WEB) / UDP(sport=port + 1, dport=9999)  # quotes a flow that does not exist
    world.inject("web", IPv6(src=WEB, dst=APP) / ICMPv6DestUnreach(code=4) / stray)
    until(lambda: world.lab.counter(OUTBOUND, "drop_icmpv6_error") == 1, "the forged error counted")


@row("established flow survives inbound block")
def test_established_flow(world: World) -> None:
    world.apply()
    with world.lab.stream("app", "web", WEB) as stream:
        assert stream.works()
        assert not world.opens("web", "app", APP)
        stream.server.sendall(b"pushed")
        assert stream.client.recv(6, socket.MSG_WAITALL) == b"pushed"


@row("delete EIGW")
def test_delete_gateway(world: World) -> None:
    world.apply()
    with world.lab.stream("app", "web", WEB) as stream:
        assert stream.works()
        world.vpc["egress_only_internet_gateways"] = {}
        world.apply()
        assert stream.silent()
    assert not world.opens("app", "web", WEB)
    assert world.lab.current is not None
    cloud = world.lab.current.cloud
    table = next(table for table in cloud.route_tables.values() if table.name == "private")
    assert [route_state(cloud, table, route) for route in table.routes] == ["blackhole"]


@row("blackhole vs shorter prefix")
def test_blackhole_wins(world: World) -> None:
    world.routes("private", ("2001:db8:a::/48", "eigw-00000000000000bad"), ("::/0", "edge"))
    world.apply()
    assert not world.opens("app", "near", NEAR)
    assert not world.opens("near", "app", APP)
    assert world.opens("app", "web", WEB)
    assert world.opens("web", "app", APP)


@row("replace blackhole route")
def test_replace_blackhole(world: World) -> None:
    world.routes("private", ("::/0", "eigw-00000000000000bad"))
    world.apply()
    assert not world.opens("app", "web", WEB)
    world.routes("private", ("::/0", OUTBOUND))
    world.apply()
    assert world.opens("app", "web", WEB)


@row("longest prefix")
def test_longest_prefix(world: World) -> None:
    world.routes("private", ("2001:db8:a::/48", "edge"), ("::/0", OUTBOUND))
    world.apply()
    assert world.opens("near", "app", APP)
    assert not world.opens("web", "app", APP)
    assert world.lab.counter(OUTBOUND, "allowed_new") == 0
    assert world.opens("app", "web", WEB)
    assert world.lab.counter(OUTBOUND, "allowed_new") == 1
    assert world.opens("app", "near", NEAR)
    assert world.lab.counter(OUTBOUND, "allowed_new") == 1


@row("specific route only")
def test_specific_route_only(world: World) -> None:
    world.routes("private", ("2001:db8:a::/48", OUTBOUND))
    world.apply()
    assert world.opens("app", "near", NEAR)
    with world.lab.sniffer("app") as inside:
        assert not world.opens("app", "web", WEB)
        assert inward(inside) == []  # no answer, and no ICMPv6 unreachable


@row("local route")
def test_local_route(world: World) -> None:
    world.apply()
    before = [world.lab.counted(node) for node in (OUTBOUND, "edge")]
    assert world.opens("app", "www", WWW)
    assert world.opens("www", "app", APP)
    assert [world.lab.counted(node) for node in (OUTBOUND, "edge")] == before
    assert world.opens("app", "web", WEB)  # the control: both count packets that leave the VPC
    assert world.opens("www", "web", WEB)
    assert all(world.lab.counted(node) != then for node, then in zip((OUTBOUND, "edge"), before, strict=True))


@row("main/implicit association")
def test_main_association(world: World) -> None:
    del world.vpc["subnets"]["private-a"]["route_table"]
    world.apply()
    assert world.opens("app", "web", WEB)
    world.vpc["route_tables"]["empty"] = {"routes": []}
    world.vpc["subnets"]["private-a"]["route_table"] = "empty"
    world.apply()
    assert not world.opens("app", "web", WEB)
    del world.vpc["subnets"]["private-a"]["route_table"]
    world.apply()
    assert world.opens("app", "web", WEB)


@row("IPv4 via EIGW")
def test_ipv4(world: World) -> None:
    world.routes("private", ("0.0.0.0/0", OUTBOUND))
    with pytest.raises(TopologyError, match="does not forward IPv4"):
        world.apply()
    world.routes("private", ("::/0", OUTBOUND))
    world.apply()
    with netns.inside(world.lab.namespace("app")):
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with client, pytest.raises(OSError, match="unreachable"):
        client.sendto(b"x", ("198.51.100.1", 9))


@row("per-subnet choice")
def test_per_subnet_choice(world: World) -> None:
    world.apply()
    assert world.opens("web", "www", WWW)
    assert not world.opens("web", "app", APP)


@row("NACL stateless")
def test_acl_is_stateless(world: World) -> None:
    deny: Tree = {"rule": 90, "protocol": "tcp", "ports": "1024-65535", "cidr": "::/0", "action": "deny"}
    allow: Tree = {"rule": 100, "protocol": "all", "cidr": "::/0", "action": "allow"}
    world.acl("private-a", [deny, allow], [allow])
    world.apply()
    with world.lab.sniffer("web") as outside:
        assert not world.opens("app", "web", WEB)
        assert inward(outside)  # the SYN left; its answer was dropped
    assert world.lab.counter("main/private-a", "drop_acl_ingress") > 0
    world.acl("private-a", [allow], [allow])
    world.apply()
    assert world.opens("app", "web", WEB)


@row("NACL order")
def test_acl_order(world: World) -> None:
    for deny, allow, opens in ((90, 100, False), (100, 90, True)):
        entries: list[Tree] = [
            {"rule": deny, "protocol": "tcp", "ports": 7000, "cidr": "::/0", "action": "deny"},
            {"rule": allow, "protocol": "all", "cidr": "::/0", "action": "allow"},
        ]
        world.acl("private-a", [{**ALL, "rule": 100, "action": "allow"}], entries)
        world.apply()
        assert world.opens("app", "web", WEB) is opens


@row("NACL live")
def test_acl_live(world: World) -> None:
    allow: Tree = {**ALL, "rule": 100, "action": "allow"}
    deny: Tree = {**ALL, "rule": 50, "protocol": "tcp", "ports": "0-65535", "action": "deny"}
    world.acl("private-a", [allow], [allow])
    world.apply()
    with world.lab.stream("app", "web", WEB) as stream:
        assert stream.works()
        world.acl("private-a", [allow, deny], [allow, deny])
        world.apply()
        assert stream.silent()
        world.acl("private-a", [allow], [allow])
        world.apply()
        assert stream.client.recv(4, socket.MSG_WAITALL) == b"lost"  # it is sent again, and now passes
        assert stream.server.recv(4, socket.MSG_WAITALL) == b"lost"
        assert stream.works()


@row("NACL in subnet")
def test_acl_within_subnet(world: World) -> None:
    world.acl("private-a", [], [])
    world.apply()
    assert world.opens("app", "mate", MATE)
    assert not world.opens("app", "www", WWW)
    assert not world.opens("www", "app", APP)


@pytest.mark.root
def test_what_no_entry_matches_is_denied_in_each_direction(world: World) -> None:
    """This uses single datagrams. A connection needs both directions, so either denial would hide the other."""
    allow: Tree = {**ALL, "rule": 100, "action": "allow"}
    other: Tree = {"rule": 100, "protocol": "udp", "ports": 9, "cidr": "::/0", "action": "allow"}
    for entries in ([], [other]):
        world.acl("private-a", entries, [allow])
        world.apply()
        assert world.datagram_arrives("app", "www", WWW)
        assert not world.datagram_arrives("www", "app", APP)
        world.acl("private-a", [allow], entries)
        world.apply()
        assert world.datagram_arrives("www", "app", APP)
        assert not world.datagram_arrives("app", "www", WWW)
    assert world.lab.counter("main/private-a", "drop_acl_egress") > 0


@row("NACL 58")
def test_acl_icmpv6(world: World) -> None:
    allow: Tree = {**ALL, "rule": 100, "action": "allow"}
    deny: Tree = {"rule": 50, "protocol": "icmpv6", "type": 128, "code": 0, "cidr": "::/0", "action": "deny"}
    world.acl("private-a", [allow], [deny, allow])
    world.apply()
    assert not world.pings("app", WEB)
    assert world.opens("app", "web", WEB)
    world.acl("private-a", [allow], [allow])
    world.apply()
    assert world.pings("app", WEB)


@row("NACL v4/v6 split")
def test_acl_families(world: World) -> None:
    allow: Tree = {**ALL, "rule": 100, "action": "allow"}
    deny: Tree = {"rule": 50, "protocol": "all", "cidr": "0.0.0.0/0", "action": "deny"}
    world.acl("private-a", [deny, allow], [deny, allow])
    world.apply()
    assert world.opens("app", "web", WEB)


@pytest.mark.root
def test_groups_of_both_ends_count_within_a_subnet(world: World) -> None:
    """The router forwards the packet from port to port, and checks the groups of both the sender and the receiver."""
    world.group("app", [ALL], [])
    world.group("mate", [ALL], [ALL])
    world.apply()
    assert not world.opens("app", "mate", MATE)
    assert world.lab.counter("main/private-a", "drop_group_egress") > 0
    assert world.opens("mate", "app", APP)  # answers need no rule
    world.acl("private-a", [], [])  # a network ACL does not apply within a subnet
    world.apply()
    assert world.opens("mate", "app", APP)
    world.group("app", [ALL], [ALL])
    world.apply()
    assert world.opens("app", "mate", MATE)
    world.group("mate", [], [ALL])
    world.apply()
    assert not world.opens("app", "mate", MATE)
    assert world.lab.counter("main/private-a", "drop_group_ingress") > 0


@row("SG stateful")
def test_group_is_stateful(world: World) -> None:
    world.group("app", [], [ALL])
    world.apply()
    with world.lab.stream("app", "web", WEB) as stream:
        assert stream.works()
    assert not world.opens("mate", "app", APP)


@row("SG rule removal on EIGW flow")
def test_group_change_spares_tracked_flows(world: World) -> None:
    world.apply()
    with world.lab.stream("app", "web", WEB) as stream:
        assert stream.works()
        world.group("app", [], [])
        world.apply()
        assert stream.works()
        assert not world.opens("app", "web", WEB, 7001)


@row("SG untracked (IGW, allow-all both ways)")
def test_group_change_cuts_untracked_flows(world: World) -> None:
    world.apply()
    with world.lab.stream("www", "web", WEB) as stream:
        assert stream.works()
        world.group("www", [], [])
        world.apply()
        assert stream.silent()


@row("SG reference")
def test_group_reference(world: World) -> None:
    world.vpc["security_groups"]["clients"] = {"ingress": [], "egress": [ALL]}
    world.vpc["instances"]["app"]["security_groups"] = ["clients"]
    world.group("www", [{"protocol": "tcp", "ports": 7000, "group": "clients"}], [ALL])
    world.apply()
    assert world.opens("app", "www", WWW)
    assert not world.opens("mate", "www", WWW)
    assert not world.opens("web", "www", WWW)
    assert not world.opens("app", "www", WWW, 7001)


def _first_heard(sniffer: socket.socket) -> list[bytes]:
    heard: list[bytes] = []

    def hears() -> bool:
        heard.extend(inward(sniffer))
        return bool(heard)

    until(hears, "a packet")
    return heard


def _dropped_forged(world: World, count: int) -> bool:
    """Return whether this number of packets with a wrong source was dropped, and no more.

    On a slow machine, the first packets of a new link may be counted too.
    """
    dropped = world.lab.counter("main/private-a", "drop_source")
    return dropped == count or (SLOWNESS > 1 and dropped > count)


@row("source/dest check")
def test_source_check(world: World) -> None:
    world.apply()
    with world.lab.sniffer("web") as outside:
        for source in (MATE, WWW, "2600:1f16:aa0:5501::99", WEB):
            world.inject("app", IPv6(src=source, dst=WEB) / UDP(sport=1, dport=9))
        world.inject("app", IPv6(src=APP, dst=WEB) / UDP(sport=1, dport=9) / b"canary")
        assert [packet[-6:] for packet in _first_heard(outside)] == [b"canary"]
    assert _dropped_forged(world, 4)


@row("two VPCs")
def test_two_vpcs(world: World) -> None:
    other = copy.deepcopy(world.vpc)
    other["ipv6_cidr_block"] = "2600:1f16:aa0:6600::/56"
    other["egress_only_internet_gateways"] = {"outbound": {}}
    other["route_tables"]["private"]["routes"][0]["target"] = "outbound"
    for section in (other["subnets"], other["instances"]):
        for body in section.values():
            for key in ("ipv6_cidr_block", "ipv6_address"):
                if key in body:
                    body[key] = body[key].replace(":55", ":66")
    world.tree["vpcs"]["other"] = other
    world.apply()
    theirs, spoofed = APP.replace(":55", ":66"), IPv6(src=APP.replace(":55", ":66"), dst=WEB) / UDP(dport=9)
    assert not world.opens("main/app", "other/app", theirs)
    assert world.opens("main/app", "other/www", WWW.replace(":55", ":66"))  # over the internet, as on AWS
    assert world.opens("other/app", "web", WEB)
    with world.lab.sniffer("web") as outside:
        world.inject("main/app", spoofed)
        world.inject("main/app", IPv6(src=APP, dst=WEB) / UDP(dport=9) / b"canary")
        assert [packet[-6:] for packet in _first_heard(outside)] == [b"canary"]
    assert _dropped_forged(world, 1)


@row("subnet sizes")
def test_subnet_sizes(world: World) -> None:
    for size, fits in ((60, True), (64, True), (62, False), (80, False)):
        world.vpc["subnets"]["sized"] = {"ipv6_cidr_block": f"2600:1f16:aa0:5530::/{size}", "route_table": "private"}
        world.vpc["instances"]["inside"] = {"subnet": "sized", "ipv6_address": "2600:1f16:aa0:5530::30"}
        if fits:
            world.apply()
            assert world.opens("inside", "web", WEB)
        else:
            with pytest.raises(TopologyError, match="steps of 4"):
                world.apply()


@row("reserved addresses")
def test_reserved_addresses(world: World) -> None:
    world.apply()
    assert world.pings("app", "2600:1f16:aa0:5501::1")
    for reserved in ("::0", "::1", "::2", "::3", ":ffff:ffff:ffff:ffff"):
        world.vpc["instances"]["app"]["ipv6_address"] = f"2600:1f16:aa0:5501{reserved}"
        with pytest.raises(TopologyError):
            world.apply()


@row("restart/reconcile")
def test_restart(world: World) -> None:
    world.apply()
    with world.lab.stream("app", "web", WEB) as stream:
        world.lab = Lab(world.lab.name, current=world.lab.current)  # another controller without state
        assert stream.works()
        assert world.lab.plan(json.dumps(world.tree)) == ()
        gateway = world.lab.namespace(OUTBOUND)
        with netns.inside(gateway):
            Nft().run('insert rule inet eigw_ns prerouting iifname "up" accept', "open the gateway by hand")
        assert [str(step.object) for step in world.lab.plan(json.dumps(world.tree))] == [f"ruleset inet of {gateway}"]
        world.apply()
        assert stream.works()
    assert world.lab.kernel.observe(world.lab.name) == compile_cloud(
        topology(json.dumps(world.tree), world.lab.name).cloud
    )


ELSEWHERE = {
    "analyze path": "tests/packets/test_explain_agrees.py",
    "conntrack timeouts": "tests/packets/test_limits.py",
    "idempotent create": "tests/cli/test_ec2_root.py",
}
"""Rows that other files show."""

NOT_BUILT = {
    "NAT64 neighbour": "no NAT gateway in the plan",
    "BPA block-bidirectional / block-ingress": "no such verb in the plan",
    "IPv6-less VPC": "every VPC of a lab has an IPv6 block",
    "DeleteVpc with EIGW": "no delete-vpc in the plan",
    "flow record": "no flow logs in the plan",
}
"""Rows about parts that this project does not have, or does not have yet."""


def test_every_row_is_shown() -> None:
    tests = {name for name, _ in inspect.getmembers(inspect.getmodule(row), inspect.isfunction)}
    assert set(ROWS.values()) <= tests
    assert len(ROWS) + len(ELSEWHERE) + len(NOT_BUILT) == 40

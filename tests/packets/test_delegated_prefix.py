"""An instance with a /80 prefix: its users configure addresses of it, and limits count all of them as one instance."""

from __future__ import annotations

import copy
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import IPv6Network
from typing import Any

import pytest
from pyroute2 import IPRoute
from scapy.layers.inet import UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6

from eigw_ns.dataplane.compile.compiler import compile_cloud
from eigw_ns.dataplane.planning.plan import make_plan
from eigw_ns.dataplane.state import NetState
from eigw_ns.kernel.namespaces import netns
from eigw_ns.kernel.nft.library import Nft
from eigw_ns.lab.lifecycle.execute import execute
from tests.support.extension_headers import piece
from tests.support.labs import PATIENCE, SILENCE, Lab, inward, topology, until
from tests.topologies.egress import MATE, TREE, WEB

pytestmark = pytest.mark.root

PREFIX = IPv6Network("2600:1f16:aa0:5501:1::/80")
OTHER = IPv6Network("2600:1f16:aa0:5501:2::/80")
MINE, FORGED = str(PREFIX[0x77]), str(PREFIX[0x88])
FLOOD, DCCP = 6_000, 33
NODAD = 2  # IFA_F_NODAD: Linux uses the address at once


def _tree(*prefixes: IPv6Network, mate: tuple[IPv6Network, ...] = (), **tracking: int) -> str:
    """Return a lab whose instance has these prefixes. Its neighbour lets in what the instance's group sends."""
    tree: dict[str, Any] = copy.deepcopy(TREE)
    main = tree["vpcs"]["main"]
    main["egress_only_internet_gateways"]["outbound"] = {"connection_tracking": tracking}
    main["security_groups"]["friends"] = {"ingress": [{"protocol": "tcp", "ports": 9000, "group": "open"}]}
    main["instances"]["app"]["ipv6_prefixes"] = [*map(str, prefixes)]
    main["instances"]["mate"] = {
        "subnet": "a", "ipv6_address": MATE, "security_groups": ["friends"], "ipv6_prefixes": [*map(str, mate)]
    }  # fmt: skip
    return json.dumps(tree)


def _add(lab: Lab, node: str, address: str) -> None:
    """Do as the tenant does: `ip addr add`."""
    with netns.inside(lab.namespace(node)), IPRoute() as netlink:
        netlink.addr("add", index=netlink.link_lookup(ifname="eth0")[0], address=address, prefixlen=128, flags=NODAD)


def _connects(
    lab: Lab, client: tuple[str, str], server: tuple[str, str], port: int, patience: float = PATIENCE
) -> bool:
    """Return whether a connection from one (node, address) to the other is accepted, with this source."""
    with lab.open_socket(client[0]) as caller, lab.listening(*server, port) as listener:
        caller.settimeout(patience)
        caller.bind((client[1], 0))
        try:
            caller.connect((server[1], port))
        except TimeoutError:
            return False
        accepted, peer = listener.accept()
        accepted.close()
        return bool(peer[0] == client[1])


def _send(lab: Lab, node: str, packets: list[bytes]) -> None:
    """Send packets as they are, on the node's one link."""
    with lab.open_socket(node, kind=socket.SOCK_RAW, protocol=socket.IPPROTO_RAW) as raw:
        for packet in packets:
            raw.sendto(packet, (socket.inet_ntop(socket.AF_INET6, packet[24:40]), 0))


def _sources(count: int) -> Iterator[str]:
    """Yield addresses of two prefixes of the instance."""
    yield from (str((PREFIX, OTHER)[number % 2][1 + number]) for number in range(count))


def _datagrams(count: int) -> list[bytes]:
    """Return UDP datagrams to the internet, each from another address."""
    return [bytes(IPv6(src=source, dst=WEB) / UDP(sport=4711, dport=9) / b"x") for source in _sources(count)]


def _lone(count: int, *, inward: bool) -> list[bytes]:
    """Return first fragments that no other fragments follow, each with another address of the instance."""
    whole = bytes(IPv6() / UDP(sport=4711, dport=9) / bytes(1_400))
    web = socket.inet_pton(socket.AF_INET6, WEB)
    found = []
    for number, source in enumerate(_sources(count)):
        mine = socket.inet_pton(socket.AF_INET6, source)
        ends = web + mine if inward else mine + web
        found.append(piece(whole[:8] + ends + whole[40:], number, 0, 1240, more=True))
    return found


@pytest.fixture(scope="module")
def lab(module_lab_name: str) -> Iterator[Lab]:
    lab = Lab(module_lab_name)
    lab.apply(_tree(PREFIX))
    assert lab.plan(_tree(PREFIX)) == ()
    _add(lab, "app", MINE)
    yield lab


def test_an_address_of_the_prefix_sends_and_receives(lab: Lab) -> None:
    assert _connects(lab, ("app", MINE), ("web", WEB), 443)  # by the gateway
    assert _connects(lab, ("app", MINE), ("mate", MATE), 9000)  # by the group of its instance
    assert _connects(lab, ("mate", MATE), ("app", MINE), 7000)
    echo = bytes(IPv6(src=MINE, dst=WEB) / ICMPv6EchoRequest())
    with lab.sniffer("app") as sniffer:
        _send(lab, "app", [echo])
        until(lambda: any(packet[40] == 129 for packet in inward(sniffer)), "the echo reply")
    found = lab.kernel.additions([lab.namespace("app")])
    assert [each.text for each in found] == [f"address {MINE}/128 on eth0"]


def test_no_other_instance_can_use_an_address_of_the_prefix(lab: Lab) -> None:
    _add(lab, "mate", FORGED)
    before = lab.counter("main/a", "drop_source")
    assert not _connects(lab, ("mate", FORGED), ("web", WEB), 443, SILENCE)
    assert not _connects(lab, ("mate", FORGED), ("app", MINE), 7000, SILENCE)
    assert lab.counter("main/a", "drop_source") >= before + 2
    with lab.sniffer("mate") as sniffer:  # packets to it go to the instance that has the prefix
        assert _connects(lab, ("mate", MATE), ("app", MINE), 7000)
        with lab.open_socket("web", kind=socket.SOCK_DGRAM) as stranger:
            stranger.sendto(b"to the prefix", (FORGED, 9))
        assert not any(b"to the prefix" in packet for packet in inward(sniffer))
    assert _connects(lab, ("mate", MATE), ("web", WEB), 443)  # the canary


def test_the_internet_begins_no_flow_to_the_prefix(lab: Lab) -> None:
    before = lab.counter("outbound", "drop_inbound")
    assert not _connects(lab, ("web", WEB), ("app", MINE), 7000, SILENCE)
    assert lab.counter("outbound", "drop_inbound") > before
    assert _connects(lab, ("mate", MATE), ("app", MINE), 7000)


def test_a_prefix_that_moves_takes_neither_flows_nor_packets_along(lab_name: str) -> None:
    lab = Lab(lab_name)
    lab.apply(_tree(PREFIX))
    for node in ("app", "mate"):
        _add(lab, node, MINE)
    with lab.listening("web", WEB, 443) as listener, lab.open_socket("app") as client:
        client.bind((MINE, 0))
        client.settimeout(PATIENCE)
        client.connect((WEB, 443))
        accepted, _ = listener.accept()
        with accepted:
            flows = lab.connections("outbound"), lab.connections("main/a")
            assert min(flows) > 0
            lab.apply(_tree(mate=(PREFIX,)))
            assert (lab.connections("outbound"), lab.connections("main/a")) == (0, 0)
            before = lab.counter("main/a", "drop_source")
            client.sendall(b"after the change")
            until(lambda: lab.counter("main/a", "drop_source") > before, "the previous owner is refused")
            assert _connects(lab, ("mate", MINE), ("web", WEB), 444)
    lab.apply(_tree())
    assert not _connects(lab, ("mate", MINE), ("web", WEB), 445, SILENCE)
    assert _connects(lab, ("mate", MATE), ("web", WEB), 445)


def test_all_addresses_of_an_instance_share_its_part_of_a_gateway(lab_name: str) -> None:
    lab = Lab(lab_name)
    lab.apply(_tree(PREFIX, OTHER, max_connections_per_source=300))
    _send(lab, "app", _datagrams(900))
    lab.begin_flows("app", WEB, 100)
    until(lambda: lab.counter("outbound", "drop_limit_source") == 700, "the flows over the limit are counted")
    assert lab.connections("outbound") == 300
    with lab.stream("mate", "web", WEB) as stream:  # another instance has its own share
        assert stream.works()
    assert lab.counter("outbound", "drop_limit_source") == 700
    with netns.inside(lab.namespace("outbound")):
        peers = {name: Nft().run(f"list set inet eigw_ns {name}", "list it") for name in ("peers", "owner_peers")}
    assert "5501:1:" not in peers["peers"] + peers["owner_peers"]
    assert peers["owner_peers"].count("expires") == 1  # one for the pair, whatever the address


def test_all_addresses_of_an_instance_share_its_part_of_a_subnet(lab_name: str) -> None:
    lab = Lab(lab_name, current=topology(_tree(PREFIX, OTHER), lab_name))
    assert lab.current is not None
    execute(lab.kernel, make_plan(compile_cloud(lab.current.cloud, 800), NetState()))
    _send(lab, "app", _datagrams(900))
    lab.begin_flows("app", WEB, 100)
    until(lambda: lab.counter("main/a", "drop_limit_instance") == 900, "the flows over the limit are counted")
    assert lab.connections("main/a") == 100
    with lab.stream("mate", "web", WEB) as stream:
        assert stream.works()


def test_all_addresses_of_an_instance_share_its_flows_of_other_protocols(lab_name: str) -> None:
    """Linux follows them by addresses, and the gateway by its own set: half of the limit at once."""
    lab = Lab(lab_name)
    lab.apply(_tree(PREFIX, OTHER, max_connections_per_source=40))
    packets = [bytes(IPv6(src=str(PREFIX[1 + number]), dst=WEB, nh=DCCP)) for number in range(30)]
    header = socket.htons(4711).to_bytes(2, "little") + socket.htons(9).to_bytes(2, "little") + bytes(16)
    with lab.sniffer("web") as sniffer:
        _send(lab, "app", [packet[:4] + len(header).to_bytes(2) + packet[6:] + header for packet in packets])
        until(lambda: lab.counter("outbound", "drop_limit_source") == 10, "those over the rate are counted")
        assert sum(packet[6] == DCCP for packet in inward(sniffer)) == 20


@pytest.mark.parametrize("way", ["out", "in"])
def test_all_addresses_of_an_instance_share_its_room_for_fragments(lab_name: str, way: str) -> None:
    """1,000 at once and 2,000 a second, in the subnet if they leave it, in the gateway if its peer sends them."""
    lab = Lab(lab_name)
    lab.apply(_tree(PREFIX, OTHER))
    node, place = ("app", "main/a") if way == "out" else ("web", "outbound")
    _send(lab, "app", _datagrams(1))  # the internet host is its peer
    _send(lab, node, _lone(FLOOD, inward=way == "in"))
    until(lambda: lab.counter(place, "drop_fragment") > FLOOD // 4, "the rest is counted")
    assert lab.counter(place, "drop_fragment") <= FLOOD - 1_000
    with _long_datagrams(lab, "mate") as answered:
        assert answered()  # another instance has its own room


@pytest.mark.parametrize("first", [(), (PREFIX,)], ids=["gets a prefix", "gives one up"])
def test_fragments_of_a_flow_pass_when_its_instance_gets_or_gives_up_a_prefix(
    lab_name: str, first: tuple[IPv6Network, ...]
) -> None:
    """A gateway knows the peers of an instance by its address or by its number, and the flow lives on."""
    lab = Lab(lab_name)
    lab.apply(_tree(*first))
    with _long_datagrams(lab, "app") as answered:
        lab.apply(_tree(*(() if first else (PREFIX,))))
        assert answered()


@contextmanager
def _long_datagrams(lab: Lab, node: str) -> Iterator[Callable[[], bool]]:
    """Open a UDP flow to the internet. Yield what sends a datagram in fragments, and returns whether it is answered."""
    with lab.open_socket(node, kind=socket.SOCK_DGRAM) as client, lab.open_socket("web", kind=socket.SOCK_DGRAM) as far:
        far.bind((WEB, 53))
        for end in (client, far):
            end.settimeout(PATIENCE)

        def answered() -> bool:
            client.sendto(bytes(3_000), (WEB, 53))
            question, address = far.recvfrom(4_000)
            far.sendto(question, address)
            return len(client.recv(4_000)) == 3_000

        assert answered()
        yield answered

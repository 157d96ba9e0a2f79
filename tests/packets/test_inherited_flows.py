"""An instance that takes the address of another does not inherit its flows, whoever began them and whoever is the peer.

Its groups let nothing in but answers, so a datagram of the old instance's flow gets in exactly if the flow lives on.
"""

from __future__ import annotations

import contextlib
import copy
import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from eigw_ns.kernel import netns
from eigw_ns.kernel.nft import Nft
from tests.labs import PATIENCE, Lab, inward, until
from tests.packets.test_under_load import ALL, APP, TREE, WEB

pytestmark = pytest.mark.root

MATE, BOX = "2600:1f16:aa0:5501::20", "2600:1f16:aa0:5502::10"
PEERS = {"web": WEB, "mate": MATE, "box": BOX}
"""Behind the gateway, in the same subnet, in another one."""

THEIRS, MINE = 5300, 5301


def _tree(name: str, group: str, peers: str = "closed") -> str:
    """The instance at `APP` has this name and group, its peers have theirs."""
    tree: dict[str, Any] = copy.deepcopy(TREE)
    main = tree["vpcs"]["main"]
    main["security_groups"] = {
        "open": {"ingress": [ALL], "egress": [ALL]},
        "closed": {"ingress": [], "egress": [ALL]},
    }
    main["subnets"]["b"] = {"ipv6_cidr_block": "2600:1f16:aa0:5502::/64"}
    main["instances"] = {
        name: {"subnet": "a", "ipv6_address": APP, "security_groups": [group]},
        "mate": {"subnet": "a", "ipv6_address": MATE, "security_groups": [peers]},
        "box": {"subnet": "b", "ipv6_address": BOX, "security_groups": [peers]},
    }
    return json.dumps(tree)


@contextlib.contextmanager
def _datagrams(lab: Lab, node: str, address: str, port: int) -> Iterator[socket.socket]:
    with lab.open_socket(node, kind=socket.SOCK_DGRAM) as opened:
        opened.bind((address, port))
        opened.settimeout(PATIENCE)
        yield opened


def _carries(sender: socket.socket, receiver: socket.socket, word: bytes) -> bool:
    """Whether a datagram from one arrives at the other, both bound to their addresses."""
    sender.sendto(word, receiver.getsockname()[:2])
    return receiver.recv(64) == word


@pytest.mark.parametrize("peer", PEERS)
def test_what_the_old_one_began_is_closed_to_the_new_one(lab_name: str, peer: str) -> None:
    lab = Lab(lab_name)
    lab.apply(_tree("old", "closed", "open"))
    with _datagrams(lab, peer, PEERS[peer], THEIRS) as far:
        with _datagrams(lab, "old", APP, MINE) as near:
            assert _carries(near, far, b"question")
            assert _carries(far, near, b"answer")  # the canary: the flow was there

        lab.apply(_tree("new", "closed", "open"))

        with _datagrams(lab, "new", APP, MINE) as near, lab.sniffer("new") as inside:
            far.sendto(b"for the old one", (APP, MINE))
            assert _carries(near, far, b"own question")  # the control: the same two, once the new one has asked
            assert _carries(far, near, b"own answer")
            heard = inward(inside)
            assert any(b"own answer" in packet for packet in heard)
            assert not any(b"for the old one" in packet for packet in heard)


@pytest.mark.parametrize("peer", ["mate", "box"])
def test_what_a_peer_began_with_the_old_one_lets_the_new_one_not_in(lab_name: str, peer: str) -> None:
    lab = Lab(lab_name)
    lab.apply(_tree("old", "open"))
    with _datagrams(lab, peer, PEERS[peer], THEIRS) as far:
        with _datagrams(lab, "old", APP, MINE) as near:
            assert _carries(far, near, b"question")
            assert _carries(near, far, b"answer")  # the canary: the flow was there

        lab.apply(_tree("new", "open"))

        with _datagrams(lab, "new", APP, MINE) as near, lab.sniffer(peer) as inside:
            near.sendto(b"as the old one", (PEERS[peer], THEIRS))
            assert _carries(far, near, b"own question")  # the control
            assert _carries(near, far, b"own answer")
            heard = inward(inside)
            assert any(b"own answer" in packet for packet in heard)
            assert not any(b"as the old one" in packet for packet in heard)


def test_the_flows_of_those_who_stay_go_on(lab_name: str) -> None:
    lab = Lab(lab_name)
    lab.apply(_tree("old", "open"))
    with lab.stream("mate", "web", WEB, 4001) as out, lab.stream("box", "old", APP, 4002) as across:
        assert out.works()
        assert across.works()
        lab.apply(_tree("new", "open"))
        assert out.works()
        assert out.retransmissions() == 0
        assert across.silent()
        plan = lab.apply(_tree("new", "closed"))  # groups change, the instance stays: so do its flows
        assert [step for step in plan if step.verb == "flush"] == []


def test_flows_end_with_their_route_also_where_the_gateway_had_lost_its_table(lab_name: str) -> None:
    """A connection table outlives the rules that filled it, and the plan cannot see any more what they let pass."""
    lab = Lab(lab_name)
    text = _tree("old", "closed")
    lab.apply(text)
    with _datagrams(lab, "web", WEB, THEIRS) as far, _datagrams(lab, "old", APP, MINE) as near:
        assert _carries(near, far, b"question")
        assert _carries(far, near, b"answer")
        with netns.inside(lab.namespace("outbound")):
            Nft().run("delete table inet eigw_ns", "lose the gateway's table")
        without = json.loads(text)
        without["vpcs"]["main"]["route_tables"]["private"]["routes"] = []
        lab.apply(json.dumps(without))
        lab.apply(text)  # the route comes back; the flow does not
        with lab.sniffer("old") as inside:
            before = lab.counter("outbound", "drop_inbound")
            far.sendto(b"stale", (APP, MINE))
            until(lambda: lab.counter("outbound", "drop_inbound") == before + 1, "the gateway refuses it")
            assert _carries(near, far, b"own question")  # the control
            assert _carries(far, near, b"own answer")
            heard = inward(inside)
            assert any(b"own answer" in packet for packet in heard)
            assert not any(b"stale" in packet for packet in heard)

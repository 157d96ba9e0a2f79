"""An instance that takes the address of another does not inherit its flows, whichever end began them.

Its groups let in only answers, so a datagram of the old instance's flow gets in only if the flow is still tracked.
"""

from __future__ import annotations

import contextlib
import copy
import json
import socket
from typing import Any

import pytest

from eigw_ns.dataplane.compile.compiler import compile_cloud
from eigw_ns.dataplane.planning.plan import Plan, make_plan
from eigw_ns.kernel.namespaces import netns
from eigw_ns.kernel.nft.library import Nft
from eigw_ns.lab.lifecycle.execute import execute
from tests.support.labs import Lab, inward, topology, until
from tests.support.spoofing import cuts, datagrams, heard
from tests.topologies.egress import ALL, APP, TREE, WEB

pytestmark = pytest.mark.root

MATE, BOX = "2600:1f16:aa0:5501::20", "2600:1f16:aa0:5502::10"
PEERS = {"web": WEB, "mate": MATE, "box": BOX}
"""A peer behind the gateway, one in the same subnet, and one in another subnet."""

THEIRS, MINE = 5300, 5301


def _tree(name: str, group: str, peers: str = "closed") -> str:
    """Return a lab whose instance at `APP` has this name and group, and whose peers have the group `peers`."""
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


def _carries(sender: socket.socket, receiver: socket.socket, word: bytes) -> bool:
    """Return whether a datagram from one socket arrives at the other. Both are bound to their addresses."""
    sender.sendto(word, receiver.getsockname()[:2])
    return receiver.recv(64) == word


@pytest.mark.parametrize("peer", PEERS)
def test_a_flow_of_the_old_instance_is_closed_to_the_new_one(lab_name: str, peer: str) -> None:
    lab = Lab(lab_name)
    lab.apply(_tree("old", "closed", "open"))
    with datagrams(lab, peer, PEERS[peer], THEIRS) as far:
        with datagrams(lab, "old", APP, MINE) as near:
            assert _carries(near, far, b"question")
            assert _carries(far, near, b"answer")  # the canary: the flow was there

        lab.apply(_tree("new", "closed", "open"))

        with datagrams(lab, "new", APP, MINE) as near, lab.sniffer("new") as inside:
            far.sendto(b"for the old one", (APP, MINE))
            assert _carries(near, far, b"own question")  # the control: the new instance begins a flow
            assert _carries(far, near, b"own answer")
            heard = inward(inside)
            assert any(b"own answer" in packet for packet in heard)
            assert not any(b"for the old one" in packet for packet in heard)


@pytest.mark.parametrize("peer", ["mate", "box"])
def test_a_flow_that_a_peer_began_with_the_old_instance_is_closed_to_the_new_one(lab_name: str, peer: str) -> None:
    lab = Lab(lab_name)
    lab.apply(_tree("old", "open"))
    with datagrams(lab, peer, PEERS[peer], THEIRS) as far:
        with datagrams(lab, "old", APP, MINE) as near:
            assert _carries(far, near, b"question")
            assert _carries(near, far, b"answer")  # the canary: the flow was there

        lab.apply(_tree("new", "open"))

        with datagrams(lab, "new", APP, MINE) as near, lab.sniffer(peer) as inside:
            near.sendto(b"as the old one", (PEERS[peer], THEIRS))
            assert _carries(far, near, b"own question")  # the control
            assert _carries(near, far, b"own answer")
            heard = inward(inside)
            assert any(b"own answer" in packet for packet in heard)
            assert not any(b"as the old one" in packet for packet in heard)


ELSEWHERE, BESIDE = "2600:1f16:aa0:5501::30", "2600:1f16:aa0:5501::40"


def _with_successor(address: str, group: str) -> str:
    """Return a lab in which `successor` is always there, at this address. At `APP` is `old`, unless `successor` is."""
    tree = json.loads(_tree("old", "closed", "open"))
    main = tree["vpcs"]["main"]
    main["security_groups"]["mute"] = {"ingress": [], "egress": []}
    if address == APP:
        del main["instances"]["old"]
    main["instances"]["successor"] = {"subnet": "a", "ipv6_address": address, "security_groups": [group]}
    main["instances"]["beside"] = {"subnet": "a", "ipv6_address": BESIDE, "security_groups": ["closed"]}
    return json.dumps(tree)


def _resumed(lab: Lab, text: str) -> Plan:
    """Return what `apply` would do after it was killed, as the journal says."""
    return make_plan(compile_cloud(topology(text, lab.name).cloud), lab.kernel.observe(lab.name), forget_flows=True)


@pytest.mark.parametrize("peer", PEERS)
def test_an_existing_instance_that_takes_the_address_gets_no_flow_at_any_step(lab_name: str, peer: str) -> None:
    """Its link exists, so it sends from the address as soon as the rules let it, wherever the change is cut short."""
    lab = Lab(lab_name)
    before, after = _with_successor(ELSEWHERE, "mute"), _with_successor(APP, "mute")
    lab.apply(before)
    with (
        datagrams(lab, peer, PEERS[peer], THEIRS) as far,
        datagrams(lab, "successor", APP, MINE) as successor,
        datagrams(lab, "beside", BESIDE, MINE) as control,
    ):
        for cut in cuts(lab.plan(after)):
            lab.apply(before)
            with datagrams(lab, "old", APP, MINE) as near:
                assert _carries(near, far, b"question")
                assert _carries(far, near, b"answer")  # the canary: the flow is there
            for step in lab.plan(after)[:cut]:
                execute(lab.kernel, (step,))
                assert heard(far, successor, control) == [1], f"after {step}"
            for step in _resumed(lab, after):
                execute(lab.kernel, (step,))
                assert heard(far, successor, control) == [1], f"cut after {cut} steps, then after {step}"
            lab.apply(_with_successor(APP, "closed"))
            assert heard(far, successor, control) == [0, 1]  # the control: it can send


def _exchanged(across: bool, done: bool, group: str = "closed") -> str:
    """Return `shy` (with this group) and `bold`, which is open, before and after they exchange addresses.

    They are in one subnet or in two.
    """
    tree = json.loads(_tree("old", "open", "open"))
    main = tree["vpcs"]["main"]
    shy, bold = ("a", ELSEWHERE), ("b", "2600:1f16:aa0:5502::30") if across else ("a", BESIDE)
    ends = {"shy": (bold if done else shy, group), "bold": (shy if done else bold, "open")}
    for name, ((subnet, address), own) in ends.items():
        main["instances"][name] = {"subnet": subnet, "ipv6_address": address, "security_groups": [own]}
    return json.dumps(tree)


@pytest.mark.parametrize("across", [False, True], ids=["in one subnet", "between two"])
def test_an_instance_that_gives_its_address_away_is_not_reached_by_the_successors_peers(
    lab_name: str, across: bool
) -> None:
    """Two instances exchange addresses. Rules and routes change at different times, and the change may be cut short."""
    lab = Lab(lab_name)
    before, after = _exchanged(across, done=False), _exchanged(across, done=True)
    lab.apply(before)
    theirs = (ELSEWHERE, "2600:1f16:aa0:5502::30" if across else BESIDE)
    with (
        datagrams(lab, "shy", "::", MINE) as shy,
        datagrams(lab, "bold", "::", MINE) as bold,
        datagrams(lab, "mate", MATE, MINE) as mate,
        datagrams(lab, "box", BOX, MINE) as box,
    ):

        def reached(receiver: socket.socket) -> bool:
            """Return whether a datagram of `mate` or `box` to either address reaches the receiver before their last."""
            for sender, other in ((mate, box), (box, mate)):
                for address in theirs:
                    sender.sendto(b"uninvited", (address, MINE))
                assert _carries(sender, other, b"last")
            found = b""
            with contextlib.suppress(BlockingIOError):
                while True:
                    found += receiver.recv(64)
            return found != b""

        shy.setblocking(False)
        bold.setblocking(False)
        for cut in cuts(lab.plan(after)):
            lab.apply(before)
            assert reached(bold)
            for step in lab.plan(after)[:cut]:
                execute(lab.kernel, (step,))
                assert not reached(shy), f"after {step}"
            for step in _resumed(lab, after):
                execute(lab.kernel, (step,))
                assert not reached(shy), f"cut after {cut} steps, then after {step}"
            assert reached(bold)
        lab.apply(_exchanged(across, done=True, group="open"))
        assert reached(shy)  # the control: it receives


def test_flows_of_instances_that_stay_go_on(lab_name: str) -> None:
    lab = Lab(lab_name)
    lab.apply(_tree("old", "open"))
    with lab.stream("mate", "web", WEB, 4001) as out, lab.stream("box", "old", APP, 4002) as across:
        assert out.works()
        assert across.works()
        lab.apply(_tree("new", "open"))
        assert out.works()
        assert out.retransmissions() == 0
        assert across.silent()
        plan = lab.apply(_tree("new", "closed"))  # groups change, and the instance stays: so do its flows
        assert [step for step in plan if step.verb == "flush"] == []


def test_flows_end_with_their_route_even_if_the_gateway_had_lost_its_table(lab_name: str) -> None:
    """A connection table outlives the rules that filled it, and the plan can no longer see what they let pass."""
    lab = Lab(lab_name)
    text = _tree("old", "closed")
    lab.apply(text)
    with datagrams(lab, "web", WEB, THEIRS) as far, datagrams(lab, "old", APP, MINE) as near:
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

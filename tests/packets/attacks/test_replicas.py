"""Two replicas of a gateway and wires beside both: each replica judges only flows that it saw begin.

What a replica does with flows that it was taught: `tests/packets/test_taught_flows.py`.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import get_args

import pytest

from tests.support.attack_bench import Bench, Way, beside
from tests.support.crafted_flows import Datagrams, Tcp
from tests.support.extension_headers import DESTINATION, Header, behind, fragment, fragments
from tests.support.labs import Lab
from tests.topologies.three_instances import TREE

pytestmark = pytest.mark.root

Pair = tuple[Bench, Bench]


@pytest.fixture(scope="module")
def pair(module_lab_name: str) -> Iterator[Pair]:
    """Wires beside both replicas of a gateway."""
    tree = copy.deepcopy(TREE)
    tree["vpcs"]["main"]["egress_only_internet_gateways"]["outbound"]["replicas"] = 2
    lab = Lab(module_lab_name)
    lab.apply(json.dumps(tree))
    with beside(lab, "outbound#1", "outbound#2") as (one, two):
        yield one, two
    lab.destroy()


def test_a_segment_of_a_flow_that_a_replica_does_not_have_is_dropped(pair: Pair) -> None:
    """Segments of a flow that only the other replica has, from both sides: no segment creates the flow."""
    one, two = pair
    tcp, flow = Tcp.opened(one), Datagrams.opened(one)
    for flags in ("A", "PA", "FA", "R", "RA", "SA"):
        assert two.attack("out", [tcp.out(flags)], {"drop_invalid": 1}).through == []
    for flags in ("A", "PA", "FA", "R", "RA", "SA"):
        assert two.attack("in", [tcp.back(flags)], {"drop_invalid": 1}).through == []
    assert two.attack("in", [tcp.back("S")], {"drop_inbound": 1}).through == []
    assert two.attack("in", [flow.back()], {"drop_inbound": 1}).through == []
    assert two.tcp_state(tcp.port) is None
    assert not two.knows(flow.port)
    tcp.check()  # the control: the replica that has the flow lets it pass
    assert len(one.attack("in", [flow.back()], {}).through) == 1


# ---- fragments -------------------------------------------------------------------------------------------------------


def _behind_options(segment: bytes) -> list[bytes]:
    """Return one atomic fragment with destination options between its fragment header and TCP."""
    return [behind(segment, fragment(7), Header(DESTINATION))]


def _options_in_pieces(segment: bytes) -> list[bytes]:
    return fragments(behind(segment, Header(DESTINATION)), 8, 32)


IN_PIECES: dict[str, Callable[[bytes], list[bytes]]] = {
    "two pieces": lambda segment: fragments(segment, 5, 24),
    "one atomic piece": lambda segment: [behind(segment, fragment(6))],
    "options before TCP, atomic": _behind_options,
}
"""Ways to fragment a segment. The gateway refuses each piece."""


@pytest.mark.parametrize("way", get_args(Way))
@pytest.mark.parametrize("cut", IN_PIECES)
def test_tcp_in_fragments_is_refused(pair: Pair, cut: str, way: Way) -> None:
    """Fragments of this replica's flows too: most fragments reach a replica that does not have their flow."""
    tcp = Tcp.opened(pair[0])
    for flags in ("PA", "R", "FA", "A"):
        segment = tcp.back(flags, b"in fragments") if way == "in" else tcp.out(flags, b"in fragments")
        pieces = IN_PIECES[cut](segment)
        assert pair[0].attack(way, pieces, {"drop_tcp_fragment": len(pieces)}).through == []
    tcp.check()


def test_tcp_in_fragments_is_refused_though_options_hide_it(pair: Pair) -> None:
    """Only the first fragment shows TCP, and is refused. The other one waits for it until Linux gives it up."""
    tcp = Tcp.opened(pair[0])
    pieces = _options_in_pieces(tcp.back("R", b"in fragments"))
    assert len(pieces) == 2
    assert pair[0].attack("in", pieces, {"drop_tcp_fragment": 1}).through == []
    tcp.check()


def test_udp_in_fragments_passes(pair: Pair) -> None:
    flow = Datagrams.opened(pair[0])
    for whole, way in ((flow.out(b"o" * 64), "out"), (flow.back(b"i" * 64), "in")):
        pieces = fragments(whole, 9, 24)
        outcome = pair[0].attack("in" if way == "in" else "out", pieces, {})
        assert [len(each) for each in outcome.through] == [len(each) for each in pieces]

"""Flows that replicas take over from each other, under attack from a host that knows all but their sequence numbers.

No flow is lost to the attack, and no forged packet reaches the instance that conntrack alone would refuse. A gateway of
one replica under the same attack is the reference (`forging.PASSES_CONNTRACK`).
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from scapy.layers.inet import TCP
from scapy.layers.inet6 import IPv6

from eigw_ns.dataplane.planning.plan import Plan
from eigw_ns.dataplane.replication.watched_gateways import Gateway, gateways
from eigw_ns.dataplane.state import Flow
from eigw_ns.errors import EigwError
from eigw_ns.kernel.namespaces import netns
from eigw_ns.lab.lifecycle import operations
from scripts.benchmarks.failures import FAILURES, Failure, delete_namespace
from scripts.benchmarks.flows import Ends, Flows, Wanted
from scripts.benchmarks.ha import Watcher
from tests.support import forging
from tests.support.forging import (
    PASSES_CONNTRACK,
    PASSES_IF_OLD,
    PASSES_IN_FRAGMENTS,
    PASSES_WHOLE,
    REFUSED,
    Attack,
    Numbers,
    await_refusals,
)
from tests.support.labs import SILENCE, Lab, topology, until
from tests.support.replicated_lab import count, replicas, replicated
from tests.support.stored import storage
from tests.topologies.egress import APP, WEB
from tests.topologies.replicated import tree

pytestmark = pytest.mark.root

WANTED = Wanted(resting=90, asking=15, datagrams=5, transfers=1, patience=5.0)
SUBNET = "main/a"


# ---- flows under attack ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Busy:
    """Flows of the instance, idle and busy, and the sequence numbers that the attacker must not hit by chance."""

    flows: Flows
    numbers: Numbers

    def all(self, lab: Lab) -> list[Flow]:
        """Return all open flows. The subnet may also have flows whose connections were closed."""
        found = lab.kernel.flows(lab.namespace(SUBNET))
        return [flow for flow in found if flow.source == APP and self._is_open(flow)]

    def _is_open(self, flow: Flow) -> bool:
        near, far = flow.ports or (0, 0)
        return flow.protocol == socket.IPPROTO_UDP or (far, near) in self.numbers


@contextlib.contextmanager
def _busy(lab: Lab) -> Iterator[Busy]:
    ends = Ends(lab.namespace("app"), APP, lab.namespace("web"), WEB)
    for name in [*_gateways(lab), lab.namespace(SUBNET)]:  # closing flows of an earlier test let any reset in (G5)
        lab.kernel.flush_flows(name, ())
    with forging.handshakes(lab) as numbers, Flows(ends, WANTED) as flows:
        yield Busy(flows, numbers())


def _check(lab: Lab, busy: Busy) -> None:
    """Assert that no flow is lost, that none is about to end, and that busy flows are answered."""
    flows = busy.flows
    assert _states(lab, busy) == {"ESTABLISHED"}  # an ended flow stays in another state for a while
    assert flows.lost() == 0
    assert flows.resting() == WANTED.resting

    def answered() -> bool:
        seen = flows.report()
        return max(*seen.tcp_gaps, *seen.udp_gaps, seen.transfer_gap) < 0.5

    until(answered, "every busy flow is answered", 10.0)


def _states(lab: Lab, busy: Busy) -> set[str]:
    """Return the states of the connections in the subnet's and the gateway's conntrack."""
    found = set()
    for name in [*_gateways(lab), lab.namespace(SUBNET)]:
        with netns.inside(name):
            lines = Path("/proc/thread-self/net/nf_conntrack").read_text().splitlines()
        for fields in (line.split() for line in lines if " tcp " in line):
            near, far = (int(fields[at].partition("=")[2]) for at in (8, 9))
            found |= {fields[5]} if (far, near) in busy.numbers else set()
    return found


def _gateways(lab: Lab) -> list[str]:
    return [name for name in replicas(lab) if lab.kernel.exists(name)]


@contextlib.contextmanager
def _attacked(lab: Lab, busy: Busy, known: frozenset[str] = PASSES_CONNTRACK) -> Iterator[None]:
    """Attack all flows of the instance while the block runs, and check the packets that arrive."""
    with forging.forging(lab, busy.all(lab), busy.numbers) as attack:
        yield
    _check_arrived(attack, known)


def _check_arrived(attack: Attack, known: frozenset[str] = PASSES_CONNTRACK) -> None:
    """Assert that only known kinds arrived, and no larger share of a kind than through a gateway of one replica."""
    assert attack.beyond(known) == {}
    assert set(attack.arrived) >= PASSES_CONNTRACK, "none of the known limits: the attack met no flow"
    for kind in PASSES_IF_OLD:
        assert attack.share(kind) < 0.4, f"{kind}: more than the quarter that is below the window"


ONE = PASSES_CONNTRACK | PASSES_IN_FRAGMENTS
"""The kinds that pass a gateway of one replica."""


def _meet(lab: Lab) -> None:
    """Wait until the attack has met each rule that refuses it."""
    counters = (*REFUSED, "drop_tcp_fragment") if len(replicas(lab)) > 1 else REFUSED
    await_refusals(replicas(lab), lab, counters)


def _grown(number: int, lab: Lab) -> str:
    """Return the lab with another subnet, route and route table. All flows stay."""
    made = json.loads(tree(number, lab.name))
    main = made["vpcs"]["main"]
    main["subnets"]["b"] = {"ipv6_cidr_block": "2600:1f16:aa0:5502::/64", "route_table": "other"}
    main["route_tables"]["other"] = {"routes": [{"destination": "2001:db8:80::/48", "target": "outbound"}]}
    main["route_tables"]["private"]["routes"].append({"destination": "2001:db8:80::/48", "target": "outbound"})
    return json.dumps(made)


def test_which_forged_packets_pass_a_gateway_of_one_replica(lab_name: str) -> None:
    """The kinds that reach the instance through one replica. No other kinds may reach it through several."""
    with replicated(lab_name, 1) as lab, _busy(lab) as busy:
        with forging.forging(lab, busy.all(lab), busy.numbers) as attack:
            _meet(lab)
            until(lambda: _sends_for(1.5), "the attack goes on for a while")
            _check(lab, busy)
        _check_arrived(attack, ONE)
        assert set(attack.arrived) == ONE
        assert all(attack.share(kind) > 0.9 for kind in PASSES_WHOLE)


def test_known_limit_one_reset_in_66_000_stalls_an_idle_flow(lab_name: str) -> None:
    """The reset is 66,000 to 131,000 octets beyond the peer's next number.

    Conntrack accepts it as within the window, and treats the peer's next data as old. The instance ignores the reset,
    and its own data still goes out.
    """
    with replicated(lab_name, 1) as lab, forging.handshakes(lab) as numbers, lab.stream("app", "web", WEB) as stream:
        assert stream.works()
        near, far = stream.client.getsockname()[1], stream.server.getsockname()[1]
        number = (numbers()[far, near] + 100_000) % (1 << 32)
        with lab.open_socket("evil", kind=socket.SOCK_RAW, protocol=socket.IPPROTO_RAW) as raw:
            reset = IPv6(src=WEB, dst=APP) / TCP(sport=far, dport=near, flags="R", seq=number)
            raw.sendto(bytes(reset), (APP, 0))
        stream.client.sendall(b"ping")
        assert stream.server.recv(4) == b"ping"
        before = lab.counter("outbound", "drop_invalid")
        stream.server.sendall(b"pong")
        until(lambda: lab.counter("outbound", "drop_invalid") > before, "the peer's data is dropped")
        stream.client.settimeout(SILENCE)
        with pytest.raises(TimeoutError):
            stream.client.recv(4)


def _sends_for(seconds: float) -> bool:
    begin = time.monotonic()
    while time.monotonic() - begin < seconds:
        select.select([], [], [], 0.05)
    return True


@pytest.mark.parametrize("attacked", [True, False], ids=["attacked", "control"])
def test_no_change_of_the_number_of_replicas_costs_a_flow(lab_name: str, attacked: bool) -> None:
    """1 → 2, 2 → 3, 3 → 2, 2 → 3, 3 → 1 and 1 → 3, and changes of subnets and routes in between."""
    with contextlib.ExitStack() as stack:
        lab = stack.enter_context(replicated(lab_name, 1))
        busy = stack.enter_context(_busy(lab))
        if attacked:
            stack.enter_context(_attacked(lab, busy, ONE))
        for number in (2, 3, 2, 3, 1, 3):
            for text in (tree(number, lab.name), _grown(number, lab), tree(number, lab.name)):
                if attacked:
                    _meet(lab)
                lab.apply(text)
            if attacked:
                _meet(lab)
            _check(lab, busy)
        assert sum(count(lab, "allowed_taught")) > 0


def test_fragments_of_every_kind_harm_no_flow(lab_name: str) -> None:
    """Three replicas and no change: fragments of most flows reach a replica that does not have the flow."""
    with replicated(lab_name, 3) as lab, _busy(lab) as busy:
        for fragments in (False, True):
            before = sum(count(lab, "drop_tcp_fragment"))
            with forging.forging(lab, busy.all(lab), busy.numbers, fragments=fragments) as attack:
                await_refusals(replicas(lab), lab)
                until(lambda: _sends_for(0.5), "the attack goes on for half a second")
            _check_arrived(attack)
            assert (sum(count(lab, "drop_tcp_fragment")) > before + 50) or not fragments
            _check(lab, busy)


def test_a_gateway_of_one_replica_that_is_rebuilt_keeps_its_flows(lab_name: str) -> None:
    with replicated(lab_name, 1) as lab, _busy(lab) as busy, _attacked(lab, busy, ONE):
        for _ in range(2):
            _meet(lab)
            netns.remove(lab.namespace("outbound"))
            lab.apply(tree(1, lab.name))
            _meet(lab)
            assert {flow.protocol for flow in lab.kernel.taught(lab.namespace("outbound"))} >= {socket.IPPROTO_TCP}
            _check(lab, busy)


# ---- deaths ----------------------------------------------------------------------------------------------------------


class Stored(Lab):
    """A lab in the store, where the agent finds it."""

    def apply(self, text: str) -> Plan:
        plan = self.plan(text)
        self.current = topology(text, self.name)
        operations.apply(self.kernel, storage(), self.current)
        return plan

    def destroy(self) -> None:
        operations.destroy(self.kernel, storage(), self.name)

    @property
    def gateway(self) -> Gateway:
        """Return the gateway as the agent sees it."""
        assert self.current is not None
        return gateways(self.current.cloud)[0]

    def whole(self) -> bool:
        """Return whether every replica has its share."""
        return all(self.kernel.group(group) == group for group in self.gateway.groups)


@pytest.fixture(scope="module")
def kept(module_lab_name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stored]:
    """Three replicas, with state and run folders of their own."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("EIGW_NS_STATE_DIR", "EIGW_NS_RUN_DIR"):
            patch.setenv(name, str(tmp_path_factory.mktemp(name.lower())))
        lab = Stored(module_lab_name)
        lab.apply(tree(3, lab.name))
        yield lab
        lab.destroy()


@pytest.fixture
def stored(kept: Stored) -> Stored:
    """The same lab, repaired."""
    kept.apply(tree(3, kept.name))
    return kept


def _strike(lab: Stored, watcher: Watcher, failure: Failure, victim: int) -> None:
    failure.strike(lab.gateway.replicas[victim])
    watcher.wait_for("replica dead")


def _mend(lab: Stored, failure: Failure, victim: int) -> None:
    failure.undo(lab.gateway.replicas[victim])
    lab.apply(tree(3, lab.name))
    until(lab.whole, "every replica has its share")


@pytest.mark.alone
@pytest.mark.timeout(180)
def test_no_kind_of_death_under_attack_costs_a_flow(stored: Stored) -> None:
    """Each way of README's table, then two deaths in a row. `apply` repairs, and moves the flows back."""
    with Watcher(stored.name) as watcher, _busy(stored) as busy, _attacked(stored, busy):
        for number, failure in enumerate(FAILURES):
            _strike(stored, watcher, failure, number % 3)
            _check(stored, busy)
            _mend(stored, failure, number % 3)
            _meet(stored)
            _check(stored, busy)
        for victim in (0, 1):
            _strike(stored, watcher, FAILURES[0], victim)
        _check(stored, busy)
        _mend(stored, FAILURES[0], 0)
        _check(stored, busy)


@pytest.mark.alone
def test_a_repair_by_the_agent_under_attack_costs_no_flow(stored: Stored) -> None:
    with Watcher(stored.name, "--repair") as watcher, _busy(stored) as busy, _attacked(stored, busy):
        _strike(stored, watcher, FAILURES[0], 1)
        watcher.wait_for("repaired")
        until(stored.whole, "every replica has its share")
        _meet(stored)
        _check(stored, busy)


@pytest.mark.alone
def test_a_death_during_a_change_costs_no_flow(stored: Stored) -> None:
    """A replica dies while `apply` removes another one or brings it back."""
    with Watcher(stored.name) as watcher, _busy(stored) as busy, _attacked(stored, busy):
        for number, victim in ((2, 0), (3, 1), (2, 1), (3, 0)):
            killer = threading.Thread(target=delete_namespace, args=(stored.gateway.replicas[victim],))
            killer.start()
            _insist(stored, tree(number, stored.name))
            killer.join()
            _insist(stored, tree(number, stored.name))
            until(stored.whole, "every replica has its share")
            _meet(stored)
            _check(stored, busy)
        assert watcher.events


def _insist(lab: Stored, text: str) -> None:
    """Apply until nothing is left to do: a change may fail if a replica dies meanwhile."""
    for _ in range(3):
        with contextlib.suppress(EigwError):
            lab.apply(text)
            return
    lab.apply(text)


@pytest.mark.nightly
@pytest.mark.alone
@pytest.mark.timeout(600)
def test_sixteen_deaths_in_a_row_under_attack_cost_no_flow(stored: Stored) -> None:
    with Watcher(stored.name, "--repair") as watcher, _busy(stored) as busy, _attacked(stored, busy):
        for number in range(16):
            failure, victim = FAILURES[number % len(FAILURES)], number % 3
            _strike(stored, watcher, failure, victim)
            failure.undo(stored.gateway.replicas[victim])
            until(stored.whole, "every replica has its share", 30.0)
            _meet(stored)
            _check(stored, busy)

"""`apply` takes over a lab of a version before 0.2: its flows go on, and no copied conntrack entry stays.

Such a lab has a namespace that joins the replicas of a gateway, a link from each replica to it, and rules without
taught flows. The daemons of such a lab are tested in tests/kernel/test_former.py.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest

from eigw_ns.dataplane.compile.names import mac, namespace_name
from eigw_ns.dataplane.state import TAUGHT, TAUGHT_ERRORS, Link, Namespace, NetObject, NftChain, Ruleset
from tests.support.labs import Lab, Stream
from tests.support.replicated_lab import carries, datagrams, replicas, replicated
from tests.topologies.egress import WEB
from tests.topologies.replicated import tree

pytestmark = pytest.mark.root

FLOWS = 40
SYNC = "sync-00000000000000001"


def _as_before(rules: Ruleset) -> Ruleset:
    """Return the rules without all that concerns taught flows."""
    gone = (f"@{TAUGHT}", f"@{TAUGHT_ERRORS}", "goto told", "goto renew")
    names = {"answers", "renew", "told"}
    chains = tuple(
        NftChain(chain.name, chain.hook, tuple(rule for rule in chain.rules if not any(word in rule for word in gone)))
        for chain in rules.chains
        if chain.name not in names
    )
    sets = tuple(item for item in rules.sets if item.name not in (TAUGHT, TAUGHT_ERRORS))
    counters = tuple(name for name in rules.counters if name != "allowed_taught")
    return replace(rules, counters=counters, sets=sets, chains=chains)


def _hub(lab: Lab) -> list[NetObject]:
    """Return the namespace that joined the replicas, and the links to it."""
    hub = Namespace(namespace_name(lab.name, SYNC), lab.name, SYNC)
    made: list[NetObject] = [hub]
    for number, name in enumerate(replicas(lab)):
        near, far = (name, "sync"), (hub.namespace, f"port{number}")
        made += [Link(*near, "veth", mac(*near), far), Link(*far, "veth", mac(*far), near)]
    return made


@contextlib.contextmanager
def _streams(lab: Lab) -> Iterator[list[Stream]]:
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(lab.listening("web", WEB, 4443))
        found = []
        for _ in range(FLOWS):
            client = stack.enter_context(lab.open_socket("app"))
            client.settimeout(listener.gettimeout())
            client.connect((WEB, 4443))
            server = stack.enter_context(listener.accept()[0])
            server.settimeout(listener.gettimeout())
            found.append(Stream(client, server))
        yield found


@pytest.mark.parametrize("number", [1, 3])
def test_a_lab_of_an_earlier_version_is_taken_over_and_loses_no_flow(lab_name: str, number: int) -> None:
    with replicated(lab_name, number) as lab, _streams(lab) as streams, datagrams(lab) as (near, far, _):
        assert carries(near, far)
        for name in replicas(lab):
            rules = lab.kernel.observe(lab.name).objects["ruleset", name, "inet"]
            assert isinstance(rules, Ruleset)
            lab.kernel.update([(rules, _as_before(rules))])
        lab.kernel.create(_hub(lab))
        assert all(stream.works() for stream in streams)  # the control: the lab was as before
        known = [flow for name in replicas(lab) for flow in lab.kernel.flows(name)]
        assert sum(flow.protocol == socket.IPPROTO_TCP for flow in known) == FLOWS

        lab.apply(tree(number, lab.name))

        assert lab.plan(tree(number, lab.name)) == ()
        assert not lab.kernel.exists(namespace_name(lab.name, SYNC))
        assert not [flow for name in replicas(lab) for flow in lab.kernel.flows(name)]
        told = [flow for name in replicas(lab) for flow in lab.kernel.taught(name)]
        assert sum(flow.protocol == socket.IPPROTO_TCP for flow in told) == FLOWS
        far.send(b"first")  # the host speaks first, as in the middle of an answer
        assert near.recv(16) == b"first"
        assert all(stream.works() for stream in streams)
        assert carries(near, far)

"""`LinuxKernel` leaves nothing open: an agent runs for months, and an open socket keeps a deleted namespace alive."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace

import pytest

from eigw_ns.dataplane.compile.names import FABRIC_LINK
from eigw_ns.dataplane.replication import spread
from eigw_ns.dataplane.replication.watched_gateways import Gateway, Replica, gateways
from eigw_ns.dataplane.state import BUCKETS, ReplicaMap
from eigw_ns.errors import MissingError
from eigw_ns.kernel.linux import LinuxKernel
from eigw_ns.kernel.namespaces import netns
from eigw_ns.kernel.netlink.socket import NETFILTER, Netlink
from tests.support.labs import PATIENCE, SILENCE, Lab, until
from tests.support.replicated_lab import replicated
from tests.support.witness import Witness

pytestmark = pytest.mark.root

FAILOVERS = 100


def opened() -> int:
    """Return the number of descriptors that this process has open."""
    return sum(1 for _ in os.scandir("/proc/self/fd"))


@pytest.fixture
def lab(lab_name: str) -> Iterator[Lab]:
    """A lab whose gateway has two replicas."""
    with replicated(lab_name, 2) as lab:
        yield lab


def gateway(lab: Lab) -> Gateway:
    assert lab.current is not None
    (found,) = gateways(lab.current.cloud)
    return found


def failovers(kernel: LinuxKernel, watched: Gateway, number: int) -> None:
    """Move all flows to one replica and back, as the agent does: both groups change, then a replica is told flows."""
    for turn in range(number):
        successor = watched.replicas[turn % 2]
        kernel.update((group, _all_to(group, successor)) for group in watched.groups)
        kernel.teach([replace(watched.lesson, namespace=successor.namespace, buckets=((0, BUCKETS - 1),))])


def _all_to(group: ReplicaMap, replica: Replica) -> ReplicaMap:
    (mac,) = {mac for _, _, mac in group.shares} & {replica.inner.mac, replica.outer.mac}
    return replace(group, shares=spread.all_to(mac))


def test_a_hundred_failovers_leave_no_descriptor_open(lab: Lab) -> None:
    kernel = LinuxKernel()
    failovers(kernel, gateway(lab), 2)  # what Python opens once
    before = opened()
    failovers(kernel, gateway(lab), FAILOVERS)
    assert opened() == before
    assert kernel.writes >= 2 * FAILOVERS  # both groups were written each time


def test_a_change_that_fails_leaves_no_descriptor_open(lab: Lab) -> None:
    kernel, groups = LinuxKernel(), gateway(lab).groups
    gone = replace(groups[1], namespace=f"{groups[1].namespace}0")
    kernel.update([(groups[0], groups[0])])
    before = opened()
    for _ in range(3):
        with pytest.raises(MissingError):
            kernel.update([(groups[0], groups[0]), (gone, gone)])
    assert opened() == before


def test_a_fabric_that_somebody_deletes_is_gone_at_once(lab: Lab) -> None:
    """A namespace is alive as long as the far ends of its veth pairs. The control: an open socket keeps it alive."""
    kernel, watched = LinuxKernel(), gateway(lab)
    failovers(kernel, watched, 3)
    fabric, replica = watched.replicas[0].inner.namespace, watched.replicas[0].namespace
    with netns.inside(fabric):
        control = Netlink(NETFILTER)
    with control:
        netns.remove(fabric)
        with pytest.raises(AssertionError, match="gone"):
            _await_end(replica, SILENCE)
    _await_end(replica)


def _await_end(replica: str, patience: float = PATIENCE) -> None:
    """Wait until the fabric of the replica is gone, and with it the pair between the two."""
    until(lambda: FABRIC_LINK not in Witness(replica).links(), "the fabric is gone", patience)

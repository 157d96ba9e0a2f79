"""What the rest of the program asks of Linux: the whole of it, small enough to fake honestly.

`LinuxKernel` does it, `FakeKernel` plays it in memory; both pass `tests/contract`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from eigw_ns.dataplane.state import NOTHING, Flow, NetObject, NetState, NextHopGroup


@dataclass(frozen=True, slots=True)
class Count:
    """What a named nftables counter has seen."""

    packets: int
    bytes: int


class Kernel(Protocol):
    """A kernel that holds namespaces, and changes them one object at a time.

    Every method raises `HostError` where the host forbids or lacks something, and `KernelError` (`MissingError`,
    `ExistsError`) where the kernel refuses one change; what was done before the failing object stays done.
    """

    writes: int
    """How many changes (netlink messages, nft transactions, sysctl writes, mounts) this object has asked for."""

    def observe(self, lab: str, believed: NetState = NOTHING) -> NetState:
        """What the kernel holds in the namespaces that bear this lab's mark.

        `believed` changes nothing in the answer: what is believed to be there may be cheaper to prove than to read.
        In those of tenants (instances, internet hosts) only what is ours: the rest is their own business. In routers
        also what somebody else put there, each a `Stray`.
        """
        ...

    def outline(self, lab: str) -> NetState:
        """The namespaces that bear this lab's mark, which of them route, and what runs in them: all that one needs to
        know to end them."""
        ...

    def exists(self, namespace: str) -> bool:
        """Whether there is a namespace of that name, whosever."""
        ...

    def foreign(self, names: Iterable[str]) -> tuple[str, ...]:
        """Those of `names` that exist as network namespaces but bear no mark of ours, sorted."""
        ...

    def labs(self) -> tuple[str, ...]:
        """The labs of which at least one marked namespace exists, sorted."""
        ...

    def husks(self) -> tuple[str, ...]:
        """Names of ours (`eigw-…`) with no namespace behind them: what a killed creation leaves. Sorted."""
        ...

    def remove_husks(self, names: Iterable[str]) -> None:
        """Remove those of `names` that are husks still; a namespace is never touched."""
        ...

    def create(self, things: Iterable[NetObject]) -> None:
        """Make the objects, in this order. A veth pair is made when the first of its ends comes; a `Stray` never is."""
        ...

    def update(self, old: NetObject, new: NetObject) -> None:
        """Change an object in place, in one step that packets cannot see halfway (same key, other value).

        That may be a `Stray` in the place of a route of ours, which is made also where the stray has gone by itself.
        """
        ...

    def delete(self, things: Iterable[NetObject]) -> None:
        """Remove the objects, in this order. What is gone already is no error: that is what was wanted."""
        ...

    def counters(self, namespace: str) -> Mapping[str, Count]:
        """The named counters of our table in the namespace; empty where there is none."""
        ...

    def settle(self, namespaces: Iterable[str]) -> None:
        """Wait until every link of the namespaces carries packets and every address is answered; writes nothing.

        Raises EigwError where that does not come.
        """
        ...

    def group(self, group: NextHopGroup) -> NextHopGroup | None:
        """The same group as it is now, None where it is empty. Raises MissingError where there is no such namespace."""
        ...

    def flows(self, namespace: str) -> Sequence[Flow]:
        """The IPv6 flows in the namespace's connection table."""
        ...

    def loosen(self, namespace: str, flows: Iterable[Flow]) -> None:
        """Forget the windows of these TCP flows, so that each is judged from its next packets on.

        A daemon is away for a moment meanwhile, and misses what happens.
        """
        ...

    def can_sync(self) -> bool:
        """Whether the host has conntrackd, by which replicas tell each other of their flows."""
        ...

    def end_strays(self, lab: str) -> None:
        """End the lab's daemons whose namespace was removed by others: it lives, nameless, as long as they do."""
        ...

    def open_daemon(self, namespace: str) -> int | None:
        """A pidfd of the namespace's conntrackd, readable once that ends; None where none runs. The caller closes it.

        Raises MissingError where there is no such namespace.
        """
        ...

    def learn(self, namespace: str, peers: Iterable[str], *, anew: bool) -> None:
        """Have a replica of a gateway learn the flows of its peers (namespaces) that it does not know.

        `anew`: it carries nothing, so it forgets all that it knows first. Raises MissingError where a namespace is not
        there.
        """
        ...

    def flush_flows(
        self, namespace: str, keep: Iterable[tuple[str, str, str]] | None, ended: Iterable[str] = ()
    ) -> int:
        """Delete the connection table's entries that no `keep` covers, and those with an end in `ended`; how many.

        A `keep` is (source prefix, first destination, last destination) of a flow's original direction; None covers
        all. `ended` are addresses.
        """
        ...

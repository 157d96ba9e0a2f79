"""The interface to Linux, small enough to fake: `Kernel` for the objects of labs, `Host` for the rest.

A `Machine` has both. `LinuxKernel` uses the kernel, `FakeKernel` holds all in memory; both pass `tests/contract`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import NoReturn, Protocol

from eigw_ns.dataplane.state import (
    NOTHING,
    Flow,
    FlowEntry,
    ForeignObject,
    Forget,
    Leg,
    NetObject,
    NetState,
    ReplicaMap,
    Teach,
)
from eigw_ns.frozen import frozen


@frozen
class Count:
    """What a named nftables counter has seen."""

    packets: int
    bytes: int


@frozen
class LinkCount:
    """What a link has received and sent since it was made."""

    received: Count
    sent: Count


@frozen
class Traffic:
    """What a namespace has counted: its named nftables counters, its links by name, and the flows it tracks now."""

    counters: Mapping[str, Count]
    links: Mapping[str, LinkCount]
    flows: int


@frozen
class Occupant:
    """A process in a named namespace. `inode` identifies the namespace, also after its name was removed."""

    pid: int
    command: str
    namespace: str
    inode: int


Change = tuple[NetObject, NetObject]
"""An object as it is, and as it shall be: same key, other value."""


class Kernel(Protocol):
    """A kernel that holds namespaces, and changes them one object at a time.

    Every method raises `HostError` if the host forbids or lacks something, and `KernelError` (`MissingError`,
    `ExistsError`) if the kernel refuses one change. Changes before the failing object stay.
    No method leaves a socket open, so a namespace that any program deletes afterwards is gone at once.
    """

    writes: int
    """How many changes (netlink messages, nft transactions, sysctl writes, mounts) this object has asked for."""

    def observe(self, lab: str, believed: NetState = NOTHING, *, only: Collection[str] | None = None) -> NetState:
        """Return the objects in the namespaces that have this lab's mark; with `only`, in those of them.

        `believed` does not change the answer: to prove that objects are there may be cheaper than to read them.
        In namespaces of tenants (instances, internet hosts) only our objects are read. In routers, objects of other
        programs are read too, each as a `ForeignObject`.
        """
        ...

    def additions(self, namespaces: Sequence[str]) -> Sequence[ForeignObject]:
        """Return links, addresses and routes that users have added in these namespaces of tenants.

        Leaves out what the kernel adds by itself, and namespaces that do not exist.
        """
        ...

    def outline(self, lab: str) -> NetState:
        """Return the namespaces that have this lab's mark, and which of them route: what is needed to delete them."""
        ...

    def exists(self, namespace: str) -> bool:
        """Return whether a namespace of this name exists, ours or not."""
        ...

    def missing(self, names: Iterable[str]) -> frozenset[str]:
        """Return those of `names` that name nothing: no namespace, and not even a stale name."""
        ...

    def foreign(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return those of `names` that exist as network namespaces but have no mark of ours, sorted."""
        ...

    def labs(self) -> tuple[str, ...]:
        """Return the labs of which at least one marked namespace exists, sorted."""
        ...

    def stale_names(self) -> tuple[str, ...]:
        """Return names of ours (`eigw-…`) without a namespace, which a killed creation leaves, sorted."""
        ...

    def remove_stale_names(self, names: Iterable[str]) -> None:
        """Remove those of `names` that are still stale. A namespace is never touched."""
        ...

    def stored_in(self, namespace: str) -> str:
        """Return the state folder that `note_stored_in` noted in the namespace.

        Returns "" if none is noted or the namespace does not exist.
        """
        ...

    def note_stored_in(self, namespace: str, folder: str) -> None:
        """Note in a namespace of a lab in which state folder the lab is stored. The note ends with the namespace.

        Raises MissingError if the namespace does not exist.
        """
        ...

    def create(self, things: Iterable[NetObject]) -> None:
        """Create the objects, in this order. A veth pair is created with the first of its ends.

        A `ForeignObject` is never created.
        """
        ...

    def update(self, changes: Iterable[Change]) -> None:
        """Change objects in place, in this order, each in one step that packets cannot see halfway.

        The old object may be a `ForeignObject` in the place of a route of ours, which is created even if that is gone.
        """
        ...

    def delete(self, things: Iterable[NetObject]) -> None:
        """Remove the objects, in this order. It is no error if an object is gone already."""
        ...

    def connection_table(self) -> int | None:
        """Return how many entries the connection table of each namespace has; None if the kernel does not say."""
        ...

    def counters(self, namespace: str) -> Mapping[str, Count]:
        """Return the named counters of our tables in the namespace; empty if it has none."""
        ...

    def traffic(self, namespaces: Iterable[str]) -> Mapping[str, Traffic]:
        """Return what each of the namespaces has counted. Those that do not exist are left out."""
        ...

    def settle(self, namespaces: Iterable[str]) -> None:
        """Wait until every link of the namespaces carries packets and every address is answered. Writes nothing.

        Raises EigwError if this takes too long.
        """
        ...

    def group(self, group: ReplicaMap) -> ReplicaMap | None:
        """Return the same group as it is now, None if it is empty. Raises MissingError if the namespace is missing."""
        ...

    def flows(self, namespace: str) -> Sequence[Flow]:
        """Return the IPv6 flows in the namespace's connection table."""
        ...

    def flow_entries(self, namespace: str) -> Sequence[FlowEntry]:
        """Return the IPv6 entries of the namespace's connection table, with all that is known of them."""
        ...

    def teach(self, lessons: Sequence[Teach]) -> int:
        """Tell gateways the flows that their subnets remember, in one nft transaction each.

        Returns the number of flows told. A subnet that does not exist remembers nothing. Raises MissingError if a
        gateway, or its set of taught flows, is missing; all others have been told by then.
        """
        ...

    def forget(self, lesson: Forget) -> int:
        """Delete what a gateway has seen of the flows of some buckets. Returns the number of flows."""
        ...

    def taught(self, namespace: str) -> Sequence[Flow]:
        """Return the flows that a gateway was told of and has not seen begin. Empty if it has no set of them."""
        ...

    def age(self, lessons: Sequence[Teach]) -> int:
        """Take from each gateway's taught flows those that its subnets do not remember any more.

        Returns the number of flows. The buckets of the lessons do not matter.
        """
        ...

    def stop_orphaned_daemons(self, lab: str) -> None:
        """Stop the conntrackds that versions before 0.2 started in the lab's replicas, and remove their folders."""
        ...

    def flush_flows(
        self,
        namespace: str,
        keep: Iterable[tuple[str, str, str]] | None,
        ended: Iterable[str] = (),
        gone: Iterable[tuple[str, str, str]] = (),
    ) -> int:
        """Delete the connection table's entries that no `keep` covers, that a `gone` covers, or with an end in `ended`.

        The same flows leave the sets of taught flows. A `keep` or `gone` is (source prefix, first destination, last
        destination) of a flow's original direction; None covers all. `ended` are addresses and prefixes. Returns
        the number of flows.
        """
        ...


class Heartbeats(Protocol):
    """Heartbeats through one replica, numbered from 1. Close it after use."""

    @property
    def sent(self) -> int:
        """The number of the last heartbeat that was sent."""
        ...

    @property
    def answered(self) -> int:
        """The number of the last heartbeat that came back; 0 if none has."""
        ...

    def descriptors(self) -> tuple[int, ...]:
        """Return the descriptors that become readable when `hear` has something to do. See `Host.wait`."""
        ...

    def beat(self) -> None:
        """Send the next one. Raises MissingError if a port is gone or down."""
        ...

    def hear(self) -> None:
        """Take in what has come. Raises MissingError if a port is gone or down."""
        ...

    def close(self) -> None:
        """Close the sockets."""
        ...


class Host(Protocol):
    """The host that labs run on: its namespaces by name, its processes, its clock, and the health of replicas."""

    def names(self) -> tuple[str, ...]:
        """Return the names of all namespaces of the host, ours or not, sorted."""
        ...

    def processes_in(self, namespaces: Iterable[str]) -> tuple[Occupant, ...]:
        """Return the processes in the namespaces, sorted by pid. Leaves out those that this user may not inspect."""
        ...

    def stays(self, occupant: Occupant) -> bool:
        """Return whether the process still runs, in the same namespace."""
        ...

    def name_nodes(self, names: Mapping[str, Sequence[str]]) -> str:
        """Let this process, and what `exec_in` makes of it, find the address of each name. The host's files stay.

        `names` has the names of each address. Returns the reason if that is not possible; "" if it is.
        """
        ...

    def exec_in(self, namespace: str, command: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
        """Replace this process by `command`, in the namespace.

        Raises MissingError if the namespace does not exist, EigwError if the command does not or cannot be run.
        """
        ...

    def fault(
        self, namespace: str, holds: Iterable[NetObject], ports: Iterable[tuple[str, str]], *, changing: bool = False
    ) -> str:
        """Return the first visible fault of a replica, in words; empty if it looks well.

        `holds` is what its namespace should hold. `ports` are the (namespace, link) at the far ends of its links.
        While another process is `changing` the lab, the namespace may hold other versions of these objects.
        """
        ...

    def heartbeats(self, inner: Leg, outer: Leg, source: str, destination: str, port: int) -> Heartbeats:
        """Open heartbeats through a replica from `source` to `destination`, with this UDP port at both ends.

        Raises MissingError if a port is not there, HostError without CAP_NET_RAW.
        """
        ...

    def now(self) -> float:
        """Return the seconds of a clock that never goes back."""
        ...

    def wait(self, descriptors: Iterable[int], seconds: float) -> frozenset[int]:
        """Wait until one of the descriptors is readable, at most for `seconds`. Returns those that are."""
        ...

    def show_need(self, lab: str) -> AbstractContextManager[None]:
        """Return a block during which every process sees that the lab is needed, whatever folders it uses."""
        ...

    def needed_labs(self) -> frozenset[str]:
        """Return the labs that some process shows to be needed now."""
        ...


class Machine(Kernel, Host, Protocol):
    """A kernel and its host."""

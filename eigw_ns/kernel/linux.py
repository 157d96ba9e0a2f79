"""`LinuxKernel`: the `Machine` protocol on the kernel that this program runs on.

Peculiarities of Linux, and the code that deals with them:

- `ip netns add` and pyroute2 fork for each namespace: `netns.creating` does not.
- A veth that is made in one namespace and moved to another shows up in the first. `rtnetlink.new_veth` creates each
  end in its own namespace.
- When a namespace ends, the kernel removes its nftables hooks a grace period before its interfaces. For some
  milliseconds a router without rules would still route. So a plan switches forwarding off before it deletes a namespace
  (`dataplane.planning.plan`), and a gateway routes only packets that its rules have marked
  (`dataplane.compile.compiler`).
- The far ends of its veth pairs vanish even later. The plan deletes those in namespaces that stay.
- The kernel continues after a refused message of a batch, so objects of one namespace after a failed one may exist.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import TypeVar

from eigw_ns.dataplane.state import (
    NOTHING,
    OPTIONAL_SYSCTLS,
    PREFIX,
    Configuration,
    Flow,
    FlowEntry,
    ForeignObject,
    Forget,
    Forwarding,
    Link,
    Namespace,
    NetObject,
    NetState,
    ReplicaMap,
    Ruleset,
    Sysctls,
    Teach,
    batch_key,
    is_tenant,
    seed,
)
from eigw_ns.errors import EigwError, ForeignError, MissingError
from eigw_ns.kernel.host import features
from eigw_ns.kernel.linux_host import LinuxHost
from eigw_ns.kernel.namespaces import netns, sysctl
from eigw_ns.kernel.netlink import conntrack, counters, flow_entries, rtnetlink
from eigw_ns.kernel.netlink.messages import creation_message, deletion_message, replacement_message, takeover_message
from eigw_ns.kernel.netlink.rtnetlink import Indexes
from eigw_ns.kernel.netlink.socket import Message, Netlink
from eigw_ns.kernel.nft.library import Nft
from eigw_ns.kernel.nft.listing import parse_replica_maps
from eigw_ns.kernel.nft.loader import Transactions, load_all
from eigw_ns.kernel.processes.parallel import in_halves
from eigw_ns.kernel.protocol import Change, Count, Traffic
from eigw_ns.kernel.reading import additions, lab_reader, namespace_reader
from eigw_ns.kernel.reading.parsed_routes import ParsedRoutes
from eigw_ns.kernel.replication import teaching
from eigw_ns.kernel.writing import folder_note, links, tenant_conflicts
from eigw_ns.kernel.writing.foreign_removal import clear
from eigw_ns.kernel.writing.settle import settle

Thing = TypeVar("Thing")

_RACES = 5
"""How often a tenant may undo what we do before we give up.

Measured with a tenant that puts back its own address, route and neighbour as soon as rtnetlink reports ours, written in
C. One that waits for reports lost within 5 rounds in each of 150 applies, and in the first round in 141. One that polls
without end lost within 5 rounds in 144, within 20 in 147. One with real-time priority and a processor of its own won
every one of 30 applies, also with 20 rounds. After a lost race, only the tenant's own part is not done.
"""


class LinuxKernel(LinuxHost):
    """The running kernel. Remembers nothing of it: everything is read when it is asked for.

    It remembers only what messages of the kernel mean (`ParsedRoutes`).
    """

    def __init__(self, run_folder: Path = Path("/run/eigw-ns")) -> None:
        self.writes = 0
        self._parsed = ParsedRoutes()
        self._run_folder = run_folder  # where versions before 0.2 left the files of their daemons

    # ---- reading ----------------------------------------------------------------------------------------------------

    def observe(self, lab: str, believed: NetState = NOTHING, *, only: Collection[str] | None = None) -> NetState:
        """See `Kernel.observe`."""
        return lab_reader.read_lab(lab, believed, only, None if only is None else self._parsed)

    def additions(self, namespaces: Sequence[str]) -> Sequence[ForeignObject]:
        """See `Kernel.additions`."""
        return [thing for found in in_halves(namespaces, additions.read) for thing in found]

    def outline(self, lab: str) -> NetState:
        """See `Kernel.outline`."""
        return lab_reader.read_namespaces(lab)

    def exists(self, namespace: str) -> bool:
        """See `Kernel.exists`."""
        return netns.exists(namespace)

    def missing(self, names: Iterable[str]) -> frozenset[str]:
        """See `Kernel.missing`."""
        return frozenset(names) - netns.entries()

    def foreign(self, names: Iterable[str]) -> tuple[str, ...]:
        """See `Kernel.foreign`."""
        return tuple(sorted(name for name in names if netns.exists(name) and lab_reader.owner_of(name) is None))

    def labs(self) -> tuple[str, ...]:
        """See `Kernel.labs`."""
        owners = (lab_reader.owner_of(name) for name in netns.names(PREFIX))
        return tuple(sorted({owner.lab for owner in owners if owner is not None}))

    def connection_table(self) -> int | None:
        """See `Kernel.connection_table`."""
        return features.connection_table()

    def counters(self, namespace: str) -> Mapping[str, Count]:
        """See `Kernel.counters`."""
        with netns.inside(namespace):
            return counters.named_counters()

    def traffic(self, namespaces: Iterable[str]) -> Mapping[str, Traffic]:
        """See `Kernel.traffic`."""
        found: dict[str, Traffic] = {}
        for namespace in namespaces:
            with contextlib.suppress(MissingError), netns.inside(namespace):
                found[namespace] = Traffic(counters.named_counters(), counters.links(), conntrack.entries())
        return found

    def stale_names(self) -> tuple[str, ...]:
        """See `Kernel.stale_names`."""
        return netns.stale_names(PREFIX)

    def stored_in(self, namespace: str) -> str:
        """See `Kernel.stored_in`."""
        with contextlib.suppress(MissingError):
            return folder_note.read(namespace)
        return ""

    # ---- changing ---------------------------------------------------------------------------------------------------

    def create(self, things: Iterable[NetObject]) -> None:
        """See `Kernel.create`."""
        for _, run in groupby(things, key=batch_key):
            batch = list(run)
            match batch[0]:
                case Link():
                    self.writes += links.create(_those(Link, batch))
                case Configuration():
                    self._configure(batch, creation_message)
                case Namespace():
                    netns.prepare_directory()  # two that do it at once would each cover what the other has made
                    self.writes += sum(in_halves(_those(Namespace, batch), _create_namespaces))
                case Ruleset():
                    self.writes += sum(in_halves(_those(Ruleset, batch), load_all))
                case _:
                    with Transactions() as transactions:
                        for thing in batch:
                            self._create_one(thing, transactions)

    def update(self, changes: Iterable[Change]) -> None:
        """See `Kernel.update`."""
        with Transactions() as transactions:
            for old, new in changes:
                self._update_one(old, new, transactions)

    def _update_one(self, old: NetObject, new: NetObject, transactions: Transactions) -> None:
        match old, new:
            case Ruleset(), Ruleset():
                self.writes += transactions.load(new, old)
            case Sysctls(), Sysctls():
                self._write_sysctls(new, dict(old.values))
            case Namespace(), Namespace():
                with netns.inside(new.namespace):
                    self.writes += _mark(new)
            case Link(), Link():
                self.writes += links.change(new)
            case Forwarding(), Forwarding():
                self._forward(new.namespace, new.enabled)
            case ReplicaMap(), ReplicaMap():
                self.writes += transactions.share(new, old)
            case _:
                self._configure([new], takeover_message if isinstance(old, ForeignObject) else replacement_message)

    def delete(self, things: Iterable[NetObject]) -> None:
        """See `Kernel.delete`."""
        for _, run in groupby(things, key=batch_key):
            batch = list(run)
            match batch[0]:
                case Configuration():
                    with contextlib.suppress(MissingError):  # the namespace is gone, and with it all that was in it
                        self._configure(batch, deletion_message)
                case ForeignObject():
                    self.writes += clear(_those(ForeignObject, batch))
                case _:
                    with Transactions() as transactions:
                        for thing in batch:
                            with contextlib.suppress(MissingError):  # each for itself: the others may be there still
                                self._delete_one(thing, transactions)

    def remove_stale_names(self, names: Iterable[str]) -> None:
        """See `Kernel.remove_stale_names`."""
        for name in set(names) & set(self.stale_names()):
            self.writes += netns.remove(name)

    def note_stored_in(self, namespace: str, folder: str) -> None:
        """See `Kernel.note_stored_in`."""
        self.writes += folder_note.write(namespace, folder)

    def settle(self, namespaces: Iterable[str]) -> None:
        """See `Kernel.settle`."""
        settle(namespaces)

    def flush_flows(
        self,
        namespace: str,
        keep: Iterable[tuple[str, str, str]] | None,
        ended: Iterable[str] = (),
        gone: Iterable[tuple[str, str, str]] = (),
    ) -> int:
        """See `Kernel.flush_flows`."""
        with netns.inside(namespace):
            owner = lab_reader.owner_here(namespace)
            if owner is None:
                raise MissingError(f"flush the flows of {namespace}", detail="it is not a namespace of ours")
            flushed = teaching.end(conntrack.stale(keep, ended, gone), seed(owner.lab))
        self.writes += flushed
        return flushed

    def stop_orphaned_daemons(self, lab: str) -> None:
        """See `Kernel.stop_orphaned_daemons`."""
        from eigw_ns.kernel.replication import former  # late: it imports what starts and ends processes

        self.writes += former.stop_daemons(self._run_folder / lab)

    def teach(self, lessons: Sequence[Teach]) -> int:
        """See `Kernel.teach`."""
        told = teaching.teach(lessons)
        self.writes += told
        return told

    def forget(self, lesson: Forget) -> int:
        """See `Kernel.forget`."""
        forgotten = teaching.forget(lesson)
        self.writes += forgotten
        return forgotten

    def taught(self, namespace: str) -> Sequence[Flow]:
        """See `Kernel.taught`."""
        return teaching.taught(namespace)

    def age(self, lessons: Sequence[Teach]) -> int:
        """See `Kernel.age`."""
        gone = teaching.age(lessons)
        self.writes += gone
        return gone

    def group(self, group: ReplicaMap) -> ReplicaMap | None:
        """See `Kernel.group`."""
        with netns.inside(group.namespace):
            listing = Nft().listing(group.family)
        found = parse_replica_maps(listing, group.namespace)
        return next((each for each in found if each.name == group.name), None)

    def flows(self, namespace: str) -> Sequence[Flow]:
        """See `Kernel.flows`."""
        with netns.inside(namespace):
            return [found.flow() for found in conntrack.tracked()]

    def flow_entries(self, namespace: str) -> Sequence[FlowEntry]:
        """See `Kernel.flow_entries`."""
        with netns.inside(namespace):
            return flow_entries.entries()

    # ---- one kind each ----------------------------------------------------------------------------------------------

    def _create_one(self, thing: NetObject, transactions: Transactions) -> None:
        match thing:
            case Sysctls():
                self._write_sysctls(thing, {})
            case Forwarding():
                self._forward(thing.namespace, thing.enabled)
            case ReplicaMap():
                self.writes += transactions.share(thing, None)

    def _delete_one(self, thing: NetObject, transactions: Transactions) -> None:
        match thing:
            case Namespace():
                self._delete_namespace(thing)
            case Ruleset():
                self.writes += transactions.load(None, thing)
            case Link():
                self.writes += links.delete(thing)
            case Forwarding():
                self._forward(thing.namespace, enabled=False)
            case ReplicaMap():
                self.writes += transactions.share(None, thing)

    def _delete_namespace(self, namespace: Namespace) -> None:
        if netns.exists(namespace.namespace) and lab_reader.owner_of(namespace.namespace) is None:
            raise ForeignError(
                f"the namespace {namespace.namespace} does not have our mark, so it is left alone",
                hint=f"if it is yours and not needed: ip netns del {namespace.namespace}",
            )
        self.writes += netns.remove(namespace.namespace)

    def _write_sysctls(self, wanted: Sysctls, old: Mapping[str, str]) -> None:
        with netns.inside(wanted.namespace), contextlib.closing(sysctl.Tree()) as tree:
            known = old or {sysctl.IPV4_FORWARDING: _ipv4_forwarding()}  # mostly 0: see there why it is asked for
            for key, value in wanted.values:
                if known.get(key) != value:
                    self.writes += 1
                    _write(tree, key, value)

    def _forward(self, namespace: str, enabled: bool) -> None:
        with netns.inside(namespace):
            self.writes += 1
            sysctl.write(sysctl.FORWARDING, "1" if enabled else "0")

    def _configure(self, things: Sequence[NetObject], encode: Callable[[NetObject, Indexes], Message]) -> None:
        """Send the messages for objects of one namespace, all in one send."""
        tenant = is_tenant(things[0].namespace)
        with netns.inside(things[0].namespace), Netlink(accept_partial=tenant) as netlink:
            indexes = {link.name: link.index for link in namespace_reader.links(netlink)}
            messages: list[Message] = []
            try:
                messages.extend(encode(thing, indexes) for thing in things)
            finally:  # also the messages before an object whose link is missing
                try:
                    self._send(netlink, messages)
                except EigwError:
                    if not tenant:
                        raise
                    self._insist(netlink, things, indexes)

    def _insist(self, netlink: Netlink, things: Sequence[NetObject], indexes: Indexes) -> None:
        """Remove what a tenant has put in the place of the objects, and create the objects again, in one send.

        A tenant that puts it back at once may win one race, but seldom several (`_RACES`).
        """
        for left in reversed(range(_RACES)):
            wanted = [creation_message(thing, indexes) for thing in things]
            try:
                self._send(netlink, [*tenant_conflicts.remove_conflicts(netlink, things, indexes), *wanted])
                return
            except EigwError:
                if not left:
                    raise

    def _send(self, netlink: Netlink, messages: Sequence[Message]) -> None:
        self.writes += len(messages)
        netlink.send(messages)


def _write(tree: sysctl.Tree, key: str, value: str) -> None:
    """Set the value, unless the kernel was built without the protocol that the sysctl is for."""
    try:
        tree.write(key, value)
    except MissingError:
        if key not in OPTIONAL_SYSCTLS:
            raise


def _ipv4_forwarding() -> str:
    with Netlink() as netlink:
        return namespace_reader.ipv4_forwarding(netlink)


def _those(kind: type[Thing], things: Iterable[object]) -> list[Thing]:
    return [thing for thing in things if isinstance(thing, kind)]


def _create_namespaces(namespaces: Sequence[Namespace]) -> int:
    for namespace in namespaces:
        with netns.creating(namespace.namespace):
            _mark(namespace)
    return 2 * len(namespaces)


def _mark(namespace: Namespace) -> int:
    """Set the loopback's alias and set it up, in the namespace this thread is in. Returns the number of writes."""
    with Netlink() as netlink:
        netlink.send([rtnetlink.mark_loopback(namespace.mark)])
    return 1

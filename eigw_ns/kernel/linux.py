"""`LinuxKernel`: the Protocol carried out by the kernel this program runs on.

What was learnt the hard way, and where the answer stands:

- `ip netns add` and pyroute2 fork for each namespace: `netns.creating` does not.
- A veth made in one namespace and moved to another shows up in the first: `rtnetlink.new_veth` bears both ends where
  they belong.
- When a namespace ends, the kernel takes its nftables hooks away a grace period before its interfaces. For some
  milliseconds a router without rules would still route. Whoever deletes a namespace switches its forwarding off first
  (`dataplane.plan` does), and a gateway routes only what its rules have marked (`dataplane.compile`).
- The far ends of its veth pairs vanish later still: the plan deletes those in namespaces that stay.
- The kernel goes on after a refused message of a batch, so objects of one namespace after a failed one may exist.
"""

from __future__ import annotations

import contextlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from eigw_ns.dataplane.state import (
    PREFIX,
    SYNC_LINK,
    Address,
    Daemon,
    Fdb,
    Flow,
    Forwarding,
    Link,
    Namespace,
    Neighbour,
    NetObject,
    NetState,
    NextHopGroup,
    Route,
    RoutingRule,
    Ruleset,
    Sysctls,
)
from eigw_ns.errors import ForeignError, MissingError
from eigw_ns.kernel import conntrack, daemons, links, netns, nft, observe, rtnetlink, sysctl
from eigw_ns.kernel.netlink import Message, Netlink
from eigw_ns.kernel.nft import Nft
from eigw_ns.kernel.protocol import Count
from eigw_ns.kernel.rtnetlink import Indexes, SeenLink
from eigw_ns.kernel.settle import settle

_RETIRED = 32
"""libnftables contexts kept open after use: closing one at once waits for its transaction's RCU grace period (12 ms
on 6.18, for each namespace), closing it 32 namespaces later waits for nothing. None outlives a batch."""

_Config = Address | Neighbour | Fdb | RoutingRule | Route


class LinuxKernel:
    """The running kernel. Remembers nothing of it: everything is read when it is asked for."""

    def __init__(self, run_folder: Path = Path("/run/eigw-ns")) -> None:
        self.writes = 0
        self._run_folder = run_folder  # where daemons have their sockets
        self._retired: deque[Nft] = deque(maxlen=_RETIRED)

    # ---- reading ----------------------------------------------------------------------------------------------------

    def observe(self, lab: str) -> NetState:
        """See `Kernel.observe`."""
        found: list[NetObject] = []
        seen: dict[tuple[str, str], SeenLink] = {}
        for name in netns.names():
            if not name.startswith(f"{PREFIX}{lab}-"):
                continue
            with contextlib.suppress(MissingError), netns.inside(name), Netlink() as netlink:
                here = observe.links(netlink)
                owner = observe.mark(name, here)
                if owner is None or owner.lab != lab:
                    continue
                found.extend(observe.contents(netlink, owner, here))
                seen.update({(name, link.name): link for link in here})
        synced = {netns.inode(namespace): namespace for namespace, link in seen if link == SYNC_LINK}
        if synced:
            for namespace, daemon in daemons.running(synced).items():
                found.append(Daemon(namespace, daemon.configuration()))
        return NetState.of(observe.join_peers(found, seen))

    def exists(self, namespace: str) -> bool:
        """See `Kernel.exists`."""
        return netns.exists(namespace)

    def foreign(self, names: Iterable[str]) -> tuple[str, ...]:
        """See `Kernel.foreign`."""
        return tuple(sorted(name for name in names if netns.exists(name) and _owner(name) is None))

    def labs(self) -> tuple[str, ...]:
        """See `Kernel.labs`."""
        owners = (_owner(name) for name in netns.names() if name.startswith(PREFIX))
        return tuple(sorted({owner.lab for owner in owners if owner is not None}))

    def counters(self, namespace: str) -> Mapping[str, Count]:
        """See `Kernel.counters`."""
        with netns.inside(namespace):
            library = Nft()
            found: dict[str, Count] = {}
            for family in ("inet", "bridge"):
                found.update(nft.parse_counters(library.listing(family, stateless=False)))
            return found

    def husks(self) -> tuple[str, ...]:
        """See `Kernel.husks`."""
        return netns.husks(PREFIX)

    # ---- changing ---------------------------------------------------------------------------------------------------

    def create(self, things: Iterable[NetObject]) -> None:
        """See `Kernel.create`."""
        for _, run in groupby(things, key=_transport):
            batch = list(run)
            match batch[0]:
                case Link():
                    self.writes += links.create([thing for thing in batch if isinstance(thing, Link)])
                case Address() | Neighbour() | Fdb() | RoutingRule() | Route():
                    self._configure(batch, lambda thing, indexes: _config_message(thing, indexes))
                case _:
                    for thing in batch:
                        self._create_one(thing)
                    self._retired.clear()

    def update(self, old: NetObject, new: NetObject) -> None:
        """See `Kernel.update`."""
        match old, new:
            case Ruleset(), Ruleset():
                self._load(new.namespace, new, old)
            case Sysctls(), Sysctls():
                self._write_sysctls(new, dict(old.values))
            case Namespace(), Namespace():
                with netns.inside(new.namespace):
                    self._mark(new)
            case Link(), Link():
                self.writes += links.change(new)
            case Forwarding(), Forwarding():
                self._forward(new.namespace, new.enabled)
            case Daemon(), Daemon():
                self._delete_one(old)
                self._create_one(new)
            case NextHopGroup(), NextHopGroup():
                self._share(new, old)
            case _:
                self._configure([new], lambda thing, indexes: _config_message(thing, indexes, replace=True))

    def delete(self, things: Iterable[NetObject]) -> None:
        """See `Kernel.delete`."""
        self._retired.clear()  # an open context would keep a deleted namespace alive
        for _, run in groupby(things, key=_transport):
            batch = list(run)
            match batch[0]:
                case Address() | Neighbour() | Fdb() | RoutingRule() | Route():
                    with contextlib.suppress(MissingError):  # the namespace is gone, and with it all that was in it
                        self._configure(batch, _deletion_message)
                case _:
                    for thing in batch:
                        with contextlib.suppress(MissingError):  # each for itself: the others may be there still
                            self._delete_one(thing)

    def remove_husks(self, names: Iterable[str]) -> None:
        """See `Kernel.remove_husks`."""
        for name in set(names) & set(self.husks()):
            self.writes += netns.remove(name)

    def settle(self, namespaces: Iterable[str]) -> None:
        """See `Kernel.settle`."""
        self._retired.clear()
        settle(namespaces)

    def flush_flows(
        self, namespace: str, keep: Iterable[tuple[str, str, str]] | None, ended: Iterable[str] = ()
    ) -> int:
        """See `Kernel.flush_flows`."""
        with netns.inside(namespace):
            flushed = conntrack.flush(keep, ended)
        self.writes += flushed
        return flushed

    def can_sync(self) -> bool:
        """See `Kernel.can_sync`."""
        return daemons.installed() is not None

    def end_strays(self, lab: str) -> None:
        """See `Kernel.end_strays`."""
        self.writes += daemons.sweep(self._run_folder / lab, netns.inodes(f"{PREFIX}{lab}-"))

    def open_daemon(self, namespace: str) -> int | None:
        """See `Kernel.open_daemon`."""
        found = daemons.of(namespace)
        return os.pidfd_open(found.pid) if found is not None else None

    def learn(self, namespace: str, peers: Iterable[str], *, anew: bool) -> None:
        """See `Kernel.learn`."""
        carriers = tuple(peers)
        if anew:
            with self._untold(namespace):
                with netns.inside(namespace):
                    self.writes += conntrack.flush((), ())
                self._copy_flows(namespace, carriers)
        self._copy_flows(namespace, carriers)  # also those that began before its daemon could be told of them

    @contextlib.contextmanager
    def _untold(self, namespace: str) -> Iterator[None]:
        """Its daemon does not run meanwhile: it would have its peers forget the same flows."""
        found = daemons.of(namespace)
        wanted = Daemon(namespace, found.configuration()) if found is not None else None
        if found is not None:
            daemons.stop(found)
        yield
        if wanted is not None:
            daemons.start(self._folder(namespace), wanted)

    def _copy_flows(self, namespace: str, peers: Iterable[str]) -> None:
        for peer in peers:
            with netns.inside(peer):
                seen = conntrack.snapshot()
            with netns.inside(namespace):
                self.writes += conntrack.add(seen)

    def group(self, group: NextHopGroup) -> NextHopGroup | None:
        """See `Kernel.group`."""
        with netns.inside(group.namespace):
            listing = Nft().listing(group.family)
        found = nft.parse_groups(listing, group.namespace)
        return next((each for each in found if each.name == group.name), None)

    def flows(self, namespace: str) -> Sequence[Flow]:
        """See `Kernel.flows`."""
        with netns.inside(namespace):
            return conntrack.flows()

    def loosen(self, namespace: str, flows: Iterable[Flow]) -> None:
        """See `Kernel.loosen`."""
        stale = tuple(flows)
        if stale:
            with self._untold(namespace), netns.inside(namespace):
                self.writes += conntrack.renew(stale)

    # ---- one kind each ----------------------------------------------------------------------------------------------

    def _create_one(self, thing: NetObject) -> None:
        match thing:
            case Namespace():
                self._create_namespace(thing)
            case Ruleset():
                self._load(thing.namespace, thing, None)
            case Sysctls():
                self._write_sysctls(thing, {})
            case Forwarding():
                self._forward(thing.namespace, thing.enabled)
            case Daemon():
                self.writes += 1
                daemons.start(self._folder(thing.namespace), thing)
                daemons.catch_up(self._folder(thing.namespace), thing.namespace)
            case NextHopGroup():
                self._share(thing, None)

    def _delete_one(self, thing: NetObject) -> None:
        match thing:
            case Namespace():
                self._delete_namespace(thing)
            case Ruleset():
                self._load(thing.namespace, None, thing)
            case Link():
                self.writes += links.delete(thing)
            case Forwarding():
                self._forward(thing.namespace, enabled=False)
            case Daemon():
                self.writes += 1
                found = daemons.of(thing.namespace)
                if found is not None:
                    daemons.stop(found)
            case NextHopGroup():
                self._share(None, thing)

    def _create_namespace(self, namespace: Namespace) -> None:
        self.writes += 1
        with netns.creating(namespace.namespace):
            self._mark(namespace)

    def _mark(self, namespace: Namespace) -> None:
        """In the namespace this thread is in: the loopback's alias, and the loopback up."""
        with Netlink() as netlink:
            self._send(netlink, [rtnetlink.mark_loopback(namespace.mark)])

    def _delete_namespace(self, namespace: Namespace) -> None:
        if netns.exists(namespace.namespace) and _owner(namespace.namespace) is None:
            raise ForeignError(
                f"the namespace {namespace.namespace} does not bear our mark, so it is left alone",
                hint=f"if it is yours and not needed: ip netns del {namespace.namespace}",
            )
        self.writes += netns.remove(namespace.namespace)

    def _load(self, namespace: str, new: Ruleset | None, old: Ruleset | None) -> None:
        with netns.inside(namespace):
            self.writes += 1
            library = Nft()
            library.apply(new, old)
            self._retired.append(library)

    def _share(self, new: NextHopGroup | None, old: NextHopGroup | None) -> None:
        there = new or old
        assert there is not None
        with netns.inside(there.namespace):
            self.writes += 1
            library = Nft()
            library.run(nft.group_transaction(new, old), f"change the {there}")
            self._retired.append(library)

    def _folder(self, namespace: str) -> Path:
        """Where the namespace's daemon has its files: `<run>/<lab>/<id>`."""
        owner = _owner(namespace)
        if owner is None:
            raise MissingError(f"run a daemon in {namespace}", detail="there is no namespace of ours")
        return self._run_folder / owner.lab / owner.id

    def _write_sysctls(self, wanted: Sysctls, old: Mapping[str, str]) -> None:
        with netns.inside(wanted.namespace):
            for key, value in wanted.values:
                if old.get(key) != value:
                    self.writes += 1
                    sysctl.write(key, value)

    def _forward(self, namespace: str, enabled: bool) -> None:
        with netns.inside(namespace):
            self.writes += 1
            sysctl.write(sysctl.FORWARDING, "1" if enabled else "0")

    def _configure(self, things: Sequence[NetObject], encode: Callable[[NetObject, Indexes], Message]) -> None:
        """Send the messages for objects of one namespace, all in one go."""
        with netns.inside(things[0].namespace), Netlink() as netlink:
            indexes = {link.name: link.index for link in observe.links(netlink)}
            messages: list[Message] = []
            try:
                messages.extend(encode(thing, indexes) for thing in things)
            finally:  # also what stands before an object whose link is missing
                self._send(netlink, messages)

    def _send(self, netlink: Netlink, messages: Sequence[Message]) -> None:
        self.writes += len(messages)
        netlink.send(messages)


def _transport(thing: NetObject) -> tuple[str, str]:
    """Objects that follow each other with the same answer can share a socket and a system call."""
    if isinstance(thing, (Address, Neighbour, Fdb, RoutingRule, Route)):
        return "config", thing.namespace
    return type(thing).__name__, ""


def _owner(name: str) -> Namespace | None:
    with contextlib.suppress(MissingError), netns.inside(name), Netlink() as netlink:
        return observe.mark(name, observe.links(netlink))
    return None


def _config_message(thing: NetObject, indexes: Indexes, *, replace: bool = False) -> Message:
    match thing:
        case Address():
            return rtnetlink.address_message(thing, _index(thing, thing.link, indexes))
        case Neighbour():
            return rtnetlink.neighbour_message(thing, _index(thing, thing.link, indexes), replace=replace)
        case Fdb():
            return rtnetlink.fdb_message(thing, _index(thing, thing.link, indexes), replace=replace)
        case RoutingRule():
            return rtnetlink.rule_message(thing)
        case Route():
            if thing.link:
                _index(thing, thing.link, indexes)
            return rtnetlink.route_message(thing, indexes, replace=replace)
    raise TypeError(f"not a thing of a namespace's configuration: {thing!r}")


def _deletion_message(thing: NetObject, indexes: Indexes) -> Message:
    match thing:
        case Address():
            return rtnetlink.address_message(thing, indexes.get(thing.link, 0), delete=True)
        case Neighbour():
            return rtnetlink.neighbour_message(thing, indexes.get(thing.link, 0), delete=True)
        case Fdb():
            return rtnetlink.fdb_message(thing, indexes.get(thing.link, 0), delete=True)
        case RoutingRule():
            return rtnetlink.rule_message(thing, delete=True)
        case Route():
            return rtnetlink.route_message(thing, indexes, delete=True)
    raise TypeError(f"not a thing of a namespace's configuration: {thing!r}")


def _index(thing: NetObject, link: str, indexes: Indexes) -> int:
    if link not in indexes:
        raise MissingError(f"create the {thing}", detail=f"there is no link {link}")
    return indexes[link]

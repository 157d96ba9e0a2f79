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
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from eigw_ns.dataplane.state import (
    NOTHING,
    PREFIX,
    Address,
    Fdb,
    Forwarding,
    Link,
    Namespace,
    Neighbour,
    NetObject,
    NetState,
    Route,
    RoutingRule,
    Ruleset,
    Sysctls,
)
from eigw_ns.errors import ForeignError, MissingError
from eigw_ns.kernel import conntrack, links, netns, nft, observe, proof, rtnetlink, sysctl
from eigw_ns.kernel.netlink import NETFILTER, Message, Netlink
from eigw_ns.kernel.nft import Nft
from eigw_ns.kernel.protocol import Count
from eigw_ns.kernel.rtnetlink import Indexes, SeenLink
from eigw_ns.kernel.settle import settle

_RETIRED = 32
"""nftables sockets kept open after use, in pairs (libnftables' own and ours): closing one at once waits for its
transaction's RCU grace period (12 ms on 6.18, for each namespace, even for a socket that only read), closing it 32
namespaces later waits for nothing. None outlives a batch."""

_Config = Address | Neighbour | Fdb | RoutingRule | Route


class LinuxKernel:
    """The running kernel. Remembers nothing of it: everything is read when it is asked for."""

    def __init__(self) -> None:
        self.writes = 0
        self._retired: deque[tuple[Nft, Netlink]] = deque()

    def __del__(self) -> None:
        self._close_retired()  # what a batch that failed has left

    # ---- reading ----------------------------------------------------------------------------------------------------

    def observe(self, lab: str, believed: NetState = NOTHING) -> NetState:
        """See `Kernel.observe`."""
        rules = _rules_by_namespace(believed)
        seen: dict[tuple[str, str], SeenLink] = {}

        def contents(netlink: Netlink, owner: Namespace, here: list[SeenLink]) -> Iterator[NetObject]:
            seen.update({(owner.namespace, link.name): link for link in here})
            return observe.contents(netlink, owner, here, rules.get(owner.namespace, []))

        return NetState.of(observe.join_peers(_look(lab, contents), seen))

    def outline(self, lab: str) -> NetState:
        """See `Kernel.outline`."""
        return NetState.of(_look(lab, observe.outline))

    def foreign(self, names: Iterable[str]) -> tuple[str, ...]:
        """See `Kernel.foreign`."""
        return tuple(sorted(name for name in names if netns.exists(name) and _owner(name) is None))

    def labs(self) -> tuple[str, ...]:
        """See `Kernel.labs`."""
        owners = (_owner(name) for name in netns.names(PREFIX))
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
                    self._close_retired()

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
            case _:
                self._configure([new], lambda thing, indexes: _config_message(thing, indexes, replace=True))

    def delete(self, things: Iterable[NetObject]) -> None:
        """See `Kernel.delete`."""
        self._close_retired()  # an open context would keep a deleted namespace alive
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
        self._close_retired()
        settle(namespaces)

    def flush_flows(self, namespace: str, keep: Iterable[tuple[str, str, str]]) -> int:
        """See `Kernel.flush_flows`."""
        with netns.inside(namespace):
            flushed = conntrack.flush(keep)
        self.writes += flushed
        return flushed

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
            library, netfilter = Nft(), Netlink(NETFILTER)
            self._retired.append((library, netfilter))
            self.writes += proof.load(library, netfilter, new, old)
        self._close_retired(_RETIRED)

    def _close_retired(self, keep: int = 0) -> None:
        """Close the nftables sockets of all but the last `keep` transactions."""
        while len(self._retired) > keep:
            _, netfilter = self._retired.popleft()
            netfilter.close()

    def _write_sysctls(self, wanted: Sysctls, old: Mapping[str, str]) -> None:
        with netns.inside(wanted.namespace), contextlib.closing(sysctl.Tree()) as tree:
            for key, value in wanted.values:
                if old.get(key) != value:
                    self.writes += 1
                    tree.write(key, value)

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


def _rules_by_namespace(state: NetState) -> dict[str, list[Ruleset]]:
    found: dict[str, list[Ruleset]] = {}
    for thing in state:
        if isinstance(thing, Ruleset):
            found.setdefault(thing.namespace, []).append(thing)
    return found


def _look(
    lab: str, read: Callable[[Netlink, Namespace, list[SeenLink]], Iterable[NetObject]]
) -> list[NetObject]:
    """What `read` finds in each namespace of the lab; it gets a socket there, whose the namespace is, its links."""
    found: list[NetObject] = []
    for name in netns.names(f"{PREFIX}{lab}-"):
        with contextlib.suppress(MissingError), netns.inside(name), Netlink() as netlink:
            here = observe.links(netlink)
            owner = observe.mark(name, here)
            if owner is not None and owner.lab == lab:
                found.extend(read(netlink, owner, here))
    return found


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

"""The replicas of a gateway: what runs in them, and what they learn of each other that conntrackd does not tell."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator

from eigw_ns.dataplane.state import Daemon, Flow, Namespace, NetObject
from eigw_ns.kernel import conntrack, daemons, netns

_SYNC, _FURTHER = "sync-", "."
"""What the id of a namespace begins with that joins replicas, and what only a further replica's id contains."""


def daemons_in(found: Iterable[NetObject]) -> Iterator[Daemon]:
    """What runs in these namespaces; nothing is looked for where there is no sign of replicas."""
    owners = [thing for thing in found if isinstance(thing, Namespace)]
    if not any(owner.id.startswith(_SYNC) or _FURTHER in owner.id for owner in owners):
        return
    inodes = {netns.inode(owner.namespace): owner.namespace for owner in owners}
    for namespace, daemon in daemons.running(inodes).items():
        yield Daemon(namespace, daemon.configuration())


def learn(namespace: str, peers: Collection[str], *, anew: bool) -> int:
    """See `Kernel.learn`; how many writes it took."""
    writes = 0
    if anew:
        with _untold(namespace):
            with netns.inside(namespace):
                writes += conntrack.flush((), ())
            writes += _copy(namespace, peers)
    return writes + _copy(namespace, peers)  # also those that began before its daemon could be told of them


def renew(namespace: str, stale: Collection[Flow]) -> int:
    """See `Kernel.loosen`; how many writes it took."""
    if not stale:
        return 0
    with _untold(namespace), netns.inside(namespace):
        return conntrack.renew(stale)


@contextlib.contextmanager
def _untold(namespace: str) -> Iterator[None]:
    """Its daemon does not run meanwhile: it would have its peers forget the same flows."""
    found = daemons.of(namespace)
    wanted = Daemon(namespace, found.configuration()) if found is not None else None
    if found is not None:
        daemons.stop(found)
    yield
    if found is not None and wanted is not None:
        daemons.start(found.folder, wanted)


def _copy(namespace: str, peers: Iterable[str]) -> int:
    writes = 0
    for peer in peers:
        with netns.inside(peer):
            seen = conntrack.snapshot()
        with netns.inside(namespace):
            writes += conntrack.add(seen)
    return writes

"""The replicas of a gateway: what runs in them, and what they learn of each other that conntrackd does not tell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from eigw_ns.dataplane.state import Daemon, Namespace, NetObject
from eigw_ns.kernel import conntrack, daemons, netns

_SYNC = "sync-"
"""What the id of a namespace begins with that joins replicas."""


def daemons_in(found: Iterable[NetObject]) -> Iterator[Daemon]:
    """What runs in these namespaces; nothing is looked for where none joins replicas."""
    owners = [thing for thing in found if isinstance(thing, Namespace)]
    if not any(owner.id.startswith(_SYNC) for owner in owners):
        return
    inodes = {netns.inode(owner.namespace): owner.namespace for owner in owners}
    for namespace, daemon in daemons.running(inodes).items():
        yield Daemon(namespace, daemon.configuration())


def learn(namespace: str, peers: Iterable[str], *, anew: bool) -> int:
    """See `Kernel.learn`; how many writes it took.

    The daemon of one that forgets is stopped first: it would tell its peers to forget the same. Started again, it hears
    of flows that begin from then on, so those that began in between are looked for once more.
    """
    carriers = tuple(peers)
    found = daemons.of(namespace) if anew else None
    if found is not None:
        wanted = Daemon(namespace, found.configuration())
        daemons.stop(found)
    writes = _forget(namespace) if anew else 0
    writes += _copy(namespace, carriers)
    if found is not None:
        daemons.start(found.folder, wanted)
        writes += _copy(namespace, carriers)
    return writes


def _forget(namespace: str) -> int:
    with netns.inside(namespace):
        return conntrack.flush((), ())


def _copy(namespace: str, peers: Iterable[str]) -> int:
    writes = 0
    for peer in peers:
        with netns.inside(peer):
            seen = conntrack.snapshot()
        with netns.inside(namespace):
            writes += conntrack.add(seen)
    return writes

"""Ways in which a replica of a gateway dies, and how each is undone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from eigw_ns.dataplane.compile.names import FABRIC_LINK
from eigw_ns.dataplane.replication.watched_gateways import Replica
from eigw_ns.dataplane.state import Link
from eigw_ns.kernel.linux import LinuxKernel
from eigw_ns.kernel.namespaces import netns, sysctl
from eigw_ns.kernel.nft.library import Nft


def delete_namespace(replica: Replica) -> None:
    """Everything in it dies with it, as with a host."""
    netns.remove(replica.namespace)


def cut_link(replica: Replica) -> None:
    """Set its link to the fabric down."""
    link = next(thing for thing in replica.holds if isinstance(thing, Link) and thing.name == FABRIC_LINK)
    LinuxKernel().update([(link, replace(link, up=False))])


def flush_rules(replica: Replica) -> None:
    """`nft flush ruleset`."""
    _nft(replica, "flush ruleset")


def drop_silently(replica: Replica) -> None:
    """Somebody else's table drops everything; ours is as it was."""
    hook = "type filter hook prerouting priority -500; policy drop;"
    _nft(replica, f"table inet elsewhere {{ chain everything {{ {hook} }}; }}")


def drop_no_more(replica: Replica) -> None:
    """Take that table away."""
    _nft(replica, "delete table inet elsewhere")


def nothing(_replica: Replica) -> None:
    """What `apply` mends needs no help."""


def stop_forwarding(replica: Replica) -> None:
    """Switch IPv6 forwarding off."""
    with netns.inside(replica.namespace):
        sysctl.write(sysctl.FORWARDING, "0")


def _nft(replica: Replica, commands: str) -> None:
    with netns.inside(replica.namespace):
        Nft().run(commands, "break a replica")


@dataclass(frozen=True, slots=True)
class Failure:
    """What is done to a replica, and what undoes it where no `apply` does."""

    name: str
    strike: Callable[[Replica], None]
    undo: Callable[[Replica], None] = nothing


FAILURES = (
    Failure("namespace deleted", delete_namespace),
    Failure("link cut", cut_link),
    Failure("rules flushed", flush_rules),
    Failure("forwarding off", stop_forwarding),
    Failure("silent drop", drop_silently, drop_no_more),
)

"""Waiting for what Linux does after it has said yes.

A link carries packets only once its queue is active, an address is answered only once its local route stands: both
happen in work queues some milliseconds after the netlink acknowledgement (in 11 of 60 fresh networks the first SYN was
lost to that).
"""

from __future__ import annotations

import contextlib
import select
import time
from collections.abc import Iterable

from eigw_ns.dataplane.state import is_tenant
from eigw_ns.errors import EigwError, MissingError
from eigw_ns.kernel import netns, observe
from eigw_ns.kernel.netlink import Netlink

_DEADLINE = 10.0  # seconds; a link comes up within 20 ms, on a machine that is drowning within a second
_GRACE = 1.0  # seconds; so long what a tenant has a say in is waited for: it may keep it down if it likes
_PAUSE = 0.002  # seconds between two looks at what is not ready yet


def settle(namespaces: Iterable[str]) -> None:
    """Wait until every link of the namespaces carries packets and every address is answered. Writes nothing.

    Raises EigwError where that does not come within seconds, save where a tenant stands in the way.
    """
    waiting = set(namespaces)
    began = time.monotonic()
    deadline, grace = began + _DEADLINE, began + _GRACE
    while waiting := {name for name in waiting if not _in_effect(name, tenants=time.monotonic() < grace)}:
        if time.monotonic() > deadline:
            raise EigwError(
                f"links or addresses did not come up within {_DEADLINE:.0f} s in {', '.join(sorted(waiting))}",
                hint="look at `ip -n NAMESPACE addr`; then apply again",
            )
        select.select([], [], [], _PAUSE)


def _in_effect(name: str, *, tenants: bool) -> bool:
    with contextlib.suppress(MissingError), netns.inside(name), Netlink(restless=is_tenant(name)) as netlink:
        return observe.in_effect(netlink, name, tenants=tenants)
    return True  # gone: nothing to wait for

"""Waiting until a replica that has come back knows the flows of those that carry them."""

from __future__ import annotations

import select
import time
from collections.abc import Iterable

from eigw_ns.errors import EigwError
from eigw_ns.kernel import conntrack, netns

_PATIENCE = 20.0  # seconds; 2,000 flows take 0.1 s
_PAUSE = 0.02  # seconds between two looks


def wait(namespace: str, peers: Iterable[str]) -> None:
    """Return once every flow that one of the peers has now is known in the namespace, or has ended meanwhile.

    Raises EigwError where that does not come within seconds.
    """
    carriers = tuple(peers)
    missing = frozenset().union(*map(_tuples, carriers))
    deadline = time.monotonic() + _PATIENCE
    while missing := missing - _tuples(namespace):
        missing &= frozenset().union(*map(_tuples, carriers))
        if time.monotonic() > deadline:
            raise EigwError(
                f"{namespace} has not learnt {len(missing)} flows of its peers within {_PATIENCE:.0f} s",
                hint="see that conntrackd runs in every replica (`eigw-ns status`), then apply again",
            )
        select.select([], [], [], _PAUSE)


def _tuples(namespace: str) -> frozenset[bytes]:
    with netns.inside(namespace):
        return conntrack.tuples()

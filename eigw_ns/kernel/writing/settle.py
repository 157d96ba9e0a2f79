"""Wait until changes are in effect: Linux acknowledges some of them before that.

A link carries packets only after its queue is active. An address answers only after its local route exists. Both happen
in work queues, some milliseconds after the netlink acknowledgement. Without waiting, the first SYN was lost in 11 of 60
fresh networks.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable

from eigw_ns.dataplane.state import is_tenant
from eigw_ns.errors import EigwError, MissingError
from eigw_ns.kernel.namespaces import netns
from eigw_ns.kernel.netlink.socket import Netlink
from eigw_ns.kernel.processes.waiting import wait_until
from eigw_ns.kernel.reading import namespace_reader

_DEADLINE = 10.0  # seconds; a link comes up within 20 ms, and within a second on an overloaded machine
_GRACE = 1.0  # seconds to wait for links that a tenant can keep down
_PAUSE = 0.002  # seconds between two checks


def settle(namespaces: Iterable[str]) -> None:
    """Wait until every link of the namespaces carries packets and every address answers. Writes nothing.

    Raises EigwError after 10 s. Links that a tenant can keep down are waited for only 1 s, and raise nothing.
    """
    waiting, grace = set(namespaces), time.monotonic() + _GRACE

    def settled() -> bool:
        tenants = time.monotonic() < grace
        waiting.difference_update([name for name in waiting if _in_effect(name, tenants=tenants)])
        return not waiting

    if not wait_until(settled, _DEADLINE, pause=_PAUSE):
        raise EigwError(
            f"links or addresses did not come up within {_DEADLINE:.0f} s in {', '.join(sorted(waiting))}",
            hint="see `ip -n NAMESPACE addr`, then apply again",
        )


def _in_effect(name: str, *, tenants: bool) -> bool:
    with (
        contextlib.suppress(MissingError),
        netns.inside(name),
        Netlink(accept_partial=is_tenant(name)) as netlink,
    ):
        return namespace_reader.in_effect(netlink, name, tenants=tenants)
    return True  # the namespace is gone: nothing to wait for

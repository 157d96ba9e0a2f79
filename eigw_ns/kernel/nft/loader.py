"""Loading rules into one namespace after the other."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from eigw_ns.dataplane.state import ReplicaMap, Ruleset
from eigw_ns.kernel.namespaces import netns
from eigw_ns.kernel.netlink.socket import NETFILTER, Netlink
from eigw_ns.kernel.nft import fingerprint, table
from eigw_ns.kernel.nft.table import Nft

_OPEN = 32
"""nftables sockets kept open after use, in pairs (libnftables' own and ours): closing one at once waits for its
transaction's RCU grace period (12 ms on 6.18, for each namespace, even for a socket that only read), closing it 32
namespaces later waits for nothing."""


class Transactions:
    """Change rules. Each method returns the number of its writes. The sockets are open until the end of the block."""

    def __init__(self) -> None:
        self._open: deque[tuple[Nft, Netlink]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close_but(0)  # an open socket keeps a deleted namespace alive

    def load(self, new: Ruleset | None, old: Ruleset | None) -> int:
        """Replace the rules `old` of a namespace by `new`; None stands for none."""
        there = new or old
        assert there is not None
        with netns.inside(there.namespace):
            return fingerprint.load(*self._begin(), new, old)

    def share(self, new: ReplicaMap | None, old: ReplicaMap | None) -> int:
        """Replace the shares of a next-hop group."""
        there = new or old
        assert there is not None
        with netns.inside(there.namespace):
            library, _ = self._begin()
            library.run(table.group_transaction(new, old), f"change the {there}")
            return 1

    def _begin(self) -> tuple[Nft, Netlink]:
        """Sockets in the namespace this thread is in."""
        self._close_but(_OPEN)
        self._open.append((Nft(), Netlink(NETFILTER)))
        return self._open[-1]

    def _close_but(self, last: int) -> None:
        while len(self._open) > last:
            _, netfilter = self._open.popleft()
            netfilter.close()


def load_all(rulesets: Iterable[Ruleset]) -> int:
    """Load rules into namespaces that have none. Returns the number of writes."""
    with Transactions() as transactions:
        return sum(transactions.load(ruleset, None) for ruleset in rulesets)

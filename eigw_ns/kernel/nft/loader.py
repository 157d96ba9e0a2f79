"""Load rules into one namespace after the other, and leave a fingerprint if they are proved to be there."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from eigw_ns.dataplane.state import ReplicaMap, Ruleset
from eigw_ns.kernel.namespaces import netns
from eigw_ns.kernel.netlink import rtnetlink
from eigw_ns.kernel.netlink.link_message import LinkMessage
from eigw_ns.kernel.netlink.socket import NETFILTER, Netlink
from eigw_ns.kernel.nft import fingerprint
from eigw_ns.kernel.nft.commands import new_sets, replica_map_transaction, transaction
from eigw_ns.kernel.nft.library import Nft
from eigw_ns.kernel.nft.listing import parse

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
        """Replace the rules `old` of a namespace by `new`. None stands for no table."""
        there = new or old
        assert there is not None
        with netns.inside(there.namespace):
            return _load(*self._begin(), new, old)

    def share(self, new: ReplicaMap | None, old: ReplicaMap | None) -> int:
        """Replace the shares of a replica map. None stands for no shares."""
        there = new or old
        assert there is not None
        with netns.inside(there.namespace):
            library, _ = self._begin()
            library.run(replica_map_transaction(new, old), f"change the {there}")
            return 1

    def _begin(self) -> tuple[Nft, Netlink]:
        """Return new sockets in the namespace this thread is in."""
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


def _load(library: Nft, netfilter: Netlink, new: Ruleset | None, old: Ruleset | None) -> int:
    """Replace the rules `old` by `new` in the namespace this thread is in, and leave a note if `new` is proved there.

    None stands for no table. Returns the number of writes. Does not close the netfilter socket, since closing waits for
    the end of the transaction.
    """
    with Netlink() as netlink:
        notes = LinkMessage(netlink.ask(rtnetlink.GETLINK, rtnetlink.LOOPBACK_REQUEST, "read the notes")).other_names
        before = fingerprint.generation(netfilter)
        known = fingerprint.proves(notes, old, before) if old else not fingerprint.tables(netfilter)
        transactions = replace_table(library, new, old)
        after = fingerprint.generation(netfilter)
        if new is None or not ((known and after == before.later(transactions)) or _are_listed(library, netfilter, new)):
            return transactions
        messages = fingerprint.replacement(notes, fingerprint.note(new, after))
        netlink.send(messages)
        return transactions + len(messages)


def replace_table(library: Nft, new: Ruleset | None, old: Ruleset | None) -> int:
    """Replace the table `old` by `new`; None stands for no table. Returns the number of transactions.

    One transaction makes the change. Before it, another one fills the new sets, which no rule uses yet. For sets of
    ranges of several fields (pipapo), Linux activates new elements at the end of a transaction, but new rules at its
    beginning. In one transaction, packets that both tables allow would be dropped for milliseconds.
    """
    wanted = new or old
    if wanted is None:
        return 0
    commands = [text for text in (new_sets(new, old), transaction(new, old)) if text]
    for text in commands:
        library.run(text, f"load the {wanted}")
    return len(commands)


def _are_listed(library: Nft, netfilter: Netlink, rules: Ruleset) -> bool:
    """Return whether a listing shows exactly these rules, and no other table exists. Used if the load proves less."""
    listed = parse(library.listing(rules.family), rules.namespace)
    return listed == rules and [table.ours for table in fingerprint.tables(netfilter)] == [rules.family]

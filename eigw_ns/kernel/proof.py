"""The proof that a namespace still holds the rules that were loaded, for two netlink requests instead of a listing.

Linux numbers the nf_tables transactions of each namespace (`nft monitor` shows them as generations). Nothing but a
transaction changes a table, a chain, a rule, a set, a policy or a table's sleep; what packets change by themselves
(counters, elements of dynamic sets) is none. So rules that are known at one generation are known as long as the number
stays the same. Whoever loads rules leaves a note in the namespace: a digest of the rules, of the generation, and of
the namespace's cookie, which no other namespace has until the next boot. A note that is missing or does not fit proves
nothing, and the rules are listed. There is none where another table stands: whose ever that is, it would be hidden.

The note is an alternative name of the loopback, since it comes with the list of links, which is read anyhow.
Source: nf_tables_commit in net/netfilter/nf_tables_api.c, SO_NETNS_COOKIE in socket(7), linux/netfilter/nf_tables.h.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from eigw_ns.dataplane.state import Family, Ruleset
from eigw_ns.kernel import nft, rtnetlink
from eigw_ns.kernel.netlink import Message, Netlink, attributes
from eigw_ns.kernel.nft import Nft
from eigw_ns.kernel.seen_link import SeenLink

_SUBSYSTEM = 10 << 8  # NFNL_SUBSYS_NFTABLES
_GET_TABLE, _GET_GENERATION = _SUBSYSTEM | 1, _SUBSYSTEM | 16
_HEADER = struct.Struct("=BBH")
_ANY_FAMILY = _HEADER.pack(0, 0, 0)
_TABLE_NAME, _TABLE_HANDLE, _GENERATION_ID = 1, 4, 1
_FAMILIES: dict[int, Family] = {1: "inet", 5: "netdev", 7: "bridge"}  # NFPROTO_INET and so on
_TABLE = nft.TABLE.encode() + b"\0"
_NOTE = "eigw-ns.rules."


@dataclass(frozen=True, slots=True)
class Generation:
    """A moment in the life of a namespace's rules: the namespace, and how many transactions there were."""

    cookie: int
    number: int

    def later(self, transactions: int) -> Generation:
        """The moment after so many more transactions."""
        return Generation(self.cookie, self.number + transactions)


@dataclass(frozen=True, slots=True)
class Table:
    """A table of nftables: the number of its family, its name with the zero byte, the number that nft knows it by."""

    family: int
    name: bytes
    handle: int

    @property
    def ours(self) -> Family | None:
        """Its family where it is a table of ours."""
        return _FAMILIES.get(self.family) if self.name == _TABLE else None


def generation(netfilter: Netlink) -> Generation:
    """The present moment of the namespace that the netfilter socket speaks to."""
    answer = netfilter.ask(_GET_GENERATION, _ANY_FAMILY, "read the generation of the rules")
    return Generation(netfilter.cookie(), int.from_bytes(attributes(answer, _HEADER.size)[_GENERATION_ID]))


def tables(netfilter: Netlink) -> list[Table]:
    """All tables of the namespace, awake or not, whosever."""
    found = netfilter.dump(_GET_TABLE, _ANY_FAMILY, "list the tables")
    seen = ((payload[0], attributes(payload, _HEADER.size)) for _, payload in found)
    return [Table(family, about[_TABLE_NAME], int.from_bytes(about[_TABLE_HANDLE])) for family, about in seen]


def families(found: Iterable[Table]) -> list[Family]:
    """The families of those tables that are ours."""
    return sorted(family for table in found if (family := table.ours) is not None)


def proves(notes: Collection[str], rules: Ruleset, moment: Generation) -> bool:
    """Whether one of the loopback's other names says that `rules`, and no other table, are here at that moment."""
    return _note(rules, moment) in notes


def load(library: Nft, netfilter: Netlink, new: Ruleset | None, old: Ruleset | None) -> int:
    """Replace the rules `old` by `new` in the namespace this thread is in, and note what can be proved.

    None stands for no table. How many writes it took. The netfilter socket is open still when this has returned, since
    closing it waits for the transaction's end.
    """
    with Netlink() as netlink:
        notes = SeenLink(netlink.ask(rtnetlink.GETLINK, rtnetlink.LOOPBACK_REQUEST, "read the notes")).other_names
        before = generation(netfilter)
        known = proves(notes, old, before) if old else not tables(netfilter)
        transactions = library.apply(new, old)
        after = generation(netfilter)
        if new is None or not ((known and after == before.later(transactions)) or _are_listed(library, netfilter, new)):
            return transactions
        messages = _replacement(notes, _note(new, after))
        netlink.send(messages)
        return transactions + len(messages)


def _are_listed(library: Nft, netfilter: Netlink, rules: Ruleset) -> bool:
    """Whether these rules are all that there is, as a listing shows: where the load alone proves too little."""
    listed = nft.parse(library.listing(rules.family), rules.namespace)
    return listed == rules and [table.ours for table in tables(netfilter)] == [rules.family]


def _note(rules: Ruleset, moment: Generation) -> str:
    text = f"alone {moment.cookie} {moment.number} {nft.transaction(rules, None)}"  # older notes did not say so much
    return _NOTE + hashlib.sha256(text.encode()).hexdigest()


def _replacement(notes: Iterable[str], new: str) -> list[Message]:
    """The messages that leave `new` as the only note beside the loopback's other names."""
    outdated = [name for name in notes if name.startswith(_NOTE)]
    return [*(rtnetlink.forget_name(name) for name in outdated), rtnetlink.give_name(new)]

"""Ruleset fingerprints: prove by two netlink requests, without a listing, that a namespace still has our rules.

Linux numbers the nf_tables transactions of each namespace (`nft monitor` shows them as generations). Tables, chains,
rules, sets, policies and the dormant flag change only by a transaction. What packets change (counters, elements of
dynamic sets) is not a transaction. So rules that are known at one generation are known while the number stays the same.

The process that loads rules leaves a note in the namespace: a digest of the rules, of the generation and of the
namespace's cookie. No other namespace has that cookie until the next boot. If the note is missing or does not match,
the rules are listed. No note is left if the namespace has another table, which a note would hide.

The note is an alternative name of the loopback, since it comes with the list of links, which is read in any case.
Source: nf_tables_commit in net/netfilter/nf_tables_api.c, SO_NETNS_COOKIE in socket(7), linux/netfilter/nf_tables.h.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Collection, Iterable

from eigw_ns.dataplane.state import Family, Ruleset
from eigw_ns.frozen import frozen
from eigw_ns.kernel.netlink import rtnetlink
from eigw_ns.kernel.netlink.socket import Message, Netlink, attributes
from eigw_ns.kernel.nft import commands
from eigw_ns.kernel.nft.library import TABLE

_SUBSYSTEM = 10 << 8  # NFNL_SUBSYS_NFTABLES
_GET_TABLE, _GET_GENERATION = _SUBSYSTEM | 1, _SUBSYSTEM | 16
_HEADER = struct.Struct("=BBH")
_ANY_FAMILY = _HEADER.pack(0, 0, 0)
_TABLE_NAME, _TABLE_FLAGS, _TABLE_HANDLE, _GENERATION_ID = 1, 2, 4, 1
_OWNER, _PERSIST = 2, 4  # NFT_TABLE_F_OWNER, NFT_TABLE_F_PERSIST
_FAMILIES: dict[int, Family] = {1: "inet", 5: "netdev", 7: "bridge"}  # NFPROTO_INET and so on
_TABLE = TABLE.encode() + b"\0"
_NOTE = "eigw-ns.rules."

TRACE_TABLE = "eigw_ns_trace"
"""The name of the table by which `kernel.nft.trace_table` marks packets."""


@frozen
class Generation:
    """A generation of a namespace's rules: the cookie of the namespace, and the number of transactions so far."""

    cookie: int
    number: int

    def later(self, transactions: int) -> Generation:
        """Return the generation after so many more transactions."""
        return Generation(self.cookie, self.number + transactions)


@frozen
class Table:
    """An nftables table: the number of its family, its name with the final zero byte, its handle and its flags."""

    family: int
    name: bytes
    handle: int
    flags: int = 0

    @property
    def ours(self) -> Family | None:
        """Its family if it is our table; None if it is not."""
        return _FAMILIES.get(self.family) if self.name == _TABLE else None

    @property
    def traces(self) -> bool:
        """Whether it marks packets of a running trace. Such a table vanishes with the process that owns it."""
        return self.name == TRACE_TABLE.encode() + b"\0" and self.flags & (_OWNER | _PERSIST) == _OWNER


def generation(netfilter: Netlink) -> Generation:
    """Return the present generation of the namespace of the netfilter socket."""
    answer = netfilter.ask(_GET_GENERATION, _ANY_FAMILY, "read the generation of the rules")
    return Generation(netfilter.cookie(), int.from_bytes(attributes(answer, _HEADER.size)[_GENERATION_ID]))


def tables(netfilter: Netlink) -> list[Table]:
    """Return all tables of the namespace, ours or not, dormant or not."""
    found = netfilter.dump(_GET_TABLE, _ANY_FAMILY, "list the tables")
    seen = ((payload[0], attributes(payload, _HEADER.size)) for _, payload in found)
    return [
        Table(
            family,
            about[_TABLE_NAME],
            int.from_bytes(about[_TABLE_HANDLE]),
            int.from_bytes(about.get(_TABLE_FLAGS, b"")),
        )
        for family, about in seen
    ]


def families(found: Iterable[Table]) -> list[Family]:
    """Return the families of those tables that are ours, sorted."""
    return sorted(family for table in found if (family := table.ours) is not None)


def proves(notes: Collection[str], rules: Ruleset, moment: Generation) -> bool:
    """Return whether a note says that the namespace had `rules`, and no other table, at that generation."""
    return note(rules, moment) in notes


def note(rules: Ruleset, moment: Generation) -> str:
    """Return the note that the namespace has `rules`, and no other table, at that generation."""
    # `alone`: there is no other table. Notes of older versions lack the word, since they did not say so.
    text = f"alone {moment.cookie} {moment.number} {commands.transaction(rules, None)}"
    return _NOTE + hashlib.sha256(text.encode()).hexdigest()


def replacement(notes: Iterable[str], new: str) -> list[Message]:
    """Return the messages that make `new` the only note. Other alternative names of the loopback stay."""
    outdated = [name for name in notes if name.startswith(_NOTE)]
    return [*(rtnetlink.forget_name(name) for name in outdated), rtnetlink.give_name(new)]

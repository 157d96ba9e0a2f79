"""A table of our own that sets the `nftrace` bit of the packets of one flow, in one namespace, while its owner lives.

`flags owner` ties the table to the netlink socket that made it: it vanishes with our process, however that dies, and no
other process can change it. The bit is lost at each veth, so each namespace on the way needs a table.

Source: NFT_TABLE_F_OWNER in linux/netfilter/nf_tables.h, nft_rcv_nl_event in net/netfilter/nf_tables_api.c.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv6Address
from typing import Literal

from eigw_ns.errors import EigwError
from eigw_ns.frozen import frozen
from eigw_ns.kernel.namespaces import netns
from eigw_ns.kernel.netlink.socket import NETFILTER, Netlink
from eigw_ns.kernel.nft import fingerprint, listing
from eigw_ns.kernel.nft.fingerprint import TRACE_TABLE
from eigw_ns.kernel.nft.library import Nft
from eigw_ns.kernel.reading.foreign import FAMILIES

Way = Literal["there", "back"]
"""The chains of the table: the flow's packets, and its answers."""

_HOOK = "type filter hook prerouting priority -600; policy accept;"
"""Before all hooks of ours, in all families."""

_TAME = re.compile(r"\w+", re.ASCII)
"""Names of tables that nft's commands can contain."""


@frozen
class Selection:
    """A flow: addresses, and for TCP and UDP both ports. The `source_port` of an ICMPv6 echo is its identifier."""

    source: str
    destination: str
    protocol: Literal["tcp", "udp", "icmpv6"]
    port: int | None
    source_port: int


def commands(family: str, selection: Selection) -> str:
    """Return the nft commands that make the table: only the first packets of the flow are marked, not its data."""
    lines = [f"table {family} {TRACE_TABLE} {{", "flags owner;"]
    for way, matches in (("there", _there(selection)), ("back", _back(selection))):
        lines += [f"chain {way} {{", _HOOK, *(f"{match} meta nftrace set 1" for match in matches), "}"]
    return "\n".join([*lines, "}", ""])


def _there(selection: Selection) -> Iterator[str]:
    ends = f"ip6 saddr {selection.source} ip6 daddr {selection.destination}"
    match selection.protocol:
        case "tcp":
            yield f"{ends} {_ports('tcp', selection.source_port, selection.port)} tcp flags syn / syn,ack"
        case "udp":
            yield f"{ends} {_ports('udp', selection.source_port, selection.port)}"
        case "icmpv6":
            yield f"{ends} icmpv6 type echo-request icmpv6 id {selection.source_port}"


def _back(selection: Selection) -> Iterator[str]:
    """Yield what matches an answer, and an ICMPv6 error of the destination that quotes the flow."""
    ends = f"ip6 saddr {selection.destination} ip6 daddr {selection.source}"
    if selection.protocol == "icmpv6":
        yield f"{ends} icmpv6 type echo-reply icmpv6 id {selection.source_port}"
        return
    begins = " tcp flags & (syn | rst) != 0x0" if selection.protocol == "tcp" else ""
    yield f"{ends} {_ports(selection.protocol, selection.port, selection.source_port)}{begins}"
    quoted = f"@th,128,128 {_number(selection.source)} @th,256,128 {_number(selection.destination)}"
    yield f"{ends} icmpv6 type < echo-request {quoted} @th,384,16 {selection.source_port} @th,400,16 {selection.port}"


def _ports(protocol: str, source: int | None, destination: int | None) -> str:
    return f"{protocol} sport {source} {protocol} dport {destination}"


def _number(address: str) -> str:
    return f"{int(IPv6Address(address)):#x}"


RuleTexts = dict[tuple[int, str, int], str]
"""The texts of rules by the number of the family, the table and the rule's handle."""


class MarkedFlow:
    """The tables of one flow, in several namespaces. They exist until `close`, or until this process ends."""

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self._owners: list[Nft] = []

    def mark(self, namespace: str, family: str) -> None:
        """Mark the flow's packets in the namespace.

        Raises EigwError if another trace has its table there, MissingError if there is no such namespace.
        """
        with netns.inside(namespace):
            owner = Nft()
            with Netlink(NETFILTER) as netfilter:
                taken = any(table.name == TRACE_TABLE.encode() + b"\0" for table in fingerprint.tables(netfilter))
            if taken:
                raise EigwError(
                    f"{namespace} has a table {TRACE_TABLE} already: another trace runs, or somebody made it",
                    hint="wait for the other trace; if none runs, `eigw-ns apply` removes the table",
                )
            owner.run(commands(family, self._selection), f"trace packets in {namespace}")
        self._owners.append(owner)

    def close(self) -> None:
        """Remove the tables: the kernel does when a table's owner is gone."""
        self._owners.clear()


def rule_texts(namespace: str) -> RuleTexts:
    """Return the rules of the tables of a namespace. Tables whose name is not a plain word are left out."""
    found: RuleTexts = {}
    with netns.inside(namespace):
        library = Nft()
        with Netlink(NETFILTER) as netfilter:
            tables = fingerprint.tables(netfilter)
        for table in tables:
            name = table.name.rstrip(b"\0").decode(errors="replace")
            if table.family in FAMILIES and _TAME.fullmatch(name) and name != TRACE_TABLE:
                listed = listing.handles(library.listing_with_handles(FAMILIES[table.family], name))
                found |= {(table.family, name, handle): text for handle, text in listed.items()}
    return found

"""Decode the messages by which nf_tables reports what it does with a packet whose `nftrace` bit is set.

Source: linux/netfilter/nf_tables.h (enum nft_trace_attributes, enum nft_verdicts), net/netfilter/nf_tables_trace.c.
"""

from __future__ import annotations

import struct
from typing import Literal

from eigw_ns.frozen import frozen
from eigw_ns.kernel.netlink.socket import Attributes, attributes

TRACE_GROUP = 9
"""NFNLGRP_NFTRACE: the multicast group of these messages, linux/netfilter/nfnetlink.h."""

TRACE_TYPE = 10 << 8 | 17
"""NFT_MSG_TRACE of NFNL_SUBSYS_NFTABLES."""

Kind = Literal["policy", "return", "rule"]

_KINDS: dict[int, Kind] = {1: "policy", 2: "return", 3: "rule"}
_HEADER = 4  # struct nfgenmsg: family, version, resource id
_TABLE, _CHAIN, _RULE_HANDLE, _TYPE, _VERDICT, _ID, _POLICY = 1, 2, 3, 4, 5, 6, 16
_VERDICT_CODE, _VERDICT_CHAIN = 1, 2
_VERDICTS = {
    0: "drop", 1: "accept", 2: "stolen", 3: "queue", 4: "repeat", 5: "stop",
    -1: "continue", -2: "break", -3: "jump", -4: "goto", -5: "return",
}  # fmt: skip
_NUMBER = struct.Struct("!i")


@frozen
class TraceMessage:
    """What one rule, or the end of a chain, did with a packet. `family` and the table's name are the kernel's.

    `handle` is None if no rule matched at the end of a chain. `to` is the chain of a jump or goto. Packets that Linux
    handles at the same time have different `packet` numbers; a later packet may have the number of an earlier one.
    """

    family: int
    table: str
    chain: str
    kind: Kind
    handle: int | None
    verdict: str
    to: str | None
    packet: int


def parse_trace(payload: bytes) -> TraceMessage | None:
    """Return the message; None if it lacks what every trace message has."""
    found = attributes(payload, _HEADER)
    kind = _KINDS.get(int.from_bytes(found.get(_TYPE, b"")))
    if kind is None or not {_TABLE, _CHAIN, _ID} <= found.keys():
        return None
    verdict, to = _verdict(found)
    handle = int.from_bytes(found.get(_RULE_HANDLE, b"")) or None
    packet = int.from_bytes(found[_ID])
    return TraceMessage(payload[0], _text(found[_TABLE]), _text(found[_CHAIN]), kind, handle, verdict, to, packet)


def _verdict(found: Attributes) -> tuple[str, str | None]:
    """Return the verdict, and the chain to which it leads. The verdict of a chain's end is its policy."""
    inner = attributes(found.get(_VERDICT, b""))
    code = found.get(_POLICY, inner.get(_VERDICT_CODE, b""))
    if len(code) != _NUMBER.size:
        return "continue", None
    number = int(_NUMBER.unpack(code)[0])
    chain = inner.get(_VERDICT_CHAIN)
    return _VERDICTS.get(number, str(number)), None if chain is None else _text(chain)


def _text(value: bytes) -> str:
    return value.rstrip(b"\0").decode(errors="backslashreplace")

"""Read whole entries of the connection table of the namespace that this thread is in.

`conntrack` reads only what identifies a flow, because a failover waits for it. Source: ctnetlink_fill_info and
ctnetlink_dump_acct in net/netfilter/nf_conntrack_netlink.c, enum tcp_conntrack and enum sctp_conntrack.
"""

from __future__ import annotations

import socket

from eigw_ns.dataplane.state import FlowEntry, Traffic
from eigw_ns.dataplane.state.flow_entry import DCCP_STATES, SCTP_STATES, TCP_STATES
from eigw_ns.kernel.netlink import conntrack
from eigw_ns.kernel.netlink.socket import NETFILTER, Attributes, Netlink, attributes

_STATUS, _PROTOCOL_INFO, _TIMEOUT, _COUNTS_OUT, _COUNTS_IN, _ID, _TIMES = 3, 4, 7, 9, 10, 12, 20
_PACKETS, _BYTES = 1, 2  # CTA_COUNTERS_PACKETS, _BYTES
_START, _STOP = 1, 2  # CTA_TIMESTAMP_START, _STOP
_SEEN_REPLY, _ASSURED = 1 << 1, 1 << 2  # enum ip_conntrack_status
_HEADER = 4  # struct nfgenmsg

_STATES = {socket.IPPROTO_TCP: (1, TCP_STATES), 33: (2, DCCP_STATES), socket.IPPROTO_SCTP: (3, SCTP_STATES)}
"""For each protocol with states: its attribute in CTA_PROTOINFO, and the names by number. The first attribute in it is
the state for all three."""


def entries() -> list[FlowEntry]:
    """Return the IPv6 entries of the table."""
    with Netlink(NETFILTER) as netlink:
        return list(map(parsed, conntrack.dump(netlink)))


def parsed(payload: bytes) -> FlowEntry:
    """Return the entry that a message of ctnetlink, a dump's or an event's, is about."""
    found = attributes(payload, _HEADER)
    flow = conntrack.tracked_by(payload).flow()
    times = attributes(found.get(_TIMES, b""))
    return FlowEntry(
        flow,
        int.from_bytes(found.get(_ID, b"")),
        _state(flow.protocol, found),
        int.from_bytes(found[_TIMEOUT]) if _TIMEOUT in found else None,
        _traffic(found),
        int.from_bytes(times[_START]) if _START in times else None,
        int.from_bytes(times[_STOP]) if _STOP in times else None,
    )


def _state(protocol: int, found: Attributes) -> str:
    kind, names = _STATES.get(protocol, (0, ()))
    inner = attributes(attributes(found.get(_PROTOCOL_INFO, b"")).get(kind, b""))
    if 1 in inner and inner[1][0] < len(names):
        return names[inner[1][0]]
    status = int.from_bytes(found.get(_STATUS, b""))
    return "ASSURED" if status & _ASSURED else "REPLIED" if status & _SEEN_REPLY else "UNREPLIED"


def _traffic(found: Attributes) -> Traffic | None:
    if _COUNTS_OUT not in found or _COUNTS_IN not in found:
        return None
    there, back = attributes(found[_COUNTS_OUT]), attributes(found[_COUNTS_IN])
    return Traffic(*(int.from_bytes(way[kind]) for way in (there, back) for kind in (_PACKETS, _BYTES)))

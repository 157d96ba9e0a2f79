"""After how many seconds without a packet conntrack forgets a flow, in gateways and in subnets.

The timeouts are sysctls of each namespace. All of them are set: Linux's own for TCP that opens or closes are 10 to 120
seconds, and RFC 6092 wants four minutes (REC-35; SCTP: REC-40).

A gateway has the timeouts of its `ConnectionTracking`. A subnet is behind all gateways of its VPC, so it never forgets
a flow before one of them does.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, fields

from eigw_ns.cloud.model import ConnectionTracking

_TCP_OPENING_AND_CLOSING = ("syn_sent", "syn_recv", "fin_wait", "close_wait", "last_ack", "time_wait")
_SCTP_OPENING_AND_CLOSING = (
    "cookie_wait",
    "cookie_echoed",
    "heartbeat_sent",
    "shutdown_sent",
    "shutdown_recd",
    "shutdown_ack_sent",
)
_SCTP_ESTABLISHED = ("established", "heartbeat_acked")
_DCCP_OPENING_AND_CLOSING = ("request", "respond", "partopen", "closereq", "closing", "timewait")
_DCCP_TRANSITORY, _DCCP_OPEN = 480, 43_200
"""RFC 6092 wants eight minutes for a DCCP connection that opens or closes, and 2 h 4 min for an open one; Linux has
12 h. A kernel that tracks no DCCP has `generic_timeout` for it."""

_ABORTED = 10
"""A connection that was reset, and an association that was aborted, are over. Linux's own value."""

_UNANSWERED = 300
"""A TCP connection that has data without an acknowledgement, and so a peer that may be gone. Linux's own value."""


def sysctls(tracking: ConnectionTracking) -> dict[str, str]:
    """Return the sysctls of a namespace with these timeouts."""
    return {f"net.netfilter.nf_conntrack_{key}": str(seconds) for key, seconds in _seconds(tracking).items()}


def longest(trackings: Iterable[ConnectionTracking]) -> ConnectionTracking:
    """Return the longest of each timeout, and not less than the default."""
    names = [field.name for field in fields(ConnectionTracking)]
    values = zip(*map(astuple, (ConnectionTracking(), *trackings)), strict=True)
    return ConnectionTracking(**dict(zip(names, map(max, values), strict=True)))


def _seconds(tracking: ConnectionTracking) -> dict[str, int]:
    return {
        "generic_timeout": tracking.generic_timeout,
        "icmpv6_timeout": tracking.icmpv6_timeout,
        "udp_timeout": tracking.udp_timeout,
        "udp_timeout_stream": tracking.udp_stream_timeout,
        **dict.fromkeys(("gre_timeout", "gre_timeout_stream"), tracking.generic_timeout),
        **_of("tcp", _TCP_OPENING_AND_CLOSING, tracking.tcp_transitory_timeout),
        **_of("tcp", ("established",), tracking.tcp_established_timeout),
        **_of("tcp", ("max_retrans", "unacknowledged"), max(_UNANSWERED, tracking.tcp_transitory_timeout)),
        **_of("tcp", ("close",), _ABORTED),
        **_of("sctp", _SCTP_OPENING_AND_CLOSING, tracking.sctp_transitory_timeout),
        **_of("sctp", _SCTP_ESTABLISHED, tracking.sctp_established_timeout),
        **_of("sctp", ("closed",), _ABORTED),
        **_of("dccp", _DCCP_OPENING_AND_CLOSING, _DCCP_TRANSITORY),
        **_of("dccp", ("open",), _DCCP_OPEN),
    }


def _of(protocol: str, states: Iterable[str], seconds: int) -> dict[str, int]:
    return {f"{protocol}_timeout_{state}": seconds for state in states}

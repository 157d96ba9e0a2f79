"""After how many seconds without a packet conntrack forgets a flow, in gateways and in subnets.

The timeouts are sysctls of each namespace. Linux's own for TCP that opens or closes are 30 to 120 seconds, and RFC 6092
wants four minutes (REC-35; SCTP: REC-40). All are set but three that are right: a connection that was reset and an
association that was aborted are over after 10 seconds, and DCCP, which Linux tracks before 6.16, has 8 minutes and 12
hours. Each further sysctl costs every subnet a write and every observation a read.

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
        **_of("sctp", _SCTP_OPENING_AND_CLOSING, tracking.sctp_transitory_timeout),
        **_of("sctp", ("established",), tracking.sctp_established_timeout),
    }


def _of(protocol: str, states: Iterable[str], seconds: int) -> dict[str, int]:
    return {f"{protocol}_timeout_{state}": seconds for state in states}

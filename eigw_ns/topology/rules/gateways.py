"""Rules for egress-only internet gateways: the ranges of replicas, timeouts and limits."""

from __future__ import annotations

from eigw_ns.cloud.model import MOST_REPLICAS
from eigw_ns.topology.report import MistakeReport
from eigw_ns.topology.schema import LabFile

_LIMITS = {
    "tcp_established_timeout": (1, 432_000),  # AWS allows 60 to 432,000; a lab can use less to see a timeout
    "udp_timeout": (1, 60),
    "udp_stream_timeout": (1, 180),
    "tcp_transitory_timeout": (1, 7_440),  # as long as a connection may be idle at least: RFC 6092 REC-35
    "sctp_established_timeout": (1, 432_000),
    "sctp_transitory_timeout": (1, 7_440),
    "icmpv6_timeout": (1, 600),
    "generic_timeout": (1, 7_440),
    "max_connections": (1, 1_000_000),
    "max_connections_per_source": (1, 1_000_000),
}


def check(parsed: LabFile, report: MistakeReport) -> None:
    """Check that each number is in its range."""
    for name, vpc in parsed.vpcs.items():
        for gateway, body in vpc.egress_only_internet_gateways.items():
            path = ("vpcs", name, "egress_only_internet_gateways", gateway)
            if not 1 <= body.replicas <= MOST_REPLICAS:
                problem = f"this must be 1 to {MOST_REPLICAS}"
                report.add((*path, "replicas"), problem, "write a number in this range, or remove the key")
            for key, (least, most) in _LIMITS.items():
                if not least <= getattr(body.connection_tracking, key) <= most:
                    problem = f"this must be {least:,} to {most:,}"
                    remedy = "write a number in this range, or remove the key"
                    report.add((*path, "connection_tracking", key), problem, remedy)

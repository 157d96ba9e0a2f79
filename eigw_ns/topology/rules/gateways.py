"""What an egress-only internet gateway may be asked for: replicas, timeouts, limits."""

from __future__ import annotations

from eigw_ns.cloud.model import MOST_REPLICAS
from eigw_ns.topology.report import Report
from eigw_ns.topology.schema import LabFile

_LIMITS = {
    "tcp_established_timeout": (1, 432_000),  # AWS has 60 to 432,000; a lab may want to see one end
    "udp_timeout": (1, 60),
    "udp_stream_timeout": (1, 180),
    "max_connections": (1, 1_000_000),
    "max_connections_per_source": (1, 1_000_000),
}


def check(parsed: LabFile, report: Report) -> None:
    """Each number within its range."""
    for name, vpc in parsed.vpcs.items():
        for gateway, body in vpc.egress_only_internet_gateways.items():
            path = ("vpcs", name, "egress_only_internet_gateways", gateway)
            if not 1 <= body.replicas <= MOST_REPLICAS:
                report.add(
                    (*path, "replicas"), f"this is 1 to {MOST_REPLICAS}", "write such a number or remove the key"
                )
            for key, (least, most) in _LIMITS.items():
                if not least <= getattr(body.connection_tracking, key) <= most:
                    problem = f"this is {least:,} to {most:,}"
                    report.add((*path, "connection_tracking", key), problem, "write such a number or remove the key")

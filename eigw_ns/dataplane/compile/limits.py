"""How many connections an instance and a gateway may have, so that none of them fills a connection table.

Each namespace has a table of the host's size (net.netfilter.nf_conntrack_max), which only the host's own namespace can
change. Linux derives it from the memory: 7,680 entries with 1 GB, 65,536 with 2 GB, 262,144 with 4 GB and more. If the
table is full, Linux drops every new connection of every instance. So on a small host the limits are shares of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from eigw_ns.cloud.model import ConnectionTracking
from eigw_ns.frozen import frozen

_PER_INSTANCE = 16_384
_SHARE = 8
"""An instance, or a source, has at most an eighth of the table."""

_IN_ALL = 4
"""A gateway leaves a quarter of the table for connections that are closed and no longer counted."""


@frozen
class Limits:
    """Limits that a table of `table` entries makes lower than wanted."""

    table: int
    instance: int
    source: int
    gateway: int

    def __str__(self) -> str:
        return (
            f"the host's connection tables have {self.table:,} entries: an instance may have {self.instance:,} "
            f"connections in its subnet and {self.source:,} through an egress-only gateway, which may have "
            f"{self.gateway:,} in all"
        )


def of_instance(table: int | None) -> int:
    """Return how many tracked connections an instance may have in its subnet, begun by itself and by others."""
    return _PER_INSTANCE if table is None else max(1, min(_PER_INSTANCE, table // _SHARE))


def of_gateway(wanted: ConnectionTracking, table: int | None) -> ConnectionTracking:
    """Return the gateway's tracking with the limits that the table has room for."""
    if table is None:
        return wanted
    return replace(
        wanted,
        max_connections=max(1, min(wanted.max_connections, table - table // _IN_ALL)),
        max_connections_per_source=max(1, min(wanted.max_connections_per_source, table // _SHARE)),
    )


def lowered(wanted: Iterable[ConnectionTracking], table: int | None) -> Limits | None:
    """Return the lowest limits of gateways that want these; None if the table has room for all that they want."""
    several = tuple(wanted) or (ConnectionTracking(),)
    fitted = tuple(of_gateway(each, table) for each in several)
    if table is None or (of_instance(table) == _PER_INSTANCE and fitted == several):
        return None
    source = min(each.max_connections_per_source for each in fitted)
    return Limits(table, of_instance(table), source, min(each.max_connections for each in fitted))

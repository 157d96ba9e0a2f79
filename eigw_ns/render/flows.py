"""Flows as a table for people, and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from eigw_ns.cloud import nodes, protocols
from eigw_ns.cloud.model import Cloud
from eigw_ns.lab.flows.tables import Row
from eigw_ns.render.table import Cell, Table

Names = Mapping[str, str]
"""The name of the node that has an address."""

_COLUMNS = ("Gateway", "Replica", "Protocol", "Source", "Destination", "State", "Timeout", "Age", "Out", "In")
_OPTIONAL = ("Timeout", "Age", "Replica", "Gateway")
_NANOSECONDS = 1_000_000_000


def names(cloud: Cloud) -> Names:
    """Return the shortest name of the node that has each address of the lab's instances and internet hosts."""
    index = nodes.NodeIndex(nodes.nodes(cloud))
    return {address: index.text(node) for node in nodes.nodes(cloud) for address in _addresses(cloud, node.id)}


def _addresses(cloud: Cloud, resource_id: str) -> tuple[str, ...]:
    if instance := cloud.instances.get(resource_id):
        return tuple(map(str, instance.addresses))
    host = cloud.hosts.get(resource_id)
    return (str(host.ipv6_address),) if host else ()


def data(row: Row, known: Names, now: int) -> dict[str, Any]:
    """Return a flow for JSON. `now` is in nanoseconds since 1970. What is not known is None."""
    flow, entry, counts = row.entry.flow, row.entry, row.entry.traffic
    source_port, port = flow.ports or (None, None)
    return {
        "gateway": row.table.router if row.table.replica else None,
        "subnet": None if row.table.replica else row.table.router,
        "replica": row.table.replica,
        "protocol": protocols.name(flow.protocol),
        "source": flow.source,
        "source_node": known.get(flow.source),
        "sport": source_port,
        "destination": flow.destination,
        "destination_node": known.get(flow.destination),
        "dport": port,
        "state": entry.state,
        "timeout_s": entry.timeout,
        "age_s": _age(entry.begun, now),
        "packets_out": counts and counts.packets_out,
        "bytes_out": counts and counts.bytes_out,
        "packets_in": counts and counts.packets_in,
        "bytes_in": counts and counts.bytes_in,
        "taught": row.taught,
        "id": None if row.taught else entry.id,
    }


def _age(begun: int | None, now: int) -> float | None:
    return None if begun is None else round(max(0, now - begun) / _NANOSECONDS, 3)


def table(rows: Sequence[Row], known: Names, now: int) -> Table:
    """Return the flows as a table. A column in which all flows say the same or nothing is left out."""
    cells = [tuple(_cells(row, known, now)) for row in rows]
    kept = [number for number, heading in enumerate(_COLUMNS) if _is_of_use(heading, [row[number] for row in cells])]
    columns = tuple(_COLUMNS[number] for number in kept)
    shown = tuple(tuple(row[number] for number in kept) for row in cells)
    return Table("", columns, shown, tuple(each for each in _OPTIONAL if each in columns))


def _is_of_use(heading: str, cells: Sequence[Cell]) -> bool:
    return any(cells) if heading in ("Timeout", "Age", "Out", "In") else heading != "Replica" or len({*cells}) > 1


def _cells(row: Row, known: Names, now: int) -> Iterator[Cell]:
    flow, entry, counts = row.entry.flow, row.entry, row.entry.traffic
    source_port, port = flow.ports or (None, None)
    yield row.table.router
    yield f"#{row.table.replica}" if row.table.replica else ""
    yield protocols.name(flow.protocol)
    yield _end(flow.source, source_port, known)
    yield _end(flow.destination, port, known)
    yield entry.state
    yield "" if entry.timeout is None else f"{entry.timeout:,} s"
    age = _age(entry.begun, now)
    yield "" if age is None else f"{age:,.0f} s"
    yield _counted((counts.packets_out, counts.bytes_out) if counts else None)
    yield _counted((counts.packets_in, counts.bytes_in) if counts else None)


def _end(address: str, port: int | None, known: Names) -> str:
    name = known.get(address, address)
    return name if port is None else f"{name} {port}"


def _counted(counts: tuple[int, int] | None) -> str:
    return f"{counts[0]:,} / {counts[1]:,} B" if counts else ""

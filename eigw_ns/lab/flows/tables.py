"""The connection tables of gateways, merged over their replicas, and of subnets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from eigw_ns.cloud import ids, nodes
from eigw_ns.cloud.model import Cloud
from eigw_ns.cloud.nodes import Node
from eigw_ns.dataplane.compile.names import namespace_name
from eigw_ns.dataplane.state import FlowEntry
from eigw_ns.dataplane.state.flow_entry import TAUGHT_STATE
from eigw_ns.errors import MissingError, UsageError
from eigw_ns.frozen import frozen
from eigw_ns.kernel.protocol import Kernel

_GATEWAY = "egress-only-internet-gateway"
_FIRST = "#1"


@frozen
class Table:
    """The connection table of a subnet, or of one replica of a gateway. `replica` is None for a subnet."""

    namespace: str
    router: str
    replica: int | None = None

    @property
    def label(self) -> str:
        """The name of the router, with the number of the replica."""
        return f"{self.router}#{self.replica}" if self.replica else self.router


@frozen
class Row:
    """A flow in a table. `taught` tells that a replica was told of the flow, and has not seen a packet that begins it.

    Of a taught flow only the ends are known.
    """

    table: Table
    entry: FlowEntry
    taught: bool = False


def tables(cloud: Cloud, text: str | None) -> tuple[Table, ...]:
    """Return the tables of the gateway, replica or subnet that `text` names; of all egress-only gateways without it.

    Raises UsageError if it names something else.
    """
    if text is None:
        every = (each for each in nodes.nodes(cloud) if each.kind == _GATEWAY)
        return tuple(table for gateway in every for table in _of_gateway(cloud, gateway))
    node = nodes.find(cloud, text)
    if node.kind == "subnet":
        return (Table(namespace_name(cloud.lab, node.id), node.qualified),)
    if node.kind == _GATEWAY:
        found = _of_gateway(cloud, node)
        return found[:1] if text.endswith(_FIRST) else found
    if node.kind == "replica":
        name, _, number = node.qualified.rpartition("#")
        return (Table(namespace_name(cloud.lab, node.id), name, int(number)),)
    raise UsageError(f"{node.qualified} has no connection table that is shown", hint=_hint(node))


def _hint(node: Node) -> str:
    if node.kind == "internet-gateway":
        return "an internet gateway keeps no state; name a subnet"
    return f"eigw-ns flows --source {node.qualified}" if node.kind == "instance" else "name a gateway or a subnet"


def _of_gateway(cloud: Cloud, node: Node) -> tuple[Table, ...]:
    gateway = cloud.egress_only_internet_gateways[node.id]
    numbers = range(1, gateway.replicas + 1)
    return tuple(Table(namespace_name(cloud.lab, ids.replica_id(node.id, n)), node.qualified, n) for n in numbers)


def read(kernel: Kernel, wanted: Iterable[Table]) -> tuple[Sequence[Row], tuple[Table, ...]]:
    """Return the flows of the tables, and the tables whose namespace does not exist."""
    rows: list[Row] = []
    gone: list[Table] = []
    for table in wanted:
        try:
            rows += _rows(kernel, table)
        except MissingError:
            gone.append(table)
    return sorted(rows, key=_order), tuple(gone)


def _rows(kernel: Kernel, table: Table) -> Iterator[Row]:
    seen = kernel.flow_entries(table.namespace)
    yield from (Row(table, entry) for entry in seen)
    if table.replica is not None:
        known = {entry.flow for entry in seen}
        told = (flow for flow in kernel.taught(table.namespace) if flow not in known)
        yield from (Row(table, FlowEntry(flow, 0, TAUGHT_STATE), taught=True) for flow in told)


def _order(row: Row) -> tuple[object, ...]:
    flow, table = row.entry.flow, row.table
    ends = flow.source, flow.ports or (0, 0), flow.destination
    return table.router, table.replica or 0, flow.protocol, *ends, row.entry.id

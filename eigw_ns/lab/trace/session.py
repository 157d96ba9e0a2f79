"""Send one packet, and tell what each namespace on its way did with it and its answer, beside what the model says."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from eigw_ns.dataplane.trace import EPHEMERAL
from eigw_ns.dataplane.trace.comparison import Arrivals, Row, compare
from eigw_ns.dataplane.trace.explanation import Explanation
from eigw_ns.dataplane.trace.stations import Station, stations
from eigw_ns.frozen import frozen
from eigw_ns.kernel.nft import trace_table
from eigw_ns.kernel.nft.trace_table import MarkedFlow, Selection
from eigw_ns.kernel.reading.foreign import FAMILIES
from eigw_ns.lab.storage.protocols import Lock
from eigw_ns.lab.trace.listening import Listener, passages
from eigw_ns.lab.verify.checks import Check, evidence, judge, require_namespaces
from eigw_ns.lab.verify.prober import Evidence
from eigw_ns.topology import Expectation

_PATIENCE = 30.0  # seconds to wait for another command that changes the lab
_TIMEOUT = 1.0  # seconds without an answer after which a packet is lost


@frozen
class PacketTrace:
    """The result of the probe, and a row for each station. `lost` says that the kernel could not report all steps."""

    explanation: Explanation
    source_port: int
    check: Check
    rows: tuple[Row, ...]
    lost: bool

    @property
    def agrees(self) -> bool:
        """Whether the packet did at each station, and in the end, what the model says."""
        return self.check.passed and all(row.agrees for row in self.rows)


def trace(
    explanation: Explanation, lock: Lock, tell: Callable[[str], None], *, timeout: float = _TIMEOUT
) -> PacketTrace:
    """Send the packet that was explained, and compare. Holds the lock of the lab, so that no command changes it.

    `tell` is called with the holder of the lock if that is another command. A packet without an answer within `timeout`
    seconds is lost. Raises UsageError if no such packet can be
    sent, NoSuchLabError if the lab does not run, LockedError if another command keeps the lock, HostError if this
    process may not enter namespaces.
    """
    protocol = explanation.require_real()
    cloud, question, predicted = explanation.cloud, explanation.question, explanation.trace
    port = random.randint(*(predicted.source_ports or EPHEMERAL))
    ends = explanation.source_id, explanation.destination_id
    expected = Expectation(*ends, protocol, question.port, predicted.outcome)
    way = stations(cloud, *ends)
    with lock.hold(cloud.lab, f"eigw-ns trace ({cloud.lab})", wait=_PATIENCE, tell=tell):
        require_namespaces(cloud, {each.namespace for each in way})
        texts = {each: trace_table.rule_texts(each.namespace) for each in way if each.family is not None}
        listener = Listener(texts)
        with listener.listening(), _marked(texts, _selection(explanation, port)):
            seen = evidence(cloud, expected, replace(predicted, source_ports=(port, port)), timeout=timeout)
    found = passages(listener.reports, texts, FAMILIES)
    rows = compare(cloud, predicted, way, found, _arrivals(seen))
    return PacketTrace(explanation, port, judge(expected, predicted, seen), rows, listener.lost)


def _selection(explanation: Explanation, source_port: int) -> Selection:
    packet = explanation.trace.hops[0].packet
    protocol, port = explanation.require_real(), explanation.question.port
    return Selection(str(packet.source), str(packet.destination), protocol, port, source_port)


@contextlib.contextmanager
def _marked(stations: Iterable[Station], selection: Selection) -> Iterator[None]:
    """Mark the packets of a flow at the stations while the block runs."""
    flow = MarkedFlow(selection)
    try:
        for each in stations:
            flow.mark(each.namespace, each.family or "inet")
        yield
    finally:
        flow.close()


def _arrivals(seen: Evidence) -> Arrivals:
    answered = seen.outcome == "allowed" or (seen.outcome == "refused" and not seen.rejected)
    return Arrivals(seen.arrived or answered, answered)

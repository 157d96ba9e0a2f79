"""Expectations of a file that contradict the model of its cloud: `verify` would fail, whatever the kernel does."""

from __future__ import annotations

from collections.abc import Iterator

from eigw_ns.cloud import nodes
from eigw_ns.dataplane.trace import Outcome, Tracer
from eigw_ns.dataplane.trace.explanation import Explanation, Question, explain
from eigw_ns.frozen import frozen
from eigw_ns.topology import Expectation, Topology


@frozen
class Contradiction:
    """An expectation, its place in the list (counted from 1), the outcome that the model predicts, and why."""

    number: int
    expectation: Expectation
    predicted: Outcome
    explanation: Explanation


def contradictions(topology: Topology) -> Iterator[Contradiction]:
    """Yield the expectations that do not hold for all ephemeral source ports, in the order of the file."""
    cloud, tracer = topology.cloud, Tracer(topology.cloud)
    index = nodes.NodeIndex(nodes.nodes(cloud))
    for number, wanted in enumerate(topology.expectations, start=1):
        ends, what = (index.find(wanted.source).id, index.find(wanted.destination).id), (wanted.protocol, wanted.port)
        listening = wanted.result != "refused"
        for trace in tracer.by_source_port(*ends, *what, listening=listening):
            if trace.conclusive and wanted.result not in (trace.outcome, "inconclusive"):
                question = Question(wanted.source, wanted.destination, *what, listening=listening)
                yield Contradiction(number, wanted, trace.outcome, explain(cloud, question))
                break

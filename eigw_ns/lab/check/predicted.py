"""What the model predicts of the expectations of a topology, in the form of a report. No packet is sent."""

from __future__ import annotations

from eigw_ns.cloud import nodes
from eigw_ns.dataplane.trace import Trace, Tracer
from eigw_ns.lab.verify.checks import Check, Report, judge
from eigw_ns.lab.verify.prober import Evidence
from eigw_ns.topology import Expectation, Topology


def predicted(topology: Topology) -> Report:
    """Return a report in which every observed outcome is the predicted one."""
    tracer, index = Tracer(topology.cloud), nodes.NodeIndex(nodes.nodes(topology.cloud))
    checks = tuple(_check(tracer, index, each) for each in topology.expectations)
    return Report(all(check.passed for check in checks), checks)


def _check(tracer: Tracer, index: nodes.NodeIndex, wanted: Expectation) -> Check:
    ends = index.find(wanted.source).id, index.find(wanted.destination).id
    found = tracer.by_source_port(*ends, wanted.protocol, wanted.port, listening=wanted.result != "refused")
    trace = next((each for each in found if each.outcome != wanted.result), found[0])
    return judge(wanted, trace, _as_predicted(trace))


def _as_predicted(trace: Trace) -> Evidence:
    return Evidence(trace.outcome, arrived=trace.delivered, canary=True, controls=True)

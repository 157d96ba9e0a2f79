"""Prove with real packets that the lab does what its file expects and what the model predicts.

A check passes if the observed, the expected and the predicted outcome are the same, and if silence or a refusal is
proven. Silence is proven by three observations: the service that should answer was alive (canary), the path carried
another flow at the same time (control), and no packet arrived that should not have (sniffer). A refusal is proven if
the destination received the packet (sniffer) and its own address sent the refusal. A refusal from any other address
counts as a failure.

A check is inconclusive, which is not passed, if its packet ends at a route to an unknown target, or if the file says
so.
"""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from enum import StrEnum
from functools import cached_property
from ipaddress import IPv6Address
from typing import Any

from eigw_ns.cloud import nodes
from eigw_ns.cloud.families import ipv6_part
from eigw_ns.cloud.model import Cloud, Instance, InternetHost
from eigw_ns.cloud.nodes import internet_id
from eigw_ns.dataplane.compile.names import INSTANCE_LINK, ROUTER_LINK_LOCAL, infrastructure_address, namespace_name
from eigw_ns.dataplane.trace import Outcome, Protocol, Reason, Trace, Tracer
from eigw_ns.errors import EigwError, MissingError, NoSuchLabError
from eigw_ns.frozen import frozen
from eigw_ns.kernel.traffic import sockets
from eigw_ns.lab.verify import prober
from eigw_ns.lab.verify.disturbance import LabChangedError
from eigw_ns.topology import Expectation, Topology
from eigw_ns.topology.model import Result

Progress = Callable[[int, int], None]
"""Called with (checks done, checks in all)."""

_Done = Callable[[prober.Flow, Outcome], None]
"""Called with each flow and its outcome as soon as that is known."""

_PORT = 7  # used if the file has no expectations: the Echo service (RFC 862), which our listeners implement
_PROTOCOLS: tuple[tuple[Protocol, int | None], ...] = (("tcp", _PORT), ("udp", _PORT), ("icmpv6", None))


class Failure(StrEnum):
    """Reasons of a failed check that the model does not give."""

    LEAKED = "LEAKED"  # the packet arrived although the model says that it cannot
    CANARY_SILENT = "CANARY_SILENT"  # the service that should have answered was dead, so silence proves nothing
    CONTROL_FAILED = "CONTROL_FAILED"  # the controls did not come through either, so silence proves nothing
    REJECTED = "REJECTED"  # another node answered in the destination's place
    NOT_DELIVERED = "NOT_DELIVERED"  # the packet was lost on its way; the model says that only the answer is
    NO_LINK = "NO_LINK"  # an end is stopped or has no IPv6 address, so no packet proves anything
    MODEL_DISAGREES = "MODEL_DISAGREES"  # the observed outcome is not the predicted one


EXPECTED_INCONCLUSIVE = "EXPECTED_INCONCLUSIVE"
"""The reason of a check of which the file says that nobody can tell the outcome."""

_INCONCLUSIVE = (Reason.UNKNOWN_TARGET, EXPECTED_INCONCLUSIVE)


@frozen
class Check:
    """Result of one expectation. `reason` is the reason of the trace, a `Failure`, or EXPECTED_INCONCLUSIVE.

    `seconds` is the time from the first packet of the run until the outcome was known: checks run at the same time.
    """

    source: str
    destination: str
    protocol: Protocol
    port: int | None
    expected: Result
    observed: Outcome
    predicted: Outcome
    reason: str
    passed: bool
    seconds: float = 0.0

    @property
    def inconclusive(self) -> bool:
        """Return whether the check proves nothing: no packet went wrong, and none shows what happens in AWS."""
        return not self.passed and self.reason in _INCONCLUSIVE

    def document(self) -> dict[str, Any]:
        """Return the check as `verify -o json` prints it."""
        return {
            "from": self.source,
            "to": self.destination,
            "protocol": self.protocol,
            "port": self.port,
            "expected": self.expected,
            "observed": self.observed,
            "predicted": self.predicted,
            "reason": self.reason,
            "passed": self.passed,
        }


@frozen
class Report:
    """The checks in the order of the file. `passed` is True if all checks passed."""

    passed: bool
    checks: tuple[Check, ...]

    def document(self) -> dict[str, Any]:
        """Return the report as `verify -o json` prints it."""
        return {"passed": self.passed, "checks": [check.document() for check in self.checks]}


def verify(topology: Topology, *, timeout: float = 1.0, progress: Progress | None = None) -> Report:
    """Send the packets of every expectation and compare the outcomes. Without expectations, test every pair of nodes.

    A packet that is not answered within `timeout` seconds counts as blocked. All packets are sent at the same time, so
    the call takes little longer than that.

    Raises UsageError if an expectation names a node that is not an instance or a host. Raises EigwError if there
    is no pair to test, NoSuchLabError if the lab is not applied, HostError if this process may not enter namespaces.
    """
    planner = _Planner(topology.cloud)
    unlinked = planner.unlinked(topology.expectations)
    linked = [each for each in topology.expectations if each not in unlinked]
    plans = tuple(planner.expected(linked) if topology.expectations else planner.every_pair())
    if not plans and not unlinked:
        raise EigwError(
            f"the lab {topology.cloud.lab} has no pair of nodes with an instance in it, so there is nothing to verify",
            hint="add an instance and an internet host to the file, apply it, then verify",
        )
    proven = iter(_run(topology.cloud, plans, timeout, progress) if plans else ())
    if topology.expectations:
        checks = tuple(_unproven(each) if each in unlinked else next(proven) for each in topology.expectations)
    else:
        checks = tuple(proven)
    return Report(all(check.passed for check in checks), checks)


def _unproven(expectation: Expectation) -> Check:
    """Return the result for an expectation of which an end has no link. It fails, whatever is expected."""
    what = (expectation.source, expectation.destination, expectation.protocol, expectation.port)
    return Check(*what, expectation.result, "blocked", "blocked", Failure.NO_LINK, passed=False)


def probe(cloud: Cloud, expectation: Expectation, predicted: Trace, *, timeout: float = 1.0) -> Check:
    """Send the packet of one trace, from a source port for which the trace is valid, and compare the outcome.

    Raises as `verify` does.
    """
    return judge(expectation, predicted, evidence(cloud, expectation, predicted, timeout=timeout))


def evidence(
    cloud: Cloud, expectation: Expectation, predicted: Trace, *, listening: bool | None = None, timeout: float = 1.0
) -> prober.Evidence:
    """Return what is observed of the packet that `probe` sends. Raises as `verify` does.

    `listening` says whether a listener shall answer; by default, the expectation decides.
    """
    index = nodes.NodeIndex(nodes.nodes(cloud))
    ends = index.find(expectation.source).id, index.find(expectation.destination).id
    plan = _Planner(cloud).plan(expectation, predicted, *ends, listening=listening)
    (seen,) = _sent(cloud, (plan,), timeout)
    return seen


def _run(cloud: Cloud, plans: tuple[_Plan, ...], timeout: float, progress: Progress | None) -> tuple[Check, ...]:
    ended: dict[prober.Flow, float] = {}
    count = _counting([plan.probe for plan in plans], progress) if progress else None
    start = time.monotonic()

    def done(flow: prober.Flow, outcome: Outcome) -> None:
        ended[flow] = time.monotonic() - start
        if count is not None:
            count(flow, outcome)

    seen = _sent(cloud, plans, timeout, done)
    return tuple(
        replace(judge(plan.expectation, plan.trace, evidence), seconds=ended[plan.probe.flow])
        for plan, evidence in zip(plans, seen, strict=True)
    )


def _sent(
    cloud: Cloud, plans: tuple[_Plan, ...], timeout: float, done: _Done | None = None
) -> tuple[prober.Evidence, ...]:
    ends = (end for plan in plans for end in (plan.probe.flow.source, plan.probe.flow.destination))
    require_namespaces(cloud, {end.namespace for end in ends})
    try:
        return prober.run([plan.probe for plan in plans], timeout, done)
    except MissingError as error:
        raise LabChangedError(
            f"the lab {cloud.lab} was changed or destroyed while packets were on their way: {error.message}",
            hint=f"`eigw-ns status --lab {cloud.lab}` shows what is left; verify again after the other command ends",
        ) from error


def judge(expectation: Expectation, predicted: Trace, seen: prober.Evidence) -> Check:
    """Return the result of one expectation. If several things are wrong, the reason names the gravest."""
    failure = _failure(expectation, predicted, seen)
    undecided = EXPECTED_INCONCLUSIVE if expectation.result == "inconclusive" else None
    return Check(
        expectation.source,
        expectation.destination,
        expectation.protocol,
        expectation.port,
        expected=expectation.result,
        observed=seen.outcome,
        predicted=predicted.outcome,
        reason=failure or undecided or predicted.reason,
        passed=failure is None and predicted.conclusive and seen.outcome == expectation.result,
    )


def _failure(expectation: Expectation, predicted: Trace, seen: prober.Evidence) -> Failure | None:
    wanted = seen.outcome == expectation.result == "allowed"  # the model is wrong then, not the gateway
    if seen.arrived and not predicted.delivered and not wanted:
        return Failure.LEAKED
    if seen.rejected:
        return Failure.REJECTED
    if seen.outcome == "blocked":
        if not seen.canary:
            return Failure.CANARY_SILENT
        if not seen.controls:
            return Failure.CONTROL_FAILED
        if predicted.outcome == "blocked" and predicted.delivered and not seen.arrived:
            return Failure.NOT_DELIVERED
    return Failure.MODEL_DISAGREES if seen.outcome != predicted.outcome else None


@frozen
class _Plan:
    """An expectation, the trace that the model predicts, and the probe that tests it."""

    expectation: Expectation
    trace: Trace
    probe: prober.Probe


class _Planner:
    """Makes plans for one cloud."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._tracer = Tracer(cloud)
        self._linked = {*ipv6_part(cloud).instances, *cloud.hosts}

    def unlinked(self, expectations: Iterable[Expectation]) -> frozenset[Expectation]:
        """Return the expectations of which an end has no link, because it is stopped or has no IPv6 address."""
        index = nodes.NodeIndex(nodes.nodes(self._cloud))
        ends = {each: [index.find(text) for text in (each.source, each.destination)] for each in expectations}
        return frozenset(
            each
            for each, found in ends.items()
            if any(end.kind == "instance" and end.id not in self._linked for end in found)
        )

    def every_pair(self) -> Iterator[_Plan]:
        """Yield what the model predicts for every ordered pair of nodes with at least one instance."""
        known = nodes.nodes(self._cloud)
        ends = [node for node in known if node.id in self._linked]
        index = nodes.NodeIndex(known)
        texts = {node.id: index.text(node) for node in ends}
        for source, destination in itertools.permutations(ends, 2):
            if source.kind == destination.kind == "host":
                continue
            for protocol, port in _PROTOCOLS:
                predicted = self._tracer.trace(source.id, destination.id, protocol, port)
                expected = Expectation(texts[source.id], texts[destination.id], protocol, port, predicted.outcome)
                yield self.plan(expected, predicted, source.id, destination.id)

    def expected(self, expectations: Iterable[Expectation]) -> Iterator[_Plan]:
        """Yield a plan for each expectation.

        If the outcome depends on the source port, ports that contradict the expectation are tried, if there are any.
        """
        index = nodes.NodeIndex(nodes.nodes(self._cloud))
        for expectation in expectations:
            source, destination = index.find(expectation.source).id, index.find(expectation.destination).id
            kind, listening = (expectation.protocol, expectation.port), expectation.result != "refused"
            found = self._tracer.by_source_port(source, destination, *kind, listening=listening)
            predicted = next((trace for trace in found if trace.outcome != expectation.result), found[0])
            yield self.plan(expectation, predicted, source, destination)

    def plan(
        self,
        expectation: Expectation,
        predicted: Trace,
        source_id: str,
        destination_id: str,
        *,
        listening: bool | None = None,
    ) -> _Plan:
        """Return the plan that tests an expectation.

        If silence is expected or predicted, the plan has controls: flows that must come through at the same time.
        """
        protocol, port = expectation.protocol, expectation.port
        if listening is None:
            listening = expectation.result != "refused" or protocol == "icmpv6"
        source, destination = _endpoint(self._cloud, source_id), _endpoint(self._cloud, destination_id)
        flow = prober.Flow(source, destination, protocol, port, listening, predicted.source_ports)
        if "blocked" not in (predicted.outcome, expectation.result):
            refused = "refused" in (predicted.outcome, expectation.result)
            return _Plan(expectation, predicted, prober.Probe(flow, sniff=refused))
        if self._tracer.trace(destination_id, source_id, protocol, port).outcome == "allowed":
            controls: tuple[prober.Flow, ...] = (prober.Flow(destination, source, protocol, port),)
        else:
            controls = (*self._leg(source_id), *self._leg(destination_id))
        return _Plan(expectation, predicted, prober.Probe(flow, controls, sniff=True))

    def _leg(self, node_id: str) -> tuple[prober.Flow, ...]:
        """Return the controls of a node's side of the path, for two ends that cannot reach each other either way.

        They are an echo request to the node's router and, if an instance's own routes and rules allow it, one to the
        internet's router, over its gateway and back. No other machine is needed, which might be down.
        """
        node = _endpoint(self._cloud, node_id)
        legs = (prober.Flow(node, prober.Endpoint("", ROUTER_LINK_LOCAL, ""), "icmpv6"),)
        if node_id not in self._cloud.instances:
            return legs
        if self._afar.trace(node_id, self._internet.id, "icmpv6", None).outcome != "allowed":
            return legs
        return (*legs, prober.Flow(node, prober.Endpoint("", str(self._internet.ipv6_address), ""), "icmpv6"))

    @cached_property
    def _internet(self) -> InternetHost:
        """The internet's router, modelled as a host."""
        router = internet_id(self._cloud.lab)
        return InternetHost(router, router, IPv6Address(infrastructure_address(router)))

    @cached_property
    def _afar(self) -> Tracer:
        """The model of a cloud that has the internet's router as a host, made only if it is needed."""
        return Tracer(replace(self._cloud, hosts={**self._cloud.hosts, self._internet.id: self._internet}))


def _endpoint(cloud: Cloud, node_id: str) -> prober.Endpoint:
    node: Instance | InternetHost = cloud.instances.get(node_id) or cloud.hosts[node_id]
    return prober.Endpoint(namespace_name(cloud.lab, node_id), str(node.ipv6_address), INSTANCE_LINK)


def require_namespaces(cloud: Cloud, namespaces: Iterable[str]) -> None:
    """Raise NoSuchLabError if one of the namespaces of the lab does not exist."""
    missing = sockets.missing(namespaces)
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise NoSuchLabError(
            f"the lab {cloud.lab} is not running: there is no namespace {missing[0]}{more}",
            hint=f"build it with `eigw-ns apply --lab {cloud.lab}`, then verify again",
        )


def _counting(probes: Iterable[prober.Probe], progress: Progress) -> _Done:
    """Return a callback that counts the checks whose flows have ended.

    Two checks may share a flow; the flows of controls do not belong to a check.
    """
    waiting = Counter(probe.flow for probe in probes)
    total, done = waiting.total(), 0

    def count(flow: prober.Flow, _outcome: Outcome) -> None:
        nonlocal done
        checks = waiting.pop(flow, 0)
        if checks:
            done += checks
            progress(done, total)

    return count

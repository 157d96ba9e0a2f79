"""The result of a check, from the expected, the predicted and the observed outcome."""

from __future__ import annotations

import pytest

from eigw_ns.dataplane.trace import Trace
from eigw_ns.lab.verify.checks import judge
from eigw_ns.lab.verify.prober import Endpoint, Evidence, Flow, Probe
from eigw_ns.lab.verify.prober.rounds import rounds
from eigw_ns.topology import Expectation, Result

REACHABLE = Trace("allowed", True, "REACHABLE", ())
REFUSED = Trace("refused", True, "NO_LISTENER", ())
KEPT_OUT = Trace("blocked", False, "WHY_NOT", ())
ANSWER_LOST = Trace("blocked", True, "WHY_NOT", ())

ANSWER = Evidence("allowed", arrived=True, canary=True, controls=True)
REFUSAL = Evidence("refused", arrived=True, canary=True, controls=True)
REJECTED = Evidence("blocked", arrived=False, canary=True, controls=True, rejected=True)
SILENCE = Evidence("blocked", arrived=False, canary=True, controls=True)
LOST_ANSWER = Evidence("blocked", arrived=True, canary=True, controls=True)
DEAF = Evidence("blocked", arrived=False, canary=False, controls=True)
CUT_OFF = Evidence("blocked", arrived=False, canary=True, controls=False)


@pytest.mark.parametrize(
    ("expected", "trace", "seen", "reason", "passed"),
    [
        ("allowed", REACHABLE, ANSWER, "REACHABLE", True),
        ("refused", REFUSED, REFUSAL, "NO_LISTENER", True),
        ("blocked", KEPT_OUT, SILENCE, "WHY_NOT", True),
        ("blocked", ANSWER_LOST, LOST_ANSWER, "WHY_NOT", True),
        # the file is wrong; packet and model agree
        ("blocked", REACHABLE, ANSWER, "REACHABLE", False),
        ("allowed", KEPT_OUT, SILENCE, "WHY_NOT", False),
        # silence that proves nothing
        ("blocked", KEPT_OUT, DEAF, "CANARY_SILENT", False),
        ("blocked", KEPT_OUT, CUT_OFF, "CONTROL_FAILED", False),
        ("allowed", REACHABLE, DEAF, "CANARY_SILENT", False),
        ("blocked", ANSWER_LOST, SILENCE, "NOT_DELIVERED", False),
        # the packet came through
        ("blocked", KEPT_OUT, ANSWER, "LEAKED", False),
        ("blocked", KEPT_OUT, LOST_ANSWER, "LEAKED", False),
        ("blocked", KEPT_OUT, REFUSAL, "LEAKED", False),
        ("allowed", KEPT_OUT, LOST_ANSWER, "LEAKED", False),
        # the model is wrong
        ("allowed", KEPT_OUT, ANSWER, "MODEL_DISAGREES", False),
        ("blocked", KEPT_OUT, REJECTED, "REJECTED", False),
        ("refused", REFUSED, REJECTED, "REJECTED", False),
        ("blocked", REACHABLE, SILENCE, "MODEL_DISAGREES", False),
        ("blocked", ANSWER_LOST, ANSWER, "MODEL_DISAGREES", False),
        ("allowed", REACHABLE, REFUSAL, "MODEL_DISAGREES", False),
    ],
)
def test_verdict(expected: Result, trace: Trace, seen: Evidence, reason: str, passed: bool) -> None:
    check = judge(Expectation("a", "b", "tcp", 1, expected), trace, seen)
    assert (check.reason, check.passed) == (reason, passed)
    assert (check.expected, check.predicted, check.observed) == (expected, trace.outcome, seen.outcome)


A, B = Endpoint("a", "2001:db8::a", "eth0"), Endpoint("b", "2001:db8::b", "eth0")


def test_every_probe_is_in_one_round_and_few_descriptors_make_more_rounds() -> None:
    probes = [Probe(Flow(A, B, "tcp", port)) for port in range(1, 101)]
    for descriptors, least in ((10_000, 1), (100, 7), (0, 100)):
        found = list(rounds(probes, descriptors))
        assert [probe for each in found for probe in each.probes] == probes
        assert len(found) >= least
    assert len(list(rounds(probes, 10_000))) == 1


def test_a_round_never_needs_more_descriptors_than_there_are() -> None:
    probes = [Probe(Flow(A, B, "tcp", port), (Flow(B, A, "tcp", port),), sniff=True) for port in range(1, 101)]
    for each in rounds(probes, 200):
        used = 3 * len(each.flows) + len(list(each.services)) + len(each.sniffed)
        assert used <= 200


def test_a_port_is_not_open_and_closed_in_one_round() -> None:
    open_, closed = Probe(Flow(A, B, "tcp", 1)), Probe(Flow(A, B, "tcp", 1, listening=False))
    other = Probe(Flow(A, B, "udp", 1, listening=False))
    assert [each.probes for each in rounds([open_, closed, other], 1000)] == [[open_, other], [closed]]

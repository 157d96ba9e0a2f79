"""How many leaks are found: each egress-only route for everything is turned to an internet gateway, one at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from eigw_ns.importing.design import Design, DesignGateway, DesignRoute, Key, Label, Link
from eigw_ns.importing.detect import detect
from eigw_ns.importing.options import Options
from eigw_ns.importing.policy.policy import Policy
from eigw_ns.importing.policy.reader import read_policy
from eigw_ns.importing.read import read
from eigw_ns.importing.resolve.choices import Choices
from eigw_ns.importing.resolve.index import Index
from eigw_ns.lab.check.checking import check
from eigw_ns.lab.check.outcome import Checked, Outcome
from eigw_ns.lab.check.predicted import predicted

INPUTS = Path(__file__).parent / "inputs"
TODAY = date(2026, 12, 1)
SOURCES = ("dual-stack.yaml", "leak.yaml", "cdk.out", "tf-1/state.json", "tf-1/plan.json", "tf-1/mocked.jsonl",
           "tf-2/state.json", "tf-2/mocked.jsonl")  # fmt: skip
"""Inputs that are not refused."""

POLICY = read_policy(b"subnets: [{match: {name: app}, inbound: blocked, outbound: allowed}]", "p.yaml")


def design(source: str) -> Design:
    path = INPUTS / source
    files = sorted(path.rglob("*.json")) if path.is_dir() else [path]
    found = {str(each.relative_to(path)) if path.is_dir() else source: each.read_bytes() for each in files}
    kind = detect(found, folder=path.is_dir())
    return read(kind, found, Options())


def mutants(made: Design) -> Iterator[tuple[DesignRoute, Design]]:
    """Yield each route that is turned, and the design with it."""
    index = Index(made)
    for route in made.routes:
        if route.kind == "egress-only" and str(route.destination) == "::/0":
            vpc = index.vpc_of(route.table)
            assert vpc is not None
            gateway, turned = _with_internet_gateway(made, vpc)
            routes = tuple(
                replace(each, kind="internet", target=gateway) if each is route else each for each in turned.routes
            )
            yield route, replace(turned, routes=routes)


def _with_internet_gateway(made: Design, vpc: Link) -> tuple[Key, Design]:
    own = (each for each in made.gateways if each.kind == "internet" and each.vpc == vpc)
    found = next(own, None)
    if found is not None:
        return found.label.key, made
    gateway = DesignGateway(Label(Key("added"), made.vpcs[0].label.place, "added"), "internet", vpc)
    return gateway.label.key, replace(made, gateways=(*made.gateways, gateway))


def _checked(made: Design, policy: Policy) -> Checked:
    return check(made, "source", "", policy, Choices(), predicted, TODAY)


def _caught(source: str, policy: Policy) -> tuple[int, int]:
    """Return how many mutants fail that the design itself does not, and how many there are."""
    made = design(source)
    before = Outcome((_checked(made, policy),))
    assert before.exit_code in (0, 4)
    known = frozenset(each.fingerprint for each in before.findings)
    results = [Outcome((_checked(mutant, policy),), known=known).exit_code for _, mutant in mutants(made)]
    return sum(code == 4 for code in results), len(results)


CAUGHT = {
    "dual-stack.yaml": (1, 1), "leak.yaml": (0, 0), "cdk.out": (0, 0), "tf-1/state.json": (2, 2),
    "tf-1/plan.json": (2, 2), "tf-1/mocked.jsonl": (2, 2), "tf-2/state.json": (0, 1), "tf-2/mocked.jsonl": (0, 1),
}  # fmt: skip


@pytest.mark.parametrize("source", SOURCES)
def test_mutants_that_intent_or_ipv4_finds(source: str) -> None:
    assert _caught(source, Policy()) == CAUGHT[source]


@pytest.mark.parametrize("source", ["tf-2/state.json", "tf-2/mocked.jsonl"])
def test_what_nothing_states_is_said_and_a_policy_finds_it(source: str) -> None:
    """The names of these subnets state nothing, and their IPv4 side has no way out."""
    made = design(source)
    (_, mutant) = next(mutants(made))
    assert "EIGW008" in {each.code for each in _checked(mutant, Policy()).findings}
    assert _caught(source, POLICY) == (1, 1)

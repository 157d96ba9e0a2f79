"""Compare the model with packets, for every pair of nodes of two VPCs with every kind of route table."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from eigw_ns.dataplane.state import Ruleset
from eigw_ns.lab.verify.checks import Report, verify
from eigw_ns.topology import Expectation
from tests.support.labs import Lab
from tests.support.slowness import SLOWNESS

pytestmark = pytest.mark.root

TABLES = {
    "public": ["::/0 edge"],
    "private": ["::/0 out"],
    "isolated": [],
    "dead": ["::/0 eigw-0123456789abcdef0"],
    "split": ["::/0 out", "2001:db8:f00::/48 edge"],
    "split2": ["::/0 edge", "2001:db8:f00::/48 out"],
    "hole": ["::/0 edge", "2001:db8:f00::/48 blackhole"],
    "hole2": ["::/0 out", "2001:db8:f00::/48 blackhole"],
    "narrow": ["2001:db8:f00::/48 out"],
    "narrow2": ["2001:db8:f00::/48 edge"],
    "nested": ["2001:db8:f00::/64 edge", "2001:db8:f00::/48 out", "::/0 edge"],
    "partner": ["2600:1f16:aa0::/48 out", "::/0 edge"],
}
"""Route tables by name. Each has a subnet and an instance of that name. `public` is the main one, not associated."""


def vpc(name: str, block: str, tables: list[str]) -> str:
    lines = [f"  {name}:", f"    ipv6_cidr_block: {block}", "    egress_only_internet_gateways: {out: {}}"]
    lines += ["    internet_gateways: {edge: {}}", "    route_tables:"]
    for table in tables:
        routes = ", ".join('{{destination: "{}", target: {}}}'.format(*route.split()) for route in TABLES[table])
        lines.append(f"      {table}: {{routes: [{routes}]{', main: true' if table == 'public' else ''}}}")
    lines.append("    security_groups: {default: {ingress: [{protocol: all, cidr: '::/0'}]}}")
    lines.append("    subnets:")
    lines += [f"      {table}-net: {'{}' if table == 'public' else f'{{route_table: {table}}}'}" for table in tables]
    lines.append("    instances:")
    lines += [f"      {table}-i: {{subnet: {table}-net}}" for table in tables]
    return "\n".join(lines)


TOPOLOGY = f"""
vpcs:
{vpc("one", "2600:1f16:aa0:5500::/56", [name for name in TABLES if name != "partner"])}
{vpc("two", "2600:1f16:bb0:5500::/56", ["public", "private", "partner"])}
internet:
  hosts:
    web: {{ipv6_address: "2001:db8:f00::1"}}
    deep: {{ipv6_address: "2001:db8:f00:1::1"}}
    far: {{ipv6_address: "3fff::1"}}
"""

SMALL = """
vpcs:
  main:
    ipv6_cidr_block: 2600:1f16:aa0:5500::/56
    egress_only_internet_gateways: {out: {}}
    route_tables: {private: {main: true, routes: [{destination: "::/0", target: out}]}}
    security_groups: {default: {ingress: [{protocol: all, cidr: "::/0"}]}}
    subnets: {a: {}}
    instances: {app: {subnet: a}}
internet:
  hosts: {web: {ipv6_address: "2001:db8:f00::1"}}
"""


def failed(report: Report) -> list[str]:
    return [str(check) for check in report.checks if not check.passed]


def test_every_pair_does_what_the_model_says(lab_name: str) -> None:
    lab = Lab(lab_name)
    lab.apply(TOPOLOGY)
    assert lab.current is not None
    report = verify(lab.current, timeout=SLOWNESS)
    assert not failed(report)
    nodes = 14 + 3
    assert len(report.checks) == 3 * (nodes * (nodes - 1) - 3 * 2)
    reasons = Counter(check.reason for check in report.checks)
    assert set(reasons) == {
        "REACHABLE",
        "EGRESS_ONLY_GATEWAY_REFUSES_INBOUND",
        "NO_ROUTE_TO_DESTINATION",
        "BAD_STATE_ROUTE",
    }


@pytest.mark.parametrize("hole", [False, True])
def test_a_gateway_without_its_rules_does_not_pass_as_one_that_refuses(lab_name: str, hole: bool) -> None:
    """It fails closed: it drops packets from the internet, but also all others.

    `hole`: the instance has no route to the host, but one to the internet. An echo of its own router would not show
    that the gateway is dead.
    """
    first = '[{destination: "2001:db8:f00::/48", target: blackhole}, {' if hole else "[{"
    lab = Lab(lab_name)
    lab.apply(SMALL.replace("[{", first, 1))
    assert lab.current is not None
    inbound = replace(lab.current, expectations=(Expectation("web", "app", "tcp", 22, "blocked"),))
    assert not failed(verify(inbound, timeout=SLOWNESS))
    gateway = lab.namespace("out")
    lab.kernel.delete([thing for thing in lab.kernel.observe(lab_name) if isinstance(thing, Ruleset) and
                       thing.namespace == gateway])  # fmt: skip
    (check,) = verify(inbound, timeout=SLOWNESS).checks
    assert (check.observed, check.reason) == ("blocked", "CONTROL_FAILED")

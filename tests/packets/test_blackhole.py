"""A deleted gateway leaves its routes, in AWS's state `blackhole`: packets to them are dropped silently (R4)."""

from __future__ import annotations

import pytest

from eigw_ns.cloud.model import EgressOnlyInternetGateway
from eigw_ns.dataplane.state import Route
from tests.support.labs import Lab, inward, until

pytestmark = pytest.mark.root

GATEWAY = "eigw-0123456789abcdef0"
TOPOLOGY = f"""
vpcs:
  main:
    ipv6_cidr_block: 2600:1f16:aa0:5500::/56
    egress_only_internet_gateways: {{{GATEWAY}: {{}}}}
    internet_gateways: {{edge: {{}}}}
    route_tables:
      mixed:
        routes:
          - {{destination: "2001:db8:a::/48", target: {GATEWAY}}}
          - {{destination: "::/0", target: edge}}
    security_groups: {{default: {{ingress: [{{protocol: all, cidr: "::/0"}}]}}}}
    subnets:
      a: {{ipv6_cidr_block: "2600:1f16:aa0:5501::/64", route_table: mixed}}
    instances:
      app: {{subnet: a, ipv6_address: "2600:1f16:aa0:5501::10"}}
internet:
  hosts:
    web: {{ipv6_address: "2001:db8:80::1"}}
    near: {{ipv6_address: "2001:db8:a::1"}}
"""
WITHOUT = TOPOLOGY.replace(f"    egress_only_internet_gateways: {{{GATEWAY}: {{}}}}\n", "")
APP, WEB, NEAR = "2600:1f16:aa0:5501::10", "2001:db8:80::1", "2001:db8:a::1"


@pytest.fixture
def lab(lab_name: str) -> Lab:
    built = Lab(lab_name)
    built.apply(TOPOLOGY)
    assert built.current is not None
    assert [type(gateway) for gateway in built.current.cloud.egress_only_internet_gateways.values()] == [
        EgressOnlyInternetGateway
    ]
    return built


def test_a_deleted_gateway_stops_live_flows_both_ways_and_leaves_a_blackhole(lab: Lab) -> None:
    with (
        lab.stream("app", "near", NEAR, 4001) as through,
        lab.stream("app", "web", WEB, 4002) as beside,
        lab.stream("web", "app", APP, 4003) as inbound,
        lab.sniffer("near") as outside,
    ):
        assert through.works()
        assert beside.works()
        assert inbound.works()
        inward(outside)

        lab.apply(WITHOUT)

        assert through.silent()  # it does not use ::/0 either, which leads to the internet gateway
        assert inward(outside) == []
        assert beside.works()
        assert inbound.works()
        assert beside.retransmissions() == inbound.retransmissions() == 0
    held = {thing.destination: thing for thing in lab.kernel.observe(lab.name) if isinstance(thing, Route)}
    assert held["2001:db8:a::/48"].blackhole
    assert lab.plan(WITHOUT) == ()


def test_a_route_that_is_replaced_works_again(lab: Lab) -> None:
    lab.apply(WITHOUT)
    other = TOPOLOGY.replace(GATEWAY, "eigw-0fedcba9876543210")
    lab.apply(other)
    with lab.stream("app", "near", NEAR) as stream:
        assert stream.works()


TWO_SUBNETS = f"""
vpcs:
  main:
    ipv6_cidr_block: 2600:1f16:aa0:5500::/56
    egress_only_internet_gateways: {{outbound: {{}}}}
    route_tables:
      some: {{routes: [{{destination: "2001:db8:a::/48", target: outbound}}]}}
      all: {{routes: [{{destination: "::/0", target: outbound}}]}}
    security_groups: {{default: {{ingress: [{{protocol: all, cidr: "::/0"}}]}}}}
    subnets:
      a: {{ipv6_cidr_block: "2600:1f16:aa0:5501::/64", route_table: some}}
      b: {{ipv6_cidr_block: "2600:1f16:aa0:5502::/64", route_table: all}}
    instances:
      app: {{subnet: a, ipv6_address: "{APP}"}}
      box: {{subnet: b, ipv6_address: "2600:1f16:aa0:5502::10"}}
internet:
  hosts:
    near: {{ipv6_address: "{NEAR}"}}
"""


def test_a_route_taken_away_ends_its_flows_and_keeps_the_others(lab_name: str) -> None:
    lab = Lab(lab_name)
    lab.apply(TWO_SUBNETS)
    gone = TWO_SUBNETS.replace('[{destination: "2001:db8:a::/48", target: outbound}]', "[]")
    assert gone != TWO_SUBNETS
    with lab.stream("app", "near", NEAR, 4001) as through, lab.stream("box", "near", NEAR, 4002) as beside:
        assert through.works()
        assert beside.works()

        plan = lab.apply(gone)

        flushed = {str(step.object) for step in plan if step.verb == "flush"}
        assert flushed == {f"flows of {lab.namespace(node)}" for node in ("outbound", "main/a")}
        assert through.silent()
        assert beside.works()
        lab.apply(TWO_SUBNETS)  # the route comes back, and the flow does not: a segment of it opens none
        until(lambda: lab.counter("outbound", "drop_invalid") > 0, "a segment sent again and dropped")
        assert through.silent()
        assert beside.works()
        assert beside.retransmissions() == 0

"""`verify` from topology to report, over a small network in place of a lab: a router with right or wrong rules."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv6Address, IPv6Network

import pytest

from eigw_ns.cloud.defaults import default_network_acl, default_security_group
from eigw_ns.cloud.model import (
    Cloud,
    EgressOnlyInternetGateway,
    Instance,
    InternetHost,
    Route,
    RouteTable,
    Subnet,
    Vpc,
)
from eigw_ns.errors import EigwError, NoSuchLabError, UsageError
from eigw_ns.kernel.namespaces import netns
from eigw_ns.lab.verify.checks import Check, verify
from eigw_ns.topology import Expectation, Topology
from tests.support.slowness import SLOWNESS
from tests.support.star import Star
from tests.topologies.blocks import of_subnet, of_vpc

pytestmark = pytest.mark.root

VPC, SUBNET, TABLE = "vpc-00000000000000001", "subnet-00000000000000001", "rtb-00000000000000001"
EIGW, APP, WEB = "eigw-00000000000000001", "i-00000000000000001", "host-00000000000000002"
APP_ADDRESS, WEB_ADDRESS = "2001:db8:1::10", "2001:db8:2::20"
TIMEOUT = 0.3 * SLOWNESS

EGRESS_ONLY = f"ip6 saddr {WEB_ADDRESS} ct state new drop"

OUT = Expectation("app", "web", "tcp", 443, "allowed")
IN = Expectation("web", "app", "tcp", 22, "blocked")


@pytest.fixture
def star(lab_name: str) -> Star:
    return Star(lab_name, {APP: APP_ADDRESS, WEB: WEB_ADDRESS})


def topology(lab: str, *expectations: Expectation) -> Topology:
    """Return a topology of an instance behind an egress-only internet gateway, and a host."""
    vpc = Vpc(VPC, "main", of_vpc(VPC, IPv6Network("2001:db8:1::/56")))
    acl, group = default_network_acl(lab, vpc), default_security_group(lab, vpc)
    cloud = Cloud(
        lab,
        vpcs={VPC: vpc},
        subnets={SUBNET: Subnet(SUBNET, "private", VPC, of_subnet(SUBNET, IPv6Network("2001:db8:1::/64")))},
        route_tables={TABLE: RouteTable(TABLE, "main", VPC, True, (Route(IPv6Network("::/0"), EIGW),))},
        egress_only_internet_gateways={EIGW: EgressOnlyInternetGateway(EIGW, "outbound", VPC)},
        network_acls={acl.id: acl},
        security_groups={group.id: group},
        instances={APP: Instance(APP, "app", SUBNET, IPv6Address(APP_ADDRESS), (group.id,))},
        hosts={WEB: InternetHost(WEB, "web", IPv6Address(WEB_ADDRESS))},
    )
    return Topology(cloud, expectations)


def one(star: Star, expectation: Expectation) -> Check:
    report = verify(topology(star.lab, expectation), timeout=TIMEOUT)
    (check,) = report.checks
    assert report.passed == check.passed
    return check


def verdict(check: Check) -> tuple[str, str, bool]:
    return check.observed, check.reason, check.passed


def test_expectations_that_hold(star: Star) -> None:
    star.rule(star.router, "forward", EGRESS_ONLY)
    told: list[tuple[int, int]] = []
    expectations = (OUT, IN, replace(OUT, result="refused"), replace(OUT, protocol="icmpv6", port=None))
    report = verify(
        topology(star.lab, *expectations), timeout=TIMEOUT, progress=lambda done, total: told.append((done, total))
    )
    assert report.passed
    assert [verdict(check) for check in report.checks] == [
        ("allowed", "REACHABLE", True),
        ("blocked", "EGRESS_ONLY_GATEWAY_REFUSES_INBOUND", True),
        ("refused", "NO_LISTENER", True),
        ("allowed", "REACHABLE", True),
    ]
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert report.document()["checks"][1] == {
        "from": "web",
        "to": "app",
        "protocol": "tcp",
        "port": 22,
        "expected": "blocked",
        "observed": "blocked",
        "predicted": "blocked",
        "reason": "EGRESS_ONLY_GATEWAY_REFUSES_INBOUND",
        "passed": True,
    }


@pytest.mark.parametrize(
    ("expectation", "observed", "reason"),
    [
        (replace(OUT, result="blocked"), "allowed", "REACHABLE"),
        (replace(IN, result="allowed"), "blocked", "EGRESS_ONLY_GATEWAY_REFUSES_INBOUND"),
        (replace(IN, result="refused"), "blocked", "EGRESS_ONLY_GATEWAY_REFUSES_INBOUND"),
    ],
)
def test_an_expectation_that_is_wrong(star: Star, expectation: Expectation, observed: str, reason: str) -> None:
    star.rule(star.router, "forward", EGRESS_ONLY)
    assert verdict(one(star, expectation)) == (observed, reason, False)


def test_without_expectations_every_pair_is_compared_with_the_model(star: Star) -> None:
    star.rule(star.router, "forward", EGRESS_ONLY)
    report = verify(topology(star.lab), timeout=TIMEOUT)
    assert report.passed
    assert {(c.source, c.destination, c.protocol, c.observed) for c in report.checks} == {
        (*pair, protocol, observed)
        for pair, observed in ((("app", "web"), "allowed"), (("web", "app"), "blocked"))
        for protocol in ("tcp", "udp", "icmpv6")
    }


def test_a_gateway_that_is_open(star: Star) -> None:
    assert verdict(one(star, IN)) == ("allowed", "LEAKED", False)


def test_a_gateway_that_drops_only_answers(star: Star) -> None:
    """The sender sees silence, as expected, although the packet came in."""
    star.rule(star.router, "forward", f"ip6 saddr {APP_ADDRESS} tcp sport 22 drop")
    assert verdict(one(star, IN)) == ("blocked", "LEAKED", False)


def test_a_gateway_that_rejects(star: Star) -> None:
    star.rule(star.router, "forward", f"ip6 saddr {WEB_ADDRESS} ct state new reject with icmpv6 type admin-prohibited")
    assert verdict(one(star, IN)) == ("blocked", "REJECTED", False)


def test_a_gateway_that_resets_in_the_name_of_the_instance(star: Star) -> None:
    star.rule(star.router, "forward", f"ip6 saddr {WEB_ADDRESS} tcp flags syn reject with tcp reset")
    assert verdict(one(star, IN)) == ("blocked", "REJECTED", False)
    expected = replace(IN, result="refused")
    assert verdict(one(star, expected)) == ("blocked", "REJECTED", False)


def test_an_expectation_that_the_network_meets_and_the_model_does_not(star: Star) -> None:
    assert verdict(one(star, replace(IN, result="allowed"))) == ("allowed", "MODEL_DISAGREES", False)


def test_a_packet_that_should_get_through(star: Star) -> None:
    star.rule(star.router, "forward", "tcp dport 443 drop")
    assert verdict(one(star, OUT)) == ("blocked", "MODEL_DISAGREES", False)


def test_a_dead_destination(star: Star) -> None:
    star.rule(star.nodes[APP], "input", "tcp dport 22 drop")
    star.rule(star.router, "forward", EGRESS_ONLY)
    assert verdict(one(star, IN)) == ("blocked", "CANARY_SILENT", False)


def test_a_dead_path(star: Star) -> None:
    star.rule(star.router, "forward", "drop")
    assert verdict(one(star, IN)) == ("blocked", "CONTROL_FAILED", False)


def test_a_source_without_its_link(star: Star) -> None:
    star.cut(WEB)
    assert verdict(one(star, IN)) == ("blocked", "CONTROL_FAILED", False)


def test_a_destination_without_its_link(star: Star) -> None:
    """The router sends "no route", although in the model no node sends an error."""
    star.cut(APP)
    assert verdict(one(star, IN)) == ("blocked", "REJECTED", False)


def test_a_dead_first_hop_without_a_way_back(star: Star) -> None:
    """Without routes neither direction works, so each end has to reach its own router."""
    lab = topology(star.lab, IN)
    table = replace(lab.cloud.route_tables[TABLE], routes=())
    lab = replace(lab, cloud=replace(lab.cloud, route_tables={TABLE: table}))
    star.rule(star.router, "forward", "drop")
    (check,) = verify(lab, timeout=TIMEOUT).checks
    assert verdict(check) == ("blocked", "NO_ROUTE_TO_DESTINATION", True)
    star.rule(star.nodes[WEB], "output", "icmpv6 type echo-request drop")
    (check,) = verify(lab, timeout=TIMEOUT).checks
    assert verdict(check) == ("blocked", "CONTROL_FAILED", False)


def test_a_lab_that_is_not_applied(lab_name: str) -> None:
    with pytest.raises(NoSuchLabError, match="not running") as caught:
        verify(topology(lab_name, OUT))
    assert "eigw-ns apply" in caught.value.hint


def test_a_lab_that_is_removed_while_packets_are_on_their_way(lab_name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(netns, "exists", lambda _name: True)  # it existed a moment ago
    with pytest.raises(EigwError, match=f"the lab {lab_name} was changed or destroyed while packets") as caught:
        verify(topology(lab_name, OUT), timeout=TIMEOUT)
    assert f"eigw-ns status --lab {lab_name}" in caught.value.hint


def test_a_lab_without_a_pair_to_verify_is_an_error(lab_name: str) -> None:
    lab = topology(lab_name)
    with pytest.raises(EigwError, match="nothing to verify"):
        verify(replace(lab, cloud=replace(lab.cloud, instances={})))


def test_nodes_that_send_nothing(lab_name: str) -> None:
    with pytest.raises(UsageError, match="is not an instance or an internet host"):
        verify(topology(lab_name, replace(OUT, destination="outbound")))

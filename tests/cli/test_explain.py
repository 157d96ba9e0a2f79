"""`eigw-ns explain`: without root from a file or the stored lab; with --probe, by packets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from eigw_ns.topology import Topology
from tests.support.command import Cli, process

Stored = Callable[[str], Topology]


def test_a_path_for_people(cli: Cli, stored: Stored) -> None:
    stored("mine")
    result = cli("explain", "app", "web")
    assert (result.code, result.err) == (0, "")
    assert "egress-only internet gateway outbound" in result.out
    assert result.out.endswith("\napp reaches web over tcp 443, and the answer comes back.\n")


def test_a_blocked_path_exits_with_0_and_says_what_to_change(cli: Cli, stored: Stored) -> None:
    stored("mine")
    result = cli("explain", "web", "app", "--port", "22")
    assert result.code == 0
    assert "✗\tegress-only internet gateway outbound" in result.out
    assert "web does not reach app over tcp 22." in result.out
    assert "route the subnet through an internet gateway" in result.out.splitlines()[-1]


def test_a_file_needs_no_lab_and_no_root(demo_file: Callable[[str], str]) -> None:
    result = process("explain", "-f", demo_file("mine"), "web", "app", "-o", "json", powerless=True)
    assert (result.code, result.err) == (0, "")
    assert result.data["NetworkPathFound"] is False
    assert [why["ExplanationCode"] for why in result.data["Explanations"]] == ["EGRESS_ONLY_GATEWAY_REFUSES_INBOUND"]


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (("--protocol", "udp", "--port", "53"), ("udp", 53)),
        (("--protocol", "icmpv6"), ("icmpv6", None)),
        ((), ("tcp", 443)),
    ],
)
def test_protocol_and_port(cli: Cli, stored: Stored, arguments: tuple[str, ...], kind: tuple[str, int | None]) -> None:
    stored("mine")
    data = cli("explain", "app", "web", "-o", "json", *arguments).data
    assert (data["Protocol"], data.get("DestinationPort")) == kind


def test_a_source_port(cli: Cli, stored: Stored) -> None:
    stored("mine")
    data = cli("explain", "app", "web", "-o", "json", "--source-port", "5000").data
    assert data["ForwardPathComponents"][0]["OutboundHeader"]["SourcePortRanges"] == [{"From": 5000, "To": 5000}]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("app", "outbound"), "outbound is not a machine: it does not send or receive"),
        (("main/private-a", "web"), "main/private-a is not a machine: it does not send or receive"),
        (("internet", "app"), "the internet is not a single machine"),
        (("app", "wbe"), "did you mean web?"),
        (("app", "8.8.8.8"), "hint: write an instance, an internet host or an IPv6 address"),
        (("app", "web", "--protocol", "icmpv6", "--port", "1"), "icmpv6 has no ports"),
        (("app", "web", "--port", "0"), "--port"),
        (("app", "web", "--port", "65536"), "--port"),
        (("app", "web", "--protocol", "stcp"), "stcp is not a protocol"),
        (("app", "web", "--protocol", "sctp", "--port", "9"), "read no ports of sctp"),
        (("app", "web", "--protocol", "sctp", "--probe"), "no packet of sctp can be sent"),
        (("app",), "TO"),
        (("web", "2600:1f16:aa0:5501::1", "--protocol", "icmpv6", "--probe"), "no node of the lab has that address"),
        (("app", "2001:db8:99::1", "--probe"), "no node of the lab has that address"),
        (("2001:db8:99::1", "app", "--probe"), "no node of the lab has that address"),
    ],
)
def test_usage_errors(cli: Cli, stored: Stored, arguments: tuple[str, ...], words: str) -> None:
    stored("mine")
    result = cli("explain", *arguments)
    assert (result.code, result.out) == (2, "")
    assert words in result.err


@pytest.mark.parametrize(
    ("pair", "code"),
    [
        (("app", "web"), 0),
        (("web", "app"), 4),
        (("app", "64:ff9b::1"), 4),
        (("app", "2600:1f16:aa0:5501::1"), 4),
        (("app", "2600:1f16:aa0:5501::1", "--protocol", "icmpv6"), 0),
        (("app", "web", "--protocol", "sctp"), 0),
        (("app", "web", "--protocol", "1"), 4),
    ],
)
def test_check_fails_unless_the_answer_comes_back(cli: Cli, stored: Stored, pair: tuple[str, ...], code: int) -> None:
    stored("mine")
    assert cli("explain", *pair).code == 0
    assert cli("explain", *pair, "--check").code == code
    found = cli("explain", *pair, "--check", "-o", "json")
    assert (found.code, found.data["NetworkPathFound"]) == (code, code == 0)


def test_a_spoofed_source_may_be_the_router_s_address(cli: Cli, stored: Stored) -> None:
    stored("mine")
    result = cli("explain", "2600:1f16:aa0:5501::1", "www")
    assert result.code == 0
    assert "Give the sender an address outside the VPC's block" in result.out


def test_a_probe_without_root(stored: Stored) -> None:
    stored("mine")
    result = process("explain", "app", "web", "--probe", powerless=True)
    assert (result.code, result.out) == (5, "")
    assert "privilege" in result.err


@pytest.mark.root
def test_a_probe_of_a_lab_that_does_not_run(cli: Cli, stored: Stored, lab_name: str) -> None:
    stored(lab_name)
    result = cli("explain", "app", "web", "--probe")
    assert (result.code, result.out) == (1, "")
    assert "not running" in result.err


@pytest.mark.root
@pytest.mark.parametrize(
    ("arguments", "outcome"),
    [
        (("app", "web"), "allowed"),
        (("app", "web", "--protocol", "icmpv6"), "allowed"),
        (("app", "web", "--protocol", "udp", "--source-port", "5000"), "allowed"),
        (("web", "app", "--port", "22"), "blocked"),
        (("web", "www", "--source-port", "5000"), "allowed"),
    ],
)
def test_the_packet_does_what_was_predicted(cli: Cli, standing: str, arguments: tuple[str, ...], outcome: str) -> None:
    result = cli("explain", *arguments, "--probe", "-o", "json")
    assert result.code == 0, result.err
    probe = result.data["Probe"]
    assert (probe["Predicted"], probe["Observed"], probe["Agrees"]) == (outcome, outcome, True)
    assert f"Probe: {outcome}, as predicted." in cli("explain", *arguments, "--probe").out


@pytest.mark.root
def test_a_packet_that_disagrees(cli: Cli, standing: str, demo_file: Callable[[str], str]) -> None:
    """The file differs from the running lab: its private subnet is behind the internet gateway."""
    file = Path(demo_file(standing))
    file.write_text(file.read_text().replace("target: outbound", "target: edge"))
    result = cli("explain", "web", "app", "--probe", "-f", str(file), "-o", "json")
    assert result.code == 4
    assert (result.data["NetworkPathFound"], result.data["Probe"]["Observed"]) == (True, "blocked")
    people = cli("explain", "web", "app", "--probe", "-f", str(file))
    assert people.code == 4
    assert people.out.endswith("Probe: blocked, but allowed was predicted (model disagrees).\n")

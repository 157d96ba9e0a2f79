"""The tests that `scripts/test --core` runs, each with its reason.

tests/README.md says what they prove and what they leave out. tests/conftest.py gives them the marker `core`, and
[test_core.py](unit/test_core.py) checks that each choice selects a test.
"""

from __future__ import annotations

from typing import NamedTuple


class Choice(NamedTuple):
    """Tests of the core and the reason for their choice.

    `place` is a folder, a file, or a test with or without its parameters. `only` is a text that the ids of the tests
    must contain. `promises` are requirements (tests/packets/REQUIREMENTS.md) that these tests show with packets.
    """

    place: str
    reason: str
    only: str = ""
    promises: tuple[str, ...] = ()

    def selects(self, test: str) -> bool:
        """Return whether the choice contains the test with this id."""
        within = test == self.place or test.startswith(tuple(self.place + end for end in ("/", "::", "[")))
        return within and self.only in test


_ATTACKS = "tests/packets/attacks"

CORE = (
    Choice(
        "tests/unit",
        "Pure code in full: model, compile, plan, trace, storage, golden files, rules about the repository.",
    ),
    Choice("tests/importing", "Pure code in full: what other tools' designs become, and what is found in them."),
    Choice("tests/contract", "The fake kernel is what tests of pure code stand on; here it and Linux answer alike."),
    Choice(
        "tests/kernel/test_crash.py::test_killed_while_two_processes_build",
        "A build killed halfway lets nothing in, and the next apply ends it. The small part of the crash tests.",
    ),
    Choice(
        "tests/kernel/test_crash.py::test_nothing_gets_in_after_any_step_of_building_and_destroying",
        "No order of the plan leaves a way in open.",
    ),
    Choice(
        "tests/packets/test_gateways.py::test_an_outbound_flow_keeps_its_source_address",
        "Egress: a connection opens outwards, without NAT.",
        promises=("G1",),
    ),
    Choice(
        "tests/packets/test_gateways.py::test_a_packet_that_the_internet_starts_is_counted_and_not_answered",
        "Inbound is blocked, in a whole lab.",
    ),
    Choice(
        "tests/packets/test_gateways.py::test_a_gateway_whose_rules_are_gone_forwards_nothing",
        "Fail closed: without rules nothing passes.",
    ),
    Choice(
        "tests/packets/test_gateways.py::test_traffic_within_the_vpc_never_meets_a_gateway",
        "Traffic within the VPC stays in it.",
        promises=("G9",),
    ),
    Choice(
        f"{_ATTACKS}/test_opening.py",
        "What opens a flow, and what is an answer: every flag byte, every kind of protocol, every part of the tuple.",
        promises=("G1", "G2", "G4", "G7"),
    ),
    Choice(
        f"{_ATTACKS}/test_addresses.py",
        "Sources and destinations that are never valid, silence whatever the hop limit or size, no IPv4, no hairpin.",
        promises=("G3", "G8", "G9"),
    ),
    Choice(
        f"{_ATTACKS}/test_headers_and_fragments.py",
        "Extension headers open no way in, and fragments pass or are dropped as what they are parts of.",
    ),
    Choice(
        f"{_ATTACKS}/test_icmpv6.py::test_no_unsolicited_type_and_code_comes_in",
        "No ICMPv6 message opens a way in.",
    ),
    Choice(
        f"{_ATTACKS}/test_icmpv6.py::test_wanted_errors_about_a_live_flow_come_in",
        "Path MTU discovery and other errors about a live flow work.",
    ),
    Choice(
        f"{_ATTACKS}/test_tcp_state.py::test_a_syn_from_outside_opens_nothing_in_any_state",
        "A live, closing or closed flow is not opened from outside.",
        promises=("G5",),
    ),
    Choice(
        f"{_ATTACKS}/test_tcp_state.py::test_a_reset_outside_the_window_is_dropped",
        "A flow is not ended from outside.",
        promises=("G5",),
    ),
    Choice(f"{_ATTACKS}/test_tcp_state.py::test_simultaneous_open", "Both ends may open.", promises=("G6",)),
    Choice(
        "tests/packets/test_live_change.py::test_an_untouched_stream_loses_no_packet_while_the_lab_grows_and_shrinks",
        "A change does not touch the flows that it is not about.",
    ),
    Choice(
        "tests/packets/test_live_change.py::test_a_second_apply_writes_nothing",
        "Apply is idempotent, seen by a watcher of the kernel.",
    ),
    Choice(
        "tests/packets/test_explain_agrees.py::test_prediction_equals_packet[1]",
        "`explain` and packets agree in one random lab, for every pair of nodes.",
    ),
    Choice(
        "tests/packets/test_failover.py::test_one_of_two",
        "Failover: a replica dies in the way that shows at once, and no flow is lost.",
        only="[namespace deleted",
    ),
    Choice(
        "tests/cli/test_round_trip.py::test_plan_then_apply_then_nothing_to_do",
        "The command line from plan to destroy: output, exit codes, a second apply.",
    ),
    Choice(
        "tests/cli/test_round_trip.py::test_verify_passes_and_a_flipped_expectation_fails",
        "`verify` proves the lab, and finds a wrong expectation.",
    ),
    Choice("tests/cli/test_help.py", "Every verb has its help."),
    Choice("tests/server/test_guard.py", "The EC2 endpoint refuses web pages, other hosts and floods."),
    Choice("tests/server/test_sigv4.py", "It refuses what the key did not sign."),
    Choice("tests/server/test_wire.py", "Its requests and answers are what botocore sends and reads."),
    Choice(
        "tests/server/test_serve.py::test_a_change_is_in_the_kernel_when_it_is_answered",
        "`serve` as a process, with botocore as the client.",
    ),
    Choice(
        "tests/server/test_serve.py::test_the_web_process_has_no_privilege",
        "A stranger who takes over the web process has nothing.",
    ),
)


LEFT_OUT = (
    Choice(
        "tests/unit/test_scripts.py::test_set_up_runs_and_repairs_itself",
        "Four set-ups by pip. They prove only scripts/_setup.sh.",
    ),
    Choice(
        "tests/unit/test_core.py::test_every_choice_selects_a_test_and_only_these_are_collected",
        "It collects the core once more.",
    ),
)
"""Tests that CORE selects and that take long for what they prove."""


def selected(test: str) -> bool:
    """Return whether the core contains the test with this id."""
    return any(choice.selects(test) for choice in CORE) and not any(choice.selects(test) for choice in LEFT_OUT)


def concerns(path: str) -> bool:
    """Return whether this file or folder may contain a test of the core. Only such files need to be imported."""
    places = {choice.place.partition("::")[0] for choice in CORE}
    return any(path == place or path.startswith(f"{place}/") or place.startswith(f"{path}/") for place in places)

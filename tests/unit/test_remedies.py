"""Remedies: pure code says by a code what a user can do, and the front end names the command or the option."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from eigw_ns.cloud.ec2.api import call
from eigw_ns.dataplane.trace import Tracer
from eigw_ns.dataplane.trace.explanation import Question, explain
from eigw_ns.errors import EigwError, Remedy, RemedyCode, TopologyError, UsageError
from eigw_ns.render import remedies
from eigw_ns.topology import load
from tests.support.small_cloud import EIGW, SPARE_TABLE, SUBNET, small_cloud

WAYS: dict[RemedyCode, tuple[Callable[[], object], str]] = {
    RemedyCode.BEGIN_WITH_EXAMPLE: (
        lambda: load(b"", file="lab.yaml", default_lab="demo"),
        "lab.yaml: the file is empty; `eigw-ns init` prints a file that works",
    ),
    RemedyCode.CHOOSE_MACHINE: (
        lambda: Tracer(small_cloud()).trace(SUBNET, SUBNET, "tcp", 443),
        f"{SUBNET} is not an instance or an internet host\n"
        "hint: only instances and internet hosts send packets; `eigw-ns describe` lists them",
    ),
    RemedyCode.OMIT_PORTS: (
        lambda: explain(small_cloud(), Question("app", "web", "icmpv6", 443)),
        "icmpv6 has no ports\nhint: leave --port and --source-port out, or write --protocol tcp",
    ),
    RemedyCode.GIVE_PORT: (
        lambda: explain(small_cloud(), Question("app", "web", "udp", None)),
        "udp needs a port\nhint: write --port N",
    ),
    RemedyCode.GIVE_EGRESS_ONLY_GATEWAY: (
        lambda: call(
            small_cloud(),
            "CreateRoute",
            {"RouteTableId": SPARE_TABLE, "DestinationIpv6CidrBlock": "::/0", "GatewayId": EIGW},
        ),
        f"The gateway ID '{EIGW}' does not exist\nhint: --egress-only-internet-gateway-id {EIGW}",
    ),
}
"""For each code, what raises the error, and what the command line shows."""


@pytest.mark.parametrize("code", RemedyCode)
def test_the_command_line_names_what_to_type(code: RemedyCode) -> None:
    way, shown = WAYS[code]
    with pytest.raises(EigwError) as caught:
        way()
    error = caught.value
    remedy = error.mistakes[0].remedy if isinstance(error, TopologyError) else error.remedy
    assert isinstance(remedy, Remedy)
    assert remedy.code is code
    hint = remedies.hint(error)
    assert remedies.message(error) + (f"\nhint: {hint}" if hint else "") == shown


@pytest.mark.parametrize("code", RemedyCode)
def test_without_a_front_end_a_remedy_is_still_readable(code: RemedyCode) -> None:
    assert "--" not in str(Remedy(code, "x")) and "eigw-ns" not in str(Remedy(code, "x"))
    assert str(Remedy(code, "x")) == f"{code.value}: x"
    assert str(Remedy(code)) == code.value


def test_words_of_the_error_itself_come_first() -> None:
    assert remedies.hint(UsageError("no", hint="do this", remedy=Remedy(RemedyCode.GIVE_PORT))) == "do this"
    assert remedies.hint(UsageError("no")) == ""

"""`eigw-ns trace` as a user types it: output, exit codes, and a death at any moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from eigw_ns.cloud.nodes import find
from eigw_ns.dataplane.compile.names import namespace_name
from eigw_ns.errors import MissingError
from eigw_ns.kernel.namespaces import netns
from eigw_ns.kernel.netlink.socket import NETFILTER, Netlink
from eigw_ns.kernel.nft import fingerprint
from tests.support.command import Cli
from tests.support.hand_rules import extra_rule
from tests.support.labs import until
from tests.support.stored import lock, store

pytestmark = pytest.mark.root

STEP = ["hop", "node", "family", "chain", "handle", "rule", "verdict", "to", "packet", "t_us"]


def router(lab: str, node: str) -> str:
    return namespace_name(lab, find(store().load(lab).cloud, node).id)


def traced(lab: str) -> int:
    """Return the number of nodes whose packets are marked now."""
    return sum(_is_traced(name) for name in netns.names(f"eigw-{lab}-"))


def _is_traced(name: str) -> bool:
    try:
        with netns.inside(name), Netlink(NETFILTER) as netfilter:
            return any(table.traces for table in fingerprint.tables(netfilter))
    except MissingError:
        return False


def test_the_document_has_hops_and_steps(cli: Cli, standing: str) -> None:
    done = cli("trace", "app", "web", "-o", "json")
    assert done.code == 0, done.err
    found = done.data
    assert (found["agrees"], found["predicted"], found["observed"], found["steps_lost"]) == (
        True,
        "allowed",
        "allowed",
        False,
    )
    assert found["hops"][0]["node"] == "main/app"
    assert all(list(step) == STEP for step in found["steps"])
    assert {step["packet"] for step in found["steps"]} == {1, 2}
    assert {"goto", "accept", "continue"} <= {step["verdict"] for step in found["steps"]}
    assert min(step["t_us"] for step in found["steps"]) < 1_000_000


def test_explain_has_the_trace_too(cli: Cli, standing: str) -> None:
    plain = cli("explain", "app", "web", "--trace")
    assert plain.code == 0, plain.err
    assert "nftables and the model agree at each hop." in plain.out
    document = cli("explain", "app", "web", "--trace", "-o", "json").data
    assert (document["Probe"]["Agrees"], document["Trace"]["agrees"]) == (True, True)
    assert cli("explain", "web", "app", "--trace", "--check").code == 4


def test_a_rule_by_hand_is_named_and_exits_4(cli: Cli, standing: str) -> None:
    with extra_rule(router(standing, "outbound"), "begin", 'tcp dport 443 drop comment "by hand"'):
        done = cli("trace", "app", "web")
    assert done.code == 4
    assert "Disagreement at main/outbound" in done.out
    assert "by hand" in done.out
    assert cli("trace", "app", "web").code == 0


@pytest.mark.parametrize("marked", [1, 3])
def test_a_trace_is_not_drift_and_leaves_nothing_if_it_is_killed(cli: Cli, standing: str, marked: int) -> None:
    running = subprocess.Popen(
        [sys.executable, "-m", "eigw_ns", "trace", "web", "app"], stdout=subprocess.DEVNULL, env=dict(os.environ)
    )
    try:
        until(lambda: traced(standing) >= marked, "packets are marked")
        assert cli("status").code == 0
        running.send_signal(signal.SIGKILL)
    finally:
        running.kill()
        running.wait()
    until(lambda: traced(standing) == 0, "the tables vanish")
    assert not lock().held(standing)
    assert cli("status").code == 0


@pytest.mark.parametrize(
    "words", [("app",), ("app", "nobody"), ("app", "2001:db8:99::1"), ("app", "web", "--protocol", "sctp")]
)
def test_what_cannot_be_traced_is_an_error(cli: Cli, standing: str, words: tuple[str, ...]) -> None:
    done = cli("trace", *words)
    assert done.code in (1, 2)
    assert "error" in done.err.lower()
    assert traced(standing) == 0

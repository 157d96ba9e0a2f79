"""The pytest plugin without a kernel: its error messages and its cost."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import distribution
from typing import cast

import pytest

from eigw_ns.errors import HostError
from eigw_ns.lab.verify.prober import Evidence, Outcome
from eigw_ns.testing import plugin
from eigw_ns.testing.connection import Connection
from eigw_ns.testing.lab import Lab
from tests.support.command import SECONDS, _give_up_power

pytest_plugins = ["pytester"]

NO_TOPOLOGY = """
import pytest

def test_no_mark(lab): pass

@pytest.mark.eigw_topology("nowhere.yaml")
def test_no_file(lab): pass

@pytest.mark.eigw_topology('''
lab: x
vpc: {}
''')
def test_mistake(lab): pass

@pytest.mark.eigw_topology(3)
def test_number(lab): pass

@pytest.mark.eigw_topology
def test_nothing(lab): pass
"""


WRONG_SCOPE = """
import pytest

@pytest.mark.eigw_topology("lab.yaml", scope="modul")
def test_it(lab): pass
"""


NO_PRIVILEGE = """
import pytest

@pytest.fixture(autouse=True, params=["", "true"])
def ci(request, monkeypatch):
    monkeypatch.setenv("CI", request.param)

@pytest.mark.eigw_topology("vpcs:\\n  main: {ipv6_cidr_block: 2600:1f16:aa0:5500::/56}\\n")
def test_it(lab): pass
"""


def test_a_wrong_mark_is_reported_in_one_line(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(NO_TOPOLOGY)
    result = pytester.runpytest_inprocess("--strict-markers")
    result.assert_outcomes(errors=5)
    result.stdout.fnmatch_lines_random(
        [
            'the fixture `lab` needs a topology: @pytest.mark.eigw_topology("lab.yaml")',
            f"cannot read the topology {pytester.path}/nowhere.yaml: No such file or directory",
            "the topology of test_*::test_mistake:3: vpc: there is no such key; did you mean vpcs?",
            "*`eigw_topology` takes one file or YAML text: *",
        ]
    )
    result.stdout.no_fnmatch_line("*During handling*")
    assert not result.stderr.str()


def test_a_host_that_cannot_hold_a_lab(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    pytester.makepyfile(NO_PRIVILEGE)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # loading the other plugins takes half of the time
    monkeypatch.delenv("CI", raising=False)  # with it, pytest repeats the whole error in its summary
    inner = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "eigw_ns.testing.plugin"]
    done = subprocess.run(
        inner, capture_output=True, text=True, check=False, preexec_fn=_give_up_power, timeout=SECONDS
    )
    assert "1 skipped, 1 error" in done.stdout.splitlines()[-1]
    assert done.stdout.count("not enough privilege: this process lacks CAP_") == 2
    assert "run it as root" in done.stdout
    assert "1 test was skipped: not enough privilege" in done.stdout, "the summary must say why, without -rs"


def test_a_test_that_is_skipped_for_privilege_names_the_option_for_rootless(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refused:
        def build(self) -> None:
            raise HostError("not enough privilege", hint="run it as root")

    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(pytest.skip.Exception, match=r"as root; or .*: pytest --eigw-rootless"):
        plugin._build(cast("Lab", Refused()), request.node)
    assert request.node.user_properties.pop()[0] == "eigw-ns skipped"


@pytest.mark.parametrize(("ci", "outcome"), [("", pytest.skip.Exception), ("true", pytest.fail.Exception)])
def test_a_missing_extra_is_named(
    ci: str, outcome: type[BaseException], request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr("eigw_ns.lab.host.extras.find_spec", lambda name: None if name == "uvicorn" else name)
    with pytest.raises(outcome, match=r"(?s)`ec2` needs uvicorn, .*hint: pip install 'eigw-ns\[server\]'$"):
        plugin._require_packages(request.node)
    request.node.user_properties.clear()


def test_a_scope_that_does_not_exist(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(WRONG_SCOPE)
    result = pytester.runpytest_inprocess("--strict-markers")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["'modul' is not a scope of `eigw_topology`", "hint: write one of function, class, *"])


def test_loading_the_plugin_imports_nothing_but_errors() -> None:
    code = "import sys, pytest, eigw_ns.testing.plugin; print(*(m for m in sys.modules if m.startswith('eigw_ns')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == {
        "eigw_ns",
        "eigw_ns.errors",
        "eigw_ns.frozen",
        "eigw_ns.testing",
        "eigw_ns.testing.plugin",
    }


def test_pytest_finds_the_plugin_and_is_not_a_dependency() -> None:
    ours = distribution("eigw-ns")
    assert [each.value for each in ours.entry_points.select(group="pytest11")] == ["eigw_ns.testing.plugin"]
    assert [each.value for each in ours.entry_points.select(group="console_scripts")] == ["eigw_ns.__main__:main"]
    always = [need for need in ours.requires or () if "extra ==" not in need]
    assert not [need for need in always if "pytest" in need]


def connection(outcome: Outcome, *, reason: str = "X", canary: bool = True, arrived: bool = False) -> Connection:
    seen = Evidence(outcome=outcome, arrived=arrived, canary=canary, controls=True)
    return Connection("app", "web", "tcp", 443, seen, "blocked", reason)


def test_a_connection_is_one_of_three_things() -> None:
    outcomes: tuple[Outcome, ...] = ("allowed", "refused", "blocked")
    found = [(seen.allowed, seen.refused, seen.blocked) for seen in map(connection, outcomes)]
    assert found == [(True, False, False), (False, True, False), (False, False, True)]
    with pytest.raises(TypeError, match=r"assert its .allowed, .refused or .blocked; this is <app → web"):
        assert connection("allowed")


@pytest.mark.parametrize(
    ("unproven", "said"),
    [
        (connection("blocked", reason="CANARY_SILENT", canary=False), "THE DESTINATION IS DEAD: silence"),
        (connection("blocked", reason="LEAKED", arrived=True), "its packet arrived"),
        (connection("blocked", reason="CONTROL_FAILED"), "model: blocked, control failed"),
    ],
)
def test_silence_that_proves_nothing_is_not_blocked(unproven: Connection, said: str) -> None:
    assert not unproven.blocked
    assert said in repr(unproven)

"""`eigw-ns check`: what it finds with packets, exit codes, reports, policies, several sources, signals, rootless."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from eigw_ns.kernel.namespaces import netns
from tests.support.command import Cli
from tests.support.labs import until
from tests.support.ordinary_user import User, ordinary_user

INPUTS = Path(__file__).parents[1] / "importing" / "inputs"
root = pytest.mark.root


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with a copy of each input."""
    copy = tmp_path / "work"
    shutil.copytree(INPUTS, copy)
    monkeypatch.chdir(copy)
    return copy


@pytest.fixture
def user() -> Iterator[User]:
    with ordinary_user() as user:
        yield user


def rows(out: str) -> dict[str, list[str]]:
    """Return the cells of each subnet in a table for pipes, by its name."""
    lines = [line.split("\t") for line in out.splitlines() if "\t" in line]
    return {line[0]: line[1:] for line in lines if line[0] not in ("", "subnet")}


# ---- packets ---------------------------------------------------------------------------------------------------------


@root
def test_a_leak_is_found_with_packets_at_the_route_that_decides(cli: Cli) -> None:
    done = cli("check", "leak.yaml", "--junit", "r.xml", "--sarif", "r.sarif", "--markdown", "r.md")
    assert done.code == 4
    assert rows(done.out) == {
        "inner": ["private (tag Reach)", "out by NAT", "public", "in ✗ reached out ✓", "EIGW001 leak.yaml:14 Six6"],
        "outer": ["public (tag Reach)", "public", "public", "in ✓ out ✓", ""],
    }
    assert "error EIGW002 leak.yaml:14 Six6: the internet reaches subnet inner over IPv6" in done.out
    assert done.err.splitlines() == ["leak.yaml is a CloudFormation template", "8 flows sent, 2 errors"]
    assert not netns.names("eigw-import-leak")
    log = json.loads(Path("r.sarif").read_text(encoding="utf-8"))
    located = [each["locations"][0]["physicalLocation"] for each in log["runs"][0]["results"]]
    assert located == [{"artifactLocation": {"uri": "leak.yaml"}, "region": {"startLine": 14}}] * 2
    assert ElementTree.fromstring(Path("r.xml").read_text(encoding="utf-8")).get("failures") == "1"
    assert Path("r.md").read_text(encoding="utf-8").startswith("## eigw-ns check: failed")


@root
def test_a_sound_design_passes_and_warns(cli: Cli) -> None:
    done = cli("check", "dual-stack.yaml", "-o", "json")
    assert done.code == 0
    assert done.data["passed"] is True
    assert done.data["proof"] == "packets"
    (source,) = done.data["sources"]
    assert [each["passed"] for each in source["checks"]] == [True] * 12
    assert [each["code"] for each in done.data["findings"]] == ["EIGW004"]


@root
def test_a_stack_that_opens_another_stacks_subnet_is_found_in_the_whole_assembly(cli: Cli) -> None:
    done = cli("check", "cdk.out", "-o", "json")
    assert done.code == 4
    found = {(each["code"], each["subject"], each["file"]) for each in done.data["findings"]}
    assert ("EIGW001", "store", "cdk.out/Shop.template.json") in found


@root
def test_only_a_wide_route_leaks_and_packets_from_there_show_it(cli: Cli) -> None:
    text = Path("leak.yaml").read_text(encoding="utf-8")
    Path("part.yaml").write_text(
        text.replace('DestinationIpv6CidrBlock: "::/0"', 'DestinationIpv6CidrBlock: "2600::/12"')
    )
    done = cli("check", "part.yaml", "-o", "json")
    assert done.code == 4
    (source,) = done.data["sources"]
    seen = {(each["from"], each["to"]): each["observed"] for each in source["checks"] if each["port"] == 22}
    assert seen["visitor", "probe-inner"] == "blocked"
    assert seen["visitor-2", "probe-inner"] == "allowed"
    assert {each["code"] for each in done.data["findings"]} >= {"EIGW001", "EIGW002"}


@root
def test_an_ordinary_user_checks_in_namespaces_of_its_own(user: User) -> None:
    file = user.home / "leak.yaml"
    file.write_bytes((INPUTS / "leak.yaml").read_bytes())
    file.chmod(0o644)
    done = user.eigw("check", str(file))
    assert done.code == 4, done.err
    assert "in ✗ reached out ✓" in done.out
    assert not user.folder.exists(), "no pause process is needed"


@root
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_whatever_ends_it(number: signal.Signals, folder: Path) -> None:
    words = [sys.executable, "-m", "eigw_ns", "check", "dual-stack.yaml", "--timeout", "60", "-v", "--sarif", "r.sarif"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=folder) as running:
        assert running.stderr
        for line in running.stderr:
            if "send packets" in line:
                break
        children = Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text(encoding="ascii").split()
        assert children
        running.send_signal(number)
        code = running.wait()
    until(lambda: not any(map(_alive, children)), "the child ends")
    assert code == (130 if number == signal.SIGINT else -number)
    assert not netns.names("eigw-import-dual-stack")
    assert not (folder / "r.sarif").exists()


def _alive(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


# ---- the model alone, which needs no kernel --------------------------------------------------------------------------


def test_a_prediction_says_that_it_proves_nothing(cli: Cli) -> None:
    done = cli("check", "--predict-only", "leak.yaml")
    assert done.code == 4
    assert "leak.yaml: a CloudFormation template (predicted, not proven)" in done.out
    assert "8 flows predicted, not proven, 2 errors" in done.err
    assert cli("check", "--predict-only", "leak.yaml", "-o", "json").data["proof"] == "predicted, not proven"


@pytest.mark.parametrize("name", ["custom.yaml", "transit.yaml"])
def test_what_is_refused_exits_with_1_and_is_in_every_report(cli: Cli, name: str) -> None:
    done = cli("check", "--predict-only", "--soft-fail", name, "--sarif", "r.sarif", "--junit", "r.xml")
    assert done.code == 1
    assert "nothing is claimed" in done.err
    assert "EIGW001" not in done.out
    results = json.loads(Path("r.sarif").read_text(encoding="utf-8"))["runs"][0]["results"]
    assert {(each["ruleId"], each["level"]) for each in results} == {("EIGW-REFUSED", "error")}
    assert ElementTree.fromstring(Path("r.xml").read_text(encoding="utf-8")).get("errors") == str(len(results))


def test_a_custom_resource_that_the_user_knows_can_be_ignored(cli: Cli) -> None:
    Path(".eigw-ns.yaml").write_text("ignore: ['Custom::Exit']\n", encoding="utf-8")
    done = cli("check", "--predict-only", "custom.yaml")
    assert "the policy is .eigw-ns.yaml" in done.err
    assert "note Custom::Exit: left out, as you told" in done.err
    assert "refuse custom.yaml:15 Maker" not in done.err


def test_soft_fail_turns_findings_into_success(cli: Cli) -> None:
    assert cli("check", "--predict-only", "leak.yaml", "--soft-fail").code == 0


def test_a_design_of_which_nothing_states_the_intent_fails_on_request(cli: Cli) -> None:
    state = "tf-2/state.json"
    assert cli("check", "--predict-only", state).code == 0
    assert cli("check", "--predict-only", state, "--require-intent").code == 4


def test_the_policy_decides_before_the_design(cli: Cli) -> None:
    Path("p.yaml").write_text(
        "subnets:\n"
        "  - {match: {name: outer}, inbound: blocked, outbound: allowed}\n"
        "  - {match: {name: '*'}, inbound: allowed, outbound: allowed}\n",
        encoding="utf-8",
    )
    done = cli("check", "--predict-only", "leak.yaml", "--policy", "p.yaml")
    assert done.code == 4
    assert rows(done.out)["outer"][0] == "private (policy)"
    assert rows(done.out)["outer"][-1] == "EIGW001 leak.yaml:16 Two6"
    assert rows(done.out)["inner"][-1] == ""


def test_a_rule_that_matches_nothing_is_an_error_of_a_policy_that_is_named(cli: Cli) -> None:
    rule = "subnets: [{match: {name: gone}, inbound: blocked, outbound: blocked}]\n"
    Path(".eigw-ns.yaml").write_text(rule, encoding="utf-8")
    named = cli("check", "--predict-only", "dual-stack.yaml", "--policy", ".eigw-ns.yaml")
    assert named.code == 1
    assert "refuse .eigw-ns.yaml:1 subnets[0]: the rule matches no subnet; correct or remove it" in named.err
    found = cli("check", "--predict-only", "dual-stack.yaml")
    assert found.code == 0
    assert "note .eigw-ns.yaml:1 subnets[0]: the rule matches no subnet" in found.err


def test_mistakes_of_a_policy_have_their_lines(cli: Cli) -> None:
    Path(".eigw-ns.yaml").write_text("subnet: []\naccept: [{finding: EIGW001, at: a}]\n", encoding="utf-8")
    done = cli("check", "--predict-only", "leak.yaml", "--sarif", "r.sarif")
    assert (done.code, done.out) == (1, "")
    assert "error: .eigw-ns.yaml:1: subnet: there is no such key; did you mean subnets?" in done.err
    assert "error: .eigw-ns.yaml:2: accept[0].reason: the key reason is missing" in done.err
    assert not Path("r.sarif").exists()


def test_a_baseline_makes_only_new_findings_count(cli: Cli) -> None:
    Path("old.json").write_text(cli("check", "--predict-only", "leak.yaml", "-o", "json").out, encoding="utf-8")
    done = cli("check", "--predict-only", "leak.yaml", "--baseline", "old.json")
    assert done.code == 0
    assert "(in the baseline)" in done.out
    Path("other.yaml").write_text(Path("leak.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    assert cli("check", "--predict-only", "leak.yaml", "other.yaml", "--baseline", "old.json").code == 4


def test_several_sources_are_checked_and_what_is_no_design_is_passed_over(cli: Cli) -> None:
    Path("notes.yaml").write_text("a: 1\n", encoding="utf-8")
    done = cli("check", "--predict-only", "notes.yaml", "dual-stack.yaml", "tf-1/state.json", "-o", "json")
    assert done.code == 0
    assert [one["source"] for one in done.data["sources"]] == ["dual-stack.yaml", "tf-1/state.json"]
    assert "1 of 3 files are no designs" in done.err
    assert cli("check", "--predict-only", "notes.yaml", "notes.yaml").code == 0


def test_one_source_that_is_no_design_is_an_error(cli: Cli) -> None:
    Path("notes.yaml").write_text("a: 1\n", encoding="utf-8")
    done = cli("check", "--predict-only", "notes.yaml", "--sarif", "r.sarif")
    assert done.code == 1
    assert "refuse notes.yaml" in done.err
    assert "is not a design that can be read" in done.err
    assert json.loads(Path("r.sarif").read_text(encoding="utf-8"))["runs"][0]["results"]


def test_a_design_without_ipv6_says_so(cli: Cli) -> None:
    Path("four.yaml").write_text(
        "Resources:\n"
        "  V: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}\n"
        "  S: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref V, CidrBlock: 10.0.0.0/24}}\n",
        encoding="utf-8",
    )
    done = cli("check", "four.yaml")
    assert done.code == 0
    assert "four.yaml: nothing of this design is reachable over IPv6" in done.err


def test_one_design_that_is_broken_does_not_hide_the_others(cli: Cli) -> None:
    Path("broken.yaml").write_text("Resources: {V: {Type: AWS::EC2::VPC", encoding="utf-8")
    done = cli("check", "--predict-only", "broken.yaml", "leak.yaml")
    assert done.code == 1
    assert "refuse broken.yaml:" in done.err
    assert "EIGW001" in done.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["missing.yaml"], "cannot read missing.yaml"),
        (["leak.yaml", "--policy", "missing.yaml"], "cannot read missing.yaml"),
        (["leak.yaml", "--baseline", "missing.json"], "cannot read missing.json"),
        (["leak.yaml", "--baseline", "leak.yaml"], "leak.yaml is not the result of a check"),
        (["leak.yaml", "--sarif", "no/r.sarif"], "cannot write no/r.sarif: no such folder"),
        (["leak.yaml", "--junit", "leak.yaml"], "leak.yaml is the source itself"),
        (["leak.yaml", "--probe", "none"], "without probes no packet can be sent"),
        ([], "Missing argument"),
    ],
)
def test_wrong_use_changes_nothing(cli: Cli, words: list[str], said: str) -> None:
    done = cli("check", "--predict-only", *words)
    assert done.code == 2
    assert said in done.err


def test_an_absolute_path_in_the_working_folder_is_shown_from_there(cli: Cli, folder: Path) -> None:
    done = cli("check", "--predict-only", str(folder / "leak.yaml"), "-o", "json")
    assert {each["file"] for each in done.data["findings"]} == {"leak.yaml"}


def test_a_host_that_cannot_hold_a_lab_is_told_what_it_can_do(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    from eigw_ns.errors import HostError
    from eigw_ns.lab.check import throwaway

    def refuse(*_given: object, **_more: object) -> None:
        raise HostError("no namespaces here", hint="be root")

    monkeypatch.setattr(throwaway, "proved", refuse)
    done = cli("check", "leak.yaml")
    assert done.code == 5
    assert "be root; or give --predict-only, which proves nothing and needs no privilege" in done.err


def test_a_prediction_imports_nothing_that_only_linux_has() -> None:
    """macOS lacks these modules and names; `check --predict-only` works there."""
    program = (
        "import os, signal, socket, sys\n"
        "for name in ('pidfd_open', 'setns', 'unshare', 'pipe2', 'sched_getaffinity'):\n"
        "    if hasattr(os, name): delattr(os, name)\n"
        "prefixes = ('AF_NETLINK', 'AF_PACKET', 'NETLINK', 'PACKET')\n"
        "for name in [each for each in dir(socket) if each.startswith(prefixes)]: delattr(socket, name)\n"
        "from eigw_ns.cli.program import run\n"
        "sys.exit(run(['check', '--predict-only', 'leak.yaml']))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, env=os.environ)
    assert done.returncode == 4, done.stderr

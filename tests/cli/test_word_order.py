"""Words of the command line: options before the verb, arguments in place of options, synonyms of verbs, `labs`."""

from __future__ import annotations

from pathlib import Path

import pytest

from eigw_ns.cli.group import SYNONYMS, VERBS
from eigw_ns.cli.word_order import verb_first
from eigw_ns.kernel.fake.fake_kernel import FakeKernel
from tests.support.command import FAKE_LAB as LAB
from tests.support.command import Cli


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("--lab x describe vpcs", "describe --lab x vpcs"),
        ("--lab=x -ojson -q describe", "describe --lab=x -ojson -q"),
        ("-f a.yaml --rootless -o json plan -v", "--rootless plan -f a.yaml -o json -v"),
        ("--lab x exec app -- ls -l", "exec --lab x app -- ls -l"),
        ("--lab x ec2 describe-vpcs --vpc-ids v", "ec2 describe-vpcs --lab x --vpc-ids v"),
        ("describe --lab x", "describe --lab x"),
        ("--version", "--version"),
        ("--lab x", "--lab x"),
        ("--lab", "--lab"),
        ("--tag a=b describe", "--tag a=b describe"),
        ("", ""),
    ],
)
def test_options_before_the_verb(written: str, meant: str) -> None:
    assert verb_first(written.split()) == meant.split()


def test_a_verb_takes_an_option_that_is_written_before_it(applied: FakeKernel, cli: Cli) -> None:
    assert cli("--lab", LAB, "-o", "json", "status").data["changes"] == 0
    assert "no such lab: nothing" in cli("--lab", "nothing", "status").err


def test_synonyms_are_verbs(applied: FakeKernel, cli: Cli, tmp_path: Path) -> None:
    assert set(SYNONYMS.values()) <= set(VERBS)
    assert not set(SYNONYMS) & set(VERBS)
    assert cli("diff", str(tmp_path / f"{LAB}.json")).code == 0
    assert cli("up", str(tmp_path / f"{LAB}.json")).code == 0
    assert LAB in cli("ls").out
    assert "VPCs" in cli("show").out
    assert cli("down", LAB).code == 0
    assert applied.labs() == ()


def test_help_names_the_synonyms(cli: Cli) -> None:
    text = cli("--help").out
    assert all(f"{word}" in text and f"({verb})" in text for word, verb in SYNONYMS.items())


@pytest.mark.parametrize("verb", ["status", "verify", "export", "agent", "destroy"])
def test_a_lab_is_an_argument(applied: FakeKernel, cli: Cli, verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EIGW_NS_LAB", LAB)
    assert "nothing" in cli(verb, "nothing").err
    both = cli(verb, LAB, "--lab", LAB)
    assert both.code == 2
    assert f"--lab is given, and {LAB} too" in both.err


@pytest.mark.parametrize("verb", ["validate", "plan", "apply"])
def test_a_file_is_an_argument(applied: FakeKernel, cli: Cli, tmp_path: Path, verb: str) -> None:
    file = str(tmp_path / f"{LAB}.json")
    assert cli(verb, file).code == 0
    assert cli(verb, file, "-f", file).code == 2
    assert "cannot read nothing.yaml" in cli(verb, "nothing.yaml").err


def test_validate_needs_a_file(cli: Cli) -> None:
    done = cli("validate")
    assert done.code == 2
    assert "no file is given" in done.err


def test_labs_are_listed_with_their_files(applied: FakeKernel, cli: Cli, tmp_path: Path) -> None:
    file = str(tmp_path / f"{LAB}.json")
    (row,) = cli("labs").out.splitlines()[-1:]
    assert row.split()[:3] == [LAB, "running", file]
    (lab,) = cli("labs", "-o", "json").data["labs"]
    assert (lab["lab"], lab["stored"], lab["running"], lab["stored_elsewhere"]) == (LAB, True, True, None)
    assert lab["origin"]["file"] == file
    for name in applied.names():
        applied.remove_namespace(name)
    assert "not running" in cli("labs").out


def test_labs_of_other_folders_are_listed(
    applied: FakeKernel, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EIGW_NS_STATE_DIR", str(tmp_path / "other"))
    assert f"running, stored in {tmp_path / 'state'}" in cli("labs").out
    for namespace in applied.namespaces.values():
        namespace.stored_in = ""
    assert "running, not stored here" in cli("labs").out


@pytest.mark.usefixtures("machine")
def test_without_labs(cli: Cli) -> None:
    done = cli("labs")
    assert (done.code, done.out) == (0, "")
    assert "no lab is stored" in done.err

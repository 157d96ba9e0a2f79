"""Where people run `check`: the GitHub Action, the GitLab recipe, pre-commit. Their commands, in a bare environment."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.support.command import SECONDS, Cli
from tests.support.passages import ROOT

INPUTS = ROOT / "tests" / "importing" / "inputs"
ACTION = ROOT / ".ci" / "check"
BARE = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/nonexistent"}


def read(path: Path) -> Any:
    return YAML(typ="safe").load(path.read_text(encoding="utf-8"))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with a design in it, and files that are none."""
    for name in ("leak.yaml", "dual-stack.yaml"):
        shutil.copy(INPUTS / name, tmp_path / name)
    (tmp_path / "notes.yaml").write_text("a: 1\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a folder in which eigw-ns is installed, as far as the script can see."""
    program = tmp_path / "home" / "bin" / "eigw-ns"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m eigw_ns "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    return program.parent.parent


def action_step() -> tuple[str, dict[str, str]]:
    """Return the script of the action's only step, and its environment with the defaults of the inputs."""
    action = read(ACTION / "action.yml")
    (step,) = action["runs"]["steps"]
    defaults = {name: str(body.get("default", "")) for name, body in action["inputs"].items()}
    environment = {
        name: re.sub(r"\$\{\{ inputs\.(\w+) \}\}", lambda found: defaults[found[1]], value)
        for name, value in step["env"].items()
    }
    return step["run"], environment


@pytest.mark.root
def test_the_action_checks_and_writes_every_report(folder: Path, home: Path) -> None:
    script, environment = action_step()
    environment |= {
        **BARE, "SOURCES": "leak.yaml dual-stack.yaml", "OPTIONS": "--require-intent", "EIGW_NS_HOME": str(home),
        "GITHUB_ACTION_PATH": str(ACTION), "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
    }  # fmt: skip
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        env=environment, cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 4, done.stderr
    assert "20 flows sent, 2 errors, 1 other finding" in done.stderr
    results = json.loads((folder / "eigw.sarif").read_text(encoding="utf-8"))["runs"][0]["results"]
    assert [each["ruleId"] for each in results] == ["EIGW001", "EIGW002", "EIGW004"]
    assert (folder / "eigw.xml").exists()
    assert (folder / "summary.md").read_text(encoding="utf-8").startswith("## eigw-ns check: failed")


def test_words_of_the_action_are_no_commands(folder: Path, home: Path) -> None:
    script, environment = action_step()
    environment |= {
        **BARE, "SOURCES": "$(touch broken) ;touch broken `touch broken`", "OPTIONS": "--predict-only",
        "EIGW_NS_HOME": str(home), "GITHUB_ACTION_PATH": str(ACTION), "GITHUB_STEP_SUMMARY": "summary.md",
    }  # fmt: skip
    done = subprocess.run(
        ["bash", "-c", script], env=environment, cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert not (folder / "broken").exists()


def test_each_input_of_the_action_is_used_by_its_step() -> None:
    action = read(ACTION / "action.yml")
    assert action["runs"]["using"] == "composite"
    (step,) = action["runs"]["steps"]
    assert set(step["env"].values()) == {f"${{{{ inputs.{name} }}}}" for name in action["inputs"]}
    assert all(f"${name}" in step["run"] for name in step["env"])
    assert "${{" not in step["run"], "values of users reach the script as variables only"
    assert os.access(ACTION / "run", os.X_OK)


def hook() -> dict[str, Any]:
    (found,) = read(ROOT / ".pre-commit-hooks.yaml")
    return dict(found)


@pytest.mark.parametrize(
    ("files", "code"),
    [(["notes.yaml"], 0), (["notes.yaml", "dual-stack.yaml"], 0), (["leak.yaml"], 4), (["notes.yaml", "leak.yaml"], 4)],
)
def test_the_hook_passes_over_what_is_no_design(cli: Cli, files: list[str], code: int) -> None:
    program, *words = shlex.split(hook()["entry"])
    assert program == "eigw-ns"
    done = cli(*words, *files)
    assert (done.code, done.err) == (code, "")


@pytest.mark.parametrize(
    ("path", "wanted"),
    [("cdk.out/Net.template.json", True), ("a/b.yml", True), ("b.yaml", True), ("main.tf", False), ("a.json", True)],
)
def test_the_hook_gets_templates_and_states(path: str, wanted: bool) -> None:
    assert bool(re.search(hook()["files"], path)) is wanted

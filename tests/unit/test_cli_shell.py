"""The prompt of `shell` names the node, in each kind of shell."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from eigw_ns.cli.verbs.shell import arguments, environment


def test_sh_takes_the_prompt_from_the_environment() -> None:
    assert arguments("/bin/sh") == ("/bin/sh",)
    assert environment("/bin/sh", "main/app", {})["PS1"] == "(main/app) # "
    assert environment("/bin/sh", "app", {"PS1": "$ "})["PS1"] == "(app) $ "


def test_bash_sets_the_prompt_repeatedly_and_names_the_node_once() -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("bash is not installed")
    script = 'PS1="original> "; eval "$PROMPT_COMMAND"; eval "$PROMPT_COMMAND"; printf "%s|%s" "$PS1" "$ran"'
    added = environment(bash, "main/app", {"PROMPT_COMMAND": "ran=yes"})
    done = subprocess.run([bash, "--norc", "-c", script], env=added, capture_output=True, text=True, check=True)
    assert done.stdout == "(main/app) original> |yes"


def test_fish_takes_the_prompt_as_a_command() -> None:
    assert arguments("/usr/bin/fish")[:2] == ("/usr/bin/fish", "-C")
    assert environment("/usr/bin/fish", "app", {})["EIGW_NS_PROMPT"] == "(app) "

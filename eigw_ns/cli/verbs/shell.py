"""`eigw-ns shell`: open a shell inside a node."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import click

from eigw_ns.cli import complete, options
from eigw_ns.cli.inside import enter

_BASH_PROMPT = 'PS1="$EIGW_NS_PROMPT${PS1#"$EIGW_NS_PROMPT"}"'
_FISH_PROMPT = (
    "functions -c fish_prompt _eigw_ns_prompt; function fish_prompt; echo -n $EIGW_NS_PROMPT; _eigw_ns_prompt; end"
)


@click.command("shell")
@click.argument("node", shell_complete=complete.nodes)
@options.lab
def command(node: str, lab: str | None) -> None:
    """Open your shell ($SHELL) inside a NODE. The prompt names the node; `exit` leaves it.

    \b
    eigw-ns shell app
    eigw-ns shell internet/web
    """
    shell = os.environ.get("SHELL") or "/bin/sh"
    enter(lab, node, arguments(shell), environment(shell, node, os.environ))


def arguments(shell: str) -> tuple[str, ...]:
    """Return the command line for `shell`. fish takes the prompt as a command, other shells from the environment."""
    return (shell, "-C", _FISH_PROMPT) if Path(shell).name == "fish" else (shell,)


def environment(shell: str, node: str, inherited: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that put the node into the prompt. bash sets it at each prompt: its rc file resets PS1."""
    prompt = f"({node}) "
    added = {"EIGW_NS_PROMPT": prompt}
    if Path(shell).name == "bash":
        before = inherited.get("PROMPT_COMMAND", "")
        return {**added, "PROMPT_COMMAND": f"{before}; {_BASH_PROMPT}" if before else _BASH_PROMPT}
    return {**added, "PS1": f"{prompt}{inherited.get('PS1', '# ')}"}

"""README, help and hints: each command is one that the program takes. Recipes install the programs that they use."""

from __future__ import annotations

import re
import shlex

import click
import pytest

from eigw_ns.cli.program import PROGRAM, cli
from eigw_ns.errors import EigwError
from eigw_ns.kernel.processes import packages, process
from tests.support.passages import ROOT, passages

README = (ROOT / "README.md").read_text(encoding="utf-8")
SOURCES = sorted((ROOT / "eigw_ns").rglob("*.py"))


def commands(text: str) -> list[str]:
    """Return every command line of `eigw-ns` in a document: in its blocks, and in backquotes."""
    blocks = re.findall(r"^ {4}(?:\$ )?(?:sudo )?(eigw-ns [^\n]*)", text, re.MULTILINE)
    inline = re.findall(r"`(?:sudo )?(eigw-ns [^`]*)`", text)
    recipes = re.findall(r"^ *- (?:run: )?(?:sudo )?(eigw-ns [^\n]*)", text, re.MULTILINE)
    lines = [re.split(r"\s+(?:#|\||>|<|&&)", line)[0].strip() for line in (*blocks, *inline, *recipes)]
    return [line.replace("eigw-…", "eigw-0123456789abcdef0") for line in lines]


COMMANDS = commands(README)
ADVICE = [
    command
    for path in SOURCES
    for passage in passages(path.name, path.read_text(encoding="utf-8"))
    if passage.kind != "comment"
    for command in commands(passage.text)
    if "…" not in command
]


def parse(line: str) -> click.Context:
    """Parse a command line as the program does, and run nothing."""
    context = cli.make_context(PROGRAM, shlex.split(line)[1:])
    verb, command, rest = cli.resolve_command(context, [*context._protected_args, *context.args])
    assert verb is not None and command is not None
    inner = command.make_context(verb, rest, parent=context)
    while isinstance(command, click.Group) and inner._protected_args:
        word, command, words = command.resolve_command(inner, [*inner._protected_args, *inner.args])
        assert word is not None and command is not None
        inner = command.make_context(word, words, parent=inner)
    return inner


@pytest.mark.parametrize("line", sorted({*COMMANDS, *ADVICE}))
def test_the_program_takes_each_command_of_readme_help_and_hints(line: str) -> None:
    if len(line.split()) > 2 and line != "eigw-ns ec2 wait":
        parse(line)
    else:  # the mention of a verb, or of an option of the program
        assert line.split()[1] in (*cli.list_commands(click.Context(cli)), "--help", "--version")


def test_the_commands_are_found() -> None:
    assert len({line.split()[1] for line in COMMANDS}) >= 10
    assert "eigw-ns exec app -- tshark -i eth0" in ADVICE


def test_the_parser_refuses_what_does_not_exist() -> None:
    with pytest.raises((click.ClickException, EigwError)):
        parse("eigw-ns verify --no-such-option")


def test_each_recipe_installs_the_programs_that_tests_run_in_nodes() -> None:
    recipes = [line for line in README.splitlines() if "apt-get install" in line and "pipx install" in line]
    assert len(recipes) == 3
    for recipe in recipes:
        assert {"iproute2", "iputils-ping"} <= set(recipe.split())


@pytest.mark.parametrize(
    ("program", "hint"),
    [
        ("ip-no-such", "check the spelling and PATH"),
        ("ip -6 route", "each argument as a word of its own"),
    ],
)
def test_a_missing_program_is_127_with_a_hint(program: str, hint: str) -> None:
    with pytest.raises(process.NoSuchCommandError, match="command not found") as caught:
        process.run([program])
    assert caught.value.exit_code == 127
    assert hint in caught.value.hint


@pytest.mark.parametrize(("program", "package"), [("ip", "iproute2"), ("ping", "iputils-ping"), ("dumpcap", "tshark")])
def test_the_hint_names_the_debian_package(program: str, package: str) -> None:
    assert packages.hint(program) == f"install it on this host: apt-get install {package}"

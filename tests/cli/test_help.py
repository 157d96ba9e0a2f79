"""Help has examples and loads little; a mistyped word gets a suggestion."""

from __future__ import annotations

import pkgutil

import pytest

from eigw_ns.cli import verbs
from eigw_ns.cli.group import VERBS
from tests.support.command import Cli, process
from tests.support.loaded_modules import HEAVY, loaded_by


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("aply",)])
def test_help_loads_nothing_heavy(arguments: tuple[str, ...]) -> None:
    modules = loaded_by(*arguments)
    assert "eigw_ns.cli.group" in modules
    assert not [module for module in modules if module.startswith(HEAVY)]


def test_the_control_sees_loaded_modules() -> None:
    assert {"eigw_ns.topology", "eigw_ns.cli.verbs.init"} <= loaded_by("init")


def test_every_verb_exists() -> None:
    wanted = (
        "init validate schema plan apply status describe verify agent explain ec2 exec shell labs export destroy gc"
        " doctor version completion serve graph capture metrics events flows import check trace"
    )
    assert set(VERBS) == set(wanted.split())
    modules = {module.name.removesuffix("_") for module in pkgutil.iter_modules(verbs.__path__)}  # import_
    assert modules == set(VERBS)


def test_help_lists_every_verb(cli: Cli) -> None:
    result = cli("--help")
    assert result.code == 0
    assert all(f"  {verb} " in result.out and summary in result.out for verb, summary in VERBS.items())


@pytest.mark.parametrize("arguments", [(), ("ec2",), *((verb,) for verb in VERBS)])
def test_help_has_no_control_characters(cli: Cli, arguments: tuple[str, ...]) -> None:
    """click prints its mark for unfilled text (\\b) if the mark is not the first line of a paragraph."""
    assert not set("\b\x1b\t\f") & set(cli(*arguments, "--help").out)


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_of_a_verb_has_an_example(cli: Cli, verb: str, flag: str) -> None:
    result = cli(verb, flag)
    assert result.code == 0
    assert result.out.startswith(f"Usage: eigw-ns {verb}")
    assert f"eigw-ns {verb}" in result.out.split("\n", 1)[1]  # after the usage line


def test_without_a_verb_help_goes_to_stderr(cli: Cli) -> None:
    result = cli()
    assert (result.code, result.out) == (2, "")
    assert "Usage: eigw-ns" in result.err


@pytest.mark.parametrize(
    ("mistyped", "meant"),
    [("aply", "apply"), ("APPLY", "apply"), ("discribe", "describe"), ("versoin", "version")],
)
def test_a_mistyped_verb_gets_a_suggestion(cli: Cli, mistyped: str, meant: str) -> None:
    result = cli(mistyped)
    assert (result.code, result.out) == (2, "")
    assert f"no such verb: {mistyped}" in result.err
    assert f"did you mean {meant}" in result.err


@pytest.mark.parametrize("verb", ["deploy", "destory"])
def test_destroy_is_never_suggested(cli: Cli, verb: str) -> None:
    result = cli(verb)
    assert result.code == 2
    assert "hint: the verbs are init, validate" in result.err


def test_an_unknown_verb_lists_all(cli: Cli) -> None:
    assert "the verbs are init, validate" in cli("frobnicate").err


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("status", "--labb", "x"), "did you mean --lab?"),
        (("verify", "--jnuit", "x"), "did you mean --junit"),
        (("--tag", "a=b", "describe"), "write options of a verb after the verb"),
        (("init", "--exampel", "x"), "did you mean --example?"),
    ],
)
def test_a_mistyped_option_gets_a_hint(cli: Cli, arguments: tuple[str, ...], hint: str) -> None:
    result = cli(*arguments)
    assert result.code == 2
    assert result.err.startswith("error: no such option: ")
    assert hint in result.err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("validate",), "--file"),
        (("status", "-o", "xml"), "'xml' is not one of 'table', 'json'"),
        (("completion", "tcsh"), "'tcsh'"),
        (("completion",), "Choose from: bash, zsh, fish"),
        (("verify", "--timeout", "0"), "0"),
        (("verify", "--timeout", "nan"), "nan"),
        (("verify", "--timeout", "-NaN"), "NaN"),
        (("verify", "--timeout", "inf"), "inf"),
        (("version", "surplus"), "surplus"),
    ],
)
def test_usage_errors_point_to_help(cli: Cli, arguments: tuple[str, ...], complaint: str) -> None:
    result = cli(*arguments)
    assert (result.code, result.out) == (2, "")
    said, hint = result.err.splitlines()
    assert said.startswith("error: ")
    assert complaint in said
    assert hint == f"hint: see `eigw-ns {arguments[0]} --help`"


def test_python_dash_m_is_the_program() -> None:
    result = process("--version")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("eigw-ns ")

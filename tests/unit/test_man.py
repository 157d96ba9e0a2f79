"""The man pages of the packages: one page per verb, and no text that roff would read as a request."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

from eigw_ns.cli.group import VERBS, SectionGroup
from eigw_ns.cli.verbs.ec2 import command as ec2

SCRIPT = Path(__file__).parents[2] / "scripts" / "_man.py"


@pytest.fixture(scope="module")
def man() -> ModuleType:
    spec = importlib.util.spec_from_file_location("_man", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pages(man: ModuleType) -> dict[str, str]:
    found: dict[str, str] = man.pages()
    return found


def test_every_verb_has_a_page(pages: dict[str, str]) -> None:
    assert set(pages) == {"eigw-ns.1", "eigw-ns.5", *(f"eigw-ns-{verb}.1" for verb in VERBS)}


def test_a_page_says_what_help_says(pages: dict[str, str]) -> None:
    text = pages["eigw-ns-verify.1"].replace("\\-", "-")
    assert text.startswith('.TH "EIGW-NS-VERIFY" 1 ')
    assert ".SH SYNOPSIS\n.B eigw-ns verify\n[OPTIONS] [LAB]\n" in text
    assert ".B --junit FILE\nAlso write the checks as JUnit XML, for CI.\n" in text
    assert ".B -h, --help\n" in text
    assert ".EX\neigw-ns verify\n" in text
    assert all(f".B {verb}\n{about}\n" in pages["eigw-ns.1"].replace("\\-", "-") for verb, about in VERBS.items())


def test_verbs_of_ec2_are_listed(pages: dict[str, str]) -> None:
    assert isinstance(ec2, SectionGroup)
    assert all(f".B {verb}\n" in pages["eigw-ns-ec2.1"].replace("\\-", "-") for verb in ec2.verbs())


def test_text_is_escaped(man: ModuleType) -> None:
    assert man._plain(".so /etc/passwd") == "\\&.so /etc/passwd"
    assert man._plain("'x") == "\\&'x"
    assert man._plain("a\\b --c") == "a\\eb \\-\\-c"


def test_source_date_epoch_dates_the_pages(man: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1000000000")
    assert " 1 2001-09-09 " in man.pages()["eigw-ns.1"]


def test_groff_warns_of_nothing(pages: dict[str, str]) -> None:
    groff = shutil.which("groff")
    if groff is None:
        pytest.skip("groff is not installed")
    command = [groff, "-man", "-Kutf8", "-Tutf8", "-ww", "-z"]
    done = subprocess.run(command, input="".join(pages.values()), capture_output=True, text=True, check=True)
    assert done.stderr == ""

"""Locales other than UTF-8 and C: no verb fails for a character that the encoding lacks."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pytest

from eigw_ns.cli import output, streams
from eigw_ns.cli.program import run
from eigw_ns.topology import load
from tests.support.command import FAKE_LAB, Cli, Result, process

ENCODINGS = ("iso-8859-1", "koi8-r", "euc-jp")
TAG = "Grüße → Привет 😀"


@pytest.fixture(params=ENCODINGS)
def in_locale(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cli]:
    """Yield a function that runs `eigw-ns` in this process, with the standard streams of a locale."""
    files: list[TextIO] = []

    def open_stream(name: str) -> TextIO:
        files.append((tmp_path / name).open("w", encoding=request.param))
        return files[-1]

    def call(*arguments: str) -> Result:
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", open_stream("out"))
            patch.setattr(sys, "stderr", open_stream("err"))
            streams.prepare()
            code = run(arguments)
            sys.stderr.flush()
        out, err = ((tmp_path / name).read_text(encoding=request.param) for name in ("out", "err"))
        return Result(code, out, err)

    yield call
    for file in files:
        file.close()


@pytest.mark.parametrize("arguments", [("--help",), ("exec", "--help"), ("ec2",), ("schema",), ("init",), ("shel",)])
def test_verbs_that_need_no_lab(in_locale: Cli, cli: Cli, arguments: tuple[str, ...]) -> None:
    usual = cli(*arguments)
    result = in_locale(*arguments)
    assert result.code == usual.code
    assert bool(result.out) == bool(usual.out)
    assert bool(result.err) == bool(usual.err)


@pytest.mark.parametrize(
    "arguments",
    [
        ("apply", "-v"),
        ("describe", "-v"),
        ("status",),
        ("explain", "app", "web"),
        ("explain", "web", "app", "-o", "json"),
        ("agent", "--once"),
        ("exec", "→", "--", "true"),
        ("explain", "→", "web"),
        ("ec2", "create-tags", "--resources", "→", "--tags", "Key=→,Value=→"),
        ("ec2", "describe-tags", "--filters", "Name=→,Values=→"),
        ("describe", "--lab", "→"),
        ("gc",),
        ("destroy",),
    ],
    ids=" ".join,
)
@pytest.mark.usefixtures("applied", "own_signals")
def test_verbs_on_a_lab(in_locale: Cli, cli: Cli, arguments: tuple[str, ...]) -> None:
    assert cli("ec2", "create-tags", "--resources", vpc(cli), "--tags", f"Key=Name,Value={TAG}").code == 0
    usual = cli(*arguments) if arguments != ("destroy",) else Result(0, "", "")
    result = in_locale(*arguments)
    assert result.code == usual.code, result.err
    assert bool(result.out) == bool(usual.out)
    assert "UnicodeEncodeError" not in result.err


def vpc(cli: Cli) -> str:
    return str(cli("ec2", "describe-vpcs").data["Vpcs"][0]["VpcId"])


@pytest.mark.usefixtures("applied")
def test_data_is_the_same_in_every_locale(in_locale: Cli, cli: Cli) -> None:
    """Programs read JSON as UTF-8, and `apply` reads topology files as UTF-8."""
    assert cli("ec2", "create-tags", "--resources", vpc(cli), "--tags", f"Key=Name,Value={TAG}").code == 0
    for arguments in (("describe", "vpcs", "-o", "json"), ("ec2", "describe-vpcs")):
        result = in_locale(*arguments)
        assert result.out.isascii()
        assert result.data == cli(*arguments).data
        assert result.data["Vpcs"][0]["Tags"] == [{"Key": "Name", "Value": TAG}]
    exported = in_locale("export").out
    assert exported.isascii()
    both = (load(text.encode(), file="x", default_lab=FAKE_LAB) for text in (exported, cli("export").out))
    assert next(both) == next(both)


@pytest.mark.usefixtures("applied")
def test_a_table_has_something_readable(in_locale: Cli) -> None:
    lines = in_locale("explain", "app", "web").out.splitlines()
    assert lines[0] in ("app > web, tcp 443", "app → web, tcp 443")
    assert "\\u" not in "".join(lines)
    assert {line[0] for line in lines if " route table " in line} == {"+"}


def test_the_real_streams_of_a_process(tmp_path: Path) -> None:
    file = tmp_path / "Привет.yaml"
    result = process("validate", "-f", str(file), env={"PYTHONIOENCODING": "latin-1:strict"}, encoding="latin-1")
    assert result.code == 2
    assert result.err.startswith("error: cannot read ")


@pytest.mark.root
def test_verify_with_its_report(in_locale: Cli, standing: str, tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    result = in_locale("verify", "--lab", standing, "--timeout", "0.2", "--junit", str(report))
    assert result.code == 0, result.err
    assert "checks passed" in result.err
    assert report.read_text(encoding="utf-8").startswith("<?xml")


def test_json_has_escapes_for_what_controls_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    data = {"file": "\udcff\x1b\x7f\x9b\u202eé"}
    output.show_json(data)
    printed = capsys.readouterr().out
    assert '"\\udcff\\u001b\\u007f\\u009b\\u202eé"' in printed
    assert json.loads(printed) == data


def test_a_name_that_the_locale_cannot_encode(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """UTF-8 in a locale with EUC-JP: Python decodes such an argument, but cannot encode it again."""

    def use(file: Path) -> None:
        raise UnicodeEncodeError("euc_jp", str(file), 0, 1, "illegal multibyte sequence")

    monkeypatch.setattr("eigw_ns.cli.verbs.verify._require_folder", use)
    with pytest.raises(UnicodeEncodeError):
        cli("verify", "--junit", "name")
    monkeypatch.setattr(sys, "getfilesystemencoding", lambda: "euc_jp")
    refused = cli("verify", "--junit", "name")
    assert refused.code == 2 and "euc_jp: name" in refused.err and "LC_ALL=C.UTF-8" in refused.err

"""`eigw-ns import`: turn a design of another tool into a topology file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from eigw_ns.cli import design_options, options
from eigw_ns.cli.design_output import difference, read_text, require_writable, write_text
from eigw_ns.cli.designs import read_design
from eigw_ns.cli.output import columns, is_utf8, json_text, show_lines
from eigw_ns.cli.talk import Talk
from eigw_ns.cloud.words import printable
from eigw_ns.errors import EigwError, UsageError
from eigw_ns.importing.findings.judged import findings
from eigw_ns.importing.resolve.imported import Import, imported
from eigw_ns.render import imported as render
from eigw_ns.render.design_messages import lines
from eigw_ns.render.imported import ImportReport
from eigw_ns.render.table import draw
from eigw_ns.topology import Topology, dump
from eigw_ns.topology.reader import TOPOLOGY_FILE

WOULD_CHANGE, FOUND = 3, 4
"""Exit codes: `--diff` shows a change; `--strict` and the design has a finding."""

_REPORTS = ("text", "json", "markdown")


@click.command("import")
@click.argument("source", type=click.Path(allow_dash=True))
@click.option("-o", "--output", "file", metavar="FILE", type=click.Path(path_type=Path),
              help="Topology file to write. Default: stdout.")  # fmt: skip
@click.option("--diff", is_flag=True, help="Show what would change in the file of -o, and write nothing.")
@click.option("--partial", is_flag=True, help="Write the file even if parts of the design are refused. These parts "
              "drop packets, and the file expects nothing.")  # fmt: skip
@design_options.reading
@design_options.choosing
@click.option("--lab", metavar="NAME", help="Name of the lab in the file. Default: that of the source, after import-.")
@click.option("--report", "form", type=click.Choice(_REPORTS), default="text", show_default=True,
              help="Form of the report on stderr.")  # fmt: skip
@click.option("--strict", is_flag=True, help="Exit with code 4 if the design has a finding.")
@options.quiet
@options.verbose
def command(
    source: str,
    file: Path | None,
    diff: bool,
    partial: bool,
    form: str,
    strict: bool,
    quiet: bool,
    verbose: bool,
    **given: Any,
) -> int:
    """Turn a design into a topology file with a probe in each subnet, and expectations that `verify` checks.

    SOURCE is a CloudFormation template, a cdk.out folder, a folder of Terraform, a state or plan of `terraform show
    -json`, or answers of `aws ec2 describe-…` in a file or folder; `-` is stdin. It is recognised by its content.
    Needs no root and no credentials, and reaches no network.

    What decides who reaches whom, and cannot be known, is refused with its place: then nothing is written, and the
    exit code is 1. Notes say what is left out because a lab does not need it. Expectations follow what the design
    says that a subnet is for (its name or a tag), or else its routes.

    \b
    eigw-ns import template.yaml -o lab.yaml
    eigw-ns import cdk.out > lab.yaml
    eigw-ns import infra/ --parameter stage=test -o lab.yaml
    terraform show -json | eigw-ns import - --vpc main
    for kind in vpcs subnets route-tables internet-gateways egress-only-internet-gateways \\
        network-acls security-groups; do
      aws ec2 describe-$kind --output json > account/$kind.json
    done; eigw-ns import account/ -o lab.yaml
    eigw-ns import template.yaml -o lab.yaml --diff
    """
    if diff and file is None:
        raise UsageError("--diff compares with a file", hint="name it: -o FILE")
    if file is not None:
        require_writable(file, source)
    talk = Talk(quiet=quiet, verbose=verbose)
    report = _report(source, talk.note if form == "text" else _nothing, given)
    _tell(report, form, talk)
    topology = _accepted(report.found, partial=partial)
    changed = _deliver(_text(topology, report, ascii_only=file is None and not is_utf8()), file, diff=diff)
    if strict and any(each.level in _STRICT_LEVELS for each in report.findings):
        return FOUND
    return WOULD_CHANGE if diff and changed else 0


_STRICT_LEVELS = ("error", "warning")


def _nothing(_text: str) -> None:
    """Say nothing: the report on stderr is the only document there."""


def _report(source: str, note: Callable[[str], object], given: dict[str, Any]) -> ImportReport:
    choices = design_options.choices(given)
    read = read_design(source, design_options.reading_options(given), design_options.terraform(given), note)
    found = imported(read.design, replace(choices, source=read.name))
    return ImportReport(found, source, read.kind, findings(read.design, found, {}))


def _tell(report: ImportReport, form: str, talk: Talk) -> None:
    """Print the report on stderr. Quiet leaves only what is refused of a text."""
    if form == "json":
        click.echo(json_text(render.document(report)), err=True)
    elif form == "markdown":
        click.echo(render.markdown(report), err=True, nl=False)
    elif talk.quiet:
        refused = [each for each in report.found.messages if each.level == "refuse"]
        click.echo("".join(f"{printable(line)}\n" for line in lines(refused, verbose=False)), err=True, nl=False)
    else:
        for line in lines(report.messages, verbose=talk.verbose):
            talk.note(printable(line))
        if report.found.subnets:
            click.echo(draw([render.table(report)], width=columns(), colour=False), err=True, nl=False)


def _accepted(found: Import, *, partial: bool) -> Topology:
    """Return what is to be written. Raises EigwError if something is refused."""
    count = len({each for each in found.messages if each.level == "refuse"})
    if found.topology is None:
        raise EigwError("nothing is written: a lab cannot have this design", hint="the lines above say what and where")
    if count and not partial:
        what = "one thing decides" if count == 1 else f"{count} things decide"
        raise EigwError(f"nothing is written: {what} what is reachable, and is not known", hint=_WHEN_REFUSED)
    return found.topology


_WHEN_REFUSED = (
    "do what the lines above say; or give --ignore TYPE|ID for resources that you know to change nothing, "
    "or --partial to write the rest"
)


def _text(topology: Topology, report: ImportReport, *, ascii_only: bool) -> str:
    """Return the file: a comment that names its source and the parts that are missing, then the topology."""
    refused = [each for each in report.found.messages if each.level == "refuse"]
    source = "stdin" if report.source == "-" else Path(report.source).resolve().name
    comments = [f"Made by `eigw-ns import` from {source}: {report.kind}. Change the source, and import it again."]
    if refused:
        comments += ["Only a part of the design: it cannot prove anything. What is missing:", *map(str, refused)]
        topology = Topology(topology.cloud)
    head = "".join(f"# {_comment(each, ascii_only)}\n" for each in comments)
    expect = "expect: []\n" if refused else ""
    text = f"{head}{dump(topology, ascii_only=ascii_only)}{expect}"
    most = TOPOLOGY_FILE.max_bytes
    if len(text.encode()) > most:
        raise EigwError(
            f"nothing is written: the file would have more than {most:,} bytes", hint="choose VPCs: --vpc NAME"
        )
    return text


def _comment(text: str, ascii_only: bool) -> str:
    line = printable(text)
    return line.encode("ascii", "backslashreplace").decode() if ascii_only else line


def _deliver(text: str, file: Path | None, *, diff: bool) -> bool:
    """Print the text, show the difference, or write the file. Return whether it differs from the file."""
    if file is None:
        click.echo(text, nl=False)
        return False
    old = read_text(file)
    if diff:
        show_lines(difference(file, old, text))
    elif old != text or not file.exists():
        write_text(file, text)
    return old != text

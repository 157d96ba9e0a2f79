"""`eigw-ns check`: prove with packets that designs of other tools keep the internet out over IPv6."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import click

from eigw_ns.cli import design_options, options
from eigw_ns.cli.design_files import STDIN, read_files
from eigw_ns.cli.design_output import require_writable, write_text
from eigw_ns.cli.designs import read_design
from eigw_ns.cli.output import json_text, show_json, show_lines, show_tables
from eigw_ns.cli.policy_files import FoundPolicy, find_policy
from eigw_ns.cli.talk import Talk
from eigw_ns.cloud.words import printable
from eigw_ns.errors import DesignError, HostError, Mistake, UsageError
from eigw_ns.importing.detect import detect
from eigw_ns.importing.findings.judged import expired, unused
from eigw_ns.importing.messages import Message, Place
from eigw_ns.importing.options import Options
from eigw_ns.importing.policy.policy import Policy
from eigw_ns.importing.resolve.choices import Choices
from eigw_ns.lab.check.checking import Prove, check, idle_rules
from eigw_ns.lab.check.outcome import FOUND, Checked, Outcome
from eigw_ns.render.design_check import cells, text
from eigw_ns.render.design_messages import lines

_REPORT = click.Path(path_type=Path)


@click.command("check")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE…", type=click.Path(allow_dash=True))
@click.option("--policy", "policy_file", type=_REPORT, metavar="FILE",
              help="What subnets are meant for, and which findings are accepted. Default: .eigw-ns.yaml in the working "
              "folder or beside the design, if there is one.")  # fmt: skip
@click.option("--predict-only", is_flag=True,
              help="Send no packet: say what the model predicts. Needs no Linux and no privilege.")  # fmt: skip
@click.option("--pass-over", is_flag=True,
              help="Pass over files that are no designs. Default: on if several are named.")  # fmt: skip
@click.option("--require-intent", is_flag=True, help="Also fail if nothing states what a subnet is meant for.")
@click.option("--baseline", type=_REPORT, metavar="FILE",
              help="An earlier result, of -o json or --sarif: its findings do not count.")  # fmt: skip
@click.option("--soft-fail", is_flag=True, help="Exit with 0 in place of 4. Refusals still exit with 1.")
@click.option("--junit", type=_REPORT, metavar="FILE", help="Also write the result as JUnit XML.")
@click.option("--sarif", type=_REPORT, metavar="FILE", help="Also write the result as SARIF 2.1.0, for code scanning.")
@click.option("--markdown", type=_REPORT, metavar="FILE", help="Also write the result as Markdown, for a summary.")
@click.option("--timeout", type=options.Seconds(0.05, 60), default=0.5, show_default=True, metavar="SECONDS",
              help="Time without an answer that counts as blocked.")  # fmt: skip
@design_options.reading
@design_options.choosing
@options.output
@options.quiet
@options.verbose
def command(
    sources: tuple[str, ...],
    policy_file: Path | None,
    predict_only: bool,
    require_intent: bool,
    baseline: Path | None,
    soft_fail: bool,
    timeout: float,
    output: str,
    quiet: bool,
    verbose: bool,
    **given: Any,
) -> int:
    """Prove whether designs keep the internet out over IPv6, and let out what must go out.

    SOURCE is what `import` takes: a CloudFormation template, a cdk.out folder, a folder of Terraform, a state or plan,
    or answers of `aws ec2 describe-…`. Each becomes a lab for this one run, in namespaces that vanish with the command,
    however it ends. Real packets show what reaches each subnet and what it reaches. Findings compare that with what
    the subnet is meant for: as the policy says, or else the design itself (its name or a tag), and with IPv4.

    Exit code 1 if something that decides is not known: then nothing is claimed about that source. Exit code 4 if there
    is a finding of level error that the policy does not accept, or if flows do not do what the policy allows. With
    several sources, files that are no designs are passed over.

    \b
    eigw-ns check template.yaml
    eigw-ns check infra/ --policy .eigw-ns.yaml --sarif eigw.sarif --junit eigw.xml
    eigw-ns check cdk.out --predict-only --require-intent
    eigw-ns check cdk.out -o json > baseline.json; eigw-ns check cdk.out --baseline baseline.json
    """
    if given["probes"] == "none":
        raise UsageError("without probes no packet can be sent", hint="leave --probe none out")
    talk, today = Talk(quiet=quiet, verbose=verbose), datetime.now(UTC).date()
    reports = {kind: file for kind in _WRITERS if (file := given.pop(kind)) is not None}
    for file in reports.values():
        require_writable(file, sources[0])
    known = _baseline(baseline)
    found = find_policy(policy_file, sources)
    if found.policy.file and not found.named:
        talk.note(f"the policy is {found.policy.file}")
    started = datetime.now(UTC)
    prove = _prediction() if predict_only else partial(_packets, timeout, talk)
    checked = tuple(_checked(sources, _options(given, found.policy), given, found.policy, prove, today, talk))
    outcome = Outcome(
        (*checked, *_policy_refusals(found, checked, talk)), predict_only, expired(found.policy, today), known,
        require_intent,
    )  # fmt: skip
    for kind, file in reports.items():
        write_text(file, _WRITERS[kind](outcome, started))
    _show(outcome, found.policy, output, talk)
    code = outcome.exit_code
    return 0 if soft_fail and code == FOUND else code


def _options(given: dict[str, Any], policy: Policy) -> Options:
    """Return what readers need: what the policy says, and the command line on top of it."""
    read = design_options.reading_options(given)
    return replace(
        read, parameters={**policy.parameters, **read.parameters}, ignored=read.ignored | frozenset(policy.ignore)
    )


def _baseline(file: Path | None) -> frozenset[str]:
    if file is None:
        return frozenset()
    from eigw_ns.render.design_check.baseline import fingerprints

    try:
        return fingerprints(file.read_bytes(), printable(str(file)))
    except OSError as error:
        raise UsageError(f"cannot read {printable(str(file))}: {error.strerror}") from error


# ---- one source after the other --------------------------------------------------------------------------------------


def _checked(
    sources: tuple[str, ...],
    read: Options,
    given: dict[str, Any],
    policy: Policy,
    prove: Prove,
    today: date,
    talk: Talk,
) -> Iterator[Checked]:
    choices, terraform = design_options.choices(given), design_options.terraform(given)
    passed_over, pass_over = 0, given["pass_over"]
    for source in map(_relative, sources):
        if (pass_over or len(sources) > 1) and not given["forced"] and not _is_design(source):
            passed_over += 1
            continue
        try:
            design = read_design(source, read, terraform, talk.note)
        except DesignError as error:
            yield Checked(source, "a design that cannot be read", "", tuple(map(_unreadable, error.mistakes)))
            continue
        prefix = source if Path(source).is_dir() else ""
        named: Choices = replace(choices, source=design.name)
        yield check(design.design, source, prefix, policy, named, prove, today)
    if passed_over and len(sources) > 1:
        talk.note(f"{passed_over} of {len(sources)} files are no designs")


def _is_design(source: str) -> bool:
    found = read_files(source)
    try:
        detect(found.files, folder=found.folder)
    except DesignError:
        return False
    return True


def _relative(source: str) -> str:
    """Return the path from the working folder, if the source is in it: code scanning knows no other folder."""
    inside = source != STDIN and Path(source).is_absolute() and Path(source).is_relative_to(Path.cwd())
    return os.path.relpath(source) if inside else source


def _unreadable(mistake: Mistake) -> Message:
    place = Place(mistake.path, mistake.file, mistake.line or None)
    value = f" (got {mistake.value})" if mistake.value else ""
    return Message("refuse", place, f"{mistake.problem}{value}", str(mistake.remedy))


def _policy_refusals(found: FoundPolicy, checked: tuple[Checked, ...], talk: Talk) -> tuple[Checked, ...]:
    """Refuse rules that match nothing, if the user named the policy. Otherwise its rules may be of other designs."""
    idle = idle_rules(found.policy, checked)
    if idle and found.named:
        return (Checked(found.policy.file, "a policy", "", idle),)
    for each in idle:
        talk.note(f"note {each.place}: {each.what}")
    return ()


# ---- packets, or the model -------------------------------------------------------------------------------------------


def _prediction() -> Prove:
    from eigw_ns.lab.check.predicted import predicted

    return predicted


def _packets(timeout: float, talk: Talk, topology: Any) -> Any:
    from eigw_ns.lab.check.throwaway import proved

    try:
        with talk.progress("check") as progress:
            return proved(topology, timeout=timeout, progress=progress)
    except HostError as error:
        hint = f"{error.hint}; or give --predict-only, which proves nothing and needs no privilege"
        raise type(error)(error.message, hint=hint.removeprefix("; ")) from error


# ---- what is shown and written ---------------------------------------------------------------------------------------


def _show(outcome: Outcome, policy: Policy, output: str, talk: Talk) -> None:
    if output == "json":
        from eigw_ns.render.design_check.document import document

        show_json(document(outcome))
    else:
        show_tables(text.tables(outcome))
        show_lines(text.lines(outcome))
    for one in outcome.checked:
        for line in lines(_with_paths(one), verbose=talk.verbose):
            talk.note(printable(line))
        if not one.has_ipv6 and not one.refusals:
            talk.note(printable(f"{one.source}: nothing of this design is reachable over IPv6"))
    for each in unused(outcome.findings, policy):
        talk.note(f"note {each.place}: the acceptance of {each.finding} at {each.at} is not needed")
    talk.note(cells.summary(outcome))


def _with_paths(checked: Checked) -> Iterator[Message]:
    for each in checked.messages:
        yield replace(
            each, place=replace(each.place, file=cells.path(checked, each.place) if each.place.file else None)
        )


def _junit(outcome: Outcome, started: datetime) -> str:
    from eigw_ns.render.design_check.junit import junit

    return junit(outcome, started=started)


def _sarif(outcome: Outcome, _started: datetime) -> str:
    from eigw_ns.render.design_check.sarif import sarif

    return f"{json_text(sarif(outcome))}\n"


def _markdown(outcome: Outcome, _started: datetime) -> str:
    from eigw_ns.render.design_check.markdown import markdown

    return markdown(outcome)


_WRITERS: dict[str, Callable[[Outcome, datetime], str]] = {"junit": _junit, "sarif": _sarif, "markdown": _markdown}

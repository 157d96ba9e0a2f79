"""`eigw-ns verify`: proof by packets."""

from __future__ import annotations

from pathlib import Path

import click

from eigw_ns.cli import options
from eigw_ns.cli.context import open_kernel, topology_of
from eigw_ns.cli.output import show_json, show_tables
from eigw_ns.cli.talk import Talk
from eigw_ns.errors import UsageError
from eigw_ns.lab.verify import verify
from eigw_ns.render import verdicts
from eigw_ns.render.junit import junit

NOT_PASSED = 4
"""The exit code where a packet went where it must not, or did not go where it must."""


@click.command("verify")
@options.lab
@click.option("--timeout", type=options.Seconds(0.05, 60), default=1.0, show_default=True, metavar="SECONDS",
              help="How long silence must last to count as blocked.")  # fmt: skip
@click.option("--junit", "report_file", type=click.Path(dir_okay=False, writable=True, path_type=Path), metavar="FILE",
              help="Also write the checks as JUnit XML, for CI.")  # fmt: skip
@options.output
@options.quiet
@options.verbose
def command(lab: str | None, timeout: float, report_file: Path | None, output: str, quiet: bool, verbose: bool) -> int:
    """Prove with real TCP, UDP and ICMPv6 packets who may reach whom.

    Sends what the topology's `expect` lists; where it lists nothing, every pair of nodes both ways, against the model.
    All checks run at once. A "blocked" counts only where the listener was alive and the path carried something else.
    Exit code 4 where a packet went where it must not, or did not go where it must.

    \b
    eigw-ns verify
    eigw-ns verify -o json | jq '.checks[] | select(.passed | not)'
    eigw-ns verify --junit verify.xml
    """
    talk = Talk(quiet=quiet, verbose=verbose)
    if report_file is not None:
        _require_folder(report_file)
    topology = topology_of(None, lab, open_kernel())
    with talk.progress("verify") as progress:
        report = verify(topology, timeout=timeout, progress=lambda done, total: progress(done, total, "checks"))
    if report_file is not None:
        report_file.write_text(junit(report), encoding="utf-8")
    if output == "json":
        show_json(report.document())
    else:
        show_tables([verdicts.table(report)])
    talk.note(verdicts.summary(report))
    return 0 if report.passed else NOT_PASSED


def _require_folder(file: Path) -> None:
    """Before any packet is sent: a proof without its report would have to be done again."""
    if not file.parent.is_dir():
        raise UsageError(f"cannot write {file}: there is no folder {file.parent}", hint=f"mkdir -p {file.parent}")

"""`eigw-ns verify`: prove with packets which nodes reach which."""

from __future__ import annotations

import time
from pathlib import Path

import click

from eigw_ns.cli import options
from eigw_ns.cli.changes import tell_additions, warn_of_drift
from eigw_ns.cli.context import choose_lab, open_kernel, open_storage
from eigw_ns.cli.output import show_json, show_tables
from eigw_ns.cli.talk import Talk
from eigw_ns.errors import UsageError
from eigw_ns.lab.lifecycle.progress import Phase
from eigw_ns.lab.verify.checks import Report, verify
from eigw_ns.lab.verify.disturbance import undisturbed
from eigw_ns.render import junit, verdicts

NOT_PASSED = 4
"""The exit code if a packet was delivered that must not be, or was not delivered that must be."""


@click.command("verify")
@options.positional_lab
@options.lab
@click.option("--timeout", type=options.Seconds(0.05, 60), default=1.0, show_default=True, metavar="SECONDS",
              help="Time without an answer that counts as blocked.")  # fmt: skip
@click.option("--junit", "report_file", type=click.Path(dir_okay=False, writable=True, path_type=Path), metavar="FILE",
              help="Also write the checks as JUnit XML, for CI.")  # fmt: skip
@options.output
@options.quiet
@options.verbose
def command(lab: str | None, timeout: float, report_file: Path | None, output: str, quiet: bool, verbose: bool) -> int:
    """Prove with real TCP, UDP and ICMPv6 packets which nodes reach which.

    Sends what the topology's `expect` lists. If it lists nothing, tries every pair of nodes in both directions and
    compares with the model. All checks run at once. A check counts as blocked only if the listener was alive and the
    path carried other traffic at the same time. Exit code 4 if a check fails, or is inconclusive: its packet ended at a
    route whose target is `unknown`, or the topology expects `inconclusive`. If another command changes the lab
    meanwhile, checks that fail are repeated once.

    \b
    eigw-ns verify
    eigw-ns verify -o json | jq '.checks[] | select(.passed | not)'
    eigw-ns verify --junit verify.xml
    """
    talk = Talk(quiet=quiet, verbose=verbose)
    if report_file is not None:
        _require_folder(report_file)
    kernel, storage = open_kernel(), open_storage()
    chosen = choose_lab(lab, kernel)

    def look() -> Report:
        topology = storage.store.load(chosen)  # another command may have stored a new one since the first look
        with talk.progress("verify") as progress:
            progress(0, 0, Phase("send packets"))
            return verify(topology, timeout=timeout, progress=lambda done, total: progress(done, total, "checks"))

    started, clock = junit.now(), time.monotonic()
    report = undisturbed(storage.lock, chosen, look, talk.note)
    if report_file is not None:
        cloud, seconds = storage.store.load(chosen).cloud, time.monotonic() - clock
        report_file.write_text(junit.junit(report, cloud, started=started, seconds=seconds), encoding="utf-8")
    if output == "json":
        show_json(report.document())
    else:
        show_tables([verdicts.table(report)])
    talk.note(verdicts.summary(report))
    if not report.passed:
        cloud = storage.store.load(chosen).cloud
        warn_of_drift(kernel, cloud, talk)
        tell_additions(kernel, cloud, talk)
    return 0 if report.passed else NOT_PASSED


def _require_folder(file: Path) -> None:
    """Check the folder before any packet is sent: without its report, the proof would have to be repeated."""
    if not file.parent.is_dir():
        raise UsageError(f"cannot write {file}: no such folder: {file.parent}", hint=f"mkdir -p {file.parent}")

"""`eigw-ns doctor`: check whether this host can run labs."""

from __future__ import annotations

from collections.abc import Iterable

import click

from eigw_ns.cli import options, rootless
from eigw_ns.cli.output import show_json, show_tables
from eigw_ns.cli.talk import Talk
from eigw_ns.errors import HostError
from eigw_ns.lab.host import doctor
from eigw_ns.render.table import Table

_COLOURS = {"ok": "green", "warn": "yellow", "missing": "bold red"}


@click.command("doctor")
@options.output
@options.quiet
@options.verbose
def command(output: str, quiet: bool, verbose: bool) -> int:
    """Test everything that a lab needs from this host, and say how to fix what is missing.

    Runs the tests in temporary namespaces and leaves the host unchanged. Exit code 5 if something is missing. For a
    container, the fix names the flag that provides it. Without root, tests what a rootless lab needs.

    \b
    sudo eigw-ns doctor
    eigw-ns --rootless doctor
    """
    examine = doctor.examine_rootless if rootless.choose().rootless else doctor.examine
    checks = examine(rootless.folders())
    if output == "json":
        show_json({"fit": doctor.fit(checks), "checks": [_data(check) for check in checks]})
    else:
        show_tables([table(checks)])
    if not doctor.fit(checks):
        return HostError.exit_code
    Talk(quiet=quiet, verbose=verbose).note("this host can run labs")
    return 0


def table(checks: Iterable[doctor.Check]) -> Table:
    """Return a table with one row per check, in their order."""
    rows = tuple((check.name, (check.outcome, _COLOURS[check.outcome]), _found(check)) for check in checks)
    return Table("", ("Need", "Outcome", "Found, and how to fix it"), rows)


def _found(check: doctor.Check) -> str:
    return "; fix: ".join(filter(None, (check.detail, check.fix)))


def _data(check: doctor.Check) -> dict[str, str]:
    return {"name": check.name, "outcome": check.outcome, "detail": check.detail, "fix": check.fix}

"""`eigw-ns doctor`: can this host hold a lab?"""

from __future__ import annotations

import click

from eigw_ns.cli import options, rootless
from eigw_ns.cli.output import show_json, show_tables
from eigw_ns.cli.talk import Talk
from eigw_ns.errors import HostError
from eigw_ns.lab import doctor
from eigw_ns.render.table import Table

_COLOURS = {"ok": "green", "warn": "yellow", "missing": "bold red"}


@click.command("doctor")
@options.output
@options.quiet
@options.verbose
def command(output: str, quiet: bool, verbose: bool) -> int:
    """Try everything that a lab needs of this host, and say how to get what is missing.

    Tries it in namespaces that vanish at once, and leaves the host as it was. Exit code 5 where something is missing;
    the fix names the flag that gives it to a container. Without root it looks at what can be had without root.

    \b
    sudo eigw-ns doctor
    eigw-ns --rootless doctor
    """
    checks = doctor.examine_rootless() if rootless.choose().rootless else doctor.examine()
    if output == "json":
        show_json({"fit": doctor.fit(checks), "checks": [_data(check) for check in checks]})
    else:
        rows = tuple(
            (check.name, (check.outcome, _COLOURS[check.outcome]), check.detail, check.fix) for check in checks
        )
        show_tables([Table("", ("Need", "Outcome", "Found", "Fix"), rows)])
    if not doctor.fit(checks):
        return HostError.exit_code
    Talk(quiet=quiet, verbose=verbose).note("this host can hold a lab")
    return 0


def _data(check: doctor.Check) -> dict[str, str]:
    return {"name": check.name, "outcome": check.outcome, "detail": check.detail, "fix": check.fix}

"""`eigw-ns labs`: list the labs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from eigw_ns.cli import options
from eigw_ns.cli.context import open_storage, running_kernel
from eigw_ns.cli.output import show_json, show_tables
from eigw_ns.cli.talk import Talk
from eigw_ns.lab.lifecycle.labs import KnownLab, known_labs
from eigw_ns.render.table import Table

_STATES = {None: "stored", True: "running", False: "not running"}


@click.command("labs")
@options.output
@options.quiet
@options.verbose
def command(output: str, quiet: bool, verbose: bool) -> None:
    """List the labs: whether they run, and from which file, by which user and when they were applied.

    Lists the labs that the state folder stores (EIGW_NS_STATE_DIR), and those that run and are stored elsewhere. If
    this process may not look into namespaces, it lists only what is stored.

    \b
    eigw-ns labs
    eigw-ns labs -o json | jq -r '.labs[] | select(.running) | .lab'
    """
    storage = open_storage()
    found = known_labs(running_kernel(), storage)
    if output == "json":
        show_json({"labs": [_data(lab) for lab in found]})
    elif found:
        show_tables([Table("", ("Lab", "State", "File", "User", "Applied"), tuple(_row(lab) for lab in found))])
    if not found:
        Talk(quiet=quiet, verbose=verbose).note(f"no lab is stored in {storage.folders.state}, and none runs")


def _row(lab: KnownLab) -> tuple[str, ...]:
    elsewhere = f", stored in {lab.elsewhere}" if lab.elsewhere else "" if lab.stored else ", not stored here"
    origin = (lab.origin.file, lab.origin.user, lab.origin.time) if lab.origin else ("", "", "")
    return (lab.name, _STATES[lab.running] + elsewhere, *origin)


def _data(lab: KnownLab) -> dict[str, Any]:
    origin = asdict(lab.origin) if lab.origin else None
    return {
        "lab": lab.name,
        "stored": lab.stored,
        "running": lab.running,
        "stored_elsewhere": lab.elsewhere or None,
        "origin": origin,
    }

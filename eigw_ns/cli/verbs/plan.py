"""`eigw-ns plan`: show what `apply` would change."""

from __future__ import annotations

import click

from eigw_ns.cli import options
from eigw_ns.cli.changes import CHANGES, show_steps
from eigw_ns.cli.context import open_kernel, open_storage, topology_of
from eigw_ns.cli.talk import Talk
from eigw_ns.lab.lifecycle import operations


@click.command("plan")
@options.file
@options.lab
@options.output
@options.quiet
@options.verbose
def command(file: str | None, lab: str | None, output: str, quiet: bool, verbose: bool) -> int:
    """Show what `apply` would change in the kernel, and why. Changes nothing.

    Prints one line per namespace; with -v, every step in the order of execution. Exit code 3 if anything would change,
    0 if nothing would.

    \b
    eigw-ns plan -f lab.yaml
    eigw-ns plan -f lab.yaml -v
    eigw-ns plan -f lab.yaml -o json | jq -r '.steps[] | "\\(.verb) \\(.object)"'
    """
    talk = Talk(quiet=quiet, verbose=verbose)
    given = topology_of(file, lab) if file is not None else None  # first: mistakes in it are reported without root
    kernel = open_kernel()
    cloud = (given or topology_of(None, lab, kernel)).cloud
    steps = operations.make_plan(kernel, open_storage(), cloud)
    show_steps(steps, cloud, output, talk)
    if not steps:
        talk.note(f"nothing to do: the lab {cloud.lab} matches the topology")
    return CHANGES if steps else 0

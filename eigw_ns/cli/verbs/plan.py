"""`eigw-ns plan`: show what `apply` would change."""

from __future__ import annotations

import click

from eigw_ns.cli import options
from eigw_ns.cli.changes import CHANGES, show_plan
from eigw_ns.cli.context import open_kernel, open_storage, topology_of
from eigw_ns.cli.output import show_json
from eigw_ns.cli.talk import Talk
from eigw_ns.lab.lifecycle import operations
from eigw_ns.render import cloud_changes as render
from eigw_ns.render import steps as render_steps


@click.command("plan")
@options.file
@options.lab
@options.output
@options.quiet
@options.verbose
def command(file: str | None, lab: str | None, output: str, quiet: bool, verbose: bool) -> int:
    """Show what `apply` would change. Changes nothing.

    Prints what changes in AWS's terms, compared with the topology applied last: `+` comes, `-` goes, `~` changes, and
    `!` becomes reachable from the internet. With -v, every step in the kernel follows, in the order of execution. If
    the kernel differs from what was applied (drift), prints one line per namespace for that. Exit code 3 if anything
    would change, 0 if nothing would.

    \b
    eigw-ns plan -f lab.yaml
    eigw-ns plan -f lab.yaml -v
    eigw-ns plan -f lab.yaml -o json | jq -r '.steps[] | "\\(.verb) \\(.object)"'
    eigw-ns plan -f lab.yaml -o json | jq -e '.cloud.exposed == []'
    """
    talk = Talk(quiet=quiet, verbose=verbose)
    given = topology_of(file, lab) if file is not None else None  # first: mistakes in it are reported without root
    kernel, storage = open_kernel(), open_storage()
    cloud = (given or topology_of(None, lab, kernel)).cloud
    changes = render.compare(operations.stored_cloud(storage, cloud.lab), cloud)
    steps = operations.make_plan(kernel, storage, cloud)
    if output == "json":
        show_json({**render_steps.data(steps), "cloud": render.data(changes)})
    else:
        show_plan(kernel, storage, cloud, changes, steps, talk)
    if not steps and not changes.resources:
        talk.note(f"nothing to do: the lab {cloud.lab} matches the topology")
    return CHANGES if steps or changes.resources else 0

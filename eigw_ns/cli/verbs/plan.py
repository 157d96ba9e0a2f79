"""`eigw-ns plan`: show what `apply` would change."""

from __future__ import annotations

import click

from eigw_ns.cli import options
from eigw_ns.cli.changes import CHANGES, show_plan
from eigw_ns.cli.context import open_kernel, open_source, open_storage, origin_of, recall_topology, topology_of
from eigw_ns.cli.output import show_json
from eigw_ns.cli.talk import Talk
from eigw_ns.lab.lifecycle import operations, ownership
from eigw_ns.render import cloud_changes as render
from eigw_ns.render import steps as render_steps


@click.command("plan")
@options.positional_file
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
    would change, or if the lab is of another file or user and `apply` would need --take-over; otherwise 0.

    \b
    eigw-ns plan -f lab.yaml
    eigw-ns plan -f lab.yaml -v
    eigw-ns plan -f lab.yaml -o json | jq -r '.steps[] | "\\(.verb) \\(.object)"'
    eigw-ns plan -f lab.yaml -o json | jq -e '.cloud.exposed == []'
    """
    talk = Talk(quiet=quiet, verbose=verbose)
    # first: mistakes in the file are reported without root
    given = recall_topology(file, lab, open_source(file, lab)) if file is not None else None
    origin = origin_of(file) if file is not None else None
    kernel, storage = open_kernel(), open_storage()
    cloud = (given.topology if given else topology_of(None, lab, kernel)).cloud
    refused = ownership.refusal(kernel, storage, given, origin) if given and origin else None
    changes = render.compare(operations.stored_cloud(storage, cloud.lab), cloud)
    steps = operations.make_plan(kernel, storage, cloud)
    if output == "json":
        more = {"refused": refused.message} if refused else {}
        show_json({**render_steps.data(steps), "cloud": render.data(changes), **more})
    else:
        show_plan(kernel, storage, cloud, changes, steps, talk)
    if refused:
        talk.note(f"warning: `apply` refuses this: {refused.message}\nhint: {refused.hint}")
    elif not steps and not changes.resources:
        talk.note(f"nothing to do: the lab {cloud.lab} matches the topology")
    return CHANGES if steps or changes.resources or refused else 0

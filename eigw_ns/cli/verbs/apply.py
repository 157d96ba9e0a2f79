"""`eigw-ns apply`: make it so."""

from __future__ import annotations

import click

from eigw_ns.cli import options
from eigw_ns.cli.context import open_kernel, topology_of
from eigw_ns.cli.output import show_json
from eigw_ns.cli.talk import Talk
from eigw_ns.lab import operations


@click.command("apply")
@options.file
@options.lab
@options.output
@options.quiet
@options.verbose
def command(file: str | None, lab: str | None, output: str, quiet: bool, verbose: bool) -> None:
    """Make the kernel hold what the topology says; change only what differs.

    The first time this builds the lab. On a running lab, flows through what stays the same lose nothing, and a second
    apply writes nothing at all. Without -f the topology applied last is applied again: that repairs drift, and
    rebuilds the lab after a reboot. Killed halfway, nothing inbound has a way in; apply again.

    \b
    eigw-ns init | sudo eigw-ns apply -f -
    sudo eigw-ns apply -f lab.yaml
    sudo eigw-ns apply
    """
    talk = Talk(quiet=quiet, verbose=verbose)
    given = topology_of(file, lab) if file is not None else None  # its mistakes are told without root, too
    kernel = open_kernel()
    topology = given or topology_of(None, lab, kernel)
    with talk.progress("apply") as progress:
        applied = operations.apply(kernel, topology, progress=progress)
    if output == "json":
        show_json({"changes": applied.steps, "writes": applied.writes})
    if applied.steps:
        talk.note(f"the lab {topology.cloud.lab} is up: {applied.steps:,} changes, {applied.writes:,} kernel writes")
    else:
        talk.note(f"nothing to do: the lab {topology.cloud.lab} is what the topology says")

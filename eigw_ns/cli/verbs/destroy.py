"""`eigw-ns destroy`: the end of a lab."""

from __future__ import annotations

import click

from eigw_ns.cli import options
from eigw_ns.cli.context import choose_lab, labels, open_kernel
from eigw_ns.cli.output import show_json
from eigw_ns.cli.talk import Talk
from eigw_ns.cloud.words import shorten
from eigw_ns.lab import operations


@click.command("destroy")
@options.lab
@options.output
@options.quiet
@options.verbose
def command(lab: str | None, output: str, quiet: bool, verbose: bool) -> None:
    """Remove a lab: its namespaces with all that is in them, and its stored topology.

    Works, too, where half of it is gone already. Keep the topology with `eigw-ns export` first. Processes that `exec`
    or `shell` left inside are yours: they live on, cut off from everything, and a warning names them.

    \b
    eigw-ns destroy
    eigw-ns destroy --lab demo
    """
    talk = Talk(quiet=quiet, verbose=verbose)
    kernel = open_kernel()
    chosen = choose_lab(lab, kernel)
    with talk.progress("destroy") as progress:
        destroyed = operations.destroy(kernel, chosen, progress=progress)
    if output == "json":
        show_json({"changes": destroyed.steps})
    called = labels(destroyed.cloud) if destroyed.cloud else {}
    for each in destroyed.left:
        node = called.get(each.namespace, each.namespace)
        talk.note(f"warning: process {each.pid} lives on that was begun in {node}: {shorten(each.command)}")
    if destroyed.left:
        talk.note(f"hint: to end them: kill {' '.join(str(each.pid) for each in destroyed.left)}")
    talk.note(f"the lab {chosen} is gone")

"""`eigw-ns destroy`: remove a lab."""

from __future__ import annotations

import click

from eigw_ns.cli import options
from eigw_ns.cli.context import choose_lab, labels, open_kernel, open_storage
from eigw_ns.cli.output import show_json
from eigw_ns.cli.talk import Talk
from eigw_ns.cloud.words import shorten
from eigw_ns.lab.lifecycle import operations
from eigw_ns.lab.storage.protocols import Patience


@click.command("destroy")
@options.positional_lab
@options.lab
@options.lock_timeout
@options.output
@options.quiet
@options.verbose
def command(lab: str | None, lock_timeout: float, output: str, quiet: bool, verbose: bool) -> None:
    """Remove a lab: its namespaces, their contents, and its stored topology.

    Also removes a lab of which parts are missing. To keep the topology, run `eigw-ns export` first. Processes that
    `exec` or `shell` started in the lab keep running without a network; a warning lists them.

    \b
    eigw-ns destroy
    eigw-ns destroy --lab demo
    """
    talk = Talk(quiet=quiet, verbose=verbose)
    kernel = open_kernel()
    chosen = choose_lab(lab, kernel)
    with talk.progress("destroy") as progress:
        destroyed = operations.destroy(
            kernel, open_storage(), chosen, progress=progress, patience=Patience(lock_timeout, talk.note)
        )
    if output == "json":
        show_json({"changes": destroyed.steps})
    called = labels(destroyed.cloud) if destroyed.cloud else {}
    for each in destroyed.left:
        node = called.get(each.namespace, each.namespace)
        talk.note(f"warning: process {each.pid} (started in {node}) is still running: {shorten(each.command)}")
    if destroyed.left:
        talk.note(f"hint: end them with `kill {' '.join(str(each.pid) for each in destroyed.left)}`")
    talk.note(f"the lab {chosen} is gone")

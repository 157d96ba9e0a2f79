"""`eigw-ns gc`: what dead labs left behind."""

from __future__ import annotations

import click

from eigw_ns.cli import complete, options
from eigw_ns.cli.context import open_kernel
from eigw_ns.cli.output import show_json, show_tables
from eigw_ns.cli.talk import Talk
from eigw_ns.lab import gc
from eigw_ns.render.table import Table


@click.command("gc")
@click.option("--yes", is_flag=True, help="Remove what is shown.")
@click.option("--lab", metavar="NAME", shell_complete=complete.left_behind, help="Only of this lab; by default of all.")
@options.output
@options.quiet
@options.verbose
def command(yes: bool, lab: str | None, output: str, quiet: bool, verbose: bool) -> None:
    """Show what dead labs left behind; with --yes, remove it.

    Left behind are namespaces with our mark whose lab is not stored, names of namespaces that were never finished, and
    run folders of labs that are gone. A namespace without our mark is never touched, whatever its name.

    A lab is no leftover while it is stored here (EIGW_NS_STATE_DIR), while somebody works on it (EIGW_NS_RUN_DIR), and,
    whatever folders they use, while an agent watches it or the pytest lives whose test has made it. One that is stored
    elsewhere and has no agent is a leftover.

    \b
    sudo eigw-ns gc
    sudo eigw-ns gc --yes
    """
    talk = Talk(quiet=quiet, verbose=verbose)
    kernel = open_kernel()
    leftovers = gc.remove(kernel, lab) if yes else gc.find(kernel, lab)
    if output == "json":
        things = [{"lab": thing.lab, "kind": thing.kind, "name": thing.name} for thing in leftovers]
        show_json({"leftovers": things, "removed": yes})
    elif leftovers:
        rows = tuple((thing.lab, thing.kind, thing.name) for thing in leftovers)
        show_tables([Table("", ("Lab", "Kind", "Name"), rows)])
    if not leftovers:
        talk.note("nothing is left behind")
    else:
        talk.note("all of it is removed" if yes else "`eigw-ns gc --yes` removes it")

"""`eigw-ns gc`: list or remove what dead labs left behind."""

from __future__ import annotations

from collections.abc import Iterable

import click

from eigw_ns.cli import complete, options
from eigw_ns.cli.context import open_kernel, open_storage
from eigw_ns.cli.output import show_json, show_tables
from eigw_ns.cli.talk import Talk
from eigw_ns.lab.lifecycle import gc
from eigw_ns.render.table import Table


@click.command("gc")
@click.option("--yes", is_flag=True, help="Remove what is listed.")
@click.option("--lab", metavar="NAME", shell_complete=complete.left_behind, help="Name of the lab. Default: all labs.")
@options.output
@options.quiet
@options.verbose
def command(yes: bool, lab: str | None, output: str, quiet: bool, verbose: bool) -> None:
    """List what dead labs left behind; with --yes, remove it.

    Leftovers are namespaces with our mark whose lab is not stored, names without a namespace (listed as `husk`), and
    run folders of labs that no longer exist. A namespace without our mark is never touched, whatever its name.

    \b
    A lab is not a leftover while one of these is true:
      it is stored here (EIGW_NS_STATE_DIR), or in the state folder that it was applied from last
      another command works on it (EIGW_NS_RUN_DIR)
      an agent watches it, with whatever folders
      the pytest that created it is running, with whatever folders

    \b
    sudo eigw-ns gc
    sudo eigw-ns gc --yes
    """
    talk = Talk(quiet=quiet, verbose=verbose)
    kernel, storage = open_kernel(), open_storage()
    leftovers = gc.remove(kernel, storage, lab) if yes else gc.find(kernel, storage, lab)
    if output == "json":
        things = [{"lab": thing.lab, "kind": thing.kind, "name": thing.name} for thing in leftovers]
        show_json({"leftovers": things, "removed": yes})
    elif leftovers:
        show_tables([table(leftovers)])
    if not leftovers:
        talk.note("nothing is left behind")
    else:
        talk.note("all of it was removed" if yes else "remove it with `eigw-ns gc --yes`")


def table(leftovers: Iterable[gc.Leftover]) -> Table:
    """Return a table with one row per leftover, in their order."""
    return Table("", ("Lab", "Kind", "Name"), tuple((thing.lab, thing.kind, thing.name) for thing in leftovers))

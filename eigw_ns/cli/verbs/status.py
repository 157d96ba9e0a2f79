"""`eigw-ns status`: show drift."""

from __future__ import annotations

import click

from eigw_ns.cli import options
from eigw_ns.cli.changes import CHANGES, show_steps
from eigw_ns.cli.context import apply_again, choose_lab, open_kernel, open_storage
from eigw_ns.cli.talk import Talk
from eigw_ns.cli.watching import watched
from eigw_ns.cloud import families
from eigw_ns.kernel.protocol import Kernel
from eigw_ns.lab.lifecycle import operations
from eigw_ns.lab.storage.storage import Storage


@click.command("status")
@options.positional_lab
@options.lab
@options.watch
@options.output
@options.quiet
@options.verbose
def command(lab: str | None, watch: bool, output: str, quiet: bool, verbose: bool) -> int:
    """Show how the kernel differs from what was applied (drift).

    Lists the steps with which `eigw-ns apply` would repair it. Exit code 3 if there is drift, 0 if not. Additions
    to a router are drift, too: IPv6 routes, routing rules of any kind, nftables tables. Links, addresses and routes
    that users add to instances and internet hosts are shown, and are no drift.

    \b
    eigw-ns status
    eigw-ns status --watch
    eigw-ns status -o json
    """
    talk = Talk(quiet=quiet, verbose=verbose)
    kernel = open_kernel()
    chosen, storage = choose_lab(lab, kernel), open_storage()
    return watched(kernel, watch, lambda: _show(kernel, storage, chosen, output, talk))


def _show(kernel: Kernel, storage: Storage, chosen: str, output: str, talk: Talk) -> int:
    alive = chosen in kernel.labs()
    steps = operations.status(kernel, storage, chosen)
    apply, journal = apply_again(chosen), storage.journal
    if alive or output == "json":
        cloud = storage.store.load(chosen).cloud
        if recorded := families.recorded(cloud):
            talk.note(families.recorded_note(recorded))
        show_steps(steps, cloud, output, talk, operations.additions(kernel, cloud))
    if not alive:
        talk.note(f"the lab {chosen} is stored, but not in the kernel (after a reboot?): rebuild it with `{apply}`")
    elif steps:
        talk.note(f"repair it with `{apply}`")
    else:
        talk.note(f"the lab {chosen} matches what was applied")
    if journal.destroying(chosen):
        talk.note("it is being destroyed, or its destroy was interrupted: finish it with `eigw-ns destroy`")
    elif journal.unfinished(chosen):
        talk.note("a change was interrupted, or is in progress")
    return CHANGES if steps else 0

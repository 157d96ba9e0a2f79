"""`eigw-ns status`: drift."""

from __future__ import annotations

import click

from eigw_ns.cli import options
from eigw_ns.cli.changes import CHANGES, show_steps
from eigw_ns.cli.context import apply_again, choose_lab, open_kernel
from eigw_ns.cli.talk import Talk
from eigw_ns.lab import journal, operations, store


@click.command("status")
@options.lab
@options.output
@options.quiet
@options.verbose
def command(lab: str | None, output: str, quiet: bool, verbose: bool) -> int:
    """Show drift between what was applied and what the kernel holds now.

    Lists what `eigw-ns apply` would do to repair it. Exit code 3 on drift, 0 where all is as it was applied.
    Drift is also what somebody added to a router: IPv6 routes and routing rules of any kind, nftables tables. What is
    in the namespaces of instances and internet hosts is their own business.

    \b
    eigw-ns status
    eigw-ns status -o json
    """
    talk = Talk(quiet=quiet, verbose=verbose)
    kernel = open_kernel()
    chosen = choose_lab(lab, kernel)
    alive = chosen in kernel.labs()
    steps = operations.status(kernel, chosen)
    apply = apply_again(chosen)
    if alive or output == "json":
        show_steps(steps, store.load(chosen).cloud, output, talk)
    if not alive:
        talk.note(
            f"the lab {chosen} is stored, but nothing of it is in the kernel (a reboot?): rebuild it with `{apply}`"
        )
    elif steps:
        talk.note(f"repair it with `{apply}`")
    else:
        talk.note(f"the lab {chosen} is what was applied")
    if journal.destroying(chosen):
        talk.note("it is being destroyed, or its destroy was cut short: `eigw-ns destroy` does the rest")
    elif journal.unfinished(chosen):
        talk.note("a change was cut short, or is being made right now")
    return CHANGES if steps else 0

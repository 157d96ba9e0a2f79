"""Shell completion of names: labs, nodes, examples and kinds. An error completes nothing."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem

from eigw_ns.errors import EigwError


def labs(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the stored labs."""
    from eigw_ns.cli import rootless  # imported here: only completion needs it
    from eigw_ns.lab.storage.store import FileStore

    store = FileStore(rootless.folders(context))
    try:
        return [CompletionItem(lab) for lab in store.labs() if lab.startswith(incomplete)]
    except EigwError:
        return []


def left_behind(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the labs that `gc` lists. Return none if this process may not look for them."""
    from eigw_ns.cli import rootless
    from eigw_ns.cli.context import this_machine
    from eigw_ns.lab.lifecycle import gc
    from eigw_ns.lab.storage.storage import Storage

    folders = rootless.folders(context)
    try:
        found = sorted({thing.lab for thing in gc.find(this_machine(folders.run), Storage.in_folders(folders))})
    except (EigwError, OSError):
        return []
    return [CompletionItem(lab) for lab in found if lab.startswith(incomplete)]


def nodes(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the nodes of the lab that the command line chooses, each with its kind."""
    from eigw_ns.cli.context import choose_lab, open_store
    from eigw_ns.cloud import nodes as known

    try:
        with context.scope(cleanup=False):  # click makes no context current while it completes
            cloud = open_store().load(choose_lab(context.params.get("lab"))).cloud
    except EigwError:
        return []
    offered = [(name, node.kind) for node in known.nodes(cloud) for name in dict.fromkeys((node.name, node.qualified))]
    return [CompletionItem(name, help=kind) for name, kind in offered if name.startswith(incomplete)]


def examples(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the topologies that `init` can print."""
    from eigw_ns.topology import example_names

    return [CompletionItem(name) for name in example_names() if name.startswith(incomplete)]


def kinds(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the kinds of resource that `describe` knows."""
    from eigw_ns.render.aws import WORDS

    return [CompletionItem(word) for word in WORDS if word.startswith(incomplete)]

"""Shell completion of names: labs, nodes, examples and kinds. An error completes nothing."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from eigw_ns.errors import EigwError

if TYPE_CHECKING:
    from eigw_ns.cloud.model import Cloud

Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


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
    """Return the nodes of the lab that the command line chooses, each with its kind.

    A node whose tag a shell would take for several words has its id instead.
    """
    from eigw_ns.cloud import nodes as known

    cloud = _cloud(context)
    found = known.nodes(cloud) if cloud else ()
    named = [(node, [name for name in (node.name, node.qualified) if _is_one_word(name)]) for node in found]
    offered = [(name, node.kind) for node, own in named for name in dict.fromkeys(own or [node.id])]
    return [CompletionItem(name, help=kind) for name, kind in offered if name.startswith(incomplete)]


def _is_one_word(name: str) -> bool:
    """Return whether a shell reads the name as it is. `#` begins a comment only at the start of a word."""
    plain = name.replace("#", "")
    return shlex.quote(plain) == plain and not name.startswith("#")


def resources(parameter: str) -> Completer:
    """Return a function that completes the ids and names of the resources that a parameter of an EC2 action takes."""

    def complete(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from eigw_ns.cloud.ec2 import names

        cloud = _cloud(context)
        kinds = names.KINDS_OF.get(parameter, ()) if cloud else ()
        meant = names.meanings(cloud, kinds) if cloud else {}
        found = {name: only[0] for name, only in meant.items() if len(only) == 1 and _is_one_word(name)}
        offered = found | {resource_id: name for name, ids in meant.items() for resource_id in ids}
        return [CompletionItem(text, help=other) for text, other in offered.items() if text.startswith(incomplete)]

    return complete


def _cloud(context: click.Context) -> Cloud | None:
    """Return the stored cloud of the lab that the command line chooses, or None."""
    from eigw_ns.cli.context import choose_lab, open_store

    try:
        with context.scope(cleanup=False):  # click makes no context current while it completes
            return open_store().load(choose_lab(context.params.get("lab"))).cloud
    except EigwError:
        return None


def protocols(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the names of protocols."""
    from eigw_ns.cloud.protocols import NAMES

    return [CompletionItem(name) for name in NAMES if name.startswith(incomplete.lower())]


def examples(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the topologies that `init` can print."""
    from eigw_ns.topology import example_names

    return [CompletionItem(name) for name in example_names() if name.startswith(incomplete)]


def kinds(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the kinds of resource that `describe` knows."""
    from eigw_ns.render.aws import WORDS

    return [CompletionItem(word) for word in ("nodes", *WORDS) if word.startswith(incomplete)]


def kinds_and_nodes(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the kinds of resource that `describe` knows, then the nodes of the lab."""
    return [*kinds(context, parameter, incomplete), *nodes(context, parameter, incomplete)]

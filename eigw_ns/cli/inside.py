"""Run a command inside a node in place of this process, as `exec` and `shell` do."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import NoReturn

import click

from eigw_ns.cli.context import find_node, open_kernel, open_storage, topology_of
from eigw_ns.cloud import hosts_file
from eigw_ns.cloud.words import printable
from eigw_ns.errors import EigwError, ForeignError


def enter(lab: str | None, text: str, command: Sequence[str], added: Mapping[str, str]) -> NoReturn:
    """Replace this process with `command` inside the node that `text` names; `added` extends the environment.
    An `eigw-ns` that the command runs works with the same folders. The command can use the names of nodes.

    Raises UsageError if `text` names no node, EigwError if the node is not running or the command does not exist,
    ForeignError if eigw-ns did not create the namespace.
    """
    kernel = open_kernel()
    cloud = topology_of(None, lab, kernel).cloud
    node, namespace = find_node(cloud, text)
    if not kernel.exists(namespace):
        raise EigwError(f"{node.qualified} is not running", hint=f"rebuild the lab: `eigw-ns apply --lab {cloud.lab}`")
    if kernel.foreign([namespace]):
        raise ForeignError(f"the namespace {namespace} has the name of {node.qualified}, but lacks our mark")
    unnamed = kernel.name_nodes(hosts_file.names(cloud))
    if unnamed:
        click.echo(printable(f"names of nodes do not work inside, use addresses: {unnamed}"), err=True)
    kernel.exec_in(namespace, command, {**os.environ, **open_storage().folders.environment(), **added})

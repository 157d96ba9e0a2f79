"""Becoming a command inside a node, as `exec` and `shell` do."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import NoReturn

from eigw_ns.cli.context import find_node, open_kernel, topology_of
from eigw_ns.errors import EigwError, ForeignError
from eigw_ns.kernel import netns, process


def enter(lab: str | None, text: str, command: Sequence[str], added: Mapping[str, str]) -> NoReturn:
    """Become `command` inside the node that `text` means, with this environment and what is `added` to it.

    Raises UsageError where there is no such node, EigwError where it is not alive or there is no such command.
    """
    kernel = open_kernel()
    cloud = topology_of(None, lab, kernel).cloud
    node, namespace = find_node(cloud, text)
    if not netns.exists(namespace):
        raise EigwError(f"{node.qualified} is not alive", hint=f"`eigw-ns apply --lab {cloud.lab}` rebuilds the lab")
    if kernel.foreign([namespace]):
        raise ForeignError(f"the namespace {namespace} bears the name of {node.qualified} but not our mark")
    process.become(namespace, command, {**os.environ, **added})

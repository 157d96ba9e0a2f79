"""`--rootless`: whether a verb works as root does or in namespaces of the user's own, and the way there and back."""

from __future__ import annotations

import os
from dataclasses import dataclass

import click

from eigw_ns.kernel import capabilities, sysctl, userns
from eigw_ns.lab import paths, rootless

_AUTOMATIC = "not root: working rootless, in namespaces of your own (sudo for the host's labs; --rootless says nothing)"
_VISIT = "eigw_ns.cli.rootless.visit"


@dataclass(frozen=True, slots=True)
class Choice:
    """How this run works. `automatic`: nobody asked for it, so it is told."""

    rootless: bool
    automatic: bool = False


def choose(context: click.Context | None = None) -> Choice:
    """What the command line, or without a word of it this process's privilege, decides.

    Where that is rootless, the folders are the user's own from now on, also for an `eigw-ns` called inside `shell`.
    """
    context = context or click.get_current_context(silent=True)
    flag = context.find_root().params.get("rootless") if context else False
    choice = Choice(_fits(), automatic=True) if flag is None else Choice(bool(flag))
    if choice.rootless:
        for variable, folder in rootless.folders(os.environ, os.geteuid()).items():
            os.environ.setdefault(variable, folder)
    return choice


def _fits() -> bool:
    """Whether this is an ordinary user who may make user namespaces, as far as sysctls tell."""
    return bool(os.geteuid() and capabilities.lacking()) and not userns.forbidden(sysctl.read)[0]


def enter() -> None:
    """Go where the choice says, until the command ends. Raises HostError where this host does not allow it."""
    choice, context = choose(), click.get_current_context(silent=True)
    if context is None or not choice.rootless or _VISIT in context.meta:
        return
    quiet = bool(context.params.get("quiet"))
    if choice.automatic and not quiet:
        click.echo(_AUTOMATIC, err=True)
    visit = context.meta[_VISIT] = rootless.enter(paths.run_dir())
    context.find_root().call_on_close(lambda: _leave(visit, quiet=quiet))


def _leave(visit: rootless.Visit, *, quiet: bool) -> None:
    stays = rootless.leave(visit)
    if stays and visit.first and not quiet:
        click.echo(
            f"process {visit.keeper.pid} keeps your namespaces until the last lab is destroyed; "
            "`eigw-ns --rootless doctor` says what cannot work in them",
            err=True,
        )

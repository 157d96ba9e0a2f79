"""`--rootless`: whether a verb works as root does or in namespaces of the user's own, and the way there and back."""

from __future__ import annotations

import os
from dataclasses import dataclass

import click

from eigw_ns.kernel import privilege, sysctl, userns
from eigw_ns.lab import paths, rootless

_AUTOMATIC = (
    "not root: working rootless, in namespaces of your own (sudo for the host's labs; --rootless says nothing)"
)
_VISIT = "eigw_ns.cli.rootless.visit"

@dataclass(frozen=True, slots=True)
class Choice:
    """What was decided for this run. `automatic`: nobody asked for it, so it is told."""

    wanted: bool
    automatic: bool = False


def choose(flag: bool | None) -> Choice:
    """What the flag, or without one this process's privilege, decides; the folders become the user's own."""
    if flag is None:
        choice = Choice(wanted=(automatic := _fits()), automatic=automatic)
    else:
        choice = Choice(wanted=flag)
    if choice.wanted:
        for variable, folder in rootless.folders(os.environ, os.geteuid()).items():
            os.environ.setdefault(variable, folder)  # also for an `eigw-ns` that is called inside `shell`
    return choice


def _fits() -> bool:
    """Whether this is an ordinary user who may make user namespaces, as far as sysctls tell."""
    return bool(os.geteuid() and privilege.lacking()) and not userns.forbidden(sysctl.read)[0]


def chosen() -> Choice:
    """What was chosen for the command that runs now."""
    context = click.get_current_context(silent=True)
    return (context.find_object(Choice) if context else None) or Choice(wanted=False)


def enter() -> None:
    """Go where the choice says, until the command ends. Raises HostError where this host does not allow it."""
    choice, context = chosen(), click.get_current_context(silent=True)
    if context is None or not choice.wanted or _VISIT in context.meta:
        return
    quiet = context.params.get("quiet")
    if choice.automatic and not quiet:
        click.echo(_AUTOMATIC, err=True)
    visit = context.meta[_VISIT] = rootless.enter(paths.run_dir())
    context.find_root().call_on_close(lambda: _leave(visit, quiet=bool(quiet)))


def _leave(visit: rootless.Visit, *, quiet: bool) -> None:
    stays = rootless.leave(visit)
    if stays and visit.first and not quiet:
        click.echo(
            f"process {visit.keeper.pid} keeps your namespaces until the last lab is destroyed; "
            "`eigw-ns --rootless doctor` says what cannot work in them",
            err=True,
        )

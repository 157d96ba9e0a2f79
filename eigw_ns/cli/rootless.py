"""`--rootless`: choose between root and the user's own namespaces, enter those namespaces and leave them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from eigw_ns.frozen import frozen
from eigw_ns.kernel.host import capabilities
from eigw_ns.kernel.namespaces import sysctl, userns
from eigw_ns.lab.storage.folders import HOST_FOLDERS, LabFolders

if TYPE_CHECKING:
    from eigw_ns.lab.host.rootless import Visit

_AUTOMATIC = "not root: working rootless, in your own namespaces (sudo for the host's labs; --rootless hides this note)"
_VISIT, _FOLDERS = "eigw_ns.cli.rootless.visit", "eigw_ns.cli.rootless.folders"


@frozen
class Choice:
    """How this run works. `automatic` is True if the user did not choose; a note then says so."""

    rootless: bool
    automatic: bool = False


def choose(context: click.Context | None = None) -> Choice:
    """Return how this run works: as the command line says, or else as the privileges of this process allow."""
    context = context or click.get_current_context(silent=True)
    flag = context.find_root().params.get("rootless") if context else False
    return Choice(_fits(), automatic=True) if flag is None else Choice(bool(flag))


def folders(context: click.Context | None = None) -> LabFolders:
    """Return the folders of this run's labs. They are chosen once: later, this process may have another user id."""
    context = context or click.get_current_context()
    if _FOLDERS not in context.meta:
        default = HOST_FOLDERS
        if choose(context).rootless:
            from eigw_ns.lab.host import rootless  # here and below: with root, a run needs none of it

            default = rootless.folders(os.environ, os.geteuid())
        context.meta[_FOLDERS] = LabFolders.chosen(os.environ, default)
    made: LabFolders = context.meta[_FOLDERS]
    return made


def _fits() -> bool:
    """Return True if this process lacks privileges, is not root, and the sysctls allow it user namespaces."""
    return bool(os.geteuid() and capabilities.lacking()) and not userns.forbidden(sysctl.read)[0]


def ready() -> bool:
    """Return whether labs may run where this process works, and it may look: as root, or beside a pause process."""
    if not choose().rootless:
        return not capabilities.lacking()
    from eigw_ns.lab.host import rootless

    return rootless.started(folders().run)


def enter(*, silent: bool = False) -> None:
    """Enter the chosen namespaces until the command ends. Raises HostError if this host does not allow it.

    Prints a note if the user did not choose, unless `silent`.
    """
    choice, context = choose(), click.get_current_context(silent=True)
    if context is None or not choice.rootless or _VISIT in context.meta:
        return
    from eigw_ns.lab.host import rootless

    quiet = silent or bool(context.params.get("quiet"))
    if choice.automatic and not quiet:
        click.echo(_AUTOMATIC, err=True)
    visit = context.meta[_VISIT] = rootless.enter(folders().run)
    context.find_root().call_on_close(lambda: _leave(visit, quiet=quiet))


def _leave(visit: Visit, *, quiet: bool) -> None:
    from eigw_ns.lab.host import rootless

    stays = rootless.leave(visit)
    if stays and visit.first and not quiet:
        click.echo(
            f"process {visit.keeper.pid} keeps your namespaces until the last lab is destroyed; "
            "`eigw-ns --rootless doctor` lists what does not work in them",
            err=True,
        )

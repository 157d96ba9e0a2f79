"""Whose lab it is: the file and the user that it was applied from, and the state folder that stores the live lab.

The namespaces of a live lab name their state folder (`Kernel.note_stored_in`), so the record cannot outlive the lab. A
lab that is stored in another folder is never changed. If that folder does not store it any more, a user may take the
lab over.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from eigw_ns.cloud.nodes import internet_id
from eigw_ns.dataplane.compile.names import namespace_name
from eigw_ns.errors import EigwError, TakeOverError
from eigw_ns.frozen import frozen
from eigw_ns.kernel.protocol import Kernel
from eigw_ns.lab.storage.folders import STATE_VARIABLE, LabFolders
from eigw_ns.lab.storage.origin import Origin
from eigw_ns.lab.storage.protocols import Stored
from eigw_ns.lab.storage.storage import Storage


@frozen
class Claim:
    """The origin of a file that a user applies to a lab. `take_over`: also if the lab is of another user or file."""

    origin: Origin
    take_over: bool = False

    def replaces(self, known: Origin | None) -> bool:
        """Return whether the claim is stored in place of the `known` origin, also if the topology is the stored one."""
        return known is None or (self.take_over and not known.is_same(self.origin))


def refusal(kernel: Kernel, storage: Storage, given: Stored, origin: Origin) -> TakeOverError | None:
    """Return why `apply` would refuse to bring the lab to `given` without `--take-over`; None if it would not."""
    return refusal_by_folder(kernel, storage, given.topology.cloud.lab) or _refusal_by_origin(storage, given, origin)


def refusal_by_folder(kernel: Kernel, storage: Storage, lab: str) -> TakeOverError | None:
    """Return why a command on these folders must not change the live lab; None if it may."""
    noted, here = kernel.stored_in(_noting(lab)), _real(storage.folders)
    if noted == here:
        return None
    if noted and _stores(noted, lab):
        hint = f"set {STATE_VARIABLE}={noted} to work on that lab, or give this lab another name"
        return TakeOverError(
            f"the lab {lab} runs, and is stored in another state folder: {noted}", hint=hint, final=True
        )
    if storage.store.exists(lab) or not len(kernel.outline(lab)):
        return None
    place = f"{noted} does not store it any more" if noted else "it is not known where it is stored"
    return TakeOverError(f"the lab {lab} runs, but {here} does not store it; {place}", hint=_hint(lab))


def require_folder(kernel: Kernel, storage: Storage, lab: str, *, take_over: bool) -> None:
    """Raise TakeOverError if a command on these folders must not change the live lab."""
    found = refusal_by_folder(kernel, storage, lab)
    if found is not None and (found.final or not take_over):
        raise found


def require_origin(storage: Storage, given: Stored, claim: Claim) -> None:
    """Raise TakeOverError if the lab was applied from another file or by another user."""
    found = _refusal_by_origin(storage, given, claim.origin)
    if found is not None and not claim.take_over:
        raise found


def note_folder(kernel: Kernel, storage: Storage, lab: str) -> None:
    """Note in the live lab that these folders store it. Writes nothing if that is noted, or if they are temporary.

    An empty lab has no namespaces, and so no note.
    """
    here, noting = _real(storage.folders), _noting(lab)
    if not storage.folders.temporary and kernel.stored_in(noting) != here and kernel.exists(noting):
        kernel.note_stored_in(noting, here)


@contextlib.contextmanager
def folder_noted(kernel: Kernel, storage: Storage, lab: str) -> Iterator[None]:
    """Call `note_folder` after the block, also if it fails: it may have made namespaces, which are this folder's."""
    try:
        yield
    except BaseException:
        with contextlib.suppress(EigwError):  # the block's error says what is wrong
            note_folder(kernel, storage, lab)
        raise
    note_folder(kernel, storage, lab)


def is_of(kernel: Kernel, folders: LabFolders, lab: str) -> bool:
    """Return whether the live lab names these folders as the place where it is stored."""
    return kernel.stored_in(_noting(lab)) == _real(folders)


def is_stored_elsewhere(kernel: Kernel, folders: LabFolders, lab: str) -> bool:
    """Return whether the live lab is stored in another state folder."""
    noted = folder_elsewhere(kernel, folders, lab)
    return bool(noted) and _stores(noted, lab)


def folder_elsewhere(kernel: Kernel, folders: LabFolders, lab: str) -> str:
    """Return the state folder that the live lab names; "" if it names this one or none."""
    noted = kernel.stored_in(_noting(lab))
    return noted if noted != _real(folders) else ""


def _refusal_by_origin(storage: Storage, given: Stored, origin: Origin) -> TakeOverError | None:
    """Compare with the stored origin. A topology that is stored already takes nothing over."""
    lab = given.topology.cloud.lab
    known = storage.store.origin(lab)
    if known is None or known.is_same(origin) or storage.store.holds(given.topology, given.version):
        return None
    if not storage.store.exists(lab):
        return None
    who = "another file" if known.file != origin.file else "another user"
    return TakeOverError(f"the lab {lab} is of {who}: {known}", hint=_hint(lab))


def _hint(lab: str) -> str:
    return f"to replace that lab, add `--take-over`; to keep it, choose another name: `--lab NAME` instead of {lab}"


def _noting(lab: str) -> str:
    """Return the namespace with the note: the internet's, which every lab has, and no tenant can change."""
    return namespace_name(lab, internet_id(lab))


def _real(folders: LabFolders) -> str:
    return os.path.realpath(folders.state)


def _stores(state: str, lab: str) -> bool:
    """Return whether the folder stores the lab. If this user may not look, it does."""
    try:
        LabFolders(Path(state), Path(state)).topology_file(lab).stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True

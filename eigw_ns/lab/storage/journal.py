"""The journal of a lab: the planned changes, written before the first change and removed after the last.

A journal that is still there shows that a command was killed halfway. Its first line says whether the command changed
or destroyed the lab, so that a half-destroyed lab is not built again by accident. The actual state is always read from
the kernel.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator

from eigw_ns.frozen import frozen
from eigw_ns.kernel.host import trusted_folder
from eigw_ns.lab.storage.folders import LabFolders

_CHANGE, _DESTROY = "change", "destroy"  # the first line
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC


@frozen
class FileJournal:
    """The journals of the labs of these folders: a text file per lab. See `protocols.Journal`."""

    folders: LabFolders

    @contextlib.contextmanager
    def written(self, lab: str, intended: Iterable[object], *, destroy: bool = False) -> Iterator[None]:
        """Write `intended` to the journal of `lab`, one item a line, and run the block. Keep the journal if it fails.

        `destroy` says that the block destroys the lab. Raises HostError if the run folder is not writable.
        """
        path = self.folders.journal_file(lab)
        lines = (_DESTROY if destroy else _CHANGE, *intended)
        with contextlib.ExitStack() as stack:
            with self.folders.run_errors(f"write the journal {path}"):
                folder = stack.enter_context(trusted_folder.opened(path.parent, create=True))
                descriptor = trusted_folder.open_file(folder, path.name, _WRITE, 0o644)
                with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                    stream.writelines(f"{line}\n" for line in lines)
            yield
            trusted_folder.remove(folder, path.name)

    def unfinished(self, lab: str) -> bool:
        """Return whether a change of `lab` was begun and not ended. If the caller has the lock, it was interrupted."""
        return self.folders.journal_file(lab).exists()

    def destroying(self, lab: str) -> bool:
        """Return whether a destroy of `lab` was begun and not ended."""
        path = self.folders.journal_file(lab)
        with contextlib.suppress(OSError), trusted_folder.opened(path.parent) as folder:
            descriptor = trusted_folder.open_file(folder, path.name, os.O_RDONLY)
            with os.fdopen(descriptor, encoding="utf-8") as lines:
                return lines.readline().strip() == _DESTROY
        return False

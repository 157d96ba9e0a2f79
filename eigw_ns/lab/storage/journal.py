"""The journal of a lab: the planned changes, written before the first change and removed after the last.

A journal that is still there shows that a command was killed halfway. Its first line says whether the command changed
or destroyed the lab, so that a half-destroyed lab is not built again by accident. The actual state is always read from
the kernel.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator

from eigw_ns.frozen import frozen
from eigw_ns.lab.storage import paths
from eigw_ns.lab.storage.folders import Folders
from eigw_ns.lab.storage.protocols import Journal

_CHANGE, _DESTROY = "change", "destroy"  # the first line


@frozen
class FileJournal:
    """The journals of the labs of these folders: a text file per lab. See `protocols.Journal`."""

    folders: Folders

    @contextlib.contextmanager
    def written(self, lab: str, intended: Iterable[object], *, destroy: bool = False) -> Iterator[None]:
        """Write `intended` to the journal of `lab`, one item a line, and run the block. Keep the journal if it fails.

        `destroy` says that the block destroys the lab. Raises HostError if the run folder is not writable.
        """
        path = self.folders.journal_file(lab)
        lines = (_DESTROY if destroy else _CHANGE, *intended)
        with self.folders.run_errors(f"write the journal {path}"):
            path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        yield
        path.unlink(missing_ok=True)

    def unfinished(self, lab: str) -> bool:
        """Return whether a change of `lab` was begun and not ended. If the caller has the lock, it was interrupted."""
        return self.folders.journal_file(lab).exists()

    def destroying(self, lab: str) -> bool:
        """Return whether a destroy of `lab` was begun and not ended."""
        with contextlib.suppress(OSError), self.folders.journal_file(lab).open(encoding="utf-8") as lines:
            return lines.readline().strip() == _DESTROY
        return False


_JOURNAL: Journal = FileJournal(paths.ENVIRONMENT)
written, unfinished, destroying = _JOURNAL.written, _JOURNAL.unfinished, _JOURNAL.destroying

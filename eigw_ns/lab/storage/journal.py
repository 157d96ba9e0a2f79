"""The journal of a lab: the planned changes, written before the first change and removed after the last.

A journal that is still there shows that a command was killed halfway. Its first line says whether the command changed
or destroyed the lab, so that a half-destroyed lab is not built again by accident. The actual state is always read from
the kernel.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator

from eigw_ns.lab.storage import paths

_CHANGE, _DESTROY = "change", "destroy"  # the first line


@contextlib.contextmanager
def written(lab: str, intended: Iterable[object], *, destroy: bool = False) -> Iterator[None]:
    """Write `intended` to the journal of `lab`, one item a line, and run the block. Keep the journal if it fails.

    `destroy` says that the block destroys the lab. Raises HostError if the run folder is not writable.
    """
    path = paths.journal_file(lab)
    lines = (_DESTROY if destroy else _CHANGE, *intended)
    with paths.run_errors(f"write the journal {path}"):
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    yield
    path.unlink(missing_ok=True)


def unfinished(lab: str) -> bool:
    """Return whether a change of `lab` was begun and not ended. If the caller has the lock, it was interrupted."""
    return paths.journal_file(lab).exists()


def destroying(lab: str) -> bool:
    """Return whether a destroy of `lab` was begun and not ended."""
    with contextlib.suppress(OSError), paths.journal_file(lab).open(encoding="utf-8") as lines:
        return lines.readline().strip() == _DESTROY
    return False

"""What was about to be done to a lab: written before the first change, removed after the last.

One that is still there tells that somebody was killed halfway, and whether in changing the lab or in destroying it:
what was to be destroyed is not built again by accident. What is true is asked of the kernel.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator

from eigw_ns.lab import paths

_CHANGE, _DESTROY = "change", "destroy"  # the first line


@contextlib.contextmanager
def written(lab: str, intended: Iterable[object], *, destroy: bool = False) -> Iterator[None]:
    """Run the block with the journal of `lab` telling what is `intended`, one line each; keep it if the block fails.

    `destroy`: the lab is to be gone afterwards.

    Raises HostError where the run folder is not writable.
    """
    path = paths.journal_file(lab)
    lines = (_DESTROY if destroy else _CHANGE, *intended)
    with paths.run_errors(f"write the journal {path}"):
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    yield
    path.unlink(missing_ok=True)


def unfinished(lab: str) -> bool:
    """Whether a change of `lab` was begun and not ended. Under the lab's lock: whether it was cut short."""
    return paths.journal_file(lab).exists()


def destroying(lab: str) -> bool:
    """Whether what was begun and not ended is the end of the lab."""
    with contextlib.suppress(OSError), paths.journal_file(lab).open(encoding="utf-8") as lines:
        return lines.readline().strip() == _DESTROY
    return False

"""Who may run beside whom: xdist's workers run tests side by side, but one that is marked `alone` has the machine.

Two locks on folders of this checkout, so that nothing is left behind however a worker ends: whoever comes passes the
gate, one after the other, into the room; who is to be alone waits there, behind the closed gate, until it is empty.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

_ROOM = Path(__file__).parent
_GATE = _ROOM / "packets"


@contextlib.contextmanager
def turn(*, alone: bool) -> Iterator[None]:
    """Run the block beside others, or alone; waits as long as that takes."""
    with _opened(_ROOM) as room:
        with _opened(_GATE) as gate:
            fcntl.flock(gate, fcntl.LOCK_EX)
            fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield


@contextlib.contextmanager
def _opened(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)

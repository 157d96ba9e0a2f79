"""Let xdist's workers run tests in parallel, but a test that is marked `alone` by itself.

There are two locks on folders of this checkout, which the kernel releases when a worker ends. A worker takes the gate
lock, then the room lock, then releases the gate. A test that runs alone waits for the exclusive room lock while it
holds the gate, so that no other test enters.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

_ROOM = Path(__file__).parent.parent
_GATE = _ROOM / "packets"


@contextlib.contextmanager
def turn(*, alone: bool) -> Iterator[None]:
    """Run the block beside others, or alone. Waits as long as that takes."""
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

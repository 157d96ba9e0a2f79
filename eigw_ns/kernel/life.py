"""Signs of life: somebody needs a lab now, wherever its topology is stored and whoever has which run folder.

A sign is an abstract socket, see unix(7): it has a name and no file, is seen by everybody in this network namespace and
by nobody in a lab's, and Linux takes it away with its process, however that ends. Whoever may open sockets here may
show one; all that he keeps from is `gc`.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

_PREFIX = "eigw-ns:"
_SOCKETS = Path("/proc/thread-self/net/unix")


@contextlib.contextmanager
def shown(lab: str) -> Iterator[None]:
    """Let everybody see, while the block runs, that the lab is needed. Several may do so for the same lab."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sign:
        sign.bind(f"\0{_PREFIX}{lab}:{os.urandom(8).hex()}")
        yield


def labs() -> frozenset[str]:
    """The labs that somebody needs."""
    lines = _SOCKETS.read_text(encoding="utf-8", errors="replace").splitlines()
    names = (line.rpartition(" @")[2] for line in lines if f" @{_PREFIX}" in line)
    return frozenset(name.removeprefix(_PREFIX).rpartition(":")[0] for name in names)

"""Liveness: a process shows that it needs a lab, whatever state and run folders it uses.

It opens an abstract socket (unix(7)), which has a name but no file. Every process in this network namespace sees it;
processes in a lab's namespaces do not. Linux removes it when the process ends, even by SIGKILL. Any process that may
open sockets here can open one; the only effect is that `gc` leaves the lab alone.
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
    """Show that the lab is needed, while the block runs. Several processes may do so for the same lab."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sign:
        sign.bind(f"\0{_PREFIX}{lab}:{os.urandom(8).hex()}")
        yield


def labs() -> frozenset[str]:
    """Return the labs that some process needs now."""
    lines = _SOCKETS.read_text(encoding="utf-8", errors="replace").splitlines()
    names = (line.rpartition(" @")[2] for line in lines if f" @{_PREFIX}" in line)
    return frozenset(name.removeprefix(_PREFIX).rpartition(":")[0] for name in names)

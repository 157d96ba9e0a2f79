"""The pause process: its only task is to keep the namespaces of an ordinary user's labs alive.

It holds an flock(2) on its record while it lives, so a record without the lock belongs to a dead one.
`python -m eigw_ns.kernel.namespaces.pause_process RECORD` starts one in the background, and returns when its
namespaces are ready.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import math
import os
import select
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NoReturn

from eigw_ns.errors import EigwError, HostError, kernel_error
from eigw_ns.frozen import frozen
from eigw_ns.kernel.namespaces import userns
from eigw_ns.kernel.processes import file_lock, process
from eigw_ns.kernel.processes.waiting import wait_until

_PACKAGES = Path(__file__).parents[2]
_SECONDS = 20.0
"""Timeout of its start, which takes 0.1 s, and of its end, which takes a few milliseconds."""
_LOOK = 60.0
"""Seconds after which it checks again that its record exists."""


@frozen
class Keeper:
    """A live pause process: its id, and its user namespace's inode number, which shows that the id was not reused."""

    pid: int
    namespace: int


def find(record: Path) -> Keeper | None:
    """Return the live pause process of `record`; None if there is none or it is dead."""
    with file_lock.held(record, checked=True) as descriptor:
        return _read(descriptor) if descriptor is not None else None


def _read(descriptor: int) -> Keeper:
    """Read the record. It may still be empty, if the process that starts the pause process was killed meanwhile."""
    text = wait_until(lambda: os.pread(descriptor, 4096, 0), _SECONDS)
    if not text:
        raise EigwError(
            f"the pause process, which holds the namespaces, was not ready within {_SECONDS:.0f} s",
            hint="end the process `python3 -m eigw_ns.kernel.namespaces.pause_process`, then try again",
        )
    return Keeper(**json.loads(text))


def start(record: Path) -> None:
    """Start a pause process. Call it only if `find` returns None, and by one process at a time.

    Raises HostError if this host does not allow user namespaces to this user.
    """
    search = os.pathsep.join(filter(None, (str(_PACKAGES), os.environ.get("PYTHONPATH"))))
    command = (sys.executable, "-P", "-m", __name__, str(record))
    done = process.run(command, folder=Path("/"), environment={**os.environ, "PYTHONPATH": search}, timeout=_SECONDS)
    if done.code == 0:
        return
    said = done.out + done.err
    try:
        raise HostError(**json.loads(said))
    except (ValueError, TypeError):
        words = said.strip() or f"exit code {done.code}"
        raise EigwError(f"the pause process, which holds the namespaces, did not start: {words}") from None


def join(keeper: Keeper) -> None:
    """Move this process to the namespaces of the pause process, unless it is there already.

    Raises EigwError if the pause process has ended, or is not visible from here because it is in another container.
    """
    if keeper.namespace == userns.identity():
        return
    with _descriptor(keeper) as descriptor:
        userns.join(descriptor)


def end(keeper: Keeper) -> None:
    """End the pause process and wait for its end. Processes in its namespaces go on; the names vanish."""
    with _descriptor(keeper) as descriptor:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(descriptor, signal.SIGTERM)
        if not select.select([descriptor], [], [], _SECONDS)[0]:
            raise EigwError(
                f"the pause process (process {keeper.pid}) did not end within {_SECONDS:.0f} s",
                hint=f"end it with `kill -9 {keeper.pid}`",
            )


@contextlib.contextmanager
def _descriptor(keeper: Keeper) -> Iterator[int]:
    """Yield a pidfd of the pause process. Its namespace is checked after opening, in case the id was reused."""
    try:
        descriptor = os.pidfd_open(keeper.pid)
    except OSError as error:
        raise kernel_error("find the pause process", error.errno or 0) from error
    try:
        if not _lives(keeper):
            raise HostError(
                f"the pause process (process {keeper.pid}) has just ended, or is not visible from here",
                hint="try again; if another container uses the same run folder, set EIGW_NS_RUN_DIR to another one",
            )
        yield descriptor
    finally:
        os.close(descriptor)


def _lives(keeper: Keeper) -> bool:
    try:
        return userns.identity(keeper.pid) == keeper.namespace
    except OSError:
        return False


def main(arguments: Sequence[str]) -> NoReturn:
    """Become a pause process, in the background. If that fails, print the error as JSON and exit with its code."""
    record = Path(arguments[0])
    try:
        descriptor = _claim(record)
        userns.create()
        process.detach()
    except EigwError as error:
        sys.stdout.write(json.dumps({"message": error.message, "hint": error.hint}))
        sys.exit(error.exit_code)
    os.pwrite(descriptor, json.dumps(asdict(Keeper(os.getpid(), userns.identity()))).encode(), 0)
    process.redirect_stdio()
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Python's handler would only print a traceback
    wait_until(lambda: not _renewed(descriptor, record), math.inf, pause=_LOOK)
    sys.exit(0)


def _renewed(descriptor: int, record: Path) -> bool:
    """Mark the record as used: otherwise systemd-tmpfiles would remove it from /tmp. Returns False if it is gone.

    Without the record, no command could find this process.
    """
    if not file_lock.is_current(descriptor, record):
        return False
    os.utime(descriptor)
    return True


def _claim(record: Path) -> int:
    """Empty and lock the record. Returns its descriptor, which the caller must keep open."""
    try:
        descriptor = os.open(record, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise kernel_error(f"write {record}", error.errno or 0) from error
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


if __name__ == "__main__":
    main(sys.argv[1:])

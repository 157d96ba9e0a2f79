"""The keeper: a process that does nothing but keep the namespaces of an ordinary user's labs alive.

It holds an flock(2) on its record for as long as it lives, however it ends, so a record without the lock is a dead
keeper's. `python -m eigw_ns.kernel.keeper RECORD` becomes one and returns when everything stands.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NoReturn

from eigw_ns.errors import EigwError, HostError, kernel_error
from eigw_ns.kernel import flock, process, userns

_PACKAGES = Path(__file__).parents[2]
_SECONDS = 20.0
"""In which a keeper stands, or ends; it takes 0.1 s and a few milliseconds."""
_PAUSE = 0.005  # seconds
_LOOK = 60.0
"""Seconds between two looks of a keeper at its record."""


@dataclass(frozen=True, slots=True)
class Keeper:
    """A living keeper: its process id, and the number of its user namespace, which proves that the id is still its."""

    pid: int
    namespace: int


def find(record: Path) -> Keeper | None:
    """The living keeper that `record` is of; None where there is none, or it is dead."""
    with flock.held(record, os.O_NOFOLLOW) as descriptor:
        return _read(descriptor) if descriptor is not None else None


def _read(descriptor: int) -> Keeper:
    """What a keeper wrote; it may be about to, where whoever started it was killed."""
    deadline = time.monotonic() + _SECONDS
    while not (text := os.pread(descriptor, 4096, 0)):
        if time.monotonic() > deadline:
            raise EigwError(f"a keeper of the namespaces has been starting for {_SECONDS:.0f} s")
        select.select([], [], [], _PAUSE)
    return Keeper(**json.loads(text))


def start(record: Path) -> None:
    """Start a keeper. To be called by one at a time, where `find` finds none.

    Raises HostError where this host allows no user namespaces to this user.
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
        raise EigwError(f"the keeper of the namespaces did not start: {words}") from None


def join(keeper: Keeper) -> None:
    """Move this process to the keeper's namespaces; nothing where it is there already.

    Raises EigwError where the keeper ended meanwhile, or lives where it cannot be seen from here (another container).
    """
    if keeper.namespace == userns.identity():
        return
    with _descriptor(keeper) as descriptor:
        userns.join(descriptor)


def end(keeper: Keeper) -> None:
    """End the keeper, and wait until it has. What runs in its namespaces goes on; named ones vanish."""
    with _descriptor(keeper) as descriptor:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(descriptor, signal.SIGTERM)
        if not select.select([descriptor], [], [], _SECONDS)[0]:
            raise EigwError(f"the keeper (process {keeper.pid}) does not end", hint=f"kill -9 {keeper.pid}")


@contextlib.contextmanager
def _descriptor(keeper: Keeper) -> Iterator[int]:
    """A pidfd of the keeper, which is surely it."""
    try:
        descriptor = os.pidfd_open(keeper.pid)
    except OSError as error:
        raise kernel_error("find the keeper", error.errno or 0) from error
    try:
        if not _lives(keeper):
            raise HostError(
                f"the keeper (process {keeper.pid}) has just ended, or is not to be seen from here",
                hint="try again; where another container uses the same folder, set EIGW_NS_RUN_DIR to one of your own",
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
    """Become a keeper. The output ends when it stands, or says as JSON why it does not."""
    record = Path(arguments[0])
    try:
        descriptor = _claim(record)
        userns.create()
    except EigwError as error:
        sys.stdout.write(json.dumps({"message": error.message, "hint": error.hint}))
        sys.exit(error.exit_code)
    process.detach()
    os.pwrite(descriptor, json.dumps(asdict(Keeper(os.getpid(), userns.identity()))).encode(), 0)
    process.hush()
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Python's would be a traceback that nobody reads
    while flock.is_current(descriptor, record):  # without it nobody would find us any more
        os.utime(descriptor)  # else whoever cleans /tmp would think that nobody needs it
        select.select([], [], [], _LOOK)
    sys.exit(0)


def _claim(record: Path) -> int:
    """A descriptor of the emptied record with the lock on it, to be kept open."""
    try:
        descriptor = os.open(record, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise kernel_error(f"write {record}", error.errno or 0) from error
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


if __name__ == "__main__":
    main(sys.argv[1:])

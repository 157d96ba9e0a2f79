"""Other programs: becoming one inside a namespace, running one, leaving one behind; going on without who started us."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from eigw_ns.errors import EigwError
from eigw_ns.kernel import netns


class NoSuchCommandError(EigwError):
    """There is no such program; the exit code is the shell's."""

    exit_code = 127


class NotExecutableError(EigwError):
    """The program is there but cannot be run; the exit code is the shell's."""

    exit_code = 126


def become(namespace: str, command: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
    """Replace this process by `command` (looked up in PATH), in the namespace.

    No parent stays behind, so input, output, signals, job control and the exit code are the command's own. Raises
    MissingError where there is no such namespace, NoSuchCommandError, NotExecutableError.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    with netns.inside(namespace):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores both, and a new program would inherit that
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        try:
            os.execvpe(command[0], list(command), environment)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise NoSuchCommandError(f"{command[0]}: command not found") from error
        except OSError as error:
            raise NotExecutableError(f"{command[0]}: {error.strerror}") from error


def leave(namespace: str | None, command: Sequence[str], folder: Path, log: str) -> int:
    """Leave `command` (an absolute path and its arguments) running in the namespace, without a parent; its pid.

    None is the namespace that we are in. It works in `folder`, and writes into the file `log` there. Raises
    MissingError where there is no such namespace.
    """
    reading, writing = os.pipe2(os.O_CLOEXEC)
    with _inside(namespace):
        middle = os.fork()
        if middle == 0:
            _leave_behind(command, folder, log, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        pid = pipe.read()
    os.waitpid(middle, 0)
    if not pid:
        raise EigwError(f"cannot start {command[0]} in {folder}")
    return int(pid)


def _leave_behind(command: Sequence[str], folder: Path, log: str, tell: int) -> NoReturn:
    """In the child: fork again, so that the program's parent is init, and end whatever happens."""
    try:
        os.setsid()
        pid = os.fork()
        if pid:
            os.write(tell, str(pid).encode())
            os._exit(0)
        os.chdir(folder)
        silence = os.open(os.devnull, os.O_RDONLY)
        words = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        for descriptor, number in ((silence, 0), (words, 1), (words, 2)):
            os.dup2(descriptor, number)
        os.execv(command[0], list(command))
    finally:
        os._exit(127)


def alive(pid: int) -> bool:
    """Whether the process runs; one that has ended but was not waited for does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in ("Z", "X")


def run(
    command: Sequence[str],
    seconds: float,
    *,
    namespace: str | None = None,
    folder: Path = Path("/"),
    environment: Mapping[str, str] | None = None,
) -> tuple[int, str]:
    """Run `command` until it has ended and its output is closed; exit code and all that it said.

    Raises EigwError where that takes longer than `seconds`, MissingError where there is no such namespace.
    """
    import subprocess  # only here: few verbs start a program

    try:
        with _inside(namespace):
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=folder,
                timeout=seconds,
                check=False,
            )
    except subprocess.TimeoutExpired as error:
        raise EigwError(f"{command[0]} did not end within {seconds:.0f} s") from error
    return done.returncode, done.stdout.decode(errors="replace")


def _inside(namespace: str | None) -> contextlib.AbstractContextManager[None]:
    return netns.inside(namespace) if namespace is not None else contextlib.nullcontext()


def detach() -> None:
    """Go on as a process of its own session that nobody waits for; whoever started us sees the exit code 0."""
    if os.fork():
        os._exit(0)
    os.setsid()


def hush() -> None:
    """Read from nowhere, and write to nowhere, from now on."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)

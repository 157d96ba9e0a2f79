"""Other programs: becoming one inside a namespace, running one, going on without whoever started us."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping, Sequence
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


def run(command: Sequence[str], environment: Mapping[str, str], seconds: float) -> tuple[int, str]:
    """Run `command` until it has ended and its output is closed; exit code and all that it said.

    Raises EigwError where that takes longer than `seconds`.
    """
    import subprocess  # only here: few verbs start a program

    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd="/",
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise EigwError(f"{command[0]} did not end within {seconds:.0f} s") from error
    return done.returncode, done.stdout.decode(errors="replace")


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

"""Other programs: becoming one inside a namespace, running one, leaving one behind, ending all; going on unattended."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from eigw_ns.errors import EigwError, MissingError
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
        with _refusals(command[0]):
            os.execvpe(command[0], list(command), environment)
    raise AssertionError("execve(2) does not return")


@dataclass(frozen=True, slots=True)
class Completed:
    """What a command did. `code` is negative where a signal ended it."""

    code: int
    out: str
    err: str


def run(
    command: Sequence[str],
    *,
    namespace: str | None = None,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    stdin: str = "",
    timeout: float | None = None,
) -> Completed:
    """Run `command` (looked up in PATH), and wait until it has ended and its output is closed.

    `namespace` and `folder` are where, None where we are. After `timeout` seconds, or when we are interrupted, it is
    killed with all that it started. Raises MissingError where there is no such namespace, NoSuchCommandError,
    NotExecutableError; EigwError where it took too long.
    """
    pipe = subprocess.PIPE
    with _inside(namespace), _refusals(command[0]):
        started = subprocess.Popen(
            command,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            env=environment,
            cwd=folder,
            start_new_session=True,
            errors="replace",
        )
    with started:
        try:
            out, err = started.communicate(stdin, timeout)
        except subprocess.TimeoutExpired:
            _kill_session(started)
            raise EigwError(f"{command[0]}: still running after {timeout} s, so it was killed") from None
        except BaseException:
            _kill_session(started)
            raise
    return Completed(started.returncode, out, err)


def _inside(namespace: str | None) -> contextlib.AbstractContextManager[None]:
    return netns.inside(namespace) if namespace is not None else contextlib.nullcontext()


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


@dataclass(frozen=True, slots=True)
class Occupant:
    """A process in a named namespace, whose number tells it from others also when it has lost its name."""

    pid: int
    command: str
    namespace: str
    inode: int

    def stays(self) -> bool:
        """Whether it runs still, and where it was."""
        return alive(self.pid) and network(self.pid) == self.inode


def occupants(namespaces: Iterable[str]) -> tuple[Occupant, ...]:
    """The processes in the namespaces by number, as `ip netns pids` finds them; none that we may not look at."""
    names = _inodes(namespaces)
    found = ((pid, inode) for pid in numbers() if (inode := network(pid)) in names)
    return tuple(Occupant(pid, command_of(pid), names[inode], inode) for pid, inode in sorted(found))


def command_of(process: int) -> str:
    """Return the words of the process's command line; empty if it has ended."""
    with contextlib.suppress(OSError):
        return os.fsdecode(Path(f"/proc/{process}/cmdline").read_bytes()).rstrip("\0").replace("\0", " ")
    return ""


def network(process: int) -> int:
    """The inode number of the process's network namespace; 0 where it has ended, or is somebody else's."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/ns/net").stat().st_ino
    return 0


def numbers() -> Iterator[int]:
    """All processes, by their ids. See proc(5)."""
    return (int(entry.name) for entry in os.scandir("/proc") if entry.name.isdecimal())


def _inodes(namespaces: Iterable[str]) -> dict[int, str]:
    """The names of those that there are, by number."""
    found = {}
    for name in namespaces:
        with contextlib.suppress(MissingError):
            found[netns.inode(name)] = name
    return found


def end_all(namespaces: Iterable[str]) -> None:
    """Kill every process that runs in one of the namespaces, and wait until they are gone.

    Raises EigwError where one stays, as one does that waits for a disk.
    """
    found = set(_inodes(namespaces))
    while sum(_end(process, found) for process in numbers()):
        pass  # what they started in the meantime


_DEATH_SECONDS = 5


def _end(process: int, namespaces: set[int]) -> bool:
    """Kill the process if it is in one of the namespaces (their inodes); False where it is not, or has ended.

    Its descriptor comes first, so that a number that has passed to another process is never the one that dies. One
    that we may not look at is somebody else's.
    """
    gone_or_foreign = contextlib.suppress(ProcessLookupError, PermissionError)
    with gone_or_foreign, _descriptor(process) as descriptor:
        if network(process) in namespaces:
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
            if not select.select([descriptor], [], [], _DEATH_SECONDS)[0]:
                raise EigwError(f"process {process} is still there {_DEATH_SECONDS} s after it was killed")
            return True
    return False


@contextlib.contextmanager
def _descriptor(process: int) -> Iterator[int]:
    descriptor = os.pidfd_open(process)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _kill_session(started: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(started.pid, signal.SIGKILL)


@contextlib.contextmanager
def _refusals(program: str) -> Iterator[None]:
    """The kernel's refusals to run a program, as our errors."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError):
        raise NoSuchCommandError(f"{program}: command not found") from None
    except OSError as error:
        raise NotExecutableError(f"{program}: {error.strerror}") from error

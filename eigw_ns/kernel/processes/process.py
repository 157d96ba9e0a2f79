"""Other programs: exec, run or detach one inside a namespace, and end all in a namespace; detach this process."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from eigw_ns.errors import EigwError, MissingError, limit_error
from eigw_ns.frozen import frozen
from eigw_ns.kernel.namespaces import netns
from eigw_ns.kernel.namespaces.libc import PR_SET_PDEATHSIG, libc
from eigw_ns.kernel.protocol import Occupant


class NoSuchCommandError(EigwError):
    """The program does not exist. The exit code is the shell's."""

    exit_code = 127


class NotExecutableError(EigwError):
    """The program exists but cannot be run. The exit code is the shell's."""

    exit_code = 126


def become(namespace: str, command: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
    """Replace this process by `command` (looked up in PATH), in the namespace.

    No parent process remains, so input, output, signals, job control and the exit code are the command's own. Raises
    MissingError if the namespace does not exist; NoSuchCommandError; NotExecutableError.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    with netns.inside(namespace):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores both signals; the program would inherit that
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        with _refusals(command[0]):
            os.execvpe(command[0], list(command), environment)
    raise AssertionError("execve(2) does not return")


@frozen
class Completed:
    """The result of a command. `code` is the exit code, or the negative number of the signal that ended it."""

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
    prepare: Callable[[], object] | None = None,
) -> Completed:
    """Run `command` (looked up in PATH), and wait until it has ended and its output is closed.

    It runs in `namespace` and `folder`; None means this process's own. After `timeout` seconds, or if this process is
    interrupted, it is killed with its whole session. The new process calls `prepare` before it becomes the command.
    Raises MissingError if the namespace does not exist; NoSuchCommandError; NotExecutableError; EigwError after the
    timeout.
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
            preexec_fn=prepare,
            errors="replace",
        )
    with started:
        try:
            out, err = started.communicate(stdin, timeout)
        except subprocess.TimeoutExpired:
            _kill_session(started)
            raise EigwError(f"{command[0]} was killed: it had not ended after {timeout} s") from None
        except BaseException:
            _kill_session(started)
            raise
    return Completed(started.returncode, out, err)


@frozen
class Running:
    """A program that runs beside this one."""

    started: subprocess.Popen[str]

    def first_line(self, seconds: float) -> str:
        """Return the first line of its stdout; empty if it ended, or wrote nothing for `seconds`."""
        assert self.started.stdout is not None
        ready, _, _ = select.select([self.started.stdout], [], [], seconds)
        return self.started.stdout.readline() if ready else ""

    def end(self, seconds: float) -> None:
        """End it by SIGTERM. Kill it with its whole session if it still runs after `seconds`."""
        self.started.terminate()
        try:
            self.started.wait(seconds)
        except subprocess.TimeoutExpired:
            _kill_session(self.started)


@contextlib.contextmanager
def running(command: Sequence[str], environment: Mapping[str, str], log: Path) -> Iterator[Running]:
    """Run `command` in a session of its own during the block. Its stderr goes to the file `log`.

    It gets SIGTERM at the end of the block, and if this process is killed. Raises what `run` does.
    """
    null, pipe = subprocess.DEVNULL, subprocess.PIPE
    with log.open("wb") as errors, _refusals(command[0]):
        started = subprocess.Popen(
            command,
            stdin=null,
            stdout=pipe,
            stderr=errors,
            env=environment,
            start_new_session=True,
            preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM),
            errors="replace",
        )
    with started:
        made = Running(started)
        try:
            yield made
        finally:
            made.end(_END_SECONDS)


_END_SECONDS = 30.0


def _inside(namespace: str | None) -> contextlib.AbstractContextManager[None]:
    return netns.inside(namespace) if namespace is not None else contextlib.nullcontext()


def leave(command: Sequence[str], folder: int, output: int, added: Mapping[str, str]) -> int:
    """Start `command` (an absolute path and its arguments), detached from this process. Returns its pid.

    It runs in the folder of the descriptor `folder`, and its output goes to the descriptor `output`. `added` extends
    the environment. Raises LimitError if no process can be started.
    """
    reading, writing = os.pipe2(os.O_CLOEXEC)
    with os.fdopen(reading, "rb") as pipe:
        try:
            with _refusals(command[0]):
                middle = os.fork()
            if middle == 0:
                _leave_behind(command, folder, output, {**os.environ, **added}, writing)
        finally:
            os.close(writing)
        pid = int(pipe.read() or 0)
    os.waitpid(middle, 0)
    if pid <= 0:
        limit = limit_error(f"start {command[0]}", -pid, starting=True)
        raise limit or EigwError(f"cannot start {command[0]}")
    return pid


def _leave_behind(
    command: Sequence[str], folder: int, output: int, environment: Mapping[str, str], tell: int
) -> NoReturn:
    """In the child: fork again, so that the program's parent is init. The child always ends here.

    Writes the program's pid to `tell`, or the negative errno if the fork fails.
    """
    try:
        os.setsid()
        try:
            pid = os.fork()
        except OSError as error:
            pid = -(error.errno or 0)
        if pid:
            os.write(tell, str(pid).encode())
            os._exit(0)
        os.chdir(folder)
        silence = os.open(os.devnull, os.O_RDONLY)
        for descriptor, number in ((silence, 0), (output, 1), (output, 2)):
            os.dup2(descriptor, number)
        os.execve(command[0], list(command), environment)
    finally:
        os._exit(127)


def alive(pid: int) -> bool:
    """Return whether the process runs. A zombie does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in ("Z", "X")


def detach() -> None:
    """Continue in the background, in a new session. The process that started us sees the exit code 0.

    Raises LimitError if this host allows no more processes.
    """
    with _refusals("a background process"):
        child = os.fork()
    if child:
        os._exit(0)
    os.setsid()


def redirect_stdio() -> None:
    """Redirect stdin, stdout and stderr to /dev/null."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)


def stays(process: Occupant) -> bool:
    """Return whether the process still runs, in the same namespace."""
    return alive(process.pid) and network(process.pid) == process.inode


def processes_in(namespaces: Iterable[str]) -> tuple[Occupant, ...]:
    """Return the processes in the namespaces, sorted by pid, as `ip netns pids` finds them.

    Leaves out processes that this user may not inspect.
    """
    names = _inodes(namespaces)
    found = ((pid, inode) for pid in numbers() if (inode := network(pid)) in names)
    return tuple(Occupant(pid, command_of(pid), names[inode], inode) for pid, inode in sorted(found))


def command_of(process: int) -> str:
    """Return the words of the process's command line; empty if it has ended."""
    with contextlib.suppress(OSError):
        return os.fsdecode(Path(f"/proc/{process}/cmdline").read_bytes()).rstrip("\0").replace("\0", " ")
    return ""


def network(process: int) -> int:
    """Return the inode number of the process's network namespace; 0 if it has ended or we may not inspect it."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/ns/net").stat().st_ino
    return 0


def numbers() -> Iterator[int]:
    """Yield the ids of all processes. See proc(5)."""
    return (int(entry.name) for entry in os.scandir("/proc") if entry.name.isdecimal())


def _inodes(namespaces: Iterable[str]) -> dict[int, str]:
    """Return the names of those namespaces that exist, by inode number."""
    found = {}
    for name in namespaces:
        with contextlib.suppress(MissingError):
            found[netns.inode(name)] = name
    return found


def end_all(namespaces: Iterable[str]) -> None:
    """Kill every process in the namespaces, and wait until all have ended.

    Raises EigwError if one does not end in time, as a process in uninterruptible disk sleep.
    """
    found = set(_inodes(namespaces))
    while sum(_end(process, found) for process in numbers()):
        pass  # again: they may have started others meanwhile


_DEATH_SECONDS = 5


def _end(process: int, namespaces: set[int]) -> bool:
    """Kill the process if it is in one of the namespaces (inodes). Returns False if it is not, or has ended.

    The pidfd is opened before the check: if the pid is reused meanwhile, the other process is not killed. A process
    that we may not inspect belongs to another user, and is left alone.
    """
    gone_or_foreign = contextlib.suppress(ProcessLookupError, PermissionError)
    with gone_or_foreign, _descriptor(process) as descriptor:
        if network(process) in namespaces:
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
            if not select.select([descriptor], [], [], _DEATH_SECONDS)[0]:
                raise EigwError(
                    f"process {process} has not ended {_DEATH_SECONDS} s after SIGKILL",
                    hint=f"see its state in `ps -o pid,stat,wchan,cmd {process}`; then try again",
                )
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
    """Turn the kernel's refusal to run a program into one of our errors."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError):
        from eigw_ns.kernel.processes import packages  # few runs need it

        raise NoSuchCommandError(f"{program}: command not found", hint=packages.hint(program)) from None
    except OSError as error:
        limit = limit_error(f"start {program}", error.errno or 0, starting=True)
        raise limit or NotExecutableError(f"{program}: {error.strerror}") from error

"""Every error that the program shows to a user, each with its exit code.

    EigwError                 1   something failed; the base class of all below
    ├── TopologyError         1   the topology file has mistakes; holds all of them with file and line
    ├── DesignError           1   a design of another tool cannot be read; holds all mistakes with file and line
    ├── CloudError            1   AWS would refuse the request; holds AWS's error code
    ├── LockedError           1   another process holds the lock of the lab
    ├── ForeignError          1   a namespace with one of our names was not made by eigw-ns
    ├── NoSuchLabError        1   no lab with that name is stored or in the kernel
    ├── TakeOverError         1   the lab was applied from another file or by another user, or is stored elsewhere
    ├── KernelError           1   Linux refused a change; holds the errno
    │   ├── MissingError      1     the object to change does not exist (ENOENT, ENODEV, ESRCH, EADDRNOTAVAIL)
    │   └── ExistsError       1     the object to create already exists (EEXIST)
    ├── UsageError            2   the command line names something that does not exist
    └── HostError             5   this host lacks a requirement; the hint says what to do
        └── LimitError        5   a limit of this host or process is reached; the hint says how to raise it

The exit codes are stable: programs can rely on them.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from enum import StrEnum

from eigw_ns.frozen import frozen


class RemedyCode(StrEnum):
    """What a user can do about an error, in words that fit any front end.

    `render.remedies` has the words of the command line, which name the commands and options to type.
    """

    BEGIN_WITH_EXAMPLE = "begin with an example"
    CHOOSE_MACHINE = "only instances and internet hosts send packets"
    OMIT_PORTS = "leave the ports out, or choose the protocol tcp"
    GIVE_PORT = "give a port"
    GIVE_EGRESS_ONLY_GATEWAY = "give it as an egress-only internet gateway"


@frozen
class Remedy:
    """What a user can do about an error, from code that does not know the front end. `value` is what it applies to."""

    code: RemedyCode
    value: str = ""

    def __str__(self) -> str:
        return f"{self.code.value}: {self.value}" if self.value else self.code.value


class EigwError(Exception):
    """Base class of every error that this program raises on purpose.

    `hint` says what the user can do; the command line prints it on a separate line. Pure code gives a `remedy` instead
    if the words would name a command or an option; `render.remedies` has them.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "", remedy: Remedy | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.remedy = remedy

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One mistake in a topology file or a design: its place, the problem, and what to write instead.

    `line` counts from 1. It is 0 if the mistake has no line, such as a file that is empty.
    """

    file: str
    line: int
    path: str
    value: str
    problem: str
    remedy: str | Remedy = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        where = f" {self.path}:" if self.path else ""
        value = f" (got {self.value})" if self.value else ""
        remedy = f"; {self.remedy}" if self.remedy else ""
        return f"{place}:{where} {self.problem}{value}{remedy}"


class TopologyError(EigwError):
    """The topology file is not valid. `mistakes` holds all of its mistakes, in file order."""

    def __init__(self, mistakes: tuple[Mistake, ...]) -> None:
        super().__init__("\n".join(str(mistake) for mistake in mistakes))
        self.mistakes = mistakes


class DesignError(EigwError):
    """A design (a template, a Terraform plan or state, descriptions) cannot be read. `mistakes` are in file order."""

    def __init__(self, mistakes: tuple[Mistake, ...]) -> None:
        super().__init__("\n".join(str(mistake) for mistake in mistakes))
        self.mistakes = mistakes


class CloudError(EigwError):
    """AWS would refuse the request. `code` is AWS's error code, such as `InvalidGatewayID.NotFound`."""

    def __init__(self, code: str, message: str, *, hint: str = "", remedy: Remedy | None = None) -> None:
        super().__init__(message, hint=hint, remedy=remedy)
        self.code = code


class LockedError(EigwError):
    """Another process holds the lab's lock."""


class ForeignError(EigwError):
    """A namespace has one of our names but not our mark. The program never changes such a namespace."""


class NoSuchLabError(EigwError):
    """No lab with that name is stored or in the kernel."""


class UsageError(EigwError):
    """The command line names something that does not exist, such as an unknown node."""

    exit_code = 2


class HostError(EigwError):
    """This host lacks a privilege, a kernel feature or a program that the command needs."""

    exit_code = 5


class LimitError(HostError):
    """A limit of this host, its cgroup or this process is reached, so the same call may work later."""


class TakeOverError(EigwError):
    """A change would replace a lab of another file, user or state folder. `final` if no option can allow that."""

    def __init__(self, message: str, *, hint: str, final: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.final = final


class KernelError(EigwError):
    """Linux refused a change. `errno` is the kernel's; it is 0 if there is only text, as from nftables."""

    def __init__(self, doing: str, code: int = 0, *, detail: str = "", hint: str = "") -> None:
        reason = detail or (os.strerror(code) if code else "the kernel gave no reason")
        super().__init__(f"{doing}: {reason}", hint=hint)
        self.errno = code


class MissingError(KernelError):
    """The object that the change applies to does not exist."""


class ExistsError(KernelError):
    """The object that the change would create already exists."""


_BY_ERRNO: dict[int, type[KernelError]] = {
    errno.ENOENT: MissingError,
    errno.ENODEV: MissingError,
    errno.ESRCH: MissingError,
    errno.EADDRNOTAVAIL: MissingError,
    errno.EEXIST: ExistsError,
}


FILES_FIX = "raise the limit of open files: ulimit -n 4096 (LimitNOFILE= in a systemd unit)"

_LIMITS = {
    errno.EMFILE: ("this process may open no more files", FILES_FIX),
    errno.ENFILE: ("this host may open no more files", "sudo sysctl fs.file-max=N with a larger number"),
    errno.ENOMEM: (
        "no memory is left for this process",
        "free memory, or raise `ulimit -v` or memory.max of the cgroup (MemoryMax= in a systemd unit)",
    ),
    errno.EAGAIN: (
        "this process may start no more processes",
        "raise pids.max of the cgroup (TasksMax= in a systemd unit), `ulimit -u` or kernel.pid_max",
    ),
}


def limit_error(doing: str, code: int, *, starting: bool = False) -> LimitError | None:
    """Return the error for an errno that means a limit; None for another errno.

    `starting` says that a process or thread was started: only then, EAGAIN means a limit.
    """
    if code not in _LIMITS or (code == errno.EAGAIN and not starting):
        return None
    reason, hint = _LIMITS[code]
    return LimitError(f"{doing}: {reason} ({os.strerror(code)})", hint=hint)


def kernel_error(doing: str, code: int, *, detail: str = "") -> EigwError:
    """Return the error for the errno `code` from the kernel. `doing` names the change that failed.

    This is the only place that maps an errno to an error type.
    """
    limit = limit_error(doing, code)
    if limit is not None:
        return limit
    if code in (errno.EPERM, errno.EACCES):
        return HostError(
            f"{doing}: {os.strerror(code)}",
            hint="run it as root (sudo), in a container with --privileged; `eigw-ns doctor` names what is missing",
        )
    if code in (errno.EOPNOTSUPP, errno.EPROTONOSUPPORT, errno.EAFNOSUPPORT):
        return HostError(
            f"{doing}: {detail or os.strerror(code)}", hint="this kernel lacks the feature; see `eigw-ns doctor`"
        )
    return _BY_ERRNO.get(code, KernelError)(doing, code, detail=detail)

"""Every error a user can meet, each with the exit code it ends the program with.

    EigwError                 1   something failed; the base of all below
    ├── TopologyError         1   the topology file has mistakes (all of them, each with its place)
    ├── CloudError            1   AWS would refuse this request; carries AWS's error code
    ├── LockedError           1   another controller works on this lab
    ├── ForeignError          1   something that is not ours stands where ours should be
    ├── NoSuchLabError        1   no lab of that name, here or stored
    ├── KernelError           1   Linux refused a change; carries the errno
    │   ├── MissingError      1     what it works on is not there (ENOENT, ENODEV, ESRCH)
    │   └── ExistsError       1     what it creates is there already (EEXIST)
    ├── UsageError            2   the command line asks for something that does not exist
    └── HostError             5   this host cannot do it; the hint says what would help

Programs may rely on the exit codes (DESIGN section 4).
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass


class EigwError(Exception):
    """Base of every error this program raises on purpose.

    `hint` says what the user can do about it; it is shown on a line of its own.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One mistake in a topology file: where it stands, what is wrong, what to write instead.

    `line` counts from 1; 0 means that the place has no line of its own (a missing key at the top).
    """

    file: str
    line: int
    path: str
    value: str
    problem: str
    remedy: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        where = f" {self.path}:" if self.path else ""
        value = f" (got {self.value})" if self.value else ""
        remedy = f"; {self.remedy}" if self.remedy else ""
        return f"{place}:{where} {self.problem}{value}{remedy}"


class TopologyError(EigwError):
    """The topology file cannot be used; `mistakes` holds every reason at once, in file order."""

    def __init__(self, mistakes: tuple[Mistake, ...]) -> None:
        super().__init__("\n".join(str(mistake) for mistake in mistakes))
        self.mistakes = mistakes


class CloudError(EigwError):
    """AWS would refuse the request: `code` is AWS's error code, such as `InvalidGatewayID.NotFound`."""

    def __init__(self, code: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code


class LockedError(EigwError):
    """Another process holds the lab's lock."""


class ForeignError(EigwError):
    """A namespace bears one of our names but not our mark; it is never touched."""


class NoSuchLabError(EigwError):
    """There is no lab of that name, neither stored nor in the kernel."""


class UsageError(EigwError):
    """The command line names something that does not exist, such as an unknown node."""

    exit_code = 2


class HostError(EigwError):
    """This host lacks a privilege, a kernel feature or a program that the work needs."""

    exit_code = 5


class KernelError(EigwError):
    """Linux refused a change. `errno` is the kernel's, 0 where it gave none (nftables gives only text)."""

    def __init__(self, doing: str, code: int = 0, *, detail: str = "", hint: str = "") -> None:
        reason = detail or (os.strerror(code) if code else "the kernel gave no reason")
        super().__init__(f"{doing}: {reason}", hint=hint)
        self.errno = code


class MissingError(KernelError):
    """What the change works on is not there."""


class ExistsError(KernelError):
    """What the change would create is there already."""


_BY_ERRNO: dict[int, type[KernelError]] = {
    errno.ENOENT: MissingError,
    errno.ENODEV: MissingError,
    errno.ESRCH: MissingError,
    errno.EADDRNOTAVAIL: MissingError,
    errno.EEXIST: ExistsError,
}


def kernel_error(doing: str, code: int, *, detail: str = "") -> EigwError:
    """The error for `code` (an errno) met while `doing` something: the one place where errno becomes a type."""
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

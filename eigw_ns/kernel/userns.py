"""A user namespace of one's own: there, an ordinary user is root over the namespaces that he makes.

The caller's user and group become root's; no other user exists inside (the kernel allows an ordinary user no more
than that). The host's files are seen as before, but for /run/netns, which is a tmpfs of its own. See
user_namespaces(7), mount_namespaces(7).
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

from eigw_ns.errors import HostError
from eigw_ns.kernel import netns, sysctl
from eigw_ns.kernel.libc import (
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWUSER,
    MS_BIND,
    MS_REC,
    call,
    libc,
    mount_tmpfs,
)

_ALL = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET
_DOING = "make a user namespace"

_SYSCTLS = (
    ("user.max_user_namespaces", "0", "sudo sysctl user.max_user_namespaces=15000"),
    ("kernel.unprivileged_userns_clone", "0", "sudo sysctl kernel.unprivileged_userns_clone=1"),
    (
        "kernel.apparmor_restrict_unprivileged_userns",
        "1",
        "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile with `userns,` for Python",
    ),
)
"""(sysctl, the value that forbids user namespaces to ordinary users, the fix). The second is of Debian's and Arch's
kernels, the third of Ubuntu's since 24.04."""


def create() -> None:
    """Move this process, which must have one thread, to new user, mount and network namespaces, in which it is root.

    Raises HostError, naming the sysctl and its fix, where the host does not allow that; the process is of no use then.
    """
    user, group = os.geteuid(), os.getegid()
    if libc.unshare(_ALL) != 0:
        raise refusal(ctypes.get_errno())
    try:
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1", encoding="ascii")
    except OSError as error:  # Ubuntu lets one have the namespace, but nothing in it
        raise refusal(error.errno or 0) from error
    _own_names()


def join(process: int) -> None:
    """Move this process, which must have one thread, to the namespaces of another, given by its pidfd.

    The working directory stays what it was. Raises MissingError where that process has ended meanwhile.
    """
    here = Path("/proc/self/cwd").readlink()
    call("join the namespaces of the keeper", libc.setns, process, _ALL)
    with contextlib.suppress(OSError):  # a folder that was removed, or is not to be seen from there: / then
        os.chdir(here)


def identity(process: int | str = "self") -> int:
    """The number of the user namespace that a process (its id) is in. Raises OSError where there is no such process."""
    return Path(f"/proc/{process}/ns/user").stat().st_ino


def forbidden(read: Callable[[str], str | None]) -> tuple[str, str]:
    """Which sysctl may forbid ordinary users to make user namespaces, and the fix; both empty where none does."""
    for key, forbidding, fix in _SYSCTLS:
        if read(key) == forbidding:
            return f"{key} is {forbidding}", fix
    return "", ""


def refusal(code: int, read: Callable[[str], str | None] = sysctl.read) -> HostError:
    """The error for a host that does not allow it; `code` is the errno, `read` gives the value of a sysctl."""
    reason, fix = forbidden(read)
    if not reason and code == errno.ENOSPC:
        reason, fix = "user.max_user_namespaces are in use", "sudo sysctl user.max_user_namespaces=…, a larger number"
    return HostError(
        f"{_DOING}: {reason or os.strerror(code)}",
        hint=f"{fix or 'in a container, start it with --security-opt seccomp=unconfined'}; or run eigw-ns as root",
    )


def _own_names() -> None:
    """An empty /run/netns. Where there is none, and an ordinary user cannot make one, /run itself is covered."""
    if not netns.DIRECTORY.exists():
        _cover(netns.DIRECTORY.parent)
        netns.DIRECTORY.mkdir(mode=0o755)
    mount_tmpfs(os.fsencode(netns.DIRECTORY))


def _cover(folder: Path) -> None:
    """Put a tmpfs over `folder` in which everything that it holds now is seen as before, but more can be made."""
    before = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        seen = Path(f"/proc/self/fd/{before}")
        entries = sorted(entry.name for entry in os.scandir(seen))
        mount_tmpfs(os.fsencode(folder))
        for name in entries:
            _show(seen / name, folder / name)
    finally:
        os.close(before)


def _show(original: Path, place: Path) -> None:
    mode = original.lstat().st_mode
    if stat.S_ISLNK(mode):
        place.symlink_to(original.readlink())
        return
    place.mkdir() if stat.S_ISDIR(mode) else place.touch()
    source, target = os.fsencode(original), os.fsencode(place)
    call(f"show {place}", libc.mount, source, target, b"none", MS_BIND | MS_REC, None)

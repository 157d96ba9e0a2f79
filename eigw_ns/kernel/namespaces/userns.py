"""User namespaces: inside one, an ordinary user is root over the network namespaces made there.

The caller's user and group are mapped to root's. No other user exists inside: the kernel lets an ordinary user map no
more. The host's files are seen as before, except /run/netns, which is a private tmpfs. See user_namespaces(7),
mount_namespaces(7).
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

from eigw_ns.errors import EigwError, HostError
from eigw_ns.kernel.namespaces import limits, netns, sysctl
from eigw_ns.kernel.namespaces.libc import (
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
_PARTS = ((CLONE_NEWUSER, limits.USER), (CLONE_NEWNS, limits.MOUNT), (CLONE_NEWNET, limits.NETWORK))
"""Each flag of unshare(2) and the sysctl that limits it. One call with all flags would not say which is reached."""
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
"""(sysctl, value that forbids user namespaces to ordinary users, fix). The second exists in kernels of Debian and Arch,
the third in Ubuntu's since 24.04."""


def create() -> None:
    """Move this process, which must be single-threaded, to new user, mount and network namespaces, in which it is root.

    Raises HostError, which names the sysctl and its fix, if the host does not allow that. The process may be in
    half-made namespaces then, and must end.
    """
    user, group = os.geteuid(), os.getegid()
    for flag, limit in _PARTS:
        if libc.unshare(flag) != 0:
            raise refusal(ctypes.get_errno(), limit)
    try:
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1", encoding="ascii")
    except OSError as error:  # Ubuntu allows the namespace, but denies every privilege in it
        raise refusal(error.errno or 0) from error
    own_names()


def bring_loopback_up() -> None:
    """Bring the loopback up. In a new network namespace it is down, and 127.0.0.1 is unreachable."""
    from eigw_ns.kernel.netlink import rtnetlink  # late: few callers need it, and it takes milliseconds
    from eigw_ns.kernel.netlink.socket import Netlink

    with Netlink() as netlink:
        netlink.send([rtnetlink.bring_up(rtnetlink.LOOPBACK_INDEX)])


def join(process: int) -> None:
    """Move this process, which must be single-threaded, to the namespaces of another process, given by its pidfd.

    The working directory stays the same. Raises MissingError if that process has ended meanwhile.
    """
    here = Path("/proc/self/cwd").readlink()
    call("join the namespaces of the pause process", libc.setns, process, _ALL)
    with contextlib.suppress(OSError):  # the folder was removed or is not visible from there: stay in /
        os.chdir(here)


def identity(process: int | str = "self") -> int:
    """Return the inode number of a process's user namespace. Raises OSError if there is no process with that id."""
    return Path(f"/proc/{process}/ns/user").stat().st_ino


def forbidden(read: Callable[[str], str | None]) -> tuple[str, str]:
    """Return which sysctl forbids user namespaces to ordinary users, and the fix; both are empty if none does."""
    for key, forbidding, fix in _SYSCTLS:
        if read(key) == forbidding:
            return f"{key} is {forbidding}", fix
    return "", ""


def refusal(code: int, limit: str = limits.USER, read: Callable[[str], str | None] = sysctl.read) -> EigwError:
    """Return the error for a host that does not allow user namespaces.

    `code` is the errno, `limit` the sysctl that ENOSPC means, `read` reads a sysctl.
    """
    reason, fix = forbidden(read)
    if not reason and code == errno.ENOSPC:
        return limits.refusal(_DOING, code, limit, read)
    return HostError(
        f"{_DOING}: {reason or os.strerror(code)}",
        hint=f"{fix or 'in a container, start it with --security-opt seccomp=unconfined'}; or run eigw-ns as root",
    )


def own_names() -> None:
    """Mount an empty tmpfs on /run/netns. If it does not exist, cover /run: an ordinary user cannot create it there."""
    if not netns.DIRECTORY.exists():
        _cover(netns.DIRECTORY.parent)
        netns.DIRECTORY.mkdir(mode=0o755)
    mount_tmpfs(os.fsencode(netns.DIRECTORY))


def _cover(folder: Path) -> None:
    """Mount a tmpfs over `folder` that shows all its present entries, and in which more can be created."""
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

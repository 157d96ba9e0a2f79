"""System calls that Python 3.11 does not offer, through libc: unshare(2), setns(2), mount(2), statfs(2), prctl(2)."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

from eigw_ns.errors import kernel_error

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET = 0x00020000, 0x10000000, 0x40000000  # linux/sched.h
MS_BIND, MS_REC, MS_PRIVATE, MS_SLAVE, MS_SHARED = 0x1000, 0x4000, 1 << 18, 1 << 19, 1 << 20  # linux/mount.h
MS_NOSUID, MS_NODEV, MS_NOEXEC = 2, 4, 8
MNT_DETACH = 2
PR_SET_PDEATHSIG = 1  # linux/prctl.h

libc = ctypes.CDLL(None, use_errno=True)


def call(doing: str, function: Callable[..., int], *arguments: object) -> None:
    """Call a function of libc. Raises the error that its errno means; the message says what we were `doing`."""
    if function(*arguments) != 0:
        raise kernel_error(doing, ctypes.get_errno())


def mount_tmpfs(target: bytes) -> None:
    """Mount a new, empty tmpfs over `target`, for small files of root. Raises HostError without CAP_SYS_ADMIN."""
    flags = MS_NOSUID | MS_NODEV | MS_NOEXEC
    call(f"mount a tmpfs on {target.decode()}", libc.mount, b"tmpfs", target, b"tmpfs", flags, b"mode=755")

"""Give up privileges for good: a process that strangers can talk to must not be able to change anything.

See capabilities(7), PR_SET_NO_NEW_PRIVS in prctl(2), setresuid(2).
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import signal
from collections.abc import Iterator
from pathlib import Path

from eigw_ns.errors import HostError, kernel_error
from eigw_ns.frozen import frozen
from eigw_ns.kernel.namespaces.libc import PR_SET_PDEATHSIG, call, libc

_PR_CAPBSET_READ, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 23, 24, 38  # linux/prctl.h
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
_CAPABILITY_VERSION_3 = 0x20080522  # linux/capability.h
_MOST_CAPABILITIES = 64


@frozen
class User:
    """The ids of a user and of its group."""

    uid: int
    gid: int


NOBODY = User(65534, 65534)
"""The user that owns nothing; its number is the kernel's overflow id."""


def drop(user: User) -> None:
    """Become `user`, if this is root, without any capability, and without a way to get one. Ends with the parent.

    Other processes of that user cannot trace this one: Linux makes a process that changes its ids undumpable.
    Raises HostError if a capability is left.
    """
    _empty_bounding_set()
    if os.geteuid() == 0:
        _become(user)
    _clear()
    call("give up new privileges", libc.prctl, _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    call("ask for a signal at the parent's end", libc.prctl, PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    left = {name: mask for name, mask in held().items() if mask and name != "CapBnd"}
    if left:
        raise HostError(f"this process cannot give up its capabilities: {left}", hint="report this as a bug")


def held() -> dict[str, int]:
    """Return the capability sets of this process. See proc(5)."""
    lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    return {line.split(":")[0]: int(line.split()[1], 16) for line in lines if line.startswith("Cap")}


def _empty_bounding_set() -> None:
    """Remove every capability from the bounding set. Without CAP_SETPCAP it stays, and has no effect (no_new_privs)."""
    for number in range(_MOST_CAPABILITIES):
        if libc.prctl(_PR_CAPBSET_READ, number, 0, 0, 0) != 1:
            continue
        if libc.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0) != 0 and ctypes.get_errno() != errno.EPERM:
            raise kernel_error("empty the bounding set of capabilities", ctypes.get_errno())


def _become(user: User) -> None:
    """Change to the user's ids. In a user namespace that lacks them, stay root of it: `_clear` makes that powerless."""
    with contextlib.suppress(PermissionError):  # a user namespace may forbid setgroups(2)
        os.setgroups([])
    try:
        os.setresgid(user.gid, user.gid, user.gid)
        os.setresuid(user.uid, user.uid, user.uid)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise kernel_error("change to an ordinary user", error.errno or 0) from error


def _clear() -> None:
    """Empty the effective, permitted, inheritable and ambient sets."""
    libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    call("give up capabilities", libc.capset, header, (ctypes.c_uint32 * 6)())


@contextlib.contextmanager
def acting_as(user: User | None) -> Iterator[None]:
    """Let the block use the file system as `user`. Does nothing if that is None, or if this is not root."""
    if user is None or os.geteuid() != 0:
        yield
        return
    groups, group = os.getgroups(), os.getegid()
    os.setgroups([])
    os.setegid(user.gid)
    os.seteuid(user.uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(group)
        os.setgroups(groups)

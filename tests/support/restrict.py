"""Restrictions that containers put on root, each as a `preexec_fn` for a child process that runs `eigw-ns`."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Callable, Iterable
from pathlib import Path

Restriction = Callable[[], None]

CAPABILITIES = {"CAP_NET_BIND_SERVICE": 10, "CAP_NET_ADMIN": 12, "CAP_NET_RAW": 13, "CAP_SYS_ADMIN": 21}
"""What a lab needs. Name and bit (linux/capability.h)."""
_OTHERS = {
    "CAP_DAC_OVERRIDE": 1,
    "CAP_FOWNER": 3,
    "CAP_KILL": 5,
    "CAP_SETGID": 6,
    "CAP_SETUID": 7,
    "CAP_SETPCAP": 8,
    "CAP_SYS_PTRACE": 19,
}

_LAST_CAPABILITY = 40  # linux/capability.h
_PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 24, 38, 22, 2
_LOAD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06  # linux/bpf_common.h
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000  # linux/seccomp.h
_SYSCALLS = {"x86_64": {"mount": 165, "unshare": 272}, "aarch64": {"mount": 40, "unshare": 97}}[platform.machine()]
_NEWNS, _BIND, _REC, _PRIVATE, _RDONLY, _REMOUNT = 0x20000, 0x1000, 0x4000, 1 << 18, 1, 32

_libc = ctypes.CDLL(None, use_errno=True)


def _call(function: Callable[..., int], *arguments: object) -> None:
    if function(*arguments) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def without(*names: str) -> Restriction:
    """Take these capabilities away from the next exec(3) on, as `--cap-drop` does."""
    return lambda: _drop(CAPABILITIES[name] for name in names)


def only(*names: str) -> Restriction:
    """Take all capabilities but these away, as `--cap-drop ALL --cap-add …` does."""
    kept = {{**CAPABILITIES, **_OTHERS}[name] for name in names}
    return lambda: _drop(bit for bit in range(_LAST_CAPABILITY + 1) if bit not in kept)


def _drop(bits: Iterable[int]) -> None:
    for bit in bits:
        _call(_libc.prctl, _PR_CAPBSET_DROP, bit, 0, 0, 0)


def forbidding(syscall: str, code: int = errno.EPERM) -> Restriction:
    """Make a system call fail, as a seccomp profile does (EPERM) or as AppArmor does (EACCES). See seccomp(2)."""

    def instruction(operation: int, yes: int, no: int, value: int) -> bytes:
        return struct.pack("=HBBI", operation, yes, no, value)

    program = b"".join(
        (
            instruction(_LOAD, 0, 0, 0),  # struct seccomp_data begins with the number of the call
            instruction(_JUMP_IF_EQUAL, 0, 1, _SYSCALLS[syscall]),
            instruction(_RETURN, 0, 0, _ERRNO | code),
            instruction(_RETURN, 0, 0, _ALLOW),
        )
    )

    def forbid() -> None:
        buffer = ctypes.create_string_buffer(program, len(program))
        header = struct.pack("@HP", len(program) // 8, ctypes.addressof(buffer))
        _call(_libc.prctl, _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        _call(_libc.prctl, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, header)

    return forbid


def read_only(folder: str) -> Restriction:
    """Mount a folder read-only in a mount namespace of the process, as containers do with /proc/sys."""

    def remount() -> None:
        private_mounts()
        bind(Path(folder), Path(folder))
        _call(_libc.mount, None, folder.encode(), None, _BIND | _REMOUNT | _RDONLY, None)

    return remount


def private_mounts() -> None:
    """Enter a new mount namespace. Its mounts do not propagate to any other."""
    _call(_libc.unshare, _NEWNS)
    _call(_libc.mount, None, b"/", None, _REC | _PRIVATE, None)


def bind(source: Path, target: Path) -> None:
    """Bind-mount `source` at `target`."""
    _call(_libc.mount, os.fsencode(source), os.fsencode(target), None, _BIND | _REC, None)


def cover(folder: Path) -> None:
    """Mount an empty, world-readable tmpfs over this folder."""
    _call(_libc.mount, b"tmpfs", os.fsencode(folder), b"tmpfs", 0, b"mode=755")

"""A namespace's own sysctls, through /proc/sys/net, which shows those of the thread that looks. See sysctl(8)."""

from __future__ import annotations

import os
from pathlib import Path

from eigw_ns.errors import kernel_error

DIRECTORY = Path("/proc/sys/net")
FORWARDING = "net.ipv6.conf.all.forwarding"


def read(key: str) -> str | None:
    """The value in the namespace this thread is in, or None where the kernel has no such key."""
    try:
        descriptor = os.open(_path(key), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise kernel_error(f"read the sysctl {key}", error.errno or 0) from error
    try:
        return os.read(descriptor, 256).decode().strip()
    finally:
        os.close(descriptor)


def write(key: str, value: str) -> None:
    """Set it in the namespace this thread is in. Raises MissingError where the kernel has no such key."""
    try:
        descriptor = os.open(_path(key), os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(descriptor, value.encode())
        finally:
            os.close(descriptor)
    except OSError as error:
        raise kernel_error(f"set the sysctl {key} to {value}", error.errno or 0) from error


def _path(key: str) -> str:
    return "/proc/sys/" + key.replace(".", "/")

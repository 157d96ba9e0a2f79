"""Read and write the sysctls of a namespace. /proc/sys/net shows those of the thread that reads. See sysctl(8)."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from eigw_ns.errors import kernel_error

DIRECTORY = Path("/proc/sys/net")
FORWARDING = "net.ipv6.conf.all.forwarding"


class Tree:
    """The sysctls of the namespace this thread is in. The caller closes it.

    A folder such as net/ipv6 is opened once for all its keys. To find it, Linux searches the folders of all namespaces
    one by one (proc_sys_compare), so opening a whole path gets slower with each namespace.
    """

    def __init__(self) -> None:
        self._folders: dict[str, int] = {}

    def read(self, key: str) -> str | None:
        """Return the value; None if the kernel has no such key."""
        try:
            descriptor = self._open(key, os.O_RDONLY)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise kernel_error(f"read the sysctl {key}", error.errno or 0) from error
        try:
            return os.read(descriptor, 256).decode().strip()
        finally:
            os.close(descriptor)

    def write(self, key: str, value: str) -> None:
        """Set the value. Raises MissingError if the kernel has no such key."""
        try:
            descriptor = self._open(key, os.O_WRONLY)
            try:
                os.write(descriptor, value.encode())
            finally:
                os.close(descriptor)
        except OSError as error:
            raise kernel_error(f"set the sysctl {key} to {value}", error.errno or 0) from error

    def close(self) -> None:
        """Close the opened folders."""
        for descriptor in self._folders.values():
            os.close(descriptor)

    def _open(self, key: str, mode: int) -> int:
        *folders, rest = key.split(".", 2)
        folder = "/".join(folders)
        if folder not in self._folders:
            self._folders[folder] = os.open(f"/proc/sys/{folder}", os.O_PATH | os.O_CLOEXEC)
        return os.open(rest.replace(".", "/"), mode | os.O_CLOEXEC, dir_fd=self._folders[folder])


def read(key: str) -> str | None:
    """Return one value in the namespace this thread is in; None if the kernel has no such key."""
    with contextlib.closing(Tree()) as tree:
        return tree.read(key)


def write(key: str, value: str) -> None:
    """Set one value in the namespace this thread is in. Raises MissingError if the kernel has no such key."""
    with contextlib.closing(Tree()) as tree:
        tree.write(key, value)

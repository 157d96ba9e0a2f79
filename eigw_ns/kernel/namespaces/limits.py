"""Limits of the host on namespaces and mounts: sysctls that the kernel reports as ENOSPC, and their fix.

See namespaces(7), "The /proc/sys/user directory", and mount(2). Inside a user namespace, the limits of the user
namespaces around it count too.
"""

from __future__ import annotations

import errno
from collections.abc import Callable

from eigw_ns.errors import EigwError, LimitError, kernel_error
from eigw_ns.kernel.namespaces import sysctl

NETWORK, MOUNT, USER = (f"user.max_{kind}_namespaces" for kind in ("net", "mnt", "user"))
MOUNTS = "fs.mount-max"


def refusal(doing: str, code: int, key: str, read: Callable[[str], str | None] = sysctl.read) -> EigwError:
    """Return the error for the errno `code` of a call that the sysctl `key` limits. `read` reads a sysctl."""
    if code != errno.ENOSPC:
        return kernel_error(doing, code)
    value = read(key)
    found = f"all of {key} are in use" + (f" ({value})" if value else "")
    return LimitError(f"{doing}: {found}", hint=fix(key))


def fix(key: str) -> str:
    """Return what raises the limit."""
    return f"sudo sysctl {key}=N with a larger number; in a container, on its host"

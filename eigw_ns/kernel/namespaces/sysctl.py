"""Read and write the sysctls of a namespace. /proc/sys/net shows those of the thread that reads. See sysctl(8)."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from eigw_ns.errors import MissingError, kernel_error

DIRECTORY = Path("/proc/sys/net")
IPV4_FORWARDING = "net.ipv4.ip_forward"
FORWARDING = "net.ipv6.conf.all.forwarding"

_FRESH = {"forwarding": "0", "disable_ipv6": "0"}
_FRESH_IF_KNOWN = {
    "accept_untracked_na": "0",  # Linux 5.18
    "disable_policy": "0",
    "drop_unicast_in_l2_multicast": "0",
    "force_forwarding": "0",  # Linux 6.17
    "force_tllao": "0",
    "hop_limit": "64",
    "ignore_routes_with_linkdown": "0",
    "ioam6_enabled": "0",  # CONFIG_IPV6_IOAM6_LWTUNNEL
    "ndisc_notify": "0",
    "optimistic_dad": "0",
    "proxy_ndp": "0",
    "rpl_seg_enabled": "0",  # CONFIG_IPV6_RPL_LWTUNNEL
    "seg6_enabled": "0",
    "suppress_frag_ndisc": "1",
    "use_oif_addrs_only": "0",
    "use_optimistic": "0",
    "use_tempaddr": "0",
}
"""What Linux gives net.ipv6.conf.{all,default} in a new namespace, unless net.core.devconf_inherit_init_net is 1 or 3:
then a namespace has what the host has. The value of every key that changes what a namespace does with packets, and is
not among its `Sysctls`."""


class Tree:
    """The sysctls of the namespace this thread is in. The caller closes it.

    A folder such as net/ipv6 is opened once for all its keys. To find it, Linux searches the folders of all namespaces
    one by one (proc_sys_compare), so opening a whole path gets slower with each namespace. /proc/sys/net is opened
    before: Linux takes the lock of each of these folders if a path leads through another folder of sysctls, since
    there it leaves its walk without locks (proc_sys_revalidate).
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
        flags = mode | os.O_CLOEXEC
        return os.open(rest.replace(".", "/"), flags, dir_fd=self._folder("/".join(folders)))

    def _folder(self, path: str) -> int:
        if path not in self._folders:
            above, _, name = path.rpartition("/")
            place = (name, self._folder(above)) if above else (f"/proc/sys/{path}", None)
            self._folders[path] = os.open(place[0], os.O_PATH | os.O_CLOEXEC, dir_fd=place[1])
        return self._folders[path]


def read(key: str) -> str | None:
    """Return one value in the namespace this thread is in; None if the kernel has no such key."""
    with contextlib.closing(Tree()) as tree:
        return tree.read(key)


def write(key: str, value: str) -> None:
    """Set one value in the namespace this thread is in. Raises MissingError if the kernel has no such key."""
    with contextlib.closing(Tree()) as tree:
        tree.write(key, value)


def new_namespaces_inherit() -> bool:
    """Return whether a namespace that this thread creates may get the host's IPv6 sysctls. See `reset_ipv6`.

    0 and 2 are the values with which it does not. In a container the key does not exist. See devconf_inherit_init_net
    in the kernel's admin-guide/sysctl/net.rst, and addrconf_init_net in net/ipv6/addrconf.c.
    """
    return read("net.core.devconf_inherit_init_net") not in ("0", "2")


def reset_ipv6() -> None:
    """Set what the namespace this thread is in may have inherited from the host (devconf_inherit_init_net).

    k3s sets that, and hosts of containers forward IPv6: a gateway would forward before it has rules. Raises
    MissingError if the kernel has no IPv6.
    """
    with contextlib.closing(Tree()) as tree:
        for scope in ("all", "default"):  # each for itself: Linux copies only a value that changes `all`
            for key, value in _FRESH.items():
                tree.write(f"net.ipv6.conf.{scope}.{key}", value)
            for key, value in _FRESH_IF_KNOWN.items():
                with contextlib.suppress(MissingError):
                    tree.write(f"net.ipv6.conf.{scope}.{key}", value)

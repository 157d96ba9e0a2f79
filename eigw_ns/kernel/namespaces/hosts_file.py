"""A hosts file of a command's own: names of nodes before the host's lines, over /etc/hosts in a mount namespace.

The host's files never change. As for `ip netns exec`, the process gets a mount namespace. Only the mounts that hold the
files are made slaves of the host's. Others stay shared, so that an `eigw-ns` in a node's shell can name namespaces.

musl and Go read /etc/hosts themselves. glibc asks the services in /etc/nsswitch.conf in their order: if `files` is not
the first of them, that file is covered, too. See mount_namespaces(7), nsswitch.conf(5).
"""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from eigw_ns.errors import EigwError, kernel_error
from eigw_ns.kernel.namespaces import limits
from eigw_ns.kernel.namespaces.libc import CLONE_NEWNS, MS_BIND, MS_SLAVE, call, libc, mount_tmpfs

HOSTS, SERVICES = Path("/etc/hosts"), Path("/etc/nsswitch.conf")
_DOING = "make a hosts file for the command"
_LOOPBACK = ("127.", "::1")
_ENCODING = {"encoding": "utf-8", "errors": "surrogateescape"}


def cover(names: Mapping[str, Sequence[str]]) -> str:
    """Let this process, and what it starts, find the addresses of these names. `names` has those of each address.

    Returns the reason if that is not possible; then names stay unknown, and everything else works. Runs also between
    fork(2) and exec(3): it starts no thread and imports nothing.
    """
    try:
        files = {HOSTS: merged(HOSTS.read_text(**_ENCODING), names), **_services()}
        if libc.unshare(CLONE_NEWNS) != 0:
            raise limits.refusal(_DOING, ctypes.get_errno(), limits.MOUNT)
        for path, text in files.items():
            _cover(Path(os.path.realpath(path)), text)
    except EigwError as error:
        return error.message
    except OSError as error:
        return f"{_DOING}: {error.strerror}: {error.filename}"
    return ""


def merged(own: str, names: Mapping[str, Sequence[str]]) -> str:
    """Return a hosts file: the names, then the host's `own` lines. Names of the host's loopback are not replaced."""
    lines = (line.partition("#")[0].split() for line in own.splitlines())
    kept = {name for address, *rest in filter(None, lines) if address.startswith(_LOOPBACK) for name in rest}
    ours = ((address, [name for name in given if name not in kept]) for address, given in names.items())
    return "".join(f"{address} {' '.join(given)}\n" for address, given in ours if given) + own


def files_first(services: str) -> str:
    """Return an nsswitch.conf in which host names are looked up in files before anything else."""
    return "".join(_files_first(line) for line in services.splitlines(keepends=True))


def _files_first(line: str) -> str:
    database, colon, sources = line.partition(":")
    if not colon or database.strip() != "hosts" or sources.split()[:1] == ["files"]:
        return line
    return f"{database}: files {sources.lstrip()}"


def _services() -> dict[Path, str]:
    """Return nsswitch.conf as it must be; nothing if it is that already, or does not exist."""
    try:
        present = SERVICES.read_text(**_ENCODING)
    except FileNotFoundError:
        return {}
    wanted = files_first(present)
    return {SERVICES: wanted} if wanted != present else {}


def _cover(path: Path, text: str) -> None:
    """Cover a file by one with this text. It is made in a tmpfs that covers the file's folder meanwhile."""
    folder = os.fsencode(path.parent)
    _detach(path)
    _detach(path.parent)
    target = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        mount_tmpfs(folder)
        try:
            path.write_text(text, **_ENCODING)
            path.chmod(0o644)
            place = b"/proc/self/fd/%d" % target
            call(_DOING, libc.mount, os.fsencode(path), place, b"none", MS_BIND, None)
        finally:
            call(_DOING, libc.umount2, folder, 0)
    finally:
        os.close(target)


def _detach(path: Path) -> None:
    """Keep what is mounted on this path from the host: make the mount that holds the path a slave of the host's."""
    for place in (path, *path.parents):
        if libc.mount(b"", os.fsencode(place), b"none", MS_SLAVE, None) == 0:
            return
        if ctypes.get_errno() != errno.EINVAL:  # EINVAL: not a mount point
            break
    raise kernel_error(_DOING, ctypes.get_errno())

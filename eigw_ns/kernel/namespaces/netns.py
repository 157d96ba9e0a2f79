"""Create, enter, list and remove named network namespaces: the files under /run/netns that `ip netns` uses too.

A namespace is created by unshare(2) in this thread, without a fork. That takes 0.3 ms; pyroute2 and `ip netns add` take
2 to 6 ms each. It gets its mark first and its name second. So a namespace with a name of ours but without our mark is
never one that we left half-made. Opening a namespace never creates it. See namespaces(7), ip-netns(8).
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from eigw_ns.errors import HostError, LimitError, kernel_error
from eigw_ns.kernel.host.capabilities import RUN_FIX
from eigw_ns.kernel.namespaces import limits, sysctl
from eigw_ns.kernel.namespaces.libc import CLONE_NEWNET, MNT_DETACH, MS_BIND, MS_REC, MS_SHARED, call, libc, mount_tmpfs

DIRECTORY = Path("/run/netns")


_NSFS_MAGIC = 0x6E736673


@contextlib.contextmanager
def _come_back() -> Iterator[None]:
    """Return this thread to its present namespace after the block."""
    here = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield
    finally:
        call("return to our own namespace", libc.setns, here, CLONE_NEWNET)
        os.close(here)


@contextlib.contextmanager
def inside(name: str) -> Iterator[None]:
    """Run the block with this thread in the namespace `name`. Sockets opened in the block stay in that namespace.

    Raises MissingError if the namespace does not exist, HostError without CAP_SYS_ADMIN.
    """
    there = open_descriptor(name)
    try:
        with _come_back():
            if libc.setns(there, CLONE_NEWNET) != 0:
                code = ctypes.get_errno()  # EINVAL: a plain file, as while a namespace is created or removed
                raise kernel_error(f"enter the namespace {name}", errno.ENOENT if code == errno.EINVAL else code)
            yield
    finally:
        os.close(there)


@contextlib.contextmanager
def creating(name: str) -> Iterator[None]:
    """Create a namespace, run the block inside it (to mark it), then give it the name.

    If the block fails, the namespace gets no name and vanishes. Raises ExistsError if the name is taken.
    """
    doing = f"create the namespace {name}"
    prepare_directory()
    path = _path(name)
    if exists(name):
        raise kernel_error(doing, errno.EEXIST)
    with _come_back():
        _unshare_fresh(doing)
        yield
        _name(path, doing)


@contextlib.contextmanager
def nameless() -> Iterator[None]:
    """Run the block with this thread in a new namespace without a name, which vanishes after the block.

    Raises HostError without CAP_SYS_ADMIN.
    """
    with _come_back():
        _unshare("create a namespace")
        yield


def _unshare_fresh(doing: str) -> None:
    """Move this thread to a new namespace whose IPv6 sysctls are Linux's own, whatever the host's are."""
    inherits = sysctl.new_namespaces_inherit()
    _unshare(doing)
    if inherits:
        sysctl.reset_ipv6()  # before anything else: it may forward already


def _unshare(doing: str) -> None:
    if libc.unshare(CLONE_NEWNET) != 0:
        raise limits.refusal(doing, ctypes.get_errno(), limits.NETWORK)


def _name(path: str, doing: str) -> None:
    """Give this thread's namespace the name. Raises LimitError if the host allows no more mounts or files."""
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o444))
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise _full(doing, DIRECTORY) from error
        raise kernel_error(doing, error.errno or 0) from error
    if libc.mount(b"/proc/thread-self/ns/net", os.fsencode(path), b"none", MS_BIND, None) != 0:
        raise limits.refusal(doing, ctypes.get_errno(), limits.MOUNTS)


def _full(doing: str, folder: Path) -> LimitError:
    return LimitError(f"{doing}: {folder} is full", hint=f"free space or inodes there: df -i {folder}")


def remove(name: str) -> bool:
    """Remove the name. The kernel removes the namespace when no process is in it. Returns False if there was none."""
    path = DIRECTORY / name
    if not path.exists():
        return False
    if libc.umount2(os.fsencode(path), MNT_DETACH) != 0 and ctypes.get_errno() != errno.EINVAL:
        raise kernel_error(f"unmount the namespace {name}", ctypes.get_errno())  # EINVAL: a plain file, not a mount
    path.unlink(missing_ok=True)
    return True


def names(prefix: str = "") -> tuple[str, ...]:
    """Return the names of all namespaces of the host that begin with `prefix`, ours or not, sorted."""
    try:
        found = [entry.name for entry in os.scandir(DIRECTORY) if entry.name.startswith(prefix)]
        return tuple(sorted(name for name in found if exists(name)))
    except FileNotFoundError:
        return ()


def entries() -> frozenset[str]:
    """Return the names of all namespaces of the host, with stale names: cheap also for thousands."""
    try:
        return frozenset(entry.name for entry in os.scandir(DIRECTORY))
    except FileNotFoundError:
        return frozenset()


def stale_names(prefix: str) -> tuple[str, ...]:
    """Return stale namespace names that begin with `prefix`, sorted: empty files that a killed creation left."""
    try:
        found = [entry for entry in os.scandir(DIRECTORY) if entry.name.startswith(prefix) and not exists(entry.name)]
    except FileNotFoundError:
        return ()
    return tuple(sorted(entry.name for entry in found if _is_empty(entry)))


def _is_empty(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file() and entry.stat().st_size == 0
    except FileNotFoundError:  # another process has just removed it
        return False


def exists(name: str) -> bool:
    """Return whether `name` is a namespace. An empty file left by a killed `ip netns add`, or by us, is not."""
    return _filesystem(_path(name)) == _NSFS_MAGIC


def open_descriptor(name: str) -> int:
    """Open the namespace, for setns(2) and for netlink. The caller closes the descriptor. Raises MissingError."""
    try:
        return os.open(_path(name), os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise kernel_error(f"enter the namespace {name}", error.errno or 0) from error


def inode(name: str) -> int:
    """Return the inode number that identifies the namespace, as in `/proc/PID/ns/net`. Raises MissingError."""
    try:
        return (DIRECTORY / name).stat().st_ino
    except OSError as error:
        raise kernel_error(f"look at the namespace {name}", error.errno or 0) from error


def read_only(directory: Path) -> bool:
    """Return whether the file system of `directory` is mounted read-only."""
    return bool(os.statvfs(directory).f_flag & os.ST_RDONLY)


def _path(name: str) -> str:
    """Return the path of the namespace's file. A str, since thousands are made and a Path costs as much as its use."""
    return f"{DIRECTORY}/{name}"


def inodes(prefix: str) -> frozenset[int]:
    """Return the inode numbers of all namespaces whose name begins with `prefix`."""
    found = set()
    for name in names():
        if name.startswith(prefix):
            with contextlib.suppress(OSError):  # it has been removed meanwhile
                found.add((DIRECTORY / name).stat().st_ino)
    return frozenset(found)


class _StatFs(ctypes.Structure):
    _fields_ = (("f_type", ctypes.c_long), ("rest", ctypes.c_long * 31))


def _filesystem(path: str) -> int | None:
    """Return the magic number of the file system of `path`; None if there is no such file. See statfs(2)."""
    buffer = _StatFs()
    if libc.statfs(os.fsencode(path), ctypes.byref(buffer)) != 0:
        return None
    return int(buffer.f_type)


def prepare_directory() -> None:
    """Make /run/netns a shared mount, as iproute2 does, so that names appear in every mount namespace.

    Otherwise iproute2 would do it later, over our names, and we could not remove them any more. If /run/netns is
    read-only, as in some containers, a tmpfs is mounted over it.
    """
    try:
        DIRECTORY.mkdir(mode=0o755, parents=True, exist_ok=True)
    except OSError as error:
        if error.errno == errno.EROFS:
            raise HostError(f"make the directory {DIRECTORY}: {error.strerror}", hint=RUN_FIX) from error
        if error.errno == errno.ENOSPC:
            raise _full(f"make the directory {DIRECTORY}", DIRECTORY.parent) from error
        raise kernel_error(f"make the directory {DIRECTORY}", error.errno or 0) from error
    target = os.fsencode(DIRECTORY)
    if read_only(DIRECTORY):
        mount_tmpfs(target)
    if libc.mount(b"", target, b"none", MS_SHARED, None) == 0:  # no MS_REC: shared names make each new name slower
        return
    if ctypes.get_errno() != errno.EINVAL:  # EINVAL: not a mount point yet
        raise kernel_error(f"share {DIRECTORY}", ctypes.get_errno())
    call(f"bind {DIRECTORY} to itself", libc.mount, target, target, b"none", MS_BIND | MS_REC, None)
    call(f"share {DIRECTORY}", libc.mount, b"", target, b"none", MS_SHARED | MS_REC, None)

"""Named network namespaces: make, enter, list, remove; the files under /run/netns that `ip netns` uses too.

A namespace is made by unshare(2) in this thread, without forking (pyroute2 and `ip netns add` take 2 to 6 ms each,
this 0.3 ms), gets its mark while it has no name yet, and only then its name: a name of ours that bears no mark is
therefore never one we left half-made. Opening a namespace never creates it. See namespaces(7), ip-netns(8).
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from eigw_ns.errors import HostError, kernel_error
from eigw_ns.kernel.capabilities import RUN_FIX
from eigw_ns.kernel.libc import CLONE_NEWNET, MNT_DETACH, MS_BIND, MS_REC, MS_SHARED, call, libc, mount_tmpfs

DIRECTORY = Path("/run/netns")


_NSFS_MAGIC = 0x6E736673


@contextlib.contextmanager
def _come_back() -> Iterator[None]:
    """Whatever namespace the block ends up in, this thread returns to where it was."""
    here = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield
    finally:
        call("return to the own namespace", libc.setns, here, CLONE_NEWNET)
        os.close(here)


@contextlib.contextmanager
def inside(name: str) -> Iterator[None]:
    """Run the block with this thread in the namespace `name`. Sockets opened there stay there.

    Raises MissingError where there is no such namespace, HostError without CAP_SYS_ADMIN.
    """
    there = open_descriptor(name)
    try:
        with _come_back():
            if libc.setns(there, CLONE_NEWNET) != 0:
                code = ctypes.get_errno()  # EINVAL: a file with no namespace on it, as while one is made or removed
                raise kernel_error(f"enter the namespace {name}", errno.ENOENT if code == errno.EINVAL else code)
            yield
    finally:
        os.close(there)


@contextlib.contextmanager
def creating(name: str) -> Iterator[None]:
    """Make a namespace, run the block inside it (to mark it), then give it the name.

    If the block fails, the namespace vanishes nameless. Raises ExistsError where the name is taken.
    """
    doing = f"create the namespace {name}"
    prepare_directory()
    path = _path(name)
    if exists(name):
        raise kernel_error(doing, errno.EEXIST)
    with _come_back():
        call(doing, libc.unshare, CLONE_NEWNET)
        yield
        os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o444))
        call(doing, libc.mount, b"/proc/thread-self/ns/net", os.fsencode(path), b"none", MS_BIND, None)


@contextlib.contextmanager
def nameless() -> Iterator[None]:
    """Run the block with this thread in a new namespace without a name, which ends with the block: for trying things.

    Raises HostError without CAP_SYS_ADMIN.
    """
    with _come_back():
        call("create a namespace", libc.unshare, CLONE_NEWNET)
        yield


def remove(name: str) -> bool:
    """Take the name away; the kernel ends the namespace when nothing runs in it. False if there was none."""
    path = DIRECTORY / name
    if not path.exists():
        return False
    if libc.umount2(os.fsencode(path), MNT_DETACH) != 0 and ctypes.get_errno() != errno.EINVAL:
        raise kernel_error(f"unmount the namespace {name}", ctypes.get_errno())  # EINVAL: a file nothing is mounted on
    path.unlink(missing_ok=True)
    return True


def names(prefix: str = "") -> tuple[str, ...]:
    """Every named namespace of the host that begins with `prefix`, ours or not, sorted."""
    try:
        found = [entry.name for entry in os.scandir(DIRECTORY) if entry.name.startswith(prefix)]
        return tuple(sorted(name for name in found if exists(name)))
    except FileNotFoundError:
        return ()


def husks(prefix: str) -> tuple[str, ...]:
    """Empty files named `prefix`… that are no namespace, sorted: what is left of a creation killed in the middle."""
    try:
        found = [entry for entry in os.scandir(DIRECTORY) if entry.name.startswith(prefix) and not exists(entry.name)]
    except FileNotFoundError:
        return ()
    return tuple(sorted(entry.name for entry in found if _is_empty(entry)))


def _is_empty(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file() and entry.stat().st_size == 0
    except FileNotFoundError:  # another lab was being removed
        return False


def exists(name: str) -> bool:
    """Whether `name` is a namespace. An empty file left by a killed `ip netns add`, or by us, is none."""
    return _filesystem(_path(name)) == _NSFS_MAGIC


def open_descriptor(name: str) -> int:
    """A descriptor of the namespace, for setns(2) and for netlink; the caller closes it. Raises MissingError."""
    try:
        return os.open(_path(name), os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise kernel_error(f"enter the namespace {name}", error.errno or 0) from error


def inode(name: str) -> int:
    """The number that tells the namespace from others, as in `/proc/PID/ns/net`. Raises MissingError."""
    try:
        return (DIRECTORY / name).stat().st_ino
    except OSError as error:
        raise kernel_error(f"look at the namespace {name}", error.errno or 0) from error


def read_only(directory: Path) -> bool:
    """Whether the file system under `directory` is mounted read-only."""
    return bool(os.statvfs(directory).f_flag & os.ST_RDONLY)


def _path(name: str) -> str:
    """The namespace's file; text, since thousands are made, and a Path costs as much as what is done with it."""
    return f"{DIRECTORY}/{name}"


def inodes(prefix: str) -> frozenset[int]:
    """The numbers of all namespaces whose name begins so."""
    found = set()
    for name in names():
        if name.startswith(prefix):
            with contextlib.suppress(OSError):  # it is gone meanwhile
                found.add((DIRECTORY / name).stat().st_ino)
    return frozenset(found)


class _StatFs(ctypes.Structure):
    _fields_ = (("f_type", ctypes.c_long), ("rest", ctypes.c_long * 31))


def _filesystem(path: str) -> int | None:
    """The magic number of the file system that `path` stands on; None if there is no such file. See statfs(2)."""
    buffer = _StatFs()
    if libc.statfs(os.fsencode(path), ctypes.byref(buffer)) != 0:
        return None
    return int(buffer.f_type)


def prepare_directory() -> None:
    """Make /run/netns as iproute2 does: a shared mount, so that names appear in every mount namespace.

    iproute2 would otherwise do it later, over our names, and they could not be removed any more. Where it is read-only,
    as a container's may be, a tmpfs covers it.
    """
    try:
        DIRECTORY.mkdir(mode=0o755, parents=True, exist_ok=True)
    except OSError as error:
        if error.errno == errno.EROFS:
            raise HostError(f"make the directory {DIRECTORY}: {error.strerror}", hint=RUN_FIX) from error
        raise kernel_error(f"make the directory {DIRECTORY}", error.errno or 0) from error
    target = os.fsencode(DIRECTORY)
    if read_only(DIRECTORY):
        mount_tmpfs(target)
    if libc.mount(b"", target, b"none", MS_SHARED, None) == 0:  # alone: with all names in it, each new one costs more
        return
    if ctypes.get_errno() != errno.EINVAL:  # EINVAL: not a mount point yet
        raise kernel_error(f"share {DIRECTORY}", ctypes.get_errno())
    call(f"bind {DIRECTORY} to itself", libc.mount, target, target, b"none", MS_BIND | MS_REC, None)
    call(f"share {DIRECTORY}", libc.mount, b"", target, b"none", MS_SHARED | MS_REC, None)

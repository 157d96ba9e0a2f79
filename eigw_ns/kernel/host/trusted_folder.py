"""Folders that only this user and root can change, and the files in them.

A folder is opened from `/` one name at a time, and each step is checked. The caller then works below the descriptor, so
another user cannot put anything in place of the folder between the check and the use. A folder is trusted if each
folder and link on the way to it

- belongs to root or to this user, and
- may not be written to by other users. A parent may, if it is sticky, as `/tmp` is: nobody can rename what belongs to
  another user there.

A group with the number of the owner counts as the owner (a user private group). In a user namespace the host's root has
no number, so parents may also belong to the owner of `/`, who can change everything anyway.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

_LINKS = 40
"""The most symbolic links in a path, as in Linux (path_resolution(7))."""
_STEP = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class UntrustedFolderError(PermissionError):
    """Another user could change what is in a folder. `place` is the folder or link that this user may change."""

    def __init__(self, place: Path, problem: str) -> None:
        super().__init__(errno.EPERM, problem)
        self.place = place


@contextlib.contextmanager
def opened(folder: Path, *, create: bool = False, mode: int = 0o755) -> Iterator[int]:
    """Yield a descriptor of the folder. `create` creates it with this mode if it does not exist, and its parents.

    Raises UntrustedFolderError if other users could change what is in it, any other OSError if it cannot be opened.
    """
    walk = _Walk(folder.absolute(), mode if create else None)
    try:
        descriptor = os.open(".", _FOLDER, dir_fd=walk.end())
    finally:
        walk.close()
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def require(folder: Path) -> None:
    """Raise UntrustedFolderError if other users could change what is in the folder.

    Another error, such as a missing folder, is left to the code that will use the folder.
    """
    try:
        with opened(folder):
            return
    except UntrustedFolderError:
        raise
    except OSError:
        return


def open_file(folder: int, name: str, flags: int, mode: int = 0o600) -> int:
    """Return a descriptor of a file in the opened folder. Raises OSError, also if the file is a symbolic link."""
    try:
        return os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, mode, dir_fd=folder)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, f"{name} is a symbolic link") from error
        raise


def names(folder: int) -> list[str]:
    """Return the names in the opened folder."""
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries]


def remove(folder: int, *names: str) -> None:
    """Remove files of the opened folder. It is no error if one does not exist."""
    for name in names:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=folder)


def remove_empty(folder: Path) -> None:
    """Remove the folder if it is empty. Otherwise, or if it is gone already, do nothing."""
    with contextlib.suppress(OSError), opened(folder.parent) as parent:
        os.rmdir(folder.name, dir_fd=parent)


class _Walk:
    """A walk from `/` to a folder. `mode` is that of the folders to create, None to create none."""

    def __init__(self, path: Path, mode: int | None) -> None:
        self._names, self._mode, self._links = [*reversed(path.parts[1:])], mode, _LINKS
        self._place, self._descriptor = Path("/"), os.open("/", _STEP)
        self._root = os.fstat(self._descriptor).st_uid
        self._untrusted: UntrustedFolderError | None = None  # the last one, which is nearest to the folder

    def end(self) -> int:
        """Return an O_PATH descriptor of the folder, which `close` closes."""
        while self._names:
            self._step(self._names.pop())
        if self._untrusted:
            raise self._untrusted
        return self._descriptor

    def close(self) -> None:
        """Close the descriptor of `end`, or of the place that the walk has reached."""
        os.close(self._descriptor)

    def _step(self, name: str) -> None:
        place, found = self._place / name, self._open(name)
        try:
            status = os.fstat(found)
            self._judge(place, status)
            if stat.S_ISLNK(status.st_mode):
                self._follow(os.readlink("", dir_fd=found))
            else:
                self._place, self._descriptor, found = place, found, self._descriptor
        finally:
            os.close(found)

    def _open(self, name: str) -> int:
        """Return an O_PATH descriptor of what has this name. Create a folder if nothing has, but not for others."""
        try:
            return os.open(name, _STEP, dir_fd=self._descriptor)
        except FileNotFoundError:
            if self._untrusted:
                raise self._untrusted from None
            if self._mode is None:
                raise
        with contextlib.suppress(FileExistsError):  # another process was faster
            os.mkdir(name, self._mode, dir_fd=self._descriptor)
        return os.open(name, _STEP, dir_fd=self._descriptor)

    def _follow(self, target: str) -> None:
        """Go on with the names in the target of a link. If it is absolute, the first is `/`: openat(2) starts there."""
        self._links -= 1
        if self._links < 0:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        self._names += reversed(Path(target).parts)

    def _judge(self, place: Path, status: os.stat_result) -> None:
        parent = bool(self._names)
        owners = {0, os.geteuid(), *((self._root,) if parent else ())}
        if status.st_uid not in owners:
            self._untrusted = UntrustedFolderError(place, f"{place} belongs to {_user(status.st_uid)}")
        elif (writers := _writers(status)) and not (parent and status.st_mode & stat.S_ISVTX):
            problem = f"{place}, which belongs to {_user(status.st_uid)}, may be written to by {writers}"
            self._untrusted = UntrustedFolderError(place, problem)


def _writers(status: os.stat_result) -> str:
    """Return which users besides the owner may change what is in a folder; empty if none may."""
    if not stat.S_ISDIR(status.st_mode):  # everybody may "write" to a link, which changes nothing
        return ""
    if status.st_mode & stat.S_IWOTH:
        return "every user"
    if status.st_mode & stat.S_IWGRP and status.st_gid != status.st_uid:
        return f"the group {status.st_gid}"
    return ""


def _user(number: int) -> str:
    import pwd  # imported here: only a refusal needs it

    with contextlib.suppress(KeyError):
        return f"the user {pwd.getpwuid(number).pw_name} ({number})"
    return f"the user {number}"

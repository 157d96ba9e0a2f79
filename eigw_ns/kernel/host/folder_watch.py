"""Notice that names in folders come, go or change: inotify(7)."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import struct
from collections.abc import Sequence
from pathlib import Path

from eigw_ns.errors import kernel_error
from eigw_ns.frozen import frozen
from eigw_ns.kernel.namespaces.libc import libc

_MODIFY, _MOVED_FROM, _MOVED_TO, _CREATE, _DELETE = 0x2, 0x40, 0x80, 0x100, 0x200  # linux/inotify.h
_WANTED = _MODIFY | _MOVED_FROM | _MOVED_TO | _CREATE | _DELETE
_OVERFLOW, _ONLY_FOLDERS = 0x4000, 0x01000000
_EVENT = struct.Struct("=iIII")
_BYTES = 1 << 16


@frozen
class Change:
    """A name in a folder that came, went or changed. After an overflow, both are empty: anything may have changed."""

    folder: Path
    name: str


class FolderWatch:
    """Watches folders, which need not exist yet. Use it as a context manager."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._descriptor: int = libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        if self._descriptor < 0:
            raise kernel_error("watch folders", ctypes.get_errno())
        self._folders = tuple(folders)
        self._watched: dict[int, Path] = {}
        self.renew()

    def __enter__(self) -> FolderWatch:
        return self

    def __exit__(self, *_error: object) -> None:
        os.close(self._descriptor)

    def fileno(self) -> int:
        """Return the descriptor, which is readable after a change."""
        return self._descriptor

    def renew(self) -> None:
        """Watch the folders that exist now: one may have been made, or made again, since the last call."""
        for folder in self._folders:
            number = libc.inotify_add_watch(self._descriptor, os.fsencode(folder), _WANTED | _ONLY_FOLDERS)
            code = ctypes.get_errno()
            if number >= 0:
                self._watched[number] = folder
            elif code not in (errno.ENOENT, errno.ENOTDIR):
                raise kernel_error(f"watch {folder}", code)

    def changes(self) -> list[Change]:
        """Return what has changed, in order. Does not wait."""
        found: list[Change] = []
        with contextlib.suppress(BlockingIOError):
            while data := os.read(self._descriptor, _BYTES):
                found += self._parsed(data)
        return found

    def _parsed(self, data: bytes) -> list[Change]:
        found, offset = [], 0
        while offset < len(data):
            number, mask, _, length = _EVENT.unpack_from(data, offset)
            name = os.fsdecode(data[offset + _EVENT.size : offset + _EVENT.size + length].rstrip(b"\0"))
            offset += _EVENT.size + length
            if mask & _OVERFLOW:
                found.append(Change(Path(), ""))
            elif number in self._watched and mask & _WANTED:
                found.append(Change(self._watched[number], name))
        return found

"""The storage of the folders that the environment sets now: what a command that the test runs works on."""

from __future__ import annotations

import os

from eigw_ns.lab.storage.folders import HOST_FOLDERS, LabFolders
from eigw_ns.lab.storage.protocols import Journal, Lock, Store
from eigw_ns.lab.storage.storage import Storage


def folders() -> LabFolders:
    return LabFolders.chosen(os.environ, HOST_FOLDERS)


def storage() -> Storage:
    return Storage.in_folders(folders())


def store() -> Store:
    return storage().store


def lock() -> Lock:
    return storage().lock


def journal() -> Journal:
    return storage().journal

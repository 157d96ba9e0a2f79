"""The storage of labs, as a value that a front end makes once and passes down. One process may use several."""

from __future__ import annotations

from eigw_ns.frozen import frozen
from eigw_ns.lab.storage.folders import LabFolders
from eigw_ns.lab.storage.journal import FileJournal
from eigw_ns.lab.storage.lock import FileLock
from eigw_ns.lab.storage.protocols import Journal, Lock, Store
from eigw_ns.lab.storage.store import FileStore


@frozen
class Storage:
    """What a lab needs outside the kernel: its topology, its lock, its journal, and the folders for its agent."""

    folders: LabFolders
    store: Store
    lock: Lock
    journal: Journal

    @staticmethod
    def in_folders(folders: LabFolders) -> Storage:
        """Return the storage whose topologies, locks and journals are files in these folders."""
        return Storage(folders, FileStore(folders), FileLock(folders), FileJournal(folders))

"""Folders are values: one process can work in several pairs of them, whatever its environment says."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from eigw_ns.errors import HostError, LockedError, NoSuchLabError
from eigw_ns.lab.storage import journal, lock, paths, store
from eigw_ns.lab.storage.folders import LabFolders
from eigw_ns.lab.storage.journal import FileJournal
from eigw_ns.lab.storage.lock import FileLock
from eigw_ns.lab.storage.parse_cache import ParseCache, Source
from eigw_ns.lab.storage.protocols import Journal, Lock, Store
from eigw_ns.lab.storage.store import FileStore
from eigw_ns.topology import Topology, example, load

TEXT = example("demo").encode()


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Set an environment in which nothing may be read or written."""
    file = tmp_path / "not-a-folder"
    file.write_text("")
    monkeypatch.setenv("EIGW_NS_STATE_DIR", str(file / "state"))
    monkeypatch.setenv("EIGW_NS_RUN_DIR", str(file / "run"))
    return file


@pytest.fixture
def pair(tmp_path: Path) -> tuple[LabFolders, LabFolders]:
    first, second = (LabFolders(tmp_path / name / "state", tmp_path / name / "run") for name in ("first", "second"))
    return first, second


def demo() -> Topology:
    return load(TEXT, file="demo.yaml", default_lab="demo")


def test_two_stores_do_not_see_each_other(pair: tuple[LabFolders, LabFolders]) -> None:
    first, second = (FileStore(folders) for folders in pair)
    wanted = demo()
    first.save(wanted)
    assert (first.labs(), second.labs()) == (("demo",), ())
    assert (first.exists("demo"), second.exists("demo")) == (True, False)
    assert (first.holds(wanted), second.holds(wanted)) == (True, False)
    assert first.load("demo") == wanted
    with pytest.raises(NoSuchLabError):
        second.load("demo")
    assert (second.remove("demo"), first.remove("demo")) == (False, True)


def test_the_same_lab_is_locked_in_each_pair_of_folders(pair: tuple[LabFolders, LabFolders]) -> None:
    first, second = (FileLock(folders) for folders in pair)
    with first.hold("demo", "one"), second.hold("demo", "two"):
        assert first.held("demo") and second.held("demo")
        with pytest.raises(LockedError, match=r"\(two\)"), second.hold("demo", "three", wait=0.05):
            raise AssertionError("two hold the lock")
    assert not first.held("demo")


def test_a_journal_is_in_its_own_folder(pair: tuple[LabFolders, LabFolders]) -> None:
    first, second = (FileJournal(folders) for folders in pair)
    with first.written("demo", ["step"], destroy=True):
        assert first.unfinished("demo") and first.destroying("demo")
        assert not second.unfinished("demo") and not second.destroying("demo")
    FileLock(pair[0]).remove_run_files("demo")
    assert not (pair[0].run / "demo").exists()


def test_a_parse_cache_knows_the_topologies_of_its_own_folder(pair: tuple[LabFolders, LabFolders]) -> None:
    first, second = (ParseCache(folders) for folders in pair)
    FileStore(pair[0]).save(demo())
    first.remember(Source(TEXT, "demo"), demo())
    found = first.recall(Source(TEXT, "demo"))
    assert found == FileStore(pair[0]).read("demo")
    assert second.recall(Source(TEXT, "demo")) is None


def test_threads_work_in_different_folders_at_once(tmp_path: Path) -> None:
    def work(folders: LabFolders) -> None:
        kept, locks = FileStore(folders), FileLock(folders)
        for _ in range(20):
            with locks.hold("demo", "test"):
                kept.save(replace(demo(), expectations=()))
        done.append(kept.labs())

    done: list[tuple[str, ...]] = []
    every = [LabFolders(tmp_path / f"{number}" / "state", tmp_path / f"{number}" / "run") for number in range(3)]
    threads = [threading.Thread(target=work, args=(folders,)) for folders in every]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done == [("demo",)] * 3


def test_errors_name_the_folder_that_was_given(nowhere: Path) -> None:
    folders = LabFolders(nowhere / "mine", nowhere / "mine")
    ways: dict[str, Callable[[], object]] = {
        "EIGW_NS_STATE_DIR": lambda: FileStore(folders).save(demo()),
        "EIGW_NS_RUN_DIR": lambda: FileLock(folders).hold("demo", "x").__enter__(),
    }
    for variable, way in ways.items():
        with pytest.raises(HostError) as caught:
            way()
        assert f"set {variable} to a folder that you can write to (it is {nowhere / 'mine'} now)" in caught.value.hint


def test_the_environment_is_a_pair_of_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = LabFolders(tmp_path / "s", tmp_path / "r")
    for name, value in folders.environment().items():
        monkeypatch.setenv(name, value)
    assert LabFolders.from_environment() == folders
    assert (paths.state_dir(), paths.run_dir()) == (folders.state, folders.run)
    assert paths.agent_log("demo") == folders.agent_log("demo") == folders.run / "demo" / "agent.log"
    store.save(demo())
    assert FileStore(folders).load("demo") == demo()
    for name in folders.environment():
        monkeypatch.setenv(name, "")  # counts as not set
    assert LabFolders.from_environment() == LabFolders(Path("/var/lib/eigw-ns"), Path("/run/eigw-ns"))


def test_callers_need_only_the_protocols(pair: tuple[LabFolders, LabFolders]) -> None:
    """The modules are doors of the same shape, with the folders of the environment behind them."""
    for protocol, made, module in (
        (Store, FileStore(pair[0]), store),
        (Lock, FileLock(pair[0]), lock),
        (Journal, FileJournal(pair[0]), journal),
    ):
        members = {name for name in vars(protocol) if not name.startswith("_")}
        assert members and all(callable(getattr(made, name)) and callable(getattr(module, name)) for name in members)

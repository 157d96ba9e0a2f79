"""Folders are values: one process can work in several pairs of them, whatever its environment says."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.errors import HostError, LockedError, NoSuchLabError
from eigw_ns.kernel.fake.fake_kernel import FakeKernel
from eigw_ns.lab.agent import background, loop
from eigw_ns.lab.lifecycle import gc, operations
from eigw_ns.lab.lifecycle.ec2 import perform
from eigw_ns.lab.storage.folders import HOST_FOLDERS, LabFolders
from eigw_ns.lab.storage.journal import FileJournal
from eigw_ns.lab.storage.lock import FileLock
from eigw_ns.lab.storage.parse_cache import ParseCache, Source
from eigw_ns.lab.storage.protocols import Journal, Lock, Store
from eigw_ns.lab.storage.storage import Storage
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


def test_the_environment_may_set_one_folder_or_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = LabFolders(tmp_path / "s", tmp_path / "r")
    assert LabFolders.chosen(folders.environment(), HOST_FOLDERS) == folders
    assert LabFolders.chosen({"EIGW_NS_RUN_DIR": "", "EIGW_NS_STATE_DIR": "/s"}, folders) == LabFolders(
        Path("/s"), tmp_path / "r"
    )
    assert LabFolders.chosen({}, HOST_FOLDERS) == LabFolders(Path("/var/lib/eigw-ns"), Path("/run/eigw-ns"))
    monkeypatch.chdir(tmp_path)  # an agent works in another folder than the command that starts it
    assert LabFolders.chosen({"EIGW_NS_RUN_DIR": "r", "EIGW_NS_STATE_DIR": "s"}, HOST_FOLDERS) == folders


def test_use_cases_in_one_process_see_only_the_labs_of_their_folders(pair: tuple[LabFolders, LabFolders]) -> None:
    """Two kernels of one process, both with a lab `demo`, and every use case that needs folders."""
    first, second = (Storage.in_folders(folders) for folders in pair)
    kernels = FakeKernel(), FakeKernel()
    wanted = demo()
    operations.apply(kernels[0], first, wanted)
    assert (first.store.labs(), second.store.labs()) == (("demo",), ())
    with pytest.raises(NoSuchLabError):
        operations.status(kernels[1], second, "demo")
    operations.apply(kernels[1], second, replace(wanted, expectations=()))
    assert not operations.status(kernels[0], first, "demo") and not operations.status(kernels[1], second, "demo")
    with second.lock.hold("demo", "another process"), second.journal.written("demo", ["step"]):
        assert not operations.make_plan(kernels[0], first, wanted.cloud)
        answered = perform(lambda: kernels[0], first, "demo", "DescribeVpcs", {}, Settings())
        assert answered.warnings == ()
        assert perform(lambda: kernels[1], second, "demo", "DescribeVpcs", {}, Settings()).warnings
    with background.alone(kernels[0], first.folders, "demo"):
        assert background.running(first.folders, "demo") is not None
        assert background.running(second.folders, "demo") is None
    first.store.remove("demo")
    assert {thing.lab for thing in gc.find(kernels[0], first)} == {"demo"}
    assert gc.find(kernels[1], second) == ()
    with pytest.raises(NoSuchLabError):
        loop.Agent(kernels[0], first, "demo", loop.Settings(), lambda _event: None).run()
    loop.Agent(kernels[1], second, "demo", loop.Settings(), lambda _event: None, stopped=lambda: True).run()
    operations.destroy(kernels[1], second, "demo")
    assert kernels[1].labs() == () and kernels[0].labs() == ("demo",)


def test_callers_need_only_the_protocols(pair: tuple[LabFolders, LabFolders]) -> None:
    storage = Storage.in_folders(pair[0])
    for protocol, made in ((Store, storage.store), (Lock, storage.lock), (Journal, storage.journal)):
        members = {name for name in vars(protocol) if not name.startswith("_")}
        assert members and all(callable(getattr(made, name)) for name in members)

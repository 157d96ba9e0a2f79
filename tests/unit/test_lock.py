"""One controller per lab, and the journal that shows that one was killed."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from eigw_ns.errors import EigwError, LockedError
from eigw_ns.kernel.fake.fake_kernel import FakeKernel
from eigw_ns.lab.agent import background
from tests.support.stored import folders, journal, lock

_LONG = 60.0  # seconds; no test waits that long unless it fails


@pytest.fixture(autouse=True)
def run_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EIGW_NS_RUN_DIR", str(tmp_path / "run"))
    return tmp_path / "run"


@pytest.fixture
def holder() -> Iterator[int]:
    """Yield the pid of a process that holds the lock of the lab `one` until it is killed."""
    ready, tell = os.pipe()
    child = os.fork()
    if child == 0:
        with lock().hold("one", "eigw-ns apply -f lab.yaml"):
            os.write(tell, b"!")
            signal.pause()
        os._exit(0)
    os.close(tell)
    assert os.read(ready, 1) == b"!"
    os.close(ready)
    yield child
    _kill(child)


def _kill(child: int) -> None:
    try:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    except (ProcessLookupError, ChildProcessError):
        return


def test_the_error_names_the_holder(holder: int) -> None:
    assert lock().held("one")
    with pytest.raises(LockedError) as caught, lock().hold("one", "second"):
        raise AssertionError("two hold the lock")
    message = str(caught.value)
    assert message.startswith(f"the lab one is locked by process {holder} (eigw-ns apply -f lab.yaml) since 20")


def test_another_lab_is_free(holder: int) -> None:
    with lock().hold("two", "other"):
        assert lock().held("two")
    assert not lock().held("two")


def test_the_kernel_frees_it_when_the_holder_dies(holder: int) -> None:
    _kill(holder)
    assert not lock().held("one")
    with lock().hold("one", "second"):
        pass


def test_waiting_ends_when_the_holder_lets_go() -> None:
    """The holder lets go after the waiting process has found the lab locked: it is told so by the last byte."""
    ready, tell = os.pipe()
    done, end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(end)
        with lock().hold("one", "eigw-ns apply"):
            os.write(tell, b"!")
            os.read(done, 1)
        os._exit(0)
    os.close(done)
    try:
        assert os.read(ready, 1) == b"!"
        with pytest.raises(LockedError), lock().hold("one", "second"):
            raise AssertionError("two hold the lock")
        letting_go = threading.Timer(0.1, os.close, (end,))
        letting_go.start()
        with lock().hold("one", "second", wait=_LONG):
            assert lock().held("one")
        letting_go.join()
        assert os.waitpid(child, 0) == (child, 0)
    finally:
        _kill(child)
        os.close(ready)
        os.close(tell)


def test_waiting_names_the_holder_once(holder: int) -> None:
    told: list[str] = []
    killing = threading.Timer(0.1, os.kill, (holder, signal.SIGKILL))
    killing.start()
    with lock().hold("one", "second", wait=_LONG, tell=told.append):
        pass
    killing.join()
    [message] = told
    assert message.startswith(f"the lab one is locked by process {holder} (eigw-ns apply -f lab.yaml) since 20")
    with lock().hold("one", "third", wait=_LONG, tell=told.append):
        pass
    assert told == [message]


def test_waiting_ends_when_the_holder_dies(holder: int) -> None:
    killing = threading.Timer(0.1, os.kill, (holder, signal.SIGKILL))
    killing.start()
    with lock().hold("one", "second", wait=_LONG):
        pass
    killing.join()


def test_at_the_deadline_the_error_names_the_holder(holder: int) -> None:
    began = time.monotonic()
    message = f"the lab one is locked by process {holder} \\(eigw-ns apply -f lab.yaml\\) since 20"
    with pytest.raises(LockedError, match=message), lock().hold("one", "second", wait=0.2):
        raise AssertionError("two hold the lock")
    assert time.monotonic() - began >= 0.2


def test_an_interrupted_wait_does_not_lock(holder: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), monkeypatch.context() as patch:
        patch.setattr("select.select", interrupted)
        with lock().hold("one", "second", wait=_LONG):
            raise AssertionError("two hold the lock")
    _kill(holder)
    assert not lock().held("one")


def test_threads_of_one_process_wait_for_each_other() -> None:
    """A server holds locks in several threads: flock(2) excludes them, because each opens the file."""
    inside: list[str] = []

    def work(name: str) -> None:
        with lock().hold("one", name, wait=_LONG):
            assert not inside
            inside.append(name)
            inside.remove(name)
            done.append(name)

    done: list[str] = []
    names = [f"thread {number}" for number in range(4)]
    threads = [threading.Thread(target=work, args=(name,)) for name in names]
    with lock().hold("one", "main"):
        for thread in threads:
            thread.start()
        assert not done
    for thread in threads:
        thread.join()
    assert sorted(done) == names


def test_it_is_free_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError), lock().hold("one", "first"):
        raise ZeroDivisionError
    with lock().hold("one", "second"):
        pass


def test_other_users_may_not_open_the_lock_files(run_folder: Path) -> None:
    """flock(2) needs only an open file: a user who may read it could lock us out of our lab, or pose as its agent."""
    with lock().hold("one", "first"), background.alone(FakeKernel(), folders(), "one"):
        for name in ("lock", "agent"):
            assert (run_folder / "one" / name).stat().st_mode & 0o777 == 0o600


def test_looking_leaves_no_trace(run_folder: Path) -> None:
    assert not lock().held("one")
    assert not run_folder.exists()


def test_a_lost_run_folder_is_made_again(run_folder: Path) -> None:
    with lock().hold("one", "first"):
        lock().remove_run_files("one")
        assert not (run_folder / "one").exists()
    with lock().hold("one", "second"):
        assert lock().held("one")


def test_a_lock_on_a_removed_file_is_not_taken_for_the_lock() -> None:
    with lock().hold("one", "first"):
        lock().remove_run_files("one")
        with lock().hold("one", "second"), pytest.raises(LockedError, match="second"), lock().hold("one", "third"):
            raise AssertionError("two hold the lock")


def test_a_folder_that_cannot_be_made(run_folder: Path) -> None:
    run_folder.write_text("a file in the place of the folder")
    with pytest.raises(EigwError, match="open the lock"), lock().hold("one", "first"):
        raise AssertionError("the lock was taken")


def test_the_journal_says_that_a_lab_is_being_destroyed(run_folder: Path) -> None:
    assert not journal().destroying("one")
    with pytest.raises(ZeroDivisionError), journal().written("one", ["delete that"], destroy=True):
        raise ZeroDivisionError
    assert journal().destroying("one")
    with journal().written("one", []):  # applied again
        assert not journal().destroying("one")
    assert not journal().destroying("one")


def test_the_journal_lists_the_intended_changes(run_folder: Path) -> None:
    assert not journal().unfinished("one")
    with journal().written("one", ["create this", "delete that"]):
        assert journal().unfinished("one")
        assert not journal().destroying("one")
        assert (run_folder / "one" / "journal").read_text() == "change\ncreate this\ndelete that\n"
    assert not journal().unfinished("one")


def test_the_journal_stays_when_the_work_does_not_end() -> None:
    with pytest.raises(ZeroDivisionError), journal().written("one", ["step"]):
        raise ZeroDivisionError
    assert journal().unfinished("one")
    with journal().written("one", []):
        pass
    assert not journal().unfinished("one")


def test_the_journal_outlives_its_folder(run_folder: Path) -> None:
    with journal().written("one", ["step"]):
        lock().remove_run_files("one")
    assert not journal().unfinished("one")
    assert not (run_folder / "one").exists()


@pytest.mark.parametrize("moment", ["fcntl.flock", "os.path.samestat", "os.ftruncate", "os.pwrite", "the record's end"])
def test_an_interrupt_at_any_moment_lets_go(moment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock must be free at once, so that `Lab.build` of the pytest plugin can remove what was begun."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), monkeypatch.context() as patch:
        if moment != "the record's end":
            patch.setattr(moment, interrupted)
        with lock().hold("one", "eigw-ns apply"):
            patch.setattr("os.ftruncate", interrupted)
    with lock().hold("one", "eigw-ns destroy"):
        pass


def test_the_last_command_is_known_while_it_works_and_afterwards(holder: int) -> None:
    assert lock().last("one") == "eigw-ns apply -f lab.yaml"
    _kill(holder)
    with lock().hold("one", "eigw-ns ec2 CreateRoute (one)"):
        assert lock().last("one") == "eigw-ns ec2 CreateRoute (one)"
    assert lock().last("one") == "eigw-ns ec2 CreateRoute (one)"
    assert lock().last("two") == ""


@pytest.mark.parametrize("record", ["", "[]", "{", '{"pid": 1}', "null"])
def test_a_damaged_record_names_no_command(run_folder: Path, record: str) -> None:
    with lock().hold("one", "first"):
        pass
    (run_folder / "one" / "lock").write_text(record)
    assert lock().last("one") == ""

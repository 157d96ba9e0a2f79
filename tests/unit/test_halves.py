"""Two processes do half of the work each, in order. Errors of both are raised, and nothing is left behind."""

from __future__ import annotations

import errno
import gc
import os
import select
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from eigw_ns.errors import EigwError, HostError, KernelError, kernel_error
from eigw_ns.kernel.processes import parallel
from eigw_ns.kernel.processes.parallel import WORTH, in_halves
from tests.support.slowness import SLOWNESS

ITEMS = range(2 * WORTH + 1)
FIRST, SECOND = ITEMS[0], ITEMS[1]  # the first items of the two halves


@pytest.fixture(autouse=True)
def two_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use two processes even on a machine with one processor, and in a pytest-xdist worker, which has threads."""
    monkeypatch.setattr(parallel, "_may_fork", lambda: True)


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """Check that no process and no descriptor is left."""
    before = _descriptors()
    yield
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
    assert _descriptors() == before


def _descriptors() -> set[str]:
    return {entry.name for entry in os.scandir("/proc/self/fd") if Path(entry.path).exists()}


def test_each_half_is_done_once_and_in_order():
    first, second = in_halves(ITEMS, lambda items: (os.getpid(), list(items)))
    assert first == (os.getpid(), list(ITEMS[::2]))
    assert second[0] != os.getpid()
    assert second[1] == list(ITEMS[1::2])


def test_a_large_answer_is_complete():
    assert in_halves(ITEMS, lambda items: bytes(1 << 20) + bytes(items))[1] == bytes(1 << 20) + bytes(ITEMS[1::2])


def test_few_items_do_not_start_a_process():
    few = ITEMS[: 2 * WORTH - 1]
    assert in_halves(few, lambda items: (os.getpid(), list(items))) == [(os.getpid(), list(few))]


@pytest.mark.parametrize(
    "error",
    [
        kernel_error("make it", errno.EEXIST),
        kernel_error("make it", errno.EPERM),
        KernelError("make it", detail="nft says no", hint="another way"),
        EigwError("no", hint="yes"),
    ],
)
@pytest.mark.parametrize("place", [FIRST, SECOND])
def test_an_error_of_either_half_is_raised_as_it_is(error: EigwError, place: int):
    def work(items: Sequence[int]) -> None:
        if place in items:
            raise error

    with pytest.raises(EigwError) as caught:
        in_halves(ITEMS, work)
    assert type(caught.value) is type(error)
    assert str(caught.value) == str(error)
    assert {**vars(caught.value), "__notes__": []} == {**vars(error), "__notes__": []}


def test_if_the_first_half_fails_the_second_process_has_ended_when_that_is_raised():
    going_on, gone = os.pipe()

    def work(items: Sequence[int]) -> None:
        if SECOND not in items:
            raise HostError("no")
        select.select([], [], [], 5)
        os.write(gone, b"it went on")

    with pytest.raises(HostError):
        in_halves(ITEMS, work)
    os.close(gone)  # the second process had the only other copy
    assert os.read(going_on, 1) == b""
    os.close(going_on)


@pytest.mark.parametrize("error", [OSError(errno.EMFILE, "Too many open files", "/run"), ZeroDivisionError("a bug")])
def test_a_bug_in_the_second_half_is_raised_with_its_traceback(error: Exception):
    def work(items: Sequence[int]) -> None:
        if SECOND in items:
            raise error

    with pytest.raises(type(error)) as caught:
        in_halves(ITEMS, work)
    assert str(caught.value) == str(error)
    assert any("raise error" in note for note in caught.value.__notes__)


def _killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("how", [_killed, lambda: os._exit(0)])
def test_a_second_half_without_an_answer_is_an_error(how: Callable[[], None], capfd: pytest.CaptureFixture[str]):
    def work(items: Sequence[int]) -> None:
        if SECOND in items:
            how()

    with pytest.raises(EigwError, match="ended without an answer"):
        in_halves(ITEMS, work)
    assert capfd.readouterr() == ("", "")


class KillsItself:
    """An object whose pickling is interrupted."""

    def __reduce__(self) -> str:
        _killed()
        return ""


def test_half_an_answer_is_an_error():
    with pytest.raises(EigwError, match="ended without an answer"):
        in_halves(ITEMS, lambda items: [bytes(1 << 20), KillsItself()] if SECOND in items else [])


@pytest.mark.parametrize("call", ["fork", "pipe2"])
def test_one_process_does_all_if_no_other_is_allowed(monkeypatch: pytest.MonkeyPatch, call: str):
    def refuse(*_: object) -> int:
        raise OSError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(os, call, refuse)
    assert in_halves(ITEMS, lambda items: (os.getpid(), list(items))) == [(os.getpid(), list(ITEMS))]


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Let SIGINT and an alarm raise KeyboardInterrupt, even in the background of a shell, which ignores SIGINT.

    The garbage collector is disabled: after a Hypothesis test, it calls a function, and Python discards exceptions
    that are raised there, even KeyboardInterrupt.
    """
    gc.disable()
    before = [
        signal.signal(signal.SIGINT, signal.default_int_handler),
        signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT)),
    ]
    yield
    gc.enable()
    for number, handler in zip((signal.SIGINT, signal.SIGALRM), before, strict=True):
        signal.signal(number, handler)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("moment", range(40))
def test_an_interrupt_leaves_no_process(moment: int):
    """Interrupt at many moments, before the fork has returned and after it. `nothing_left` checks the rest."""
    with pytest.raises(KeyboardInterrupt):
        signal.setitimer(signal.ITIMER_REAL, (0.0001 + 0.0002 * moment) * SLOWNESS)
        in_halves(ITEMS, lambda _items: select.select([], [], [], 5 * SLOWNESS))


@pytest.mark.usefixtures("interruptible")
def test_the_second_half_is_not_interrupted():
    """Ctrl-C at a terminal goes to both processes; only the first one handles it."""

    def work(items: Sequence[int]) -> int:
        if SECOND in items:
            signal.raise_signal(signal.SIGINT)
        return len(items)

    assert sum(in_halves(ITEMS, work)) == len(ITEMS)


def test_the_second_dies_with_the_first():
    reading, writing = os.pipe()

    def work(items: Sequence[int]) -> None:
        if SECOND in items:
            os.write(writing, b"going")
            select.select([], [], [], 40)
            os._exit(0)
        os.read(reading, 5)
        os.kill(os.getpid(), signal.SIGKILL)

    first = os.fork()
    if first == 0:
        in_halves(ITEMS, work)
        os._exit(0)
    os.close(writing)
    _, status = os.waitpid(first, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL  # the control: it had started, and was killed
    assert select.select([reading], [], [], 20)[0], "the second process is still running"
    assert os.read(reading, 1) == b""
    os.close(reading)


def test_a_process_with_threads_or_one_processor_does_not_fork(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.undo()
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 1})
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    assert in_halves(ITEMS, lambda _items: os.getpid()) == [os.getpid()]
    done.set()
    thread.join()
    monkeypatch.setattr(os, "scandir", lambda _folder: ["one"])
    assert len(in_halves(ITEMS, lambda _items: os.getpid())) == 2
    for handler in (signal.SIG_IGN, lambda *_: None):
        before = signal.signal(signal.SIGCHLD, handler)
        assert in_halves(ITEMS, lambda _items: os.getpid()) == [os.getpid()]
        signal.signal(signal.SIGCHLD, before)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {1})
    assert in_halves(ITEMS, lambda _items: os.getpid()) == [os.getpid()]

"""The log of the endpoint: nothing waits for a program that does not read it."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import pytest

from eigw_ns.server.log_writer import LogWriter
from tests.support.labs import until

LINE = "x" * 1000


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """Yield a pipe: what reads it, and what writes to it."""
    ours, theirs = os.pipe()
    yield ours, theirs
    os.close(theirs)


def all_of(descriptor: int, found: list[bytes]) -> threading.Thread:
    """Return a thread that reads until every writer has closed the pipe."""

    def read() -> None:
        with os.fdopen(descriptor, "rb") as stream:
            found.extend(stream)

    thread = threading.Thread(target=read)
    thread.start()
    return thread


@pytest.mark.parametrize("blocking", [True, False])
def test_lines_that_nobody_reads_are_counted_and_the_count_is_logged(blocking: bool) -> None:
    ours, theirs = os.pipe()
    os.set_blocking(theirs, blocking)
    found: list[bytes] = []
    with LogWriter(theirs, most=10) as log:
        for _ in range(500):  # far more than a pipe holds
            log(LINE)
        reader = all_of(ours, found)
        until(lambda: any(b"lost" in line for line in found), "the count is logged")
        log("last")
    os.close(theirs)
    reader.join()
    (notice,) = [line.decode() for line in found if b"lost" in line]
    written = sum(line.strip() == LINE.encode() for line in found)
    assert written >= 10
    assert notice.startswith(f"warning: {500 - written} entries of the log are lost")
    assert found[-1] == b"last\n"


def test_what_was_logged_before_the_end_is_written(pipe: tuple[int, int]) -> None:
    with LogWriter(pipe[1]) as log:
        log("one\n")
        log("two\nthree")
    assert os.read(pipe[0], 100) == b"one\ntwo\nthree\n"
    os.close(pipe[0])


def test_a_closed_pipe_is_no_error(pipe: tuple[int, int]) -> None:
    os.close(pipe[0])
    with LogWriter(pipe[1]) as log:
        log("one")
        log("two")


def test_the_end_does_not_wait_long_for_a_reader(pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eigw_ns.server.log_writer._CLOSE_SECONDS", 0.01)
    with LogWriter(pipe[1]) as log:
        for _ in range(100):
            log(LINE)
    os.set_blocking(pipe[0], False)
    while log._thread.is_alive():  # the thread ends before the pipe is closed
        until(lambda: len(os.read(pipe[0], 1 << 20)) > 0, "it is read")
        log._thread.join(0.1)
    os.close(pipe[0])

"""The worker: describes never wait, changes come one at a time, and both processes end together."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from socket import socket

import pytest

from eigw_ns.server import channel
from eigw_ns.server.channel import AsyncEnd, BlockingEnd, ChannelError, Message
from eigw_ns.server.verbs import Verb, line
from eigw_ns.server.worker import Worker
from tests.support.command import SECONDS


class Bench:
    """A worker in a thread. `read` answers at once; `change` waits until it may go on."""

    def __init__(self, patience: float) -> None:
        self.may_go_on, self.changing = threading.Event(), threading.Event()
        self.done: list[object] = []
        self.log: list[str] = []
        self.ours, theirs = channel.pair()
        self.end = BlockingEnd(self.ours)
        verbs = {"read": Verb(lambda message, _: {"answer": message["x"]}, lambda _: False),
                 "change": Verb(self.change, lambda _: True), "other": Verb(self.other, lambda _: True, lambda _: 1),
                 "nowhere": Verb(self.other, lambda _: True, lambda _: None),
                 "bug": Verb(self.bug, lambda _: False)}  # fmt: skip
        self.worker = Worker(BlockingEnd(theirs), verbs, self.log.append, patience, labs=2)
        self.theirs = theirs

    def change(self, message: Message, seconds: float) -> Message:
        self.changing.set()
        assert self.may_go_on.wait(SECONDS)
        self.done.append(message["x"])
        return {"answer": message["x"], "seconds": seconds}

    def other(self, message: Message, _seconds: float) -> Message:
        return {"answer": message["x"]}

    def bug(self, _message: Message, _seconds: float) -> Message:
        raise ZeroDivisionError("detail")

    def ask(self, number: int, verb: str) -> None:
        self.end.send({"id": number, "verb": verb, "x": number})

    def hear(self) -> Message:
        answer = self.end.receive()
        assert answer is not None
        return answer


@contextmanager
def running(patience: float = 30.0) -> Iterator[tuple[Bench, Future[None]]]:
    bench = Bench(patience)
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(bench.worker.run)
        try:
            yield bench, future
        finally:
            bench.may_go_on.set()
            shut(bench.ours)
            future.result(SECONDS)
            bench.theirs.close()
            bench.ours.close()


def shut(end: socket) -> None:
    """Close both directions, as a process that ends does."""
    with suppress(OSError):
        end.shutdown(2)


def test_a_describe_does_not_wait_for_a_change() -> None:
    with running() as (bench, _):
        bench.ask(1, "change")
        assert bench.changing.wait(SECONDS)
        bench.ask(2, "read")
        assert bench.hear() == {"id": 2, "answer": 2}
        bench.may_go_on.set()
        assert bench.hear()["id"] == 1


@pytest.mark.parametrize("verb", ["other", "nowhere"])
def test_a_change_does_not_wait_for_one_of_another_lab(verb: str) -> None:
    with running() as (bench, _):
        bench.ask(1, "change")
        assert bench.changing.wait(SECONDS)
        bench.ask(2, verb)
        assert bench.hear()["id"] == 2
        bench.may_go_on.set()
        assert bench.hear()["id"] == 1


def test_changes_are_carried_out_in_order() -> None:
    with running() as (bench, _):
        for number in range(20):
            bench.ask(number, "change")
        bench.may_go_on.set()
        assert [bench.hear()["id"] for _ in range(20)] == list(range(20))
        assert bench.done == list(range(20))


def test_a_change_whose_turn_comes_too_late_is_refused_and_not_made() -> None:
    with running(patience=0.05) as (bench, _):
        bench.ask(1, "change")
        assert bench.changing.wait(SECONDS)
        bench.ask(2, "change")
        threading.Timer(0.1, bench.may_go_on.set).start()
        assert bench.hear()["id"] == 1
        assert bench.hear()["error"]["code"] == "RequestLimitExceeded"
        assert bench.done == [1]


def test_an_unknown_verb_and_a_bug_are_answers() -> None:
    with running() as (bench, _):
        bench.ask(1, "exec")
        assert bench.hear()["error"]["code"] == "InvalidRequest"
        bench.ask(2, "bug")
        answer = bench.hear()
        assert answer["error"]["code"] == "InternalError" and "detail" not in str(answer)
        assert "ZeroDivisionError: detail" in bench.log[0]
        bench.ask(3, "read")
        assert bench.hear()["answer"] == 3


def test_changes_that_nobody_waits_for_are_not_made() -> None:
    with running() as (bench, future):
        bench.ask(1, "change")
        assert bench.changing.wait(SECONDS)
        bench.ask(2, "change")
        bench.ask(3, "read")
        assert bench.hear()["id"] == 3  # so the worker has the second change
        shut(bench.ours)
        threading.Timer(0.05, bench.may_go_on.set).start()
        future.result(SECONDS)
        assert bench.done == [1]


@pytest.mark.parametrize(
    "data", [b"\x00\x00\x00\x02{]", b"\xff\xff\xff\xff", b"\x00\x00\x00\x02[]", b"\x00\x00\x00\x09{}"]
)
def test_what_is_not_a_message_ends_the_worker(data: bytes) -> None:
    with running() as (bench, future):
        bench.ours.sendall(data)
        shut(bench.ours)
        future.result(SECONDS)


def test_the_web_process_hears_that_the_worker_has_ended() -> None:
    ended: list[bool] = []

    async def ask() -> str:
        ours, theirs = channel.pair()
        end = AsyncEnd(ours, lambda: ended.append(True))
        await end.open()
        waiting = asyncio.create_task(end.call({"verb": "change"}))
        await asyncio.sleep(0)
        theirs.close()
        with pytest.raises(ChannelError) as caught:
            await waiting
        with pytest.raises(ChannelError):
            await end.call({"verb": "read"})
        return caught.value.message

    assert "ended" in asyncio.run(ask())
    assert ended == [True]


def test_a_large_answer_passes() -> None:
    async def ask() -> Message:
        ours, theirs = channel.pair()
        end = AsyncEnd(ours, lambda: None)
        await end.open()
        worker = BlockingEnd(theirs)
        waiting = asyncio.create_task(end.call({"verb": "read"}))
        asked = await asyncio.to_thread(worker.receive)
        assert asked is not None
        await asyncio.to_thread(worker.send, {"id": asked["id"], "answer": "x" * (8 << 20)})
        answer = await waiting
        end.close()
        theirs.close()
        return answer

    assert len(asyncio.run(ask())["answer"]) == 8 << 20


def test_a_client_forges_no_field_of_the_log() -> None:
    """Without signatures, the key id is whatever the client wrote."""
    message = {"key": 'AKIA action=DeleteVpc "x"', "action": "CreateVpc", "request_id": "r", "request": {"A": "b c=d"}}
    said = line(datetime(2026, 12, 1, tzinfo=UTC), message, "ok")
    assert said == (
        'time=2026-12-01T00:00:00.000+00:00 key="AKIA action=DeleteVpc \\"x\\"" action=CreateVpc result=ok'
        ' request-id=r request={"A":"b c=d"}'
    )

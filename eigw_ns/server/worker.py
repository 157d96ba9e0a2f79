"""The worker: carries out what the web process asks for. It is the only one of the two that can change the lab.

A thread for each lab makes its changes, one at a time: a change moves it between network namespaces, which each thread
has for itself. The main thread makes those of the first lab. Another thread receives, and answers at once what changes
nothing, so describes never wait for a change.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from queue import SimpleQueue

from eigw_ns.errors import CloudError
from eigw_ns.server.boundary import Boundary, Log
from eigw_ns.server.channel import BlockingEnd, ChannelError, Message
from eigw_ns.server.verbs import Verb, error_message

_INTERNAL = error_message(CloudError("InternalError", "An internal error has occurred; the server's log has it."))
_TOO_LATE = error_message(
    CloudError("RequestLimitExceeded", "Request limit exceeded: other changes of the lab took too long.")
)
_UNKNOWN = error_message(CloudError("InvalidRequest", "The worker does not know this verb."))


Lane = SimpleQueue[tuple[float, Message] | None]
"""The changes of one lab that wait, each with its deadline. None ends it."""


class Worker:
    """Answers the requests of one web process, until that ends.

    A change waits at most `patience` seconds: for those before it, and for another program that holds the lab's lock.
    """

    def __init__(
        self, channel: BlockingEnd, verbs: Mapping[str, Verb], log: Log, patience: float, labs: int = 1
    ) -> None:
        self._channel, self._verbs, self._log, self._patience = channel, verbs, log, patience
        self._lanes = tuple[Lane, ...](SimpleQueue() for _ in range(labs))
        self._ended = threading.Event()

    def run(self) -> None:
        """Answer requests until the web process ends. Changes that wait then are not made."""
        first, *others = self._lanes
        threads = [threading.Thread(target=self._change, args=(lane,), name="eigw-lab") for lane in others]
        for thread in (*threads, threading.Thread(target=self._receive, name="eigw-reader", daemon=True)):
            thread.start()
        self._change(first)
        for thread in threads:
            thread.join()

    def _change(self, lane: Lane) -> None:
        while (item := lane.get()) is not None and not self._ended.is_set():
            deadline, message = item
            left = deadline - time.monotonic()
            self._send(message, self._answer(message, left) if left > 0 else _TOO_LATE)

    def _receive(self) -> None:
        try:
            while (message := self._channel.receive()) is not None:
                verb = self._verbs.get(str(message.get("verb")))
                number = verb.lane(message) if verb is not None and verb.changes(message) else None
                if number is None:
                    self._send(message, self._answer(message, 0.0))
                else:
                    self._lanes[number].put((time.monotonic() + self._patience, message))
        except ChannelError as error:
            self._log(error.message)
        finally:
            self._ended.set()
            for lane in self._lanes:
                lane.put(None)

    def _answer(self, message: Message, seconds: float) -> Message:
        verb = self._verbs.get(str(message.get("verb")))
        if verb is None:
            return _UNKNOWN
        with Boundary(self._log, f"request {message.get('request_id')}"):
            return verb.run(message, seconds)
        return _INTERNAL

    def _send(self, message: Message, answer: Message) -> None:
        self._channel.send({**answer, "id": message.get("id")})

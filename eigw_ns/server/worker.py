"""The worker: carries out what the web process asks for. It is the only one of the two that can change the lab.

The main thread makes changes, one at a time: a change moves it between network namespaces, which each thread has for
itself. Another thread receives, and answers at once what changes nothing, so describes never wait for a change.
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


class Worker:
    """Answers the requests of one web process, until that ends.

    A change waits at most `patience` seconds: for those before it, and for another program that holds the lab's lock.
    """

    def __init__(self, channel: BlockingEnd, verbs: Mapping[str, Verb], log: Log, patience: float) -> None:
        self._channel, self._verbs, self._log, self._patience = channel, verbs, log, patience
        self._queue: SimpleQueue[tuple[float, Message] | None] = SimpleQueue()
        self._ended = threading.Event()

    def run(self) -> None:
        """Answer requests until the web process ends. Changes that wait then are not made."""
        threading.Thread(target=self._receive, name="eigw-reader", daemon=True).start()
        while (item := self._queue.get()) is not None and not self._ended.is_set():
            deadline, message = item
            left = deadline - time.monotonic()
            self._send(message, self._answer(message, left) if left > 0 else _TOO_LATE)

    def _receive(self) -> None:
        try:
            while (message := self._channel.receive()) is not None:
                verb = self._verbs.get(str(message.get("verb")))
                if verb is not None and verb.changes(message):
                    self._queue.put((time.monotonic() + self._patience, message))
                else:
                    self._send(message, self._answer(message, 0.0))
        except ChannelError as error:
            self._log(error.message)
        finally:
            self._ended.set()
            self._queue.put(None)

    def _answer(self, message: Message, seconds: float) -> Message:
        verb = self._verbs.get(str(message.get("verb")))
        if verb is None:
            return _UNKNOWN
        with Boundary(self._log, f"request {message.get('request_id')}"):
            return verb.run(message, seconds)
        return _INTERNAL

    def _send(self, message: Message, answer: Message) -> None:
        self._channel.send({**answer, "id": message.get("id")})

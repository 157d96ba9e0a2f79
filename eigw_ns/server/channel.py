"""The channel between the web process and the worker: a pair of sockets, on which each side sends JSON objects.

A message is its length in 4 bytes, in network order, and its JSON text. An answer of 1,000 subnets has a megabyte, more
than a packet of SOCK_SEQPACKET can hold, so this is SOCK_STREAM. Each request has an `id`, and its answer has the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
import threading
from collections.abc import Callable
from itertools import count
from typing import Any

from eigw_ns.errors import EigwError

_LENGTH = struct.Struct("!I")
_LONGEST = 256 << 20
"""The most bytes of a message. A longer one is not ours."""

_PART = 1 << 20

Message = dict[str, Any]


class ChannelError(EigwError):
    """The other side has ended, or sent what is not a message."""


def pair() -> tuple[socket.socket, socket.socket]:
    """Return the two ends of a channel."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)


def _packed(message: Message) -> bytes:
    data = json.dumps(message).encode()
    return _LENGTH.pack(len(data)) + data


def _unpacked(data: bytes) -> Message:
    found = json.loads(data)
    if not isinstance(found, dict):
        raise ChannelError("the web process sent what is not a message")
    return found


class BlockingEnd:
    """The end of the worker. One thread receives; several may send."""

    def __init__(self, end: socket.socket) -> None:
        self._socket, self._sending = end, threading.Lock()

    def receive(self) -> Message | None:
        """Return the next message; None if the other side has ended. Raises ChannelError."""
        head = self._exactly(_LENGTH.size)
        if head is None:
            return None
        (length,) = _LENGTH.unpack(head)
        if length > _LONGEST:
            raise ChannelError("the web process sent a message that is too long")
        data = self._exactly(length)
        try:
            return _unpacked(data) if data is not None else None
        except (ValueError, RecursionError):
            raise ChannelError("the web process sent what is not JSON") from None

    def _exactly(self, count: int) -> bytes | None:
        """Return the next `count` bytes; None if the other side ends before."""
        found = bytearray()
        while len(found) < count:
            try:
                part = self._socket.recv(min(count - len(found), _PART))
            except OSError:
                return None
            if not part:
                return None
            found += part
        return bytes(found)

    def send(self, message: Message) -> None:
        """Send a message. If the other side has ended, it is lost, since no caller waits for it."""
        with self._sending, contextlib.suppress(OSError):
            self._socket.sendall(_packed(message))


class AsyncEnd:
    """The end of the web process: many requests at a time, each waits for its answer."""

    def __init__(self, end: socket.socket, ended: Callable[[], None]) -> None:
        self._socket, self._ended = end, ended
        self._waiting: dict[int, asyncio.Future[Message]] = {}
        self._ids = count(1)
        self._writer: asyncio.StreamWriter | None = None
        self._listening: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Begin to listen. Calls `ended` when the worker has ended."""
        reader, self._writer = await asyncio.open_unix_connection(sock=self._socket)
        self._listening = asyncio.create_task(self._listen(reader))

    async def call(self, message: Message) -> Message:
        """Send a request and return its answer. Raises ChannelError if the worker ends before that."""
        if self._writer is None or self._writer.is_closing():
            raise ChannelError("the worker has ended")
        number = next(self._ids)
        future = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            self._writer.write(_packed({**message, "id": number}))
            answer: Message = await future
            return answer
        finally:
            del self._waiting[number]

    def close(self) -> None:
        """Close the channel, which ends the worker."""
        if self._writer is not None:
            self._writer.close()

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            while True:
                (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
                answer = _unpacked(await reader.readexactly(length))
                future = self._waiting.get(answer["id"])
                if future is not None and not future.done():
                    future.set_result(answer)
        self.close()
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(ChannelError("the worker ended before it answered"))
        self._ended()

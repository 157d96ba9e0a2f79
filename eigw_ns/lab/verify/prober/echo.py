"""The answering side: every TCP and UDP service of a round sends back what it receives."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterable

from eigw_ns.errors import MissingError
from eigw_ns.kernel.traffic import sockets
from eigw_ns.lab.verify.prober.flow import Service

_MOST = 2048


class Echoes:
    """Listeners for `services` while the `with` block runs. `foreign` has those whose port a user's service has."""

    def __init__(self, services: Iterable[Service]) -> None:
        self.foreign: set[Service] = set()
        self._services = sorted(set(services))
        self._open: set[socket.socket] = set()
        self._loop = asyncio.get_running_loop()

    def __enter__(self) -> Echoes:
        try:
            for service in self._services:
                self._listen(service)
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def _listen(self, service: Service) -> None:
        namespace, protocol, address, port = service
        try:
            listener = sockets.listen(namespace, protocol, address, port)
        except MissingError:
            return  # the address is gone; the canary will fail
        if listener is None:
            self.foreign.add(service)
            return
        self._open.add(listener)
        self._loop.add_reader(listener, self._accept if protocol == "tcp" else _answer, listener)

    def _accept(self, listener: socket.socket) -> None:
        try:
            stream, _ = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return  # the client has closed the connection meanwhile
        stream.setblocking(False)
        self._open.add(stream)
        self._loop.add_reader(stream, self._echo, stream)

    def _echo(self, stream: socket.socket) -> None:
        data = b""
        with contextlib.suppress(OSError):  # usual: our clients close by a reset
            data = stream.recv(_MOST)
            stream.send(data)
        if not data:
            self._loop.remove_reader(stream)
            self._open.remove(stream)
            stream.close()

    def _close(self) -> None:
        for opened in self._open:
            self._loop.remove_reader(opened)
            opened.close()
        self._open.clear()


def _answer(listener: socket.socket) -> None:
    """Send one datagram back. One that cannot leave is a lost answer, which the probe observes."""
    with contextlib.suppress(OSError):
        data, peer = listener.recvfrom(_MOST)
        listener.sendto(data, peer)

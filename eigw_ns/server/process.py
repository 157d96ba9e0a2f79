"""The two processes: fork the web process before anything listens, and end both together."""

from __future__ import annotations

import contextlib
import signal
import socket
from collections.abc import Iterator, Mapping
from typing import NoReturn

from eigw_ns.errors import EigwError
from eigw_ns.kernel.processes import child, privileges
from eigw_ns.kernel.processes.child import Child
from eigw_ns.kernel.processes.privileges import User
from eigw_ns.server import channel
from eigw_ns.server.boundary import Log
from eigw_ns.server.channel import BlockingEnd
from eigw_ns.server.listening import Listener
from eigw_ns.server.log_writer import LogWriter
from eigw_ns.server.verbs import Verb
from eigw_ns.server.worker import Worker

INTERRUPTED = 130
_END_SECONDS = 10.0
_ENDS = (signal.SIGTERM, signal.SIGHUP)  # of a supervisor; of a terminal that closes


class Terminated(BaseException):
    """A signal came that ends the server. It passes every handler of errors, as KeyboardInterrupt does."""


@contextlib.contextmanager
def terminable() -> Iterator[None]:
    """Raise Terminated in the block at SIGTERM or SIGHUP, so that it cleans up. Signals after the first do nothing.

    `Session.serve` replaces the handlers: from then on, requests that are open are answered first.
    """
    before = {number: signal.getsignal(number) for number in _ENDS}
    heeded = [number for number in _ENDS if before[number] is not signal.SIG_IGN]  # nohup(1) ignores SIGHUP

    def end(_number: int, _frame: object) -> NoReturn:
        for number in heeded:
            signal.signal(number, signal.SIG_IGN)
        raise Terminated

    try:
        for number in heeded:
            signal.signal(number, end)
        yield
    finally:
        for number in heeded:
            signal.signal(number, before[number])


@contextlib.contextmanager
def started(listener: Listener, web: object, user: User) -> Iterator[Session]:
    """Fork the web process, which becomes `user`, and end it after the block. `web` is a `web.Web`.

    This process must be single-threaded, and outside of the namespaces of labs: the web process stays in those that
    this process is in now.
    """
    ours, theirs = channel.pair()

    def run() -> int:
        ours.close()
        return _serve(listener.socket, web, theirs, user)

    session = Session(child.start(run), BlockingEnd(ours))
    theirs.close()
    listener.socket.close()
    try:
        yield session
    finally:
        session.end()


def _serve(listener: socket.socket, web: object, theirs: socket.socket, user: User) -> int:
    """In the web process: serve until a signal, or until the worker ends."""
    for number in (signal.SIGINT, *_ENDS):
        signal.signal(number, signal.SIG_DFL)
    child.leave_terminal()
    from eigw_ns.server.web import Web, prepare  # late: the worker needs none of it

    assert isinstance(web, Web)
    log = LogWriter()
    server = prepare(web, theirs, log)
    privileges.drop(user)
    with log:
        try:
            server.run(sockets=[listener])
        except OSError as error:
            log(f"error: cannot listen: {error.strerror}")
            return 1
    return 0


class Session:
    """A web process that runs, seen from the worker's process."""

    def __init__(self, web: Child, end: BlockingEnd) -> None:
        self._web, self._end = web, end
        self._signals: list[int] = []
        self._code: int | None = None

    def serve(self, verbs: Mapping[str, Verb], log: Log, patience: float, labs: int) -> int:
        """Answer the web process until it ends, and return the exit code. A change waits at most `patience` seconds.

        SIGTERM, SIGHUP and SIGINT end it: first the web process, after the requests that are open. Raises EigwError if
        it ended by itself.
        """
        for number in (signal.SIGINT, *_ENDS):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._pass_on)
        Worker(self._end, verbs, log, patience, labs).run()
        self._code = self._web.wait(_END_SECONDS)
        if self._signals:
            return INTERRUPTED if signal.SIGINT in self._signals else 0
        if self._code != 0:
            raise EigwError(f"the web process ended: {_reason(self._code)}", hint="start it again")
        return 0

    def end(self) -> None:
        """Kill the web process, unless it has ended."""
        if self._code is None:
            self._web.end(signal.SIGKILL)
            self._code = self._web.wait(_END_SECONDS)

    def _pass_on(self, number: int, _frame: object) -> None:
        self._signals.append(number)
        self._web.end(signal.SIGTERM)


def _reason(code: int | None) -> str:
    if code is None:
        return "it did not answer"
    return f"exit code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"

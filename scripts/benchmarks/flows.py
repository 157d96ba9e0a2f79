"""Many open flows between an instance and a host, and how long each was cut off: what a failover costs.

A process of its own holds them, since it needs thousands of descriptors, and since nobody else shall make it late:

- TCP connections that rest, and are asked at the end whether they still carry data both ways
- TCP connections and UDP streams that send something every 20 ms and note the longest time without an answer
- one TCP connection that transfers as much as it can
- an attacker: the host begins TCP and UDP flows towards the instance all the time; what the instance hears is counted
- an attacker that knows the ports of all TCP flows and forges segments of theirs (`forged`), in another process
"""

from __future__ import annotations

import contextlib
import multiprocessing
import resource
import select
import signal
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from typing import Any

from eigw_ns.kernel.namespaces import netns
from eigw_ns.kernel.traffic import sockets
from scripts.benchmarks.forged import Attack, Forger, Heard, Target

PORT, ATTACKED = 4443, 9
PATIENCE = 20.0  # seconds in which a resting connection must answer; some retransmissions
_INTERVAL = 0.02
_CHUNK = bytes(1 << 16)
_FILES = 20_000
_REPAIR, _REPAIR_QUEUE, _QUEUE_SEQUENCE, _RECEIVED, _QUIETLY = 19, 20, 21, 1, -1  # linux/tcp.h: TCP_REPAIR …


@dataclass(frozen=True, slots=True)
class Ends:
    """Between whom: namespaces and addresses of the instance and the host, and the instance's link."""

    instance: str
    instance_address: str
    host: str
    host_address: str
    link: str = "eth0"


@dataclass(frozen=True, slots=True)
class Wanted:
    """How many of each kind; what is forged, and how many packets of it a second."""

    resting: int = 2000
    asking: int = 40
    datagrams: int = 20
    transfers: int = 1
    patience: float = PATIENCE
    attack: Attack = "segments"
    rate: int = 20_000


@dataclass(frozen=True, slots=True)
class Report:
    """What happened since the last report: the longest silence of each asking flow, seconds, and what came in.

    `attacks` and `got_in` are of flows that the host tried to begin, `forged` of segments of flows that were there.
    """

    tcp_gaps: tuple[float, ...]
    udp_gaps: tuple[float, ...]
    transferred: int
    transfer_gap: float
    attacks: int
    got_in: int
    forged: Heard = field(default_factory=lambda: Heard(0, 0, 0))


class Flows:
    """The process that holds the flows. Use as a context manager: they are open inside the block."""

    def __init__(self, ends: Ends, wanted: Wanted) -> None:
        context = multiprocessing.get_context("fork")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_hold, args=(ends, wanted, theirs), daemon=True)
        self._ends, self._wanted = ends, wanted
        self._stack = contextlib.ExitStack()
        self._forged = Heard(0, 0, 0)

    def __enter__(self) -> Flows:
        self._process.start()
        with self._stack as stack:
            stack.callback(self._end)
            self._ask("ready")
            targets: list[Target] = self._ask("targets")
            forger = Forger(self._ends, self._wanted.attack, targets, self._wanted.rate)
            self._forger = stack.enter_context(forger)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _end(self) -> None:
        self._process.terminate()
        self._process.join()

    def report(self) -> Report:
        """Return what happened since the last time."""
        answer: Report = self._ask("report")
        before, self._forged = self._forged, self._forger.heard()
        return replace(answer, forged=self._forged.since(before))

    def lost(self) -> int:
        """How many of all connections no longer carry data both ways; those are closed."""
        answer: int = self._ask("lost")
        return answer

    def resting(self) -> int:
        """How many connections rest."""
        answer: int = self._ask("resting")
        return answer

    def add(self, resting: int) -> int:
        """Open so many more resting connections; how many of them opened."""
        answer: int = self._ask(("add", resting))
        return answer

    def _ask(self, question: object) -> Any:
        self._pipe.send(question)
        answer = self._pipe.recv()
        if isinstance(answer, Exception):
            raise answer
        return answer


def _expected(connection: socket.socket) -> int:
    """Return the sequence number that comes next."""
    connection.setsockopt(socket.IPPROTO_TCP, _REPAIR, 1)
    connection.setsockopt(socket.IPPROTO_TCP, _REPAIR_QUEUE, _RECEIVED)
    found = connection.getsockopt(socket.IPPROTO_TCP, _QUEUE_SEQUENCE)
    connection.setsockopt(socket.IPPROTO_TCP, _REPAIR, _QUIETLY)
    return found % (1 << 32)


def _hold(ends: Ends, wanted: Wanted, pipe: Connection) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(_FILES, hard), hard))
    try:
        with _Holder(ends, wanted).opened() as holder:
            holder.serve(pipe)
    except Exception as error:  # noqa: BLE001 - the parent raises it
        pipe.send(error)


@dataclass(eq=False)
class _Asking:
    """A flow that sends something all the time, and when it was last answered."""

    near: socket.socket
    far: socket.socket
    answered: float = 0.0
    gap: float = 0.0

    def ask(self) -> None:
        with contextlib.suppress(OSError):
            self.near.send(b"?")

    def echo(self) -> None:
        with contextlib.suppress(OSError):
            self.far.send(self.far.recv(4096))

    def hear(self, now: float) -> None:
        with contextlib.suppress(OSError):
            if self.near.recv(4096):
                self.gap, self.answered = max(self.gap, now - self.answered), now

    def report(self, now: float) -> float:
        gap = max(self.gap, now - self.answered)
        self.gap = 0.0
        return gap


@dataclass
class _Holder:
    ends: Ends
    wanted: Wanted
    resting: list[tuple[socket.socket, socket.socket]] = field(default_factory=list)
    tcp: list[_Asking] = field(default_factory=list)
    udp: list[_Asking] = field(default_factory=list)
    transfer: list[_Asking] = field(default_factory=list)
    attacks: int = 0
    got_in: int = 0
    transferred: int = 0

    @contextlib.contextmanager
    def opened(self) -> Iterator[_Holder]:
        with contextlib.ExitStack() as stack:
            ends = self.ends
            self._listener = stack.enter_context(self._socket(ends.host))
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # those before leave a TIME_WAIT
            self._listener.bind((ends.host_address, PORT))
            self._listener.listen(4096)
            self._sniffers = [
                stack.enter_context(sockets.sniff(ends.instance, ends.link, protocol, ends.host_address, ATTACKED))
                for protocol in ("tcp", "udp")
            ]
            self._attacker = stack.enter_context(self._socket(ends.host, socket.SOCK_DGRAM))
            self._attacker.setblocking(False)
            self._syn: socket.socket | None = None
            self.resting = [self._connected() for _ in range(self.wanted.resting)]
            self.tcp = [self._asking(*self._connected()) for _ in range(self.wanted.asking)]
            self.udp = [self._asking(*self._datagrams(number)) for number in range(self.wanted.datagrams)]
            self.transfer = [self._asking(*self._connected()) for _ in range(self.wanted.transfers)]
            self._register()
            yield self

    def _socket(self, namespace: str, kind: int = socket.SOCK_STREAM) -> socket.socket:
        with netns.inside(namespace):
            return socket.socket(socket.AF_INET6, kind)

    def _connected(self) -> tuple[socket.socket, socket.socket]:
        near = self._socket(self.ends.instance)
        near.settimeout(PATIENCE)
        near.connect((self.ends.host_address, PORT))
        far, _ = self._listener.accept()
        return near, far

    def _datagrams(self, number: int) -> tuple[socket.socket, socket.socket]:
        near, far = self._socket(self.ends.instance, socket.SOCK_DGRAM), self._socket(self.ends.host, socket.SOCK_DGRAM)
        near.bind((self.ends.instance_address, 0))
        far.bind((self.ends.host_address, PORT + 1 + number))
        near.connect((self.ends.host_address, PORT + 1 + number))
        near.send(b"?")
        _, address = far.recvfrom(16)
        far.connect(address)
        return near, far

    def _asking(self, near: socket.socket, far: socket.socket) -> _Asking:
        near.setblocking(False)
        far.setblocking(False)
        return _Asking(near, far, time.monotonic())

    def _register(self) -> None:
        self._epoll = select.epoll()
        self._handlers: dict[int, Callable[[], None]] = {}
        for each in (*self.tcp, *self.udp):
            self._on(each.far, each.echo)
            self._on(each.near, lambda each=each: each.hear(time.monotonic()))  # type: ignore[misc]
        for each in self.transfer:
            self._on(each.far, lambda each=each: self._take(each))  # type: ignore[misc]

    def _on(self, opened: socket.socket, handler: Callable[[], None]) -> None:
        self._epoll.register(opened.fileno(), select.EPOLLIN)
        self._handlers[opened.fileno()] = handler

    def serve(self, pipe: Connection) -> None:
        """Keep everything going and answer questions, until killed."""
        due = time.monotonic()
        while True:
            for descriptor, _ in self._epoll.poll(max(0.0, due - time.monotonic()), 256):
                self._handlers[descriptor]()
            if time.monotonic() >= due:
                due = max(due + _INTERVAL, time.monotonic())
                self._tick()
                if pipe.poll():
                    pipe.send(self._answer(pipe.recv()))

    def _tick(self) -> None:
        for each in (*self.tcp, *self.udp):
            each.ask()
        for each in self.transfer:
            with contextlib.suppress(OSError):
                each.near.send(_CHUNK)
        self._attack()

    def _take(self, each: _Asking) -> None:
        with contextlib.suppress(OSError):
            size = len(each.far.recv(1 << 20))
            now = time.monotonic()
            self.transferred += size
            each.gap, each.answered = max(each.gap, now - each.answered), now

    def _attack(self) -> None:
        target = (self.ends.instance_address, ATTACKED)
        with contextlib.suppress(OSError):
            self._attacker.bind((self.ends.host_address, ATTACKED))
        for _ in range(5):
            with contextlib.suppress(OSError):
                self._attacker.sendto(b"attack", target)
                self.attacks += 1
        if self._syn is not None:
            self._syn.close()
        self._syn = self._socket(self.ends.host)
        self._syn.setblocking(False)
        with contextlib.suppress(OSError):
            self._syn.connect(target)
        self.attacks += 1
        self.got_in += sum(1 for each in self._sniffers if sockets.heard(each))

    def _answer(self, question: object) -> object:
        match question:
            case "ready":
                self._restart()
                return True
            case "report":
                return self._report()
            case "resting":
                return len(self.resting)
            case "targets":
                return list(self._targets())
            case "lost":
                return self._lost()
            case ("add", int(number)):
                return self._add(number)
        raise ValueError(question)

    def _targets(self) -> Iterator[Target]:
        for near in (*(near for near, _ in self.resting), *(each.near for each in (*self.tcp, *self.transfer))):
            yield near.getsockname()[1], near.getpeername()[1], _expected(near)

    def _restart(self) -> None:
        for each in (*self.tcp, *self.udp, *self.transfer):
            each.answered, each.gap = time.monotonic(), 0.0

    def _report(self) -> Report:
        now = time.monotonic()
        found = Report(
            tuple(each.report(now) for each in self.tcp),
            tuple(each.report(now) for each in self.udp),
            self.transferred,
            max((each.report(now) for each in self.transfer), default=0.0),
            self.attacks,
            self.got_in,
        )
        self.attacks = self.got_in = self.transferred = 0
        return found

    def _add(self, number: int) -> int:
        added = []
        for _ in range(number):
            with contextlib.suppress(OSError):
                added.append(self._connected())
        self.resting += added
        return len(added)

    def _lost(self) -> int:
        """Data in both directions over each resting connection; the asking ones tell by their gaps."""
        for near, far in self.resting:
            for end in (near, far):
                with contextlib.suppress(OSError):
                    end.setblocking(False)
                    end.send(b"!")
        deadline = time.monotonic() + self.wanted.patience
        waiting = {end: pair for pair in self.resting for end in pair}
        poll = select.poll()
        by_number = {end.fileno(): end for end in waiting}
        for number in by_number:
            poll.register(number, select.POLLIN)
        dead = []
        while by_number and time.monotonic() < deadline:
            for number, _ in poll.poll(max(1.0, 1000 * (deadline - time.monotonic()))):
                end = by_number.pop(number)
                poll.unregister(number)
                try:
                    alive = end.recv(16) != b""
                except OSError:
                    alive = False
                if alive:
                    waiting.pop(end, None)
                else:
                    dead.append(waiting[end])
        lost = {id(pair): pair for pair in (*waiting.values(), *dead)}
        for pair in lost.values():
            for end in pair:
                end.close()
        self.resting = [pair for pair in self.resting if id(pair) not in lost]
        return len(lost)

"""A host in memory: processes, a clock that moves only while the program waits, and heartbeats through replicas."""

from __future__ import annotations

import errno
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NoReturn

from eigw_ns.dataplane.state import Forwarding, Leg, Link, NetObject, NetState, Ruleset
from eigw_ns.errors import kernel_error
from eigw_ns.kernel.fake.fake_namespace import FakeNamespace
from eigw_ns.kernel.protocol import Heartbeats, Occupant
from eigw_ns.kernel.reading.faults import first_fault


class ProgramReplacedError(Exception):
    """`exec_in` was called: on a real host, this program would be another one now."""

    def __init__(self, namespace: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        super().__init__(f"exec {command[0]} in {namespace}")
        self.namespace, self.command, self.environment = namespace, tuple(command), dict(environment)


class FakeHost:
    """A `Host` in memory.

    `processes` are those in namespaces; `ended` are the pids of those that do not run any more. `silent` are namespaces
    of replicas that look well and drop every heartbeat. `named` are the addresses of the names that a command can use;
    `nameless` is the reason why it cannot. `descriptors` are those of open heartbeats. `at` does something
    when the clock gets there.
    """

    def __init__(self) -> None:
        self.namespaces: dict[str, FakeNamespace] = {}
        self.processes: list[Occupant] = []
        self.ended: set[int] = set()
        self.silent: set[str] = set()
        self.descriptors: set[int] = set()
        self.readable: set[int] = set()
        self.named: dict[str, str] = {}
        self.nameless = ""
        self._now = 0.0
        self._due: list[tuple[float, Callable[[], object]]] = []
        self._numbers = itertools.count(1000)
        self._needed: list[str] = []

    def at(self, seconds: float, action: Callable[[], object]) -> None:
        """Call `action` when the clock shows `seconds`."""
        self._due = sorted([*self._due, (seconds, action)], key=lambda due: due[0])

    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self.namespaces))

    def processes_in(self, namespaces: Iterable[str]) -> tuple[Occupant, ...]:
        wanted = set(namespaces) & set(self.namespaces)
        found = (each for each in self.processes if each.namespace in wanted and self.stays(each))
        return tuple(sorted(found, key=lambda each: each.pid))

    def stays(self, occupant: Occupant) -> bool:
        return occupant in self.processes and occupant.pid not in self.ended

    def name_nodes(self, names: Mapping[str, Sequence[str]]) -> str:
        self.named = {name: address for address, given in names.items() for name in given}
        return self.nameless

    def exec_in(self, namespace: str, command: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
        if namespace not in self.namespaces:
            raise kernel_error(f"enter the namespace {namespace}", errno.ENOENT)
        raise ProgramReplacedError(namespace, command, environment)

    def fault(
        self, namespace: str, holds: Iterable[NetObject], ports: Iterable[tuple[str, str]], *, changing: bool = False
    ) -> str:
        return first_fault(self._contents(namespace), holds, ports, self.is_up, changing=changing)

    def heartbeats(self, inner: Leg, outer: Leg, source: str, destination: str, port: int) -> Heartbeats:
        return FakeHeartbeats(self, inner, outer)

    def now(self) -> float:
        return self._now

    def wait(self, descriptors: Iterable[int], seconds: float) -> frozenset[int]:
        ready = frozenset(descriptors) & self.readable
        if not ready:
            self._pass(seconds)
        return ready

    @contextmanager
    def show_need(self, lab: str) -> Iterator[None]:
        self._needed.append(lab)
        try:
            yield
        finally:
            self._needed.remove(lab)

    def needed_labs(self) -> frozenset[str]:
        return frozenset(self._needed)

    def _pass(self, seconds: float) -> None:
        end = self._now + seconds
        while self._due and self._due[0][0] <= end:
            moment, action = self._due.pop(0)
            self._now = max(self._now, moment)
            action()
        self._now = end

    def _contents(self, namespace: str) -> NetState | None:
        space = self.namespaces.get(namespace)
        if space is None or ("namespace", namespace) not in space.objects:
            return None
        return NetState.of(space.objects.values())

    def link(self, namespace: str, name: str) -> Link | None:
        """Return the link; None if it does not exist."""
        found = self.namespaces.get(namespace, FakeNamespace()).objects.get(("link", namespace, name))
        return found if isinstance(found, Link) else None

    def is_up(self, namespace: str, name: str) -> bool:
        """Return whether the link exists and is up."""
        link = self.link(namespace, name)
        return link is not None and link.up

    def passes(self, namespace: str, name: str) -> bool:
        """Return whether the namespace at the other end of the link lets heartbeats pass."""
        port = self.link(namespace, name)
        if port is None or port.peer is None or port.peer[0] in self.silent or not self.is_up(*port.peer):
            return False
        there = self.namespaces[port.peer[0]].objects.values()
        return all(any(isinstance(thing, kind) for thing in there) for kind in (Ruleset, Forwarding))

    def open_descriptor(self) -> int:
        """Return a new number among `descriptors`."""
        number = next(self._numbers)
        self.descriptors.add(number)
        return number


class FakeHeartbeats:
    """Heartbeats that come back at once, if both ports lead to a replica that has rules, forwards and is not silent."""

    def __init__(self, host: FakeHost, inner: Leg, outer: Leg) -> None:
        self.sent = self.answered = 0
        self._host, self._ports = host, ((inner.namespace, inner.link), (outer.namespace, outer.link))
        for port in self._ports:
            if host.link(*port) is None:
                raise kernel_error(f"listen to {port[1]} in {port[0]}", errno.ENODEV)
        self._descriptor = host.open_descriptor()

    def descriptors(self) -> tuple[int, ...]:
        return (self._descriptor,)

    def beat(self) -> None:
        if not all(self._host.is_up(*port) for port in self._ports):
            raise kernel_error("send a heartbeat", errno.ENODEV)
        self.sent += 1
        if all(self._host.passes(*port) for port in self._ports):
            self._host.readable.add(self._descriptor)

    def hear(self) -> None:
        if self._descriptor in self._host.readable:
            self._host.readable.remove(self._descriptor)
            self.answered = self.sent

    def close(self) -> None:
        self._host.readable.discard(self._descriptor)
        self._host.descriptors.remove(self._descriptor)

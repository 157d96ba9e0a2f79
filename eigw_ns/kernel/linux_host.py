"""`LinuxHost`: the `Host` protocol on the Linux that this program runs on."""

from __future__ import annotations

import select
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import NoReturn

from eigw_ns.dataplane.state import Leg, NetObject
from eigw_ns.kernel.namespaces import netns
from eigw_ns.kernel.processes import liveness, process
from eigw_ns.kernel.protocol import Heartbeats, Occupant
from eigw_ns.kernel.reading import health
from eigw_ns.kernel.replication.heartbeat import Heartbeat


class LinuxHost:
    """The host. It remembers nothing."""

    def names(self) -> tuple[str, ...]:
        """See `Host.names`."""
        return netns.names()

    def processes_in(self, namespaces: Iterable[str]) -> tuple[Occupant, ...]:
        """See `Host.processes_in`."""
        return process.processes_in(namespaces)

    def stays(self, occupant: Occupant) -> bool:
        """See `Host.stays`."""
        return process.stays(occupant)

    def exec_in(self, namespace: str, command: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
        """See `Host.exec_in`."""
        process.become(namespace, command, environment)

    def fault(
        self, namespace: str, holds: Iterable[NetObject], ports: Iterable[tuple[str, str]], *, changing: bool = False
    ) -> str:
        """See `Host.fault`."""
        return health.fault(namespace, holds, ports, changing=changing)

    def heartbeats(self, inner: Leg, outer: Leg, source: str, destination: str, port: int) -> Heartbeats:
        """See `Host.heartbeats`."""
        return Heartbeat(inner, outer, source, destination, port)

    def now(self) -> float:
        """See `Host.now`."""
        return time.monotonic()

    def wait(self, descriptors: Iterable[int], seconds: float) -> frozenset[int]:
        """See `Host.wait`."""
        poll = select.poll()
        for descriptor in descriptors:
            poll.register(descriptor, select.POLLIN)
        return frozenset(descriptor for descriptor, _ in poll.poll(seconds * 1000))

    def show_need(self, lab: str) -> AbstractContextManager[None]:
        """See `Host.show_need`."""
        return liveness.shown(lab)

    def needed_labs(self) -> frozenset[str]:
        """See `Host.needed_labs`."""
        return liveness.labs()

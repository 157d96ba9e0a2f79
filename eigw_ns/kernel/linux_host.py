"""`LinuxHost`: the `Host` protocol on the Linux that this program runs on.

Most commands call one of these methods or none, so each method imports the module that it needs: all of them take
15 ms to import.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import NoReturn

from eigw_ns.dataplane.state import Leg, NetObject
from eigw_ns.kernel.namespaces import netns
from eigw_ns.kernel.protocol import Heartbeats, Occupant


class LinuxHost:
    """The host. It remembers nothing."""

    def names(self) -> tuple[str, ...]:
        """See `Host.names`."""
        return netns.names()

    def processes_in(self, namespaces: Iterable[str]) -> tuple[Occupant, ...]:
        """See `Host.processes_in`."""
        from eigw_ns.kernel.processes import process

        return process.processes_in(namespaces)

    def stays(self, occupant: Occupant) -> bool:
        """See `Host.stays`."""
        from eigw_ns.kernel.processes import process

        return process.stays(occupant)

    def name_nodes(self, names: Mapping[str, Sequence[str]]) -> str:
        """See `Host.name_nodes`."""
        from eigw_ns.kernel.namespaces import hosts_file

        return hosts_file.cover(names)

    def exec_in(self, namespace: str, command: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
        """See `Host.exec_in`."""
        from eigw_ns.kernel.processes import process

        process.become(namespace, command, environment)

    def fault(
        self, namespace: str, holds: Iterable[NetObject], ports: Iterable[tuple[str, str]], *, changing: bool = False
    ) -> str:
        """See `Host.fault`."""
        from eigw_ns.kernel.reading import health

        return health.fault(namespace, holds, ports, changing=changing)

    def heartbeats(self, inner: Leg, outer: Leg, source: str, destination: str, port: int) -> Heartbeats:
        """See `Host.heartbeats`."""
        from eigw_ns.kernel.replication.heartbeat import Heartbeat

        return Heartbeat(inner, outer, source, destination, port)

    def now(self) -> float:
        """See `Host.now`."""
        import time

        return time.monotonic()

    def wait(self, descriptors: Iterable[int], seconds: float) -> frozenset[int]:
        """See `Host.wait`."""
        import select

        poll = select.poll()
        for descriptor in descriptors:
            poll.register(descriptor, select.POLLIN)
        return frozenset(descriptor for descriptor, _ in poll.poll(seconds * 1000))

    def show_need(self, lab: str) -> AbstractContextManager[None]:
        """See `Host.show_need`."""
        from eigw_ns.kernel.processes import liveness

        return liveness.shown(lab)

    def needed_labs(self) -> frozenset[str]:
        """See `Host.needed_labs`."""
        from eigw_ns.kernel.processes import liveness

        return liveness.labs()

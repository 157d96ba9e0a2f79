"""Look at a lab: its stored cloud, its drift, and the replicas that carry no flows."""

from __future__ import annotations

from collections.abc import Iterator

from eigw_ns.dataplane.replication import spread
from eigw_ns.dataplane.replication.watched_gateways import Gateway, gateways
from eigw_ns.errors import MissingError
from eigw_ns.kernel.protocol import Machine
from eigw_ns.lab.events.views import View
from eigw_ns.lab.lifecycle import operations
from eigw_ns.lab.storage.protocols import Stored
from eigw_ns.lab.storage.storage import Storage


class Eye:
    """Looks at one lab. The stored topology is read again only if its version is new."""

    def __init__(self, kernel: Machine, storage: Storage, lab: str) -> None:
        self._kernel, self._storage, self._lab = kernel, storage, lab
        self._known: Stored | None = None
        self._replicated: tuple[Gateway, ...] = ()

    def stored(self) -> Stored:
        """Return the stored topology. Raises NoSuchLabError if none is stored."""
        known = self._known
        if known is None or known.version != self._storage.store.version(self._lab):
            found = self._storage.store.read(self._lab)
            if known is not None and known.topology.cloud == found.topology.cloud:
                found = Stored(known.topology, found.version)  # the same object, so that nobody compares again
            else:
                self._replicated = gateways(found.topology.cloud, self._kernel.connection_table())
            known = self._known = found
        return known

    def look(self) -> View | None:
        """Return the lab as it is; None while a command changes it. Raises NoSuchLabError if it is not stored."""
        stamp = self._storage.lock.stamp(self._lab)
        if self._storage.lock.held(self._lab):
            return None
        cloud = self.stored().topology.cloud
        drift: dict[str, list[str]] = {}
        for step in operations.make_plan(self._kernel, self._storage, cloud):
            drift.setdefault(step.object.namespace, []).append(f"{step.verb} {step.object}: {step.reason}")
        found = View(cloud, {name: tuple(steps) for name, steps in drift.items()}, self.out())
        return found if stamp == self._storage.lock.stamp(self._lab) else None

    def out(self) -> dict[str, str]:
        """Return the replicas that carry no flows, with the reason. This is cheap, and right during a change, too."""
        return dict(self._out())

    def _out(self) -> Iterator[tuple[str, str]]:
        for gateway in self._replicated:
            outward = next(group for group in gateway.groups if group.side == "fabric")
            try:
                found = self._kernel.group(outward)
            except MissingError:  # nothing reaches any replica, which the drift of the fabric says
                continue
            serving = spread.members(found.shares if found else spread.all_to(outward.shares[0][2]))
            for replica in gateway.replicas:
                if replica.inner.mac not in serving:
                    fault = self._kernel.fault(replica.namespace, replica.holds, replica.ports)
                    yield replica.namespace, fault or "it has no share of the flows"

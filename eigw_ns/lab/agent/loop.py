"""The agent's loop: it sends a heartbeat through every replica, reads the answers, and acts on them.

It keeps nothing between two rounds that the kernel does not have too. So it may be killed and started at any time.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from eigw_ns.dataplane.replication.watched_gateways import Replica, gateways
from eigw_ns.dataplane.state import Forwarding, Namespace, NetObject
from eigw_ns.errors import EigwError, LockedError, MissingError, NoSuchLabError
from eigw_ns.frozen import frozen
from eigw_ns.kernel.protocol import Machine
from eigw_ns.lab.agent import events
from eigw_ns.lab.agent.events import EventSink
from eigw_ns.lab.agent.failure_detector import INTERVAL, LATE, SILENT, STEADY
from eigw_ns.lab.agent.gateway_monitor import GatewayMonitor, ReplicaMonitor, describe
from eigw_ns.lab.lifecycle import operations
from eigw_ns.lab.storage.folders import LabFolders
from eigw_ns.lab.storage.storage import Storage

_LOOK = 5.0  # seconds between two reads of what other programs have changed
_MEND = 5.0  # seconds between two tries to repair
_AGE = 30.0  # seconds between two looks at whether taught flows still live


@frozen
class Settings:
    """What the agent may do. `repair`: rebuild replicas that are dead."""

    repair: bool = False


class Agent:
    """Watches the gateways of one lab. `say` receives the events. The agent ends when `stopped` returns True."""

    def __init__(
        self,
        kernel: Machine,
        storage: Storage,
        lab: str,
        settings: Settings,
        say: EventSink,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self._kernel, self._storage, self._lab = kernel, storage, lab
        self._settings, self._say, self._stopped = settings, say, stopped
        self._monitors: tuple[GatewayMonitor, ...] = ()
        self._stored = 0
        self._looked = self._mended = self._aged = 0.0

    def run(self) -> None:
        """Watch until told to stop or the lab is gone. Raises NoSuchLabError if it does not exist at the start."""
        self._load()
        self._say(events.Watching(self._lab, len(self._everybody())))
        self._tell_idle()
        try:
            while not self._stopped():
                self._round(self._kernel.now())
        except (NoSuchLabError, MissingError) as error:
            self._say(events.LabGone(self._lab, describe(error)))
        finally:
            self._close()

    def once(self) -> bool:
        """Judge every replica, act, and repair if that is allowed. Returns whether all replicas carry flows then.

        Returns False if the lab is not in the kernel. Reports each replica that carries no flows with the reason, even
        if an earlier run has taken it out.
        """
        self._load()
        self._tell_idle()
        told = {each.replica.label for each in self._everybody() if each.pulse.carries}  # when it dies
        try:
            for _ in range(max(SILENT, STEADY) + 1):
                self._beat(self._kernel.now())
            if self._settings.repair:
                self._mended = 0.0
                self._mend(self._kernel.now())
                self._load()
            dead = [each for each in self._everybody() if not each.pulse.carries or each.pulse.verdict == "dead"]
            for each in dead:
                if each.pulse.carries or each.replica.label not in told:
                    self._say(events.ReplicaStillDead(each.replica.label, each.reason()))
            return not dead and self._alive()
        finally:
            self._close()

    def _tell_idle(self) -> None:
        """Report that nothing can be watched. A later apply may change that, so it is not an error."""
        if not self._alive():
            build = f"nothing of the lab is in the kernel: `eigw-ns apply --lab {self._lab}` builds it"
            self._say(events.NothingToWatch(self._lab, build))
        elif not self._everybody():
            self._say(events.NothingToWatch(self._lab, "no gateway has several replicas"))

    def _alive(self) -> bool:
        return self._lab in self._kernel.labs()

    def _round(self, now: float) -> None:
        if self.stale():
            watched = self._everybody()
            self._load()
            if watched and not self._everybody():
                self._tell_idle()
        if now - self._looked >= _LOOK:
            self._looked = now
            for monitor in self._monitors:
                monitor.look()
        if now - self._aged >= _AGE:
            self._aged = now
            for monitor in self._monitors:
                monitor.age()
        self._beat(now)
        if (
            self._settings.repair
            and now - self._mended >= _MEND
            and not all(monitor.whole for monitor in self._monitors)
        ):
            self._mend(now)

    def _beat(self, now: float) -> None:
        """Send a heartbeat through each replica, judge the replicas, and wait until the next one is due."""
        everybody = self._everybody()
        for each in everybody:
            each.beat()
        self._hear(everybody, now + LATE)
        for monitor in self._monitors:
            for recovered in monitor.judge():
                self._put_back(monitor, recovered)
        self._hear(everybody, now + INTERVAL)

    def _everybody(self) -> list[ReplicaMonitor]:
        return [each for monitor in self._monitors for each in monitor.replicas]

    def _hear(self, everybody: list[ReplicaMonitor], until: float) -> None:
        """Read heartbeats until the time `until`, at least once."""
        while True:
            patience = max(0.0, until - self._kernel.now())
            ready = self._kernel.wait((number for each in everybody for number in each.descriptors()), patience)
            for each in everybody:
                each.hear(ready)
            if (not ready and patience == 0.0) or self._kernel.now() >= until:
                return

    def _put_back(self, monitor: GatewayMonitor, recovered: ReplicaMonitor) -> None:
        try:
            with self._storage.lock.hold(self._lab, f"eigw-ns agent ({self._lab})"):
                monitor.put_back(recovered)
        except LockedError:
            return  # another process is changing the lab: try again at the next heartbeat
        except EigwError as error:
            self._say(events.CannotPutBack(recovered.replica.label, describe(error)))

    def _mend(self, now: float) -> None:
        """Do what `apply` does. First remove dead replicas without a visible fault, which a plan would keep."""
        self._mended = now
        dead = [each for each in self._everybody() if not each.pulse.carries]
        try:
            with self._storage.lock.hold(self._lab, f"eigw-ns agent --repair ({self._lab})"):
                for each in dead:
                    if each.pulse.missed and not each.fault():
                        self._kernel.delete(_whole(each.replica))
                applied = operations.reconcile(self._kernel, self._storage, self._storage.store.load(self._lab))
        except LockedError:
            return
        except EigwError as error:
            self._say(events.CannotRepair(describe(error)))
            return
        self._say(events.Repaired(applied.steps))
        for monitor in self._monitors:
            monitor.look()

    def stale(self) -> bool:
        """Return whether the lab is gone, or may have other replicas than when it was read."""
        return _changed(self._storage.folders, self._lab) != self._stored

    def changing(self) -> bool:
        """Return whether a process is changing the lab."""
        return self._storage.lock.held(self._lab)

    def _load(self) -> None:
        pulses = {each.replica.namespace: each.pulse for each in self._everybody()}
        self._close()
        self._stored = _changed(self._storage.folders, self._lab)
        cloud = self._storage.store.load(self._lab).cloud
        found = gateways(cloud, self._kernel.connection_table())
        self._monitors = tuple(GatewayMonitor(self._kernel, gateway, self, self._say) for gateway in found)
        for each in self._everybody():
            before = pulses.get(each.replica.namespace, each.pulse)
            if before.carries == each.pulse.carries:  # frequent changes must hide no dead replica
                each.pulse = before

    def _close(self) -> None:
        for monitor in self._monitors:
            monitor.close()
        self._monitors = ()


def _whole(replica: Replica) -> list[NetObject]:
    """Return the objects whose deletion ends a replica, in the order that lets no packet in."""
    found = (thing for thing in replica.holds if isinstance(thing, Forwarding | Namespace))
    return sorted(found, key=lambda thing: -thing.rank)


def _changed(folders: LabFolders, lab: str) -> int:
    """Return when the stored topology was changed last, in nanoseconds; 0 if there is none."""
    with contextlib.suppress(OSError):
        return folders.topology_file(lab).stat().st_mtime_ns
    return 0

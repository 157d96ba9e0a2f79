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
from eigw_ns.lab.agent.gateway_monitor import Watch, Watched, describe
from eigw_ns.lab.lifecycle import operations
from eigw_ns.lab.storage.folders import LabFolders
from eigw_ns.lab.storage.storage import Storage

_LOOK = 5.0  # seconds between two looks at what others have changed
_MEND = 5.0  # seconds between two tries to repair
_AGE = 30.0  # seconds between two looks at whether taught flows still live


@frozen
class Settings:
    """What the agent may do. `repair`: rebuild replicas that are dead."""

    repair: bool = False


class Agent:
    """Watches the gateways of one lab. `say` is told what happens, `stopped` is asked whether to end."""

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
        self._watches: tuple[Watch, ...] = ()
        self._stored = 0
        self._looked = self._mended = self._aged = 0.0

    def run(self) -> None:
        """Go on until told to stop, or the lab is gone. Raises NoSuchLabError if it does not exist at the start."""
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
        """Judge every replica, act, repair if that is allowed, and return whether all replicas carry flows then.

        False if the lab is not in the kernel. Each replica that carries no flows is named with the reason, even if an
        earlier run has taken it out.
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
        """Nobody shall wait for words about what is not there. Both may change, so this is no error."""
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
            for watch in self._watches:
                watch.look()
        if now - self._aged >= _AGE:
            self._aged = now
            for watch in self._watches:
                watch.age()
        self._beat(now)
        if self._settings.repair and now - self._mended >= _MEND and not all(watch.whole for watch in self._watches):
            self._mend(now)

    def _beat(self, now: float) -> None:
        """One beat through everybody, heard until it is late, judged, and a rest until the next is due."""
        everybody = self._everybody()
        for each in everybody:
            each.beat()
        self._hear(everybody, now + LATE)
        for watch in self._watches:
            for recovered in watch.judge():
                self._put_back(watch, recovered)
        self._hear(everybody, now + INTERVAL)

    def _everybody(self) -> list[Watched]:
        return [each for watch in self._watches for each in watch.replicas]

    def _hear(self, everybody: list[Watched], until: float) -> None:
        """Take in beats as they come, at least once however late it is already."""
        while True:
            patience = max(0.0, until - self._kernel.now())
            ready = self._kernel.wait((number for each in everybody for number in each.descriptors()), patience)
            for each in everybody:
                each.hear(ready)
            if (not ready and patience == 0.0) or self._kernel.now() >= until:
                return

    def _put_back(self, watch: Watch, recovered: Watched) -> None:
        try:
            with self._storage.lock.hold(self._lab, f"eigw-ns agent ({self._lab})"):
                watch.put_back(recovered)
        except LockedError:
            return  # somebody is changing the lab: it is still well the next time
        except EigwError as error:
            self._say(events.CannotPutBack(recovered.replica.label, describe(error)))

    def _mend(self, now: float) -> None:
        """Do what an apply would, first taking away what is dead though nothing can be seen to be wrong with it."""
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
        for watch in self._watches:
            watch.look()

    def stale(self) -> bool:
        """Whether the lab may have got other replicas since they were looked up, or be gone."""
        return _changed(self._storage.folders, self._lab) != self._stored

    def changing(self) -> bool:
        """Whether somebody is changing the lab."""
        return self._storage.lock.held(self._lab)

    def _load(self) -> None:
        pulses = {each.replica.namespace: each.pulse for each in self._everybody()}
        self._close()
        self._stored = _changed(self._storage.folders, self._lab)
        cloud = self._storage.store.load(self._lab).cloud
        found = gateways(cloud, self._kernel.connection_table())
        self._watches = tuple(Watch(self._kernel, gateway, self, self._say) for gateway in found)
        for each in self._everybody():
            before = pulses.get(each.replica.namespace, each.pulse)
            if before.carries == each.pulse.carries:  # so that change upon change hides nobody's death
                each.pulse = before

    def _close(self) -> None:
        for watch in self._watches:
            watch.close()
        self._watches = ()


def _whole(replica: Replica) -> list[NetObject]:
    """Return the objects whose deletion ends a replica, in the order that lets no packet in."""
    found = (thing for thing in replica.holds if isinstance(thing, Forwarding | Namespace))
    return sorted(found, key=lambda thing: -thing.rank)


def _changed(folders: LabFolders, lab: str) -> int:
    """Return when the stored topology was changed last, in nanoseconds; 0 if there is none."""
    with contextlib.suppress(OSError):
        return folders.topology_file(lab).stat().st_mtime_ns
    return 0

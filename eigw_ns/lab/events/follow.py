"""Follow a lab: the kernel's reports say when to look, and the difference of two looks says what has happened.

A burst of reports leads to one look. A look at a lab that changes without end costs at most a sixth of a processor.
Reports of a change of ours are not news by themselves: the lab's lock and the store tell what it was.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from eigw_ns.cloud.model import Cloud
from eigw_ns.dataplane.compile.names import is_name_of
from eigw_ns.errors import EigwError, MissingError, NoSuchLabError
from eigw_ns.frozen import frozen
from eigw_ns.kernel.host.folder_watch import FolderWatch
from eigw_ns.kernel.namespaces.netns import DIRECTORY
from eigw_ns.kernel.netlink.reports import ROOM, Heard, Reports
from eigw_ns.kernel.protocol import Machine
from eigw_ns.kernel.traffic.sockets import descriptors
from eigw_ns.lab.agent import background
from eigw_ns.lab.events.drops import Bursts
from eigw_ns.lab.events.event import SOMEBODY_ELSE, Event, author
from eigw_ns.lab.events.links import DownLinks
from eigw_ns.lab.events.looks import Eye
from eigw_ns.lab.events.views import Authors, View, Words, about, news, replicas
from eigw_ns.lab.metrics.targets import targets
from eigw_ns.lab.storage.storage import Storage

EventSink = Callable[[Event], None]
"""Called with each event when it is known."""

_TICK = 1.0  # seconds between two looks at the counters of drops
_GATHER = 0.05  # seconds after the first report of a burst, and between two turns of listening
_PAUSE = 0.2  # seconds at least between two looks
_BUSY = 0.1  # seconds until the next try while a command changes the lab
_REST = 5  # a look is followed by a pause of so many times its own length
_ANYWAY = 30.0  # seconds after which a lab is looked at without a report: Linux reports no change of most sysctls
_AGENT = "eigw-ns agent"
_LOST = "reports came faster than they were read"
_DESCRIPTORS = 1 << 16  # two for each namespace, and more of them may come


@frozen
class Settings:
    """`room` is the receive buffer of each socket in bytes. If a descriptor in `ends` is ready, following ends."""

    room: int = ROOM
    ends: Collection[int] = ()


DEFAULTS = Settings()


class Ears:
    """Listens in every namespace of a lab. Namespaces that come are heard at once, and those that go are let go."""

    def __init__(self, kernel: Machine, lab: str, room: int) -> None:
        self._kernel, self._lab, self._room = kernel, lab, room
        self._open: dict[str, Reports] = {}
        self._coming: set[str] = set()
        self.begin_again()

    def begin_again(self) -> None:
        """Listen in the namespaces that exist now, and in no others."""
        self.close()
        self._coming = {name for name in self._kernel.names() if is_name_of(self._lab, name)}
        self.open()

    def descriptors(self) -> tuple[int, ...]:
        """Return the descriptors to wait for."""
        return tuple(number for each in self._open.values() for number in each.descriptors())

    def renamed(self, name: str) -> None:
        """Note that this name came or went. Its namespace is another one from now on, or none."""
        if is_name_of(self._lab, name):
            if name in self._open:
                self._open.pop(name).close()
            self._coming.add(name)

    def open(self) -> None:
        """Listen in the namespaces that have come. A name comes before its namespace, so some need another try."""
        for name in sorted(self._coming):
            with contextlib.suppress(MissingError):
                self._open[name] = Reports(name, self._room)
                self._coming.discard(name)
        self._coming -= self._kernel.missing(self._coming)

    def hear(self, ready: frozenset[int]) -> dict[str, Heard]:
        """Return what was reported in each namespace of which a descriptor is ready."""
        return {name: each.hear() for name, each in self._open.items() if not ready.isdisjoint(each.descriptors())}

    def close(self) -> None:
        """Close all sockets."""
        for each in self._open.values():
            each.close()
        self._open.clear()


class Follower:
    """Follows one lab until it is destroyed. Nothing of it stays when it ends."""

    def __init__(
        self,
        kernel: Machine,
        storage: Storage,
        lab: str,
        words: Words,
        say: EventSink,
        settings: Settings = DEFAULTS,
    ) -> None:
        self._kernel, self._storage, self._lab, self._words = kernel, storage, lab, words
        self._say, self._settings = say, settings
        self._eye, self._bursts = Eye(kernel, storage, lab), Bursts()
        self._view: View | None = None
        self._labels: Mapping[str, str] = {}
        self._counting: tuple[str, ...] = ()
        self._stamp, self._by = storage.lock.stamp(lab), ""
        self._seen_stamp = self._stamp
        self._changed_by_us = False
        self._counted = self._looked = 0.0
        self._due: float | None = 0.0
        self._earliest = self._deaf = 0.0
        self._down = DownLinks()
        self._processes: dict[str, dict[str, None]] = {}

    def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Follow the lab. `ready` is called when nothing is missed any more.

        Raises NoSuchLabError if the lab is not stored.
        """
        folders = self._storage.folders
        places = (DIRECTORY, folders.topology_file(self._lab).parent, folders.lock_file(self._lab).parent)
        self._eye.stored()
        with descriptors(_DESCRIPTORS), FolderWatch(places) as watch:
            ears = Ears(self._kernel, self._lab, self._settings.room)
            try:
                while self._round(watch, ears, ready):
                    pass
            finally:
                ears.close()

    def _round(self, watch: FolderWatch, ears: Ears, ready: Callable[[], None]) -> bool:
        """Wait for reports, take them in, and look if it is time. Return whether to go on."""
        now = self._kernel.now()
        ends = self._settings.ends
        listening = ears.descriptors() if now >= self._deaf else ()
        woken = self._kernel.wait((watch.fileno(), *listening, *ends), self._patience(now))
        if not woken.isdisjoint(ends):
            return False
        changes = watch.changes()
        for change in changes:
            if change.folder == DIRECTORY:
                ears.renamed(change.name)
            elif not change.name:  # changes were lost
                ears.begin_again()
        watch.renew()
        ears.open()
        self._note_session()
        heard = ears.hear(woken)
        now = self._kernel.now()
        self._tell(now, heard)
        if heard:
            self._deaf = now + _GATHER
            self._judge()
        if self._due is None and (changes or heard or now - self._looked >= _ANYWAY):
            self._due = max(now + _GATHER, self._earliest)
        if now - self._counted >= _TICK:
            self._count(now)
        if self._due is not None and now >= self._due:
            return self._look(now, ready)
        return True

    def _patience(self, now: float) -> float:
        moments = [self._counted + _TICK, now + _TICK]
        moments += [] if self._due is None else [self._due]
        moments += [self._deaf] if self._deaf > now else []
        return max(0.0, min(moments) - now)

    def _note_session(self) -> None:
        """Note which command has the lab's lock, or had it."""
        stamp = self._storage.lock.stamp(self._lab)
        self._changed_by_us = stamp != self._seen_stamp or stamp != self._stamp
        if stamp != self._seen_stamp:
            self._seen_stamp = stamp
            self._by = author(self._storage.lock.last(self._lab), self._lab) or self._by

    def _tell(self, now: float, heard: Mapping[str, Heard]) -> None:
        """Report what the reports themselves say."""
        for name, each in heard.items():
            if each.lost:
                self._say(about("events.lost", name, "", {"reason": _LOST}, self._labels))
            if not self._changed_by_us:
                made = (f"{by.process} ({by.pid})" for by in each.transactions)
                self._processes.setdefault(name, {}).update(dict.fromkeys(made))
                for link in self._down.fold(now, name, each.links):
                    detail = {"link": link.link, "removed": link.removed}
                    self._say(about("link.down", name, SOMEBODY_ELSE, detail, self._labels))

    def _judge(self) -> None:
        """Report replicas that have just gone out of service or come back: an agent may repair one before the look."""
        agents = self._by.startswith(_AGENT)
        if self._view is None or (self._storage.lock.held(self._lab) and not agents):
            return
        try:
            after = self._eye.out()
        except EigwError:  # the next look tells
            return
        for event in replicas(self._view.out, after, Authors("", self._agent(), {}), self._labels):
            self._say(event)
        self._view = replace(self._view, out=after)

    def _agent(self) -> str:
        return _AGENT if background.running(self._storage.folders, self._lab) else ""

    def _count(self, now: float) -> None:
        self._counted = now
        for each in self._bursts.fold(now, self._kernel.traffic(self._counting)):
            detail = {"reason": each.reason, "packets": each.packets, "seconds": each.seconds}
            self._say(about("drops.burst", each.namespace, "", detail, self._labels))

    def _look(self, now: float, ready: Callable[[], None]) -> bool:
        self._due = None
        try:
            view = self._eye.look()
        except NoSuchLabError:
            return self._gone(now)
        except EigwError:  # a tenant changes its namespace without end, or a command began meanwhile: try again
            view = None
        took = self._kernel.now() - now
        self._earliest = now + max(took * (1 + _REST), _PAUSE)
        if view is None:
            self._due = max(now + _BUSY, self._earliest)
            return True
        self._looked, before, self._view = now, self._view, view
        if before is not None:
            self._report(before, view)
        self._stamp = self._seen_stamp
        if before is None:
            self._know(view.cloud)
            self._count(now)  # drops count from here on
            ready()
        return True

    def _report(self, before: View, after: View) -> None:
        by = self._by if self._seen_stamp != self._stamp else ""
        if after.cloud is not before.cloud:
            self._know(after.cloud)
        authors = Authors(by, self._agent(), {name: tuple(found) for name, found in self._processes.items() if found})
        self._processes.clear()
        for event in news(before, after, authors, self._words):
            self._say(event)

    def _know(self, cloud: Cloud) -> None:
        """Work out what depends on the cloud alone. What has left it keeps its label."""
        self._labels = {**self._labels, **self._words.labels(cloud)}
        self._counting = targets(cloud).namespaces

    def _gone(self, now: float) -> bool:
        """Report that the lab is destroyed, unless the command that does that still works."""
        if self._storage.lock.held(self._lab):
            self._due = now + _BUSY
            return True
        self._say(Event("lab.destroyed", "", "", self._by or SOMEBODY_ELSE, {}))
        return False

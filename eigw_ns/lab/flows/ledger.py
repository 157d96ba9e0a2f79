"""What the flows of a connection table have carried since one last looked. Pure.

A dump gives the counts of the flows that live, an event those of a flow that has ended. A dump may miss an entry while
the table is resized, so a flow is given up only after two dumps without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from eigw_ns.dataplane.state import Flow, FlowEntry, Traffic
from eigw_ns.frozen import frozen

_NOTHING = Traffic(0, 0, 0, 0)
_MISSES = 2

_Identity = tuple[Flow, int, int | None]


@frozen
class Growth:
    """What a flow has carried since the last look. `fresh` tells that it began since then."""

    entry: FlowEntry
    traffic: Traffic
    fresh: bool


class Ledger:
    """The counts of one connection table. `entries` are its flows now: what they carried before does not count."""

    def __init__(self, entries: Iterable[FlowEntry]) -> None:
        self._known = {_identity(entry): entry.traffic for entry in entries if entry.traffic}
        self._missed: dict[_Identity, int] = {}

    def looked(self, entries: Iterable[FlowEntry]) -> Iterator[Growth]:
        """Yield what the flows of a dump have carried since the last look."""
        seen = set[_Identity]()
        for entry in entries:
            seen.add(_identity(entry))
            yield from self._growth(entry)
        self._missed = {each: self._missed.get(each, 0) + 1 for each in self._known.keys() - seen}
        for each in [each for each, times in self._missed.items() if times >= _MISSES]:
            del self._known[each], self._missed[each]

    def ended(self, entry: FlowEntry) -> Iterator[Growth]:
        """Yield what a flow that has ended carried since the last look."""
        yield from self._growth(entry)
        self._known.pop(_identity(entry), None)

    def _growth(self, entry: FlowEntry) -> Iterator[Growth]:
        if entry.traffic is None:  # it began before flows were counted
            return
        before = self._known.get(_identity(entry))
        carried = _difference(entry.traffic, before or _NOTHING)
        self._known[_identity(entry)] = entry.traffic
        if carried != _NOTHING:
            yield Growth(entry, carried, before is None)


def _identity(entry: FlowEntry) -> _Identity:
    return entry.flow, entry.id, entry.begun


def _difference(now: Traffic, before: Traffic) -> Traffic:
    return Traffic(
        now.packets_out - before.packets_out,
        now.bytes_out - before.bytes_out,
        now.packets_in - before.packets_in,
        now.bytes_in - before.bytes_in,
    )

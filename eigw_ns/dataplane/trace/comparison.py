"""Compare what the model says of a packet with what nftables reported of a real one, station by station. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Literal

from eigw_ns.cloud.model import Cloud
from eigw_ns.dataplane.trace.model import Direction, Hop, Reason, Trace
from eigw_ns.dataplane.trace.stations import Station, station_id
from eigw_ns.frozen import frozen

Fate = Literal["passed", "dropped", "ended", "unseen"]
"""What became of a packet at a station. `dropped`: by a rule. `ended`: the rules accepted it, and no later station saw
it, so a route, or the lack of one, took it."""


@frozen
class PacketStep:
    """What a rule did with the packet, or the policy of a chain, whose `handle` is None.

    `time_us` are the microseconds since the first step, at which this process read the message of the kernel.
    """

    family: str
    chain: str
    handle: int | None
    rule: str
    verdict: str
    to: str | None
    time_us: int


@frozen
class Passage:
    """A packet that a station saw, with the steps that its rules reported, in order."""

    station: Station
    direction: Direction
    steps: tuple[PacketStep, ...]

    @property
    def dropped(self) -> bool:
        """Whether a rule or a policy dropped it."""
        return any(step.verdict == "drop" for step in self.steps)

    @property
    def deciding(self) -> PacketStep | None:
        """The step that dropped it, or the last rule that accepted it; None if only policies, or no rule, did."""
        final = [step for step in self.steps if step.verdict == "drop"]
        final += [step for step in reversed(self.steps) if step.verdict == "accept" and step.handle is not None]
        return final[0] if final else None


@frozen
class Arrivals:
    """What the two machines have seen: the packet at the destination, and what came back at the source."""

    delivered: bool
    answered: bool


@frozen
class Row:
    """A station, what the model says of it, and what the packet did there. `hop` is None if the model has none."""

    direction: Direction
    station: Station
    hop: Hop | None
    fate: Fate
    passage: Passage | None
    agrees: bool


def compare(
    cloud: Cloud, trace: Trace, way: Sequence[Station], passages: Collection[Passage], arrivals: Arrivals
) -> tuple[Row, ...]:
    """Return a row for each station that the model names or that saw the packet, in the order of the way."""
    there = _Direction(cloud, trace, "forward", way, passages, arrivals.delivered)
    back = _Direction(cloud, trace, "return", [*reversed(way)], passages, arrivals.answered)
    return (*there.rows(), *back.rows())


class _Direction:
    """The packet, or its answer, on its way."""

    def __init__(
        self,
        cloud: Cloud,
        trace: Trace,
        direction: Direction,
        way: Sequence[Station],
        passages: Collection[Passage],
        arrived: bool,
    ) -> None:
        self._direction, self._way, self._arrived = direction, way, arrived
        self._seen = {each.station: each for each in passages if each.direction == direction}
        self._hops = {station_id(cloud, hop): hop for hop in trace.hops if hop.direction == direction}
        self._places = {station.rank: number for number, station in enumerate(way)}
        self._last = max((self._places[each.rank] for each in self._seen), default=-1)

    def rows(self) -> Iterator[Row]:
        """Yield the rows. A replicated gateway has a row for each replica that saw the packet, or one if none did."""
        shown: set[str] = set()
        for station in sorted(self._way, key=lambda each: (self._places[each.rank], each not in self._seen)):
            hop, passage = self._hops.get(station.id), self._seen.get(station)
            if passage is None and (hop is None or station.id in shown):
                continue
            shown.add(station.id)
            fate = self._fate(station, passage)
            yield Row(self._direction, station, hop, fate, passage, self._agrees(station, hop, fate))

    def _fate(self, station: Station, passage: Passage | None) -> Fate:
        if station.family is None:
            sent = station == self._way[0] and bool(self._seen)
            return "passed" if sent or self._arrived else "unseen"
        if passage is None:
            return "unseen"
        if passage.dropped:
            return "dropped"
        return "passed" if self._arrived or self._places[station.rank] < self._last else "ended"

    def _agrees(self, station: Station, hop: Hop | None, fate: Fate) -> bool:
        if hop is None:  # the model has no word about a fabric that passes a packet
            return station.family == "bridge" and fate == "passed"
        if hop.passed or station.family is None:
            return hop.passed == (fate == "passed")
        return fate in _FATES.get(hop.reason, ("dropped", "ended"))


_FATES: Mapping[Reason, tuple[Fate, ...]] = {
    Reason.BAD_STATE_ROUTE: ("ended",),
    Reason.EGRESS_ONLY_GATEWAY_REFUSES_INBOUND: ("dropped",),
    Reason.ENI_SG_RULES_MISMATCH: ("dropped",),
    Reason.GATEWAY_REJECTS_SPOOFED_TRAFFIC: ("dropped",),
    Reason.SG_HAS_NO_RULES: ("dropped",),
    Reason.SUBNET_ACL_RESTRICTION: ("dropped",),
}
"""How Linux drops what the model says is dropped. For other reasons, either way will do."""

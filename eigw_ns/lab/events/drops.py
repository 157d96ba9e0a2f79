"""Bursts of dropped packets, from the counters of gateways and subnets. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from eigw_ns.frozen import frozen
from eigw_ns.kernel.protocol import Traffic

_DROPPED = "drop_"
_PACKETS = 100  # in a second
_AGAIN = 10.0  # seconds until a burst that goes on is reported again


@frozen
class Burst:
    """A second in which a namespace dropped many packets for one reason."""

    namespace: str
    reason: str
    packets: int
    seconds: float


class Bursts:
    """Finds bursts in counters that are read about once a second. A burst that goes on is reported every 10 s."""

    def __init__(self) -> None:
        self._before: Mapping[str, Traffic] = {}
        self._time = 0.0
        self._said: dict[tuple[str, str], float] = {}

    def fold(self, now: float, traffic: Mapping[str, Traffic]) -> list[Burst]:
        """Return the bursts since the last call. The first call finds none."""
        seconds = now - self._time
        found = [each for each in self._rises(traffic, seconds) if self._is_new(each, now)]
        self._before, self._time = traffic, now
        return found

    def _rises(self, traffic: Mapping[str, Traffic], seconds: float) -> Iterator[Burst]:
        for namespace, each in traffic.items():
            before = self._before.get(namespace)
            for name, count in each.counters.items() if before is not None else ():
                known = before.counters.get(name) if before is not None else None
                risen = count.packets - (known.packets if known is not None else 0)
                if name.startswith(_DROPPED) and risen >= _PACKETS * max(1, round(seconds)):
                    yield Burst(namespace, name.removeprefix(_DROPPED), risen, round(seconds, 3))

    def _is_new(self, burst: Burst, now: float) -> bool:
        key = burst.namespace, burst.reason
        if now - self._said.get(key, now - _AGAIN) < _AGAIN:
            return False
        self._said[key] = now
        return True

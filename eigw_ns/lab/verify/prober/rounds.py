"""Group probes into rounds. A round has as many probes as descriptors allow, and none that disturb each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from eigw_ns.lab.verify.prober.flow import Flow, Probe, Service

_MOST_FLOWS = 1000
"""With more flows, the event loop could read a timely answer too late."""

_EACH = 3  # descriptors per flow: two TCP connections, and the accepted end of one of them
_LARGEST = 24  # descriptors: a probe with four controls and a listener at either end, over TCP


class Round:
    """Probes that run together. In one round, a port is either open or closed; a flow of several probes runs once."""

    def __init__(self, descriptors: int) -> None:
        self.probes: list[Probe] = []
        self.flows: dict[Flow, None] = {}
        self.sniffed: dict[Flow, None] = {}
        self._listening: dict[Service, bool] = {}
        self._free = descriptors

    @property
    def services(self) -> Iterator[Service]:
        """The services that listen in this round."""
        return (service for service, listening in self._listening.items() if listening)

    def add(self, probe: Probe) -> bool:
        """Add the probe. Returns False, and adds nothing, if a port would have to be both open and closed."""
        services = {flow.service: flow.listening for flow in probe.flows if flow.service is not None}
        if any(self._listening.get(service, listening) != listening for service, listening in services.items()):
            return False
        new = [flow for flow in dict.fromkeys(probe.flows) if flow not in self.flows]
        self._free -= _EACH * len(new) + len(services.keys() - self._listening.keys()) + probe.sniff
        self._listening.update(services)
        self.flows.update(dict.fromkeys(new))
        if probe.sniff:
            self.sniffed[probe.flow] = None
        self.probes.append(probe)
        return True

    @property
    def full(self) -> bool:
        """Whether another probe might not fit. An empty round is never full, however few descriptors there are."""
        return bool(self.probes) and (self._free < _LARGEST or len(self.flows) >= _MOST_FLOWS)


def rounds(probes: Iterable[Probe], descriptors: int) -> Iterator[Round]:
    """Yield rounds that contain all probes: the fewest that a greedy pass finds, in the order of the probes."""
    waiting = list(dict.fromkeys(probes))
    while waiting:
        current = Round(descriptors)
        postponed = []
        for position, probe in enumerate(waiting):
            if current.full:
                postponed += waiting[position:]
                break
            if not current.add(probe):
                postponed.append(probe)
        yield current
        waiting = postponed

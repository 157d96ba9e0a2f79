"""Run probes: one event loop, one thread, everything of a round at the same time."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence

from eigw_ns.errors import MissingError
from eigw_ns.kernel import sockets
from eigw_ns.lab.prober.attempt import attempt
from eigw_ns.lab.prober.echo import Echoes
from eigw_ns.lab.prober.flow import Evidence, Flow, Outcome, Probe, Word
from eigw_ns.lab.prober.rounds import Round, rounds

_DESCRIPTORS = 5120  # asked for; a round of 1,000 flows needs about 4,500
_RESERVED = 64  # left to whatever else the process has open, and to the namespace files of a moment

Done = Callable[[Flow, Outcome], None]


def run(probes: Sequence[Probe], timeout: float, done: Done | None = None) -> tuple[Evidence, ...]:
    """The evidence for each of `probes`, in their order. A round takes at most about `timeout` seconds.

    `done` is told the outcome of each flow as it is known, controls and canaries too. Raises MissingError where a
    source's namespace is not there, HostError where this process may not enter namespaces or open raw sockets.
    """
    with sockets.descriptors(_DESCRIPTORS) as granted:
        found = asyncio.run(_run(probes, granted - _RESERVED, timeout, done or _ignore))
    return tuple(found[probe] for probe in probes)


def _ignore(_flow: Flow, _outcome: Outcome) -> None: ...


async def _run(probes: Sequence[Probe], descriptors: int, timeout: float, done: Done) -> dict[Probe, Evidence]:
    found: dict[Probe, Evidence] = {}
    for current in rounds(probes, descriptors):
        found.update(await _run_round(current, timeout, done))
    return found


async def _run_round(current: Round, timeout: float, done: Done) -> dict[Probe, Evidence]:
    """Sniffers first, then listeners, then the packets; nothing is sent before all that watches is open."""
    outcomes: dict[Flow, Word] = {}

    with _sniffers(current.sniffed) as ears, Echoes(current.services) as echoes:

        async def try_one(flow: Flow) -> None:
            outcomes[flow] = await attempt(flow, timeout, foreign=flow.service in echoes.foreign)
            done(flow, _outcome(outcomes[flow]))

        await asyncio.gather(*(try_one(flow) for flow in current.flows))
        heard = {flow for flow, ear in ears.items() if sockets.heard(ear)}
    return {probe: _evidence(probe, outcomes, heard) for probe in current.probes}


def _outcome(word: Word) -> Outcome:
    return "blocked" if word == "rejected" else word


def _evidence(probe: Probe, outcomes: dict[Flow, Word], heard: set[Flow]) -> Evidence:
    word, alive = outcomes[probe.flow], outcomes[probe.flow.canary]
    if word == "refused" and probe.sniff and probe.flow not in heard:
        word = "rejected"  # a reset in the name of a destination that has heard nothing
    return Evidence(
        outcome=_outcome(word),
        arrived=word == "allowed" or probe.flow in heard,
        # where nobody shall listen, the kernel's refusal is the sign of life
        canary=alive == "allowed" if probe.flow.listening else alive in ("allowed", "refused"),
        controls=all(outcomes[control] == "allowed" for control in probe.controls),
        rejected=word == "rejected",
    )


@contextlib.contextmanager
def _sniffers(flows: Iterable[Flow]) -> Iterator[dict[Flow, socket.socket]]:
    """Packet sockets at the destinations; none where the link is gone, which the controls notice."""
    ears: dict[Flow, socket.socket] = {}
    try:
        for flow in flows:
            there = flow.destination
            with contextlib.suppress(MissingError):
                ears[flow] = sockets.sniff(there.namespace, there.link, flow.protocol, flow.source.address, flow.port)
        yield ears
    finally:
        sockets.close_all(ears.values())

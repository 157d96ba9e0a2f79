"""Run probes: one event loop, one thread, all flows of a round at the same time."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence

from eigw_ns.errors import MissingError
from eigw_ns.kernel.traffic import sockets
from eigw_ns.lab.verify.prober.attempt import attempt
from eigw_ns.lab.verify.prober.echo import Echoes
from eigw_ns.lab.verify.prober.flow import Evidence, Flow, Outcome, Probe, Word
from eigw_ns.lab.verify.prober.rounds import Round, rounds

_DESCRIPTORS = 5120  # requested limit; a round of 1,000 flows needs about 4,500
_RESERVED = 64  # for other files of the process, and for namespace files that are open only briefly

Done = Callable[[Flow, Outcome], None]


def run(probes: Sequence[Probe], timeout: float, done: Done | None = None) -> tuple[Evidence, ...]:
    """Run `probes`. Returns the evidence for each, in their order. A round takes at most about `timeout` seconds.

    `done` is called with the outcome of each flow as soon as it is known, also for controls and canaries. Raises
    MissingError if the namespace of a source does not exist, HostError if this process may not enter namespaces or
    open raw sockets.
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
    """Open sniffers, then listeners, then send the packets. No packet is sent before every sniffer is open."""
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
        word = "rejected"  # the reset has the destination's address, but the destination received no packet
    return Evidence(
        outcome=_outcome(word),
        arrived=word == "allowed" or probe.flow in heard,
        # if no service shall listen, the kernel's refusal shows that the destination is alive
        canary=alive == "allowed" if probe.flow.listening else alive in ("allowed", "refused"),
        controls=all(outcomes[control] == "allowed" for control in probe.controls),
        rejected=word == "rejected",
    )


@contextlib.contextmanager
def _sniffers(flows: Iterable[Flow]) -> Iterator[dict[Flow, socket.socket]]:
    """Open packet sockets at the destinations. A link that is gone gets none; the controls notice that."""
    ears: dict[Flow, socket.socket] = {}
    try:
        for flow in flows:
            there = flow.destination
            with contextlib.suppress(MissingError):
                ears[flow] = sockets.sniff(there.namespace, there.link, flow.protocol, flow.source.address, flow.port)
        yield ears
    finally:
        sockets.close_all(ears.values())

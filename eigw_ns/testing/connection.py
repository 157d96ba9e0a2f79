"""The result of one connection attempt, with its evidence. A test asserts it; its repr explains a failure."""

from __future__ import annotations

from typing import NoReturn

from eigw_ns.frozen import frozen
from eigw_ns.lab.verify.checks import Failure
from eigw_ns.lab.verify.prober import Evidence, Outcome, Protocol

_MODEL_IS_WRONG = (Failure.NOT_DELIVERED, Failure.MODEL_DISAGREES)  # the observation still holds


@frozen
class Connection:
    """A connection attempt that was `allowed`, `refused` or `blocked`.

    `source` and `destination` are the names that the test gave; `port` is None for ICMPv6. `predicted` is the outcome
    by the model of the lab's topology, and `reason` the model's reason. If the two outcomes differ or silence is not
    proven, `reason` is a `Failure`.
    """

    source: str
    destination: str
    protocol: Protocol
    port: int | None
    evidence: Evidence
    predicted: Outcome
    reason: str

    @property
    def outcome(self) -> Outcome:
        """Return what was observed. `blocked` here means silence, proven or not."""
        return self.evidence.outcome

    @property
    def allowed(self) -> bool:
        """Return True if an answer came."""
        return self.outcome == "allowed"

    @property
    def refused(self) -> bool:
        """Return True if a TCP RST or an ICMPv6 destination unreachable came."""
        return self.outcome == "refused"

    @property
    def blocked(self) -> bool:
        """Return True if silence is proven: the destination was alive, the path was alive, and nothing leaked in."""
        proven = self.reason not in Failure.__members__ or self.reason in _MODEL_IS_WRONG
        return self.outcome == "blocked" and proven

    @property
    def arrived(self) -> bool:
        """Return True if the first packet arrived at the destination, answered or not."""
        return self.evidence.arrived

    def __bool__(self) -> NoReturn:
        """Raise TypeError: `assert connection` would always pass, and `not connection` would be ambiguous."""
        raise TypeError(f"a connection has no truth value: assert its .allowed, .refused or .blocked; this is {self!r}")

    def __repr__(self) -> str:
        """Return the evidence, for the report of a failed assertion."""
        port = "" if self.port is None else f" {self.port}"
        what = f"{self.source} → {self.destination} {self.protocol}{port}"
        model = f"model: {self.predicted}, {self.reason.replace('_', ' ').lower()}"
        return f"<{what}: {self.outcome} ({', '.join(self._seen())}; {model})>"

    def _seen(self) -> tuple[str, ...]:
        if self.outcome != "blocked":
            return ("an answer came" if self.allowed else "a refusal came",)
        return (
            "its packet arrived" if self.arrived else "nothing arrived",
            "the destination is alive" if self.evidence.canary else "THE DESTINATION IS DEAD: silence proves nothing",
            "the path is alive" if self.evidence.controls else "THE PATH IS DEAD: silence proves nothing",
        )

"""What became of one try to talk, with the evidence: made to be asserted, and to explain itself where that fails."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

from eigw_ns.lab.prober import Evidence, Outcome, Protocol
from eigw_ns.lab.verify import Failure

_MODEL_IS_WRONG = (Failure.NOT_DELIVERED, Failure.MODEL_DISAGREES)  # what was seen is no less true for it


@dataclass(frozen=True, slots=True, repr=False)
class Connection:
    """One of three things happened: it is `allowed`, `refused` or `blocked`.

    `source` and `destination` are as the test named them, `port` is None for ICMPv6. `predicted` is what the model
    says of the lab's topology, `reason` its reason, or a `Failure` where the two do not agree.
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
        """What was observed; `blocked` is silence, proven or not."""
        return self.evidence.outcome

    @property
    def allowed(self) -> bool:
        """Whether an answer came."""
        return self.outcome == "allowed"

    @property
    def refused(self) -> bool:
        """Whether somebody said that there will be none: a TCP RST, an ICMPv6 destination unreachable."""
        return self.outcome == "refused"

    @property
    def blocked(self) -> bool:
        """Whether silence is proven: what should have answered was alive, so was the path, and nothing leaked in."""
        proven = self.reason not in Failure.__members__ or self.reason in _MODEL_IS_WRONG
        return self.outcome == "blocked" and proven

    @property
    def arrived(self) -> bool:
        """Whether the first packet was heard at the destination, answered or not."""
        return self.evidence.arrived

    def __bool__(self) -> NoReturn:
        """Refused: `assert connection` could not fail, and `not connection` would not say which of two is meant."""
        raise TypeError(f"a connection is no yes or no: assert its .allowed, .refused or .blocked; this is {self!r}")

    def __repr__(self) -> str:
        """For the report of a failed assertion."""
        port = "" if self.port is None else f" {self.port}"
        what = f"{self.source} → {self.destination} {self.protocol}{port}"
        model = f"model: {self.predicted}, {self.reason.replace('_', ' ').lower()}"
        return f"<{what}: {self.outcome} ({', '.join(self._seen())}; {model})>"

    def _seen(self) -> tuple[str, ...]:
        if self.outcome != "blocked":
            return ("an answer came" if self.allowed else "somebody said no",)
        return (
            "its packet arrived" if self.arrived else "nothing arrived",
            "the destination is alive" if self.evidence.canary else "THE DESTINATION IS DEAD: silence proves nothing",
            "the path is alive" if self.evidence.controls else "THE PATH IS DEAD: silence proves nothing",
        )

"""Send real packets between namespaces, all at once, and collect the evidence that silence means blocked."""

from __future__ import annotations

from eigw_ns.lab.verify.prober.flow import Endpoint, Evidence, Flow, Outcome, Probe, Protocol
from eigw_ns.lab.verify.prober.run import run

__all__ = ["Endpoint", "Evidence", "Flow", "Outcome", "Probe", "Protocol", "run"]

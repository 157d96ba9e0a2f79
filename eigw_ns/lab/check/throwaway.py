"""A lab for one proof. It is in namespaces that vanish with the process that built it, however that ends."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace

from eigw_ns.kernel.host import features
from eigw_ns.kernel.linux import LinuxKernel
from eigw_ns.kernel.processes import confined
from eigw_ns.kernel.processes.confined import FOLDER, Tell
from eigw_ns.lab.lifecycle import operations
from eigw_ns.lab.lifecycle.progress import Phase
from eigw_ns.lab.storage.folders import LabFolders
from eigw_ns.lab.storage.storage import Storage
from eigw_ns.lab.verify.checks import Check, Failure, Report, verify
from eigw_ns.topology import Expectation, Topology

Progress = Callable[[int, int, object], None]
"""Called with the steps done, the steps in all, and the step or the phase in words."""


def proved(topology: Topology, *, timeout: float, progress: Progress) -> Report:
    """Build the lab, send its packets, and return what they did. This process must be single-threaded.

    `timeout` is as in `verify`. Raises HostError if this host cannot hold a lab, KernelError and others as `apply`.
    """
    with contextlib.closing(confined.confined(lambda tell: _prove(topology, timeout, tell))) as telling:
        for told in telling:
            if isinstance(told, Report):
                return told
            progress(*told)
    raise AssertionError("the child ends with a report or an error")


def _prove(topology: Topology, timeout: float, tell: Tell) -> Report:
    """In the child: return the report, and tell the progress."""
    features.require()
    folders = LabFolders(FOLDER / "state", FOLDER / "run", temporary=True)

    def build(done: int, total: int, step: object) -> None:
        tell((done, total, step if isinstance(step, Phase) else "build the lab"))

    operations.apply(LinuxKernel(folders.run), Storage.in_folders(folders), topology, progress=build)
    report = _verified(topology, timeout, tell, Phase("send packets"))
    late = tuple(check for check in report.checks if check.reason in _LATE)
    if not late:
        return report
    again = replace(topology, expectations=tuple(map(_expectation, late)))
    return _merged(
        report, late, _verified(again, _PATIENT * timeout, tell, Phase("send packets again, and wait longer"))
    )


def _verified(topology: Topology, timeout: float, tell: Tell, phase: Phase) -> Report:
    tell((0, 0, phase))
    return verify(topology, timeout=timeout, progress=lambda done, total: tell((done, total, "flows")))


_PATIENT = 10
"""On a busy host, packets of many checks are late. Checks that prove nothing are repeated once, with more time."""

_LATE = frozenset(
    (Failure.CANARY_SILENT, Failure.CONTROL_FAILED, Failure.NOT_DELIVERED, Failure.MODEL_DISAGREES, Failure.REJECTED)
)


def _expectation(check: Check) -> Expectation:
    return Expectation(check.source, check.destination, check.protocol, check.port, check.expected)


def _merged(report: Report, late: tuple[Check, ...], repeated: Report) -> Report:
    """Return the report with the repeated checks in the place of the late ones."""
    later = dict(zip(late, repeated.checks, strict=True))
    checks = tuple(later.get(check, check) for check in report.checks)
    return Report(all(check.passed for check in checks), checks)

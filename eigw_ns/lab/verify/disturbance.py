"""Packets that were sent while another command changed the lab prove nothing about either state: send them again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from eigw_ns.errors import EigwError
from eigw_ns.kernel.processes.waiting import wait_until
from eigw_ns.lab.storage.protocols import Lock

_PATIENCE = 30.0  # seconds that the second try waits for the other command


class Verdict(Protocol):
    """A result that may be due to the other command only if it did not pass."""

    @property
    def passed(self) -> bool:
        """Whether all packets did what was expected."""
        ...


Found = TypeVar("Found", bound=Verdict)


class LabChangedError(EigwError):
    """The lab was changed while packets were on their way."""


def undisturbed(lock: Lock, lab: str, look: Callable[[], Found], say: Callable[[str], None]) -> Found:
    """Return what `look` finds. If it does not pass because another command changes the lab, look once more.

    The second look waits until the other command ends. `lock` is the lab's. `say` is told of it. Raises
    LabChangedError if the lab is changed during both.
    """
    try:
        return _look(lock, lab, look)
    except LabChangedError as error:
        say(f"{error.message}; trying again")
    wait_until(lambda: not lock.held(lab), _PATIENCE)
    return _look(lock, lab, look)


def _look(lock: Lock, lab: str, look: Callable[[], Found]) -> Found:
    before = "" if lock.held(lab) else lock.stamp(lab)
    found = look()
    if found.passed or (not lock.held(lab) and lock.stamp(lab) == before):
        return found
    raise LabChangedError(
        f"another command changed the lab {lab} while packets were on their way",
        hint=f"`eigw-ns status --lab {lab}` shows its state; try again after the other command ends",
    )

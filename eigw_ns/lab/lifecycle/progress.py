"""What a caller of a long operation is told while it runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eigw_ns.dataplane.planning.plan import Step

Progress = Callable[[int, int, "Step"], None]
"""Called for each step, with the number of steps that are done, the number of all steps, and this step."""


def silent(_done: int, _total: int, _step: Step) -> None:
    """Show no progress."""

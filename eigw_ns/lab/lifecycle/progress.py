"""What a caller of a long operation is told while it runs. Front ends can import this without the rest of the room."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from eigw_ns.frozen import frozen

if TYPE_CHECKING:
    from eigw_ns.dataplane.planning.plan import Step


@frozen
class Phase:
    """What begins now. It may take long, and no step is done meanwhile."""

    text: str

    def __str__(self) -> str:
        return self.text


Progress = Callable[[int, int, "Step | Phase"], None]
"""Called with the number of steps that are done, the number of all steps, and the step that is done or the phase that
begins."""


def silent(_done: int, _total: int, _step: Step | Phase) -> None:
    """Show no progress."""

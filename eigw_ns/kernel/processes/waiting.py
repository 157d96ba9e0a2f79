"""Wait for what no descriptor announces: check a condition again and again."""

from __future__ import annotations

import select
import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")

_PAUSE = 0.005  # seconds between two checks


def wait_until(condition: Callable[[], Found], seconds: float, *, pause: float = _PAUSE) -> Found:
    """Check `condition` every `pause` seconds, until its result is true or `seconds` have passed.

    Returns the last result, so it is false only after `seconds`. The condition is checked at least once.
    """
    deadline = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < deadline:
        select.select([], [], [], pause)
    return found

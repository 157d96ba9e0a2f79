"""The boundary of a request: a bug ends the request, not the server."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Callable
from types import TracebackType

Log = Callable[[str], None]


class Boundary(contextlib.AbstractContextManager["Boundary"]):
    """Suppress an unexpected exception of the block, and log it. `failed` says that there was one.

    Errors that a user sees are expected: catch them inside the block. An interrupt, or the end of the process, passes.
    """

    def __init__(self, log: Log, what: str) -> None:
        self._log, self._what, self.failed = log, what, False

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """See `contextlib.AbstractContextManager`."""
        if kind is None or not issubclass(kind, Exception):
            return False
        self.failed = True
        self._log(f"internal error in {self._what}: " + "".join(traceback.format_exception(kind, error, trace)))
        return True

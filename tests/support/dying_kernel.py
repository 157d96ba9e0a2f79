"""Linux in a process that is killed between two changes of the kernel."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from typing import Any

from eigw_ns.dataplane.state import NetObject
from eigw_ns.kernel.linux import LinuxKernel
from eigw_ns.kernel.protocol import Change


class DyingKernel(LinuxKernel):
    """Linux in a process that is killed, as by `kill -9`, after a number of batches."""

    def __init__(self, batches: int) -> None:
        super().__init__()
        self._left = batches

    def create(self, things: Iterable[NetObject]) -> None:
        self._die_if_due()
        super().create(things)

    def update(self, changes: Iterable[Change]) -> None:
        for change in changes:
            self._die_if_due()
            super().update([change])

    def delete(self, things: Iterable[NetObject]) -> None:
        self._die_if_due()
        super().delete(things)

    def flush_flows(self, *arguments: Any) -> int:
        self._die_if_due()
        return super().flush_flows(*arguments)

    def _die_if_due(self) -> None:
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self._left -= 1

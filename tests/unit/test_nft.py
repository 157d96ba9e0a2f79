"""libnftables' binding under Ctrl-C: half made, it would print a traceback when it is thrown away."""

from __future__ import annotations

import signal
import sys
from types import SimpleNamespace

import pytest

from eigw_ns.kernel.nft import Nft


class Binding:
    """One that is interrupted while it is being made."""

    made = 0

    def __init__(self) -> None:
        signal.raise_signal(signal.SIGINT)
        type(self).made += 1


def test_an_interrupt_waits_until_the_binding_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nftables", SimpleNamespace(Nftables=Binding))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            Nft()
    finally:
        signal.signal(signal.SIGINT, before)
    assert Binding.made == 1

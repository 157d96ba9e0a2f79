"""libnftables: Ctrl-C while its binding is made, and the listings of different versions."""

from __future__ import annotations

import signal
import sys
from types import SimpleNamespace

import pytest

from eigw_ns.dataplane.state import NftChain, NftSet
from eigw_ns.kernel.nft.commands import transaction
from eigw_ns.kernel.nft.library import Nft
from eigw_ns.kernel.nft.listing import parse


class Binding:
    """A binding that is interrupted while it is made. If half made, it prints a traceback when it is deleted."""

    made = 0

    def __init__(self) -> None:
        signal.raise_signal(signal.SIGINT)
        type(self).made += 1


def test_an_interrupt_waits_until_the_binding_is_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nftables", SimpleNamespace(Nftables=Binding))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            Nft()
    finally:
        signal.signal(signal.SIGINT, before)
    assert Binding.made == 1


@pytest.mark.parametrize("listed", ["tcp flags != syn / fin,syn,rst,ack", "tcp flags & (fin | syn | rst | ack) != syn"])
def test_a_masked_comparison_is_read_alike_from_nft_1_0_6_and_1_1_3(listed: str) -> None:
    ruleset = parse(f"table inet eigw_ns {{\n\tchain begin {{\n\t\t{listed} drop\n\t}}\n}}\n", "x")
    assert ruleset is not None
    assert ruleset.chains == (NftChain("begin", rules=("tcp flags != syn / fin,syn,rst,ack drop",)),)


@pytest.mark.parametrize("size", ["size 256", "size 256\t# count 1"])
def test_the_number_of_elements_that_packets_fill_in_is_ignored(size: str) -> None:
    """nft lists it since 1.1.7. Elements of a set that packets fill are not part of our state."""
    body = f"\t\ttype mark\n\t\t{size}\n\t\tflags dynamic\n\t\telements = {{ 0x00000015 ct count 514 }}\n"
    ruleset = parse(f"table inet eigw_ns {{\n\tset per_gateway {{\n{body}\t}}\n}}\n", "x")
    assert ruleset is not None
    assert ruleset.sets == (NftSet("per_gateway", "mark", size=256),)


def test_the_time_that_elements_live_belongs_to_a_set_that_packets_fill() -> None:
    """Another time is drift; a set that we fill has none."""
    listed = "table inet eigw_ns {{\n\tset tuples {{\n\t\ttype mark\n{}\t\ttimeout {}\n\t}}\n}}\n"
    dynamic, ours = "\t\tsize 256\n\t\tflags dynamic,timeout\n", NftSet("tuples", "mark", size=256, timeout="10m")
    right, other, static = (
        parse(listed.format(head, time), "x") for head, time in ((dynamic, "10m"), (dynamic, "9m"), ("", "10m"))
    )
    assert right and other and static
    assert right.sets == (ours,)
    assert other.sets != (ours,)
    assert static.sets != (NftSet("tuples", "mark"),)
    assert "flags dynamic,timeout; timeout 10m;" in transaction(right, None)
    assert "delete set inet eigw_ns tuples" in transaction(right, other)

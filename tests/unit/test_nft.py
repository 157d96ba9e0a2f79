"""libnftables: Ctrl-C while its binding is made, and the listings of different versions."""

from __future__ import annotations

import signal
import sys
from types import SimpleNamespace

import pytest

from eigw_ns.dataplane.state import NftChain, NftSet, Ruleset
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


_TYPES = {
    "pairs": "ipv6_addr . ipv6_addr",
    "addresses": "ipv6_addr",
    "octets": "iifname . @th,256,128",
}


def _holding(*elements: str, name: str, rule: str = "accept") -> Ruleset:
    members = tuple((each, "") for each in elements)
    filled = NftSet(name, _TYPES[name], members, interval=name != "octets")
    return Ruleset("x", "inet", sets=(filled,), chains=(NftChain("begin", rules=(rule,)),))


def test_a_change_of_few_elements_leaves_the_others_and_the_rules_alone() -> None:
    before, after = (_holding("a . b", "c . d", last, name="pairs") for last in ("e . f", "g . h"))
    text = transaction(after, before)
    assert "delete element inet eigw_ns pairs { e . f }\n" in text
    assert "elements = { g . h }" in text
    assert "a . b" not in text
    assert "chain" not in text
    assert "flush" not in text


@pytest.mark.parametrize("name", ["addresses", "octets"])
def test_a_set_of_which_nft_cannot_delete_an_element_is_filled_again(name: str) -> None:
    before, after = (_holding("a", "b", last, name=name) for last in "cd")
    text = transaction(after, before)
    assert f"flush set inet eigw_ns {name}" in text
    assert "elements = { a, b, d }" in text


def test_a_set_is_filled_again_if_most_of_it_changes() -> None:
    text = transaction(_holding("a . b", "g . h", name="pairs"), _holding("c . d", "e . f", name="pairs"))
    assert "flush set inet eigw_ns pairs" in text
    assert "elements = { a . b, g . h }" in text


def test_other_rules_are_written_with_all_elements() -> None:
    """Rules and elements of a set of ranges do not begin to count at the same moment of a transaction."""
    text = transaction(_holding("a . b", name="pairs", rule="drop"), _holding("a . b", name="pairs"))
    assert "flush chain inet eigw_ns begin" in text
    assert "elements = { a . b }" in text


def test_a_set_is_filled_again_if_an_element_that_goes_has_a_comment() -> None:
    """A listing shows the comment as it is. It may contain anything, even nft commands."""
    before, after = (_holding("a . b", "c . d", last, name="pairs") for last in ('e . f comment "}"', "g . h"))
    text = transaction(after, before)
    assert "comment" not in text
    assert "flush set inet eigw_ns pairs" in text

"""How flows are spread over replicas: equal shares, and who dies gives away its own and nothing else."""

from __future__ import annotations

from collections import Counter
from ipaddress import IPv6Address
from itertools import combinations

import pytest

from eigw_ns.dataplane import spread
from eigw_ns.dataplane.state import Flow

INSIDE, OUTSIDE = IPv6Address("2600:1f16:aa0:5501::10"), IPv6Address("2001:db8:80::1")
NUMBERS = range(1, 9)


def _macs(number: int) -> list[str]:
    return [f"06:00:00:00:00:{index:02x}" for index in range(number)]


def _owners(group: tuple[spread.Share, ...]) -> list[str]:
    """Who has each bucket; the shares follow each other without a gap."""
    owners: list[str] = []
    for first, last, mac in group:
        assert first == len(owners)
        owners += [mac] * (last - first + 1)
    return owners


@pytest.mark.parametrize("number", NUMBERS)
def test_shares_are_equal(number: int) -> None:
    macs = _macs(number)
    owners = _owners(spread.shares(macs, macs))
    assert Counter(owners) == dict.fromkeys(macs, spread.BUCKETS // number)


@pytest.mark.parametrize("number", NUMBERS)
def test_who_dies_gives_away_its_own_evenly_and_nobody_else_anything(number: int) -> None:
    macs = _macs(number)
    whole = spread.shares(macs, macs)
    for size in range(1, number):
        for alive in combinations(macs, size):
            group = spread.shares(macs, alive)
            owners = _owners(group)
            assert len(owners) == spread.BUCKETS
            assert all(now == before for now, before in zip(owners, _owners(whole), strict=True) if before in alive)
            counts = Counter(owners)
            assert max(counts.values()) - min(counts.values()) <= number
            assert spread.members(group) == set(alive)
            lost = spread.lost(whole, group)
            assert set(lost) == set(macs) - set(alive)
            assert sum(last - first + 1 for ranges in lost.values() for first, last in ranges) == (
                spread.BUCKETS // number * (number - size)
            )


def test_nobody_alive_has_nothing() -> None:
    assert spread.shares(_macs(3), ()) == ()
    assert spread.lost((), ()) == {}


def test_what_was_lost_is_told_as_ranges() -> None:
    before = ((0, 9, "a"), (10, 839, "b"))
    after = ((0, 2, "a"), (3, 4, "b"), (5, 6, "a"), (7, 839, "b"))
    assert spread.lost(before, after) == {"a": ((3, 4), (7, 9))}


def test_both_directions_and_any_flow_of_a_kind_have_one_bucket() -> None:
    """The kernel's own buckets are compared with these in tests/packets/test_replicas.py."""
    start = spread.seed("lab")
    tcp = Flow(str(INSIDE), str(OUTSIDE), 6, (40000, 443))
    assert spread.bucket_of(tcp, start) == spread.bucket(INSIDE, OUTSIDE, (40000, 443), start)
    for protocol in (17, 33, 132, 136):
        assert spread.bucket_of(Flow(str(INSIDE), str(OUTSIDE), protocol, (40000, 443)), start) == spread.bucket_of(
            tcp, start
        )
    echo = Flow(str(INSIDE), str(OUTSIDE), 58)
    assert spread.bucket_of(echo, start) == spread.bucket(INSIDE, OUTSIDE, None, start)


def test_the_seed_is_the_labs_own_and_never_nothing() -> None:
    seeds = {spread.seed(f"lab{number}") for number in range(100)}
    assert len(seeds) > 90
    assert 0 not in seeds


def test_buckets_of_many_flows_are_even() -> None:
    counts = Counter(
        spread.bucket(INSIDE, OUTSIDE, (port, 443), spread.seed("lab")) * 3 // spread.BUCKETS for port in range(3000)
    )
    assert all(850 < count < 1150 for count in counts.values())

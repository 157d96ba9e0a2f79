"""How flows are distributed over replicas: in equal shares, and only the buckets of a dead replica move."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from random import Random
from socket import AF_INET6, inet_pton

import pytest

from eigw_ns.dataplane.replication import spread
from eigw_ns.dataplane.state import BUCKETS, Flow, FlowHash, bucket_of, hashes, scaled, seed

INSIDE, OUTSIDE = "2600:1f16:aa0:5501::10", "2001:db8:80::1"
NUMBERS = range(1, 9)


def _macs(number: int) -> list[str]:
    return [f"06:00:00:00:00:{index:02x}" for index in range(number)]


def _owners(group: tuple[spread.Share, ...]) -> list[str]:
    """Return the owner of each bucket, and assert that the shares have no gap."""
    owners: list[str] = []
    for first, last, mac in group:
        assert first == len(owners)
        owners += [mac] * (last - first + 1)
    return owners


@pytest.mark.parametrize("number", NUMBERS)
def test_shares_are_equal(number: int) -> None:
    macs = _macs(number)
    owners = _owners(spread.shares(macs, macs))
    assert Counter(owners) == dict.fromkeys(macs, BUCKETS // number)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_dead_replica_gives_its_buckets_away_evenly_and_no_other_bucket_moves(number: int) -> None:
    macs = _macs(number)
    whole = spread.shares(macs, macs)
    for size in range(1, number):
        for alive in combinations(macs, size):
            group = spread.shares(macs, alive)
            owners = _owners(group)
            assert len(owners) == BUCKETS
            assert all(now == before for now, before in zip(owners, _owners(whole), strict=True) if before in alive)
            counts = Counter(owners)
            assert max(counts.values()) - min(counts.values()) <= number
            assert spread.members(group) == set(alive)
            lost = spread.lost(whole, group)
            assert set(lost) == set(macs) - set(alive)
            assert sum(last - first + 1 for ranges in lost.values() for first, last in ranges) == (
                BUCKETS // number * (number - size)
            )


def test_without_a_live_replica_there_are_no_shares() -> None:
    assert spread.shares(_macs(3), ()) == ()
    assert spread.lost((), ()) == {}


def test_lost_buckets_are_ranges() -> None:
    before = ((0, 9, "a"), (10, 839, "b"))
    after = ((0, 2, "a"), (3, 4, "b"), (5, 6, "a"), (7, 839, "b"))
    assert spread.lost(before, after) == {"a": ((3, 4), (7, 9))}


def _bucket(protocol: int, ports: tuple[int, int] | None = (40000, 443)) -> int:
    return bucket_of(Flow(INSIDE, OUTSIDE, protocol, ports), seed("lab"))


def test_tcp_goes_by_its_tuple_and_everything_else_by_addresses() -> None:
    """tests/packets/test_replicas.py compares these buckets with the kernel's."""
    assert len({_bucket(6, (port, 443)) for port in range(40000, 40100)}) > 50
    assert len({_bucket(6, (40000, port)) for port in range(100)}) > 50
    others = {_bucket(protocol, ports) for protocol in (17, 33, 58, 132, 136) for ports in ((1, 2), (3, 4), None)}
    assert len(others) == 1


def test_the_hash_is_that_of_the_kernel() -> None:
    """The values are from nft on Linux 6.18: `jhash … mod 840 seed 0x4d` of a flow, and of its addresses."""
    hashed = FlowHash(0x4D)
    inside, outside = (inet_pton(AF_INET6, each) for each in (INSIDE, OUTSIDE))
    whole = hashed.of_tuple(inside, outside, (40000).to_bytes(2), (443).to_bytes(2))
    assert scaled(whole, BUCKETS) == 0xFD
    assert scaled(hashed.of_addresses(inside, outside), BUCKETS) == 0x2E2


@pytest.mark.parametrize("number", [0, 1, 2, 500])
def test_the_hash_of_many_flows_is_that_of_each(number: int) -> None:
    """The keys have 48 octets. The words that are hashed are at any place, in any order."""
    chosen = Random(number)
    flows = [[chosen.randbytes(size) for size in (16, 16, 2, 2)] for _ in range(number)]
    keys = b"".join(
        far + b"\0\0" + inside + outside + b"ends" + near + bytes(6) for inside, outside, near, far in flows
    )
    words = (*range(4, 36, 4), 40, 0)
    for start in (1, 0x4D, 0xFFFF_FFFF):
        assert list(hashes(keys, 48, words, start)) == [FlowHash(start).of_tuple(*flow) for flow in flows]


def test_the_seed_depends_on_the_lab_and_is_never_0() -> None:
    seeds = {seed(f"lab{number}") for number in range(100)}
    assert len(seeds) > 90
    assert 0 not in seeds


def test_buckets_of_many_flows_are_even() -> None:
    counts = Counter(_bucket(6, (port, 443)) * 3 // BUCKETS for port in range(3000))
    assert all(850 < count < 1150 for count in counts.values())

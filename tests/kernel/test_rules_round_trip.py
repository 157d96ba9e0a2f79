"""For any cloud, nftables lists our rules as we wrote them, and accepts the change from any rules to any others.

A rule that nft lists differently would always be drift. In `meta l4proto 58 th sport …`, nft omits the first match.
"""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings

from eigw_ns.cloud.model import Cloud, ConnectionTracking
from eigw_ns.dataplane.compile.compiler import compile_cloud
from eigw_ns.dataplane.compile.names import mac
from eigw_ns.dataplane.rulesets.gateway_rules import egress_only_gateway
from eigw_ns.dataplane.state import Link, NftSet, Ruleset
from eigw_ns.kernel.namespaces import netns
from eigw_ns.kernel.netlink import rtnetlink
from eigw_ns.kernel.netlink.socket import Netlink
from eigw_ns.kernel.nft.commands import transaction
from eigw_ns.kernel.nft.library import Nft
from eigw_ns.kernel.nft.listing import FAMILIES, parse
from eigw_ns.kernel.nft.loader import replace_table
from tests.support.strategies import clouds

pytestmark = pytest.mark.root


def _rulesets(cloud: Cloud) -> list[Ruleset]:
    return [thing for thing in compile_cloud(cloud) if isinstance(thing, Ruleset)]


def _make(devices: set[str]) -> None:
    """Create the interfaces that the rules name."""
    with Netlink() as netlink:
        netlink.send([rtnetlink.new_bridge(Link("", name, "bridge", mac(name))) for name in sorted(devices)])


@given(clouds(), clouds())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_rules_are_listed_as_they_were_written(before: Cloud, after: Cloud) -> None:
    with netns.nameless():
        library = Nft()
        held: dict[str, Ruleset | None] = dict.fromkeys(FAMILIES)
        devices: set[str] = set()
        for ruleset in (*_rulesets(before), *_rulesets(after)):
            wanted = set(re.findall(r'device "([^"]+)"', " ".join(chain.hook for chain in ruleset.chains)))
            _make(wanted - devices)
            devices |= wanted
            replace_table(library, ruleset, held[ruleset.family])
            held[ruleset.family] = ruleset
            assert parse(library.listing(ruleset.family), ruleset.namespace) == ruleset


@given(clouds())
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_single_elements_come_and_go(cloud: Cloud) -> None:
    """Every third element of each set that we fill is missing at first, and in the end."""
    for whole in _rulesets(cloud):
        part = replace(whole, sets=tuple(map(_thinned, whole.sets)))
        if whole.family != "inet" or part == whole:
            continue
        with netns.nameless():
            library, held = Nft(), whole
            replace_table(library, whole, None)
            for wanted in (part, whole, part):
                assert "chain" not in transaction(wanted, held)
                replace_table(library, wanted, held)
                held = wanted
                assert parse(library.listing("inet"), whole.namespace) == wanted


def _thinned(item: NftSet) -> NftSet:
    kept = (each for number, each in enumerate(item.elements) if number % 3 != 1)
    return replace(item, elements=tuple(kept))


@pytest.mark.parametrize("most", [1, 9, 10, 11, 12, 100, 16_384, 1_000_000])
def test_any_limit_of_a_source_comes_back_as_it_was_written(most: int) -> None:
    """nft leaves a burst of 5 out."""
    tracking = ConnectionTracking(max_connections_per_source=most)
    ruleset = egress_only_gateway("x", "2001:db8::/56", [], tracking, seed=7)
    with netns.nameless():
        library = Nft()
        replace_table(library, ruleset, None)
        assert parse(library.listing(ruleset.family), "x") == ruleset

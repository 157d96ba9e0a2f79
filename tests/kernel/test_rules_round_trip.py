"""For any cloud: nftables lists our rules as we wrote them, and takes the change from any rules to any others.

What it lists in another form would be drift for ever: of `meta l4proto 58 th sport …` nft keeps the first to itself.
"""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings
from pyroute2 import IPRoute

from eigw_ns.cloud.model import Cloud
from eigw_ns.dataplane.compile import compile_cloud
from eigw_ns.dataplane.state import Ruleset
from eigw_ns.kernel import netns
from eigw_ns.kernel.nft import Nft, parse
from tests.strategies import clouds

pytestmark = pytest.mark.root


def _rulesets(cloud: Cloud) -> list[Ruleset]:
    return [thing for thing in compile_cloud(cloud) if isinstance(thing, Ruleset)]


_DEVICE = re.compile(r'device "(.+?)"')


def _make_devices(names: set[str]) -> None:
    """The links that hooks name, without which nft does not take them."""
    with IPRoute() as netlink:
        for name in names:
            netlink.link("add", ifname=name, kind="bridge")


@given(clouds(), clouds())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_rules_come_back_as_they_were_written(before: Cloud, after: Cloud) -> None:
    with netns.nameless():
        library = Nft()
        held: dict[str, Ruleset | None] = {"inet": None, "bridge": None, "netdev": None}
        rulesets = (*_rulesets(before), *_rulesets(after))
        _make_devices(
            {name for ruleset in rulesets for chain in ruleset.chains for name in _DEVICE.findall(chain.hook)}
        )
        for ruleset in rulesets:
            library.apply(ruleset, held[ruleset.family])
            held[ruleset.family] = ruleset
            assert parse(library.listing(ruleset.family), ruleset.namespace) == ruleset

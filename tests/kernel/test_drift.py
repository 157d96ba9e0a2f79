"""What others may do to a namespace of ours without our seeing less of it, also where proof stands in for a listing."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest
from pyroute2 import IPRoute

from eigw_ns.dataplane.rules import plain_set
from eigw_ns.dataplane.state import Namespace, NetState, NftChain, NftSet, Ruleset
from eigw_ns.kernel import netns
from eigw_ns.kernel.linux import LinuxKernel
from eigw_ns.kernel.nft import Nft
from tests.contract.samples import bridge_rules

pytestmark = pytest.mark.root

LAB = f"drift{os.getpid()}"
ROUTER = Namespace(f"eigw-{LAB}-subnet-00000000000000001", LAB, "subnet-00000000000000001")
SEEN = NftSet("seen", "ipv6_addr", size=64)
PEERS = plain_set("peers", "ipv6_addr", ("2001:db8::/64", "2001:db8:1::/64"), interval=True)
WAYS = NftSet("ways", "ipv6_addr", (("2001:db8::1", "accept"),), "verdict")
CHAIN = NftChain(
    "prerouting",
    "type filter hook prerouting priority filter; policy drop;",
    ('counter name "met"', "add @seen { ip6 saddr }", "ip6 saddr @peers accept", "ip6 saddr vmap @ways"),
)
RULES = Ruleset(ROUTER.namespace, "inet", ("met",), (PEERS, SEEN, WAYS), (NftChain("other", rules=("drop",)), CHAIN))
BELIEVED = NetState.of([RULES])


@pytest.fixture
def kernel() -> Iterator[LinuxKernel]:
    kernel = LinuxKernel()
    kernel.create([ROUTER])
    try:
        kernel.create([RULES])
        yield kernel
    finally:
        kernel.delete([ROUTER])


def nft(commands: str) -> None:
    """Somebody else's transaction in the namespace."""
    with netns.inside(ROUTER.namespace):
        Nft().run(commands, "interfere")


def test_a_loopback_that_was_renamed_still_says_whose_the_namespace_is(kernel: LinuxKernel) -> None:
    with netns.inside(ROUTER.namespace), IPRoute() as netlink:
        netlink.link("set", index=1, state="down")
        netlink.link("set", index=1, ifname="other")
    down = Namespace(ROUTER.namespace, LAB, ROUTER.id, loopback_up=False)
    assert tuple(kernel.observe(LAB).namespaces()) == (down,)
    kernel.update(down, ROUTER)
    assert tuple(kernel.observe(LAB).namespaces()) == (ROUTER,)
    assert is_proved(kernel)


def test_a_dormant_table_is_drift_and_is_woken(kernel: LinuxKernel) -> None:
    """Its rules are listed as ever, and no packet meets them."""
    nft("add table inet eigw_ns { flags dormant; }")
    asleep = kernel.observe(LAB).objects[RULES.key]
    assert asleep != RULES
    kernel.update(asleep, RULES)
    assert kernel.observe(LAB).objects[RULES.key] == RULES


# ---- where rules are believed, and so perhaps proved instead of listed ----------------------------------------------


def is_proved(kernel: LinuxKernel, rules: Ruleset = RULES) -> bool:
    """Whether the answer is what we believed itself, and no listing that is equal to it."""
    return kernel.observe(LAB, NetState.of([rules])).objects.get(rules.key) is rules


DRIFT = {
    "a rule more": "add rule inet eigw_ns prerouting accept",
    "a rule before the others": "insert rule inet eigw_ns prerouting accept",
    "no rules": "flush chain inet eigw_ns prerouting",
    "another policy": (
        "add chain inet eigw_ns prerouting { type filter hook prerouting priority filter; policy accept; }"
    ),
    "an element more": "add element inet eigw_ns peers { 2001:db8:2::/64 }",
    "an element less": "delete element inet eigw_ns peers { 2001:db8:1::/64 }",
    "another verdict": (
        "delete element inet eigw_ns ways { 2001:db8::1 }\nadd element inet eigw_ns ways { 2001:db8::1 : drop }"
    ),
    "no elements": "flush set inet eigw_ns peers",
    "a chain more": "add chain inet eigw_ns third",
    "a base chain more": "add chain inet eigw_ns third { type filter hook input priority 0; }",
    "a set more": "add set inet eigw_ns third { type mark; }",
    "a counter more": "add counter inet eigw_ns third",
    "asleep": "add table inet eigw_ns { flags dormant; }",
    "no table": "delete table inet eigw_ns",
    "another table in its place": "delete table inet eigw_ns\nadd table inet eigw_ns",
    "a second table of ours": "add table bridge eigw_ns",
}


@pytest.mark.parametrize("commands", DRIFT.values(), ids=DRIFT)
def test_drift_is_seen_although_we_believe_otherwise_and_is_mended(kernel: LinuxKernel, commands: str) -> None:
    assert is_proved(kernel)
    nft(commands)
    seen = kernel.observe(LAB, BELIEVED)
    assert seen != NetState.of([*(thing for thing in seen if not isinstance(thing, Ruleset)), RULES])
    assert seen == kernel.observe(LAB)
    for extra in (thing for thing in seen if isinstance(thing, Ruleset) and thing.family == "bridge"):
        kernel.delete([extra])
    old = seen.objects.get(RULES.key)
    if old is None:
        kernel.create([RULES])
    else:
        kernel.update(old, RULES)
    assert kernel.observe(LAB, BELIEVED) == kernel.observe(LAB)
    assert is_proved(kernel) or "bridge" in commands


def test_a_change_and_its_undoing_is_no_drift_but_no_proof_either(kernel: LinuxKernel) -> None:
    nft("add counter inet eigw_ns third")
    nft("delete counter inet eigw_ns third")
    assert not is_proved(kernel)
    assert kernel.observe(LAB, BELIEVED).objects[RULES.key] == RULES


def test_what_packets_change_is_no_drift(kernel: LinuxKernel) -> None:
    with netns.inside(ROUTER.namespace):
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"x", ("::1", 9))
        listing = Nft().listing("inet", stateless=False)
    assert "packets 1" in listing and "elements = { ::1 }" in listing
    assert is_proved(kernel)


def test_reading_writes_nothing_and_keeps_the_proof(kernel: LinuxKernel) -> None:
    before = kernel.writes
    assert kernel.observe(LAB, BELIEVED) == kernel.observe(LAB)
    assert kernel.counters(ROUTER.namespace).keys() == {"met"}
    assert kernel.writes == before
    assert is_proved(kernel)


def test_other_rules_than_those_loaded_are_not_proved(kernel: LinuxKernel) -> None:
    other = replace(RULES, chains=(replace(CHAIN, rules=("accept",)),))
    assert not is_proved(kernel, other)
    kernel.update(RULES, other)
    assert is_proved(kernel, other)
    assert not is_proved(kernel)


def test_what_somebody_adds_before_an_update_is_not_overlooked_after_it(kernel: LinuxKernel) -> None:
    """The update is planned on what was seen before; a chain that it does not know of stays."""
    nft("add chain inet eigw_ns third { type filter hook input priority 0; }")
    other = replace(RULES, chains=(replace(CHAIN, rules=("accept",)),))
    kernel.update(RULES, other)
    assert not is_proved(kernel, other)
    assert kernel.observe(LAB, NetState.of([other])).objects[RULES.key] != other


def test_two_tables_are_both_listed(kernel: LinuxKernel) -> None:
    both = [RULES, bridge_rules(ROUTER.namespace)]
    kernel.create(both[1:])
    assert kernel.observe(LAB, NetState.of(both[1:])) == kernel.observe(LAB)  # the second alone is not all there is
    nft("flush chain inet eigw_ns prerouting")
    assert kernel.observe(LAB, NetState.of(both)) == kernel.observe(LAB)


def test_a_note_proves_nothing_in_another_namespace(kernel: LinuxKernel) -> None:
    """As many transactions, the same note, and other rules."""
    with netns.inside(ROUTER.namespace), IPRoute() as netlink:
        notes = netlink.get_links(1)[0].get_attr("IFLA_PROP_LIST").get_attrs("IFLA_ALT_IFNAME")
    kernel.delete([ROUTER])
    kernel.create([ROUTER])
    nft("add table inet eigw_ns")
    with netns.inside(ROUTER.namespace), IPRoute() as netlink:
        for note in notes:
            netlink.link("property_add", index=1, altname=note)
    assert not is_proved(kernel)
    assert kernel.observe(LAB, BELIEVED).objects[RULES.key] == Ruleset(ROUTER.namespace, "inet")

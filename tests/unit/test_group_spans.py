"""Spans of a security group's members: few elements, and at no step of a change a sender that is not a member."""

from __future__ import annotations

import json
from collections.abc import Iterator
from ipaddress import IPv6Address, IPv6Network

import pytest

from eigw_ns.cloud.filtering import Packet, group_rule
from eigw_ns.cloud.model import Cloud
from eigw_ns.dataplane.compile.compiler import compile_cloud
from eigw_ns.dataplane.planning.plan import make_plan
from eigw_ns.dataplane.rulesets.group_rules import PREFIX_SOURCES, SOURCES
from eigw_ns.dataplane.state import Link, NetState, Ruleset
from eigw_ns.kernel.fake.fake_kernel import FakeKernel
from eigw_ns.lab.lifecycle.execute import execute
from tests.support.labs import topology

BLOCK = "2600:1f16:aa0:5500"
START = {"a": "00::10", "b": "01::10", "c": "02::10", "d": "03::10", "d2": "03::20"}


def lab(instances: dict[str, str], groups: dict[str, str] | None = None, subnets: int = 4) -> Cloud:
    """Return a cloud with these instances (name → end of the address). `groups` names those that are not members.

    `d2` is in the subnet of `d`. The ends of prefixes may follow that of the address.
    """
    words = {name: end.split() for name, end in instances.items()}
    lines = [
        "vpcs:", "  main:", f"    ipv6_cidr_block: {BLOCK[:-2]}00::/56",
        "    security_groups: {other: {}}", "    subnets:",
        *(f"      s{n}: {{ipv6_cidr_block: '{BLOCK[:-2]}{n:02x}::/64'}}" for n in range(subnets)),
        "    instances:",
        *(
            f"      {name}: {{subnet: s{int(end[:2], 16)}, ipv6_address: '{BLOCK[:-2]}{end}',"
            f" ipv6_prefixes: {json.dumps([BLOCK[:-2] + each for each in prefixes])},"
            f" security_groups: [{(groups or {}).get(name, 'default')}]}}"
            for name, (end, *prefixes) in words.items()
        ),
    ]  # fmt: skip
    return topology("\n".join(lines), "spans").cloud


def rules(state: NetState) -> dict[str, Ruleset]:
    return {thing.namespace: thing for thing in state if isinstance(thing, Ruleset) and thing.family == "inet"}


def elements(ruleset: Ruleset, name: str) -> list[list[str]]:
    return [key.split(" . ") for item in ruleset.sets if item.name == name for key, _ in item.elements]


def covers(span: str, address: str) -> bool:
    if "/" in span:
        return IPv6Address(address) in IPv6Network(span)
    first, _, last = span.partition("-")
    return IPv6Address(first) <= IPv6Address(address) <= IPv6Address(last or first)


def sending(ruleset: Ruleset) -> Iterator[tuple[str, str]]:
    """Yield (port, address) for each address that may send; of a prefix, its first and its last address."""
    yield from ((port, address) for port, address in elements(ruleset, SOURCES))
    for port, prefix in elements(ruleset, PREFIX_SOURCES):
        yield from ((port, str(IPv6Network(prefix)[number])) for number in (0, -1))


def let_in(held: dict[str, Ruleset]) -> Iterator[tuple[str, str]]:
    """Yield (sender, receiver) addresses for every sender that a span of the receiver's group covers."""
    senders = [each for ruleset in held.values() for each in sending(ruleset)]
    for each in held.values():
        for me, span in elements(each, "ingress_any_members"):
            yield from ((address, me) for _, address in senders if covers(span, address))


def allowed(cloud: Cloud, sender: str, receiver: str) -> bool:
    """Return whether AWS allows it: a rule of the receiver's groups lets the sender begin a flow.

    The receiver is an address or a prefix.
    """
    to = [item for item in cloud.instances.values() if receiver in map(str, item.blocks)]
    packet = Packet(6, IPv6Address(sender), IPv6Network(receiver)[0], 40000, 443)
    return any(_is_there(cloud, sender) and group_rule(cloud, item, packet, egress=False) for item in to)


def _is_there(cloud: Cloud, address: str) -> bool:
    return any(item.owns(IPv6Address(address)) for item in cloud.instances.values())


def test_the_elements_of_a_subnet_do_not_grow_with_the_vpc() -> None:
    sizes = set()
    for count in (3, 30):
        cloud = lab({f"i{n}": f"{n:02x}::10" for n in range(count)}, subnets=count)
        sizes |= {sum(len(item.elements) for item in each.sets) for each in rules(compile_cloud(cloud)).values()}
    assert len(sizes) == 1


@pytest.mark.parametrize("stranger", [*START.values(), "00::5", "00::11", "01::5", "03::15", "03::ffff"])
def test_a_span_ends_before_an_instance_that_is_not_a_member(stranger: str) -> None:
    members = {name: end for name, end in START.items() if end != stranger}
    cloud = lab({**members, "x": stranger}, {"x": "other"})
    addresses = [str(item.ipv6_address) for item in cloud.instances.values()]
    expected = {(one, other) for one in addresses for other in addresses if allowed(cloud, one, other)}
    assert set(let_in(rules(compile_cloud(cloud)))) == expected
    assert len(expected) == len(members) ** 2


def test_a_span_covers_prefixes_of_members_and_ends_before_a_strangers() -> None:
    cloud = lab({**START, "a": "00::10 00:7::/80 00:9::/80", "x": "01::5 01:3::/80"}, {"x": "other"})
    found = set(let_in(rules(compile_cloud(cloud))))
    senders = [address for each in rules(compile_cloud(cloud)).values() for _, address in sending(each)]
    receivers = [str(block) for item in cloud.instances.values() for block in item.blocks]
    assert found == {(one, other) for one in senders for other in receivers if allowed(cloud, one, other)}
    assert len(found) == 9 * 7  # 5 addresses and both ends of 2 prefixes send; 5 addresses and 2 prefixes receive


@pytest.mark.parametrize(
    ("groups", "spans"),
    [
        ({}, {"00::/62"}),
        ({"d2": "other"}, {"00::-03::10"}),
        ({"d": "other"}, {"00::-02:ffff:ffff:ffff:ffff", "03::20"}),
        ({"b": "other", "c": "other"}, {"00::10", "03::10-03::20"}),
    ],
)
def test_a_span_over_subnets_ends_at_the_edge_of_a_64(groups: dict[str, str], spans: set[str]) -> None:
    """The kernel stores whole /64s as few blocks, single addresses as up to 250. `groups` names non-members."""
    held = rules(compile_cloud(lab(START, groups)))
    members = {f"{BLOCK[:-2]}{end}" for name, end in START.items() if name not in groups}
    found = {text for each in held.values() for me, text in elements(each, "ingress_any_members") if me in members}
    assert {text.replace(BLOCK[:-2], "") for text in found} == spans


def test_a_member_with_an_address_like_a_routers_is_an_exact_peer() -> None:
    """A subnet larger than a /64 may have an instance with such an address, and spans exclude routers."""
    text = f"""
vpcs:
  main:
    ipv6_cidr_block: {BLOCK[:-2]}00::/56
    subnets: {{wide: {{ipv6_cidr_block: '{BLOCK[:-2]}10::/60'}}}}
    instances:
      one: {{subnet: wide, ipv6_address: '{BLOCK[:-2]}10::10'}}
      odd: {{subnet: wide, ipv6_address: '{BLOCK[:-2]}11::1'}}
      two: {{subnet: wide, ipv6_address: '{BLOCK[:-2]}12::10'}}
"""
    (ruleset,) = rules(compile_cloud(topology(text, "spans").cloud)).values()
    exact = {peer for _, peer in elements(ruleset, "ingress_any")}
    assert exact == {f"{BLOCK[:-2]}11::1"}
    assert {span for _, span in elements(ruleset, "ingress_any_members")} == {
        f"{BLOCK[:-2]}10::-{BLOCK[:-2]}12:ffff:ffff:ffff:ffff"
    }
    chain = next(each for each in ruleset.chains if each.name == "group_ingress")
    assert chain.rules[1].startswith("ip6 saddr & ::ffff:ffff:ffff:ffff != ::1 ")


def test_of_a_prefix_with_an_address_like_a_routers_this_address_is_an_exact_peer() -> None:
    text = f"""
vpcs:
  main:
    ipv6_cidr_block: {BLOCK[:-2]}00::/56
    subnets: {{wide: {{ipv6_cidr_block: '{BLOCK[:-2]}10::/60'}}}}
    instances:
      one: {{subnet: wide, ipv6_address: '{BLOCK[:-2]}10::10', ipv6_prefixes: ['{BLOCK[:-2]}11::/80']}}
"""
    (ruleset,) = rules(compile_cloud(topology(text, "spans").cloud)).values()
    assert {peer for _, peer in elements(ruleset, "ingress_any")} == {f"{BLOCK[:-2]}11::1"}
    for each in ("10::10", "11::", "11::2", "11::ffff:ffff:ffff"):
        assert any(covers(span, f"{BLOCK[:-2]}{each}") for _, span in elements(ruleset, "ingress_any_members"))


OTHER = {"x": "other", "y": "other"}
CHANGES = {
    "a stranger goes": (START, {"b": "other"}, {name: end for name, end in START.items() if name != "b"}, {}),
    "one goes from beside a member": (START, {"d": "other"}, {k: end for k, end in START.items() if k != "d"}, {}),
    "two go from two subnets": (START, {"b": "other", "c": "other"}, {"a": "00::10", "d2": "03::20"}, {}),
    "two go from beside members": ({**START, "x": "00::20", "y": "03::15"}, OTHER, START, {}),
    "a stranger moves into a span": ({**START, "x": "03::99"}, OTHER, {**START, "x": "03::15"}, OTHER),
    "two strangers swap": (
        {**START, "x": "00::5", "y": "03::99"}, OTHER, {**START, "x": "00::99", "y": "03::5"}, OTHER
    ),
    "a stranger comes": (START, {}, {**START, "x": "02::5"}, OTHER),
    "a member leaves the group": (START, {}, START, {"c": "other"}),
    "a stranger becomes a member": (START, {"c": "other"}, START, {}),
    "member and stranger swap": (START, {"b": "other"}, {**START, "b": "02::10", "c": "01::10"}, {"b": "other"}),
    "a stranger gets a prefix in a span": (
        {**START, "x": "00::5"}, OTHER, {**START, "x": "00::5 00:7::/80"}, OTHER
    ),
    "a stranger gives up a prefix in a span": (
        {**START, "x": "00::5 00:7::/80"}, OTHER, {**START, "x": "00::5"}, OTHER
    ),
    "a prefix of a member becomes a stranger's": (
        {**START, "a": "00::10 00:7::/80", "x": "00::5"}, OTHER, {**START, "x": "00::5 00:7::/80"}, OTHER
    ),
    "a member gets an address in a stranger's prefix": (
        {**START, "x": "00::5 00:7::/80"}, OTHER, {**START, "a": "00:7::10", "x": "00::5"}, OTHER
    ),
    "a stranger gets a prefix around a member's address": (
        {**START, "a": "00:7::10", "x": "00::5"}, OTHER, {**START, "x": "00::5 00:7::/80"}, OTHER
    ),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_at_no_step_of_a_change_a_stranger_is_let_in(
    change: tuple[dict[str, str], dict[str, str], dict[str, str], dict[str, str]],
) -> None:
    """After each step, every sender that is let in is let in by the cloud before or after the change.

    That is also true if the change is interrupted anywhere and continued. The rules no longer show which instances
    move then.
    """
    before, after = lab(change[0], change[1]), lab(change[2], change[3])
    old, new = compile_cloud(before), compile_cloud(after)
    plan = make_plan(new, old)
    rulings = [number for number, step in enumerate(plan, 1) if isinstance(step.object, Ruleset)]
    assert rulings
    for cut in (0, *rulings):
        kernel = FakeKernel()
        execute(kernel, make_plan(old, NetState()))
        execute(kernel, plan[:cut])
        for step in make_plan(new, kernel.observe("spans")):
            execute(kernel, (step,))
            if not isinstance(step.object, Ruleset):
                continue
            for sender, receiver in _let_in_by_the_wired(kernel.observe("spans")):
                assert allowed(before, sender, receiver) or allowed(after, sender, receiver), (cut, str(step), sender)
        assert kernel.observe("spans") == new


def _let_in_by_the_wired(state: NetState) -> Iterator[tuple[str, str]]:
    """Yield what `let_in` does, but only for senders whose veth pair exists."""
    linked = {(thing.namespace, thing.name) for thing in state if isinstance(thing, Link)}
    held = rules(state)
    senders = {address for each in held.values() for port, address in sending(each)
               if (each.namespace, port.strip('"')) in linked}  # fmt: skip
    return ((sender, receiver) for sender, receiver in let_in(held) if sender in senders)

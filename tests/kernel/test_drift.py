"""Changes of other programs to our namespaces are detected, even if a fingerprint replaces the listing."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pyroute2 import IPRoute

from eigw_ns.cli.program import run
from eigw_ns.dataplane.rulesets.gateway_rules import plain_set
from eigw_ns.dataplane.state import (
    PROTOCOL,
    ForeignObject,
    Namespace,
    NetState,
    NftChain,
    NftSet,
    Route,
    RoutingRule,
    Ruleset,
)
from eigw_ns.kernel.linux import LinuxKernel
from eigw_ns.kernel.namespaces import netns
from eigw_ns.kernel.nft.library import Nft
from eigw_ns.lab.lifecycle import operations
from tests.support.labs import PATIENCE, SILENCE, Lab, topology
from tests.support.small_states import bridge_rules
from tests.support.stored import storage

pytestmark = pytest.mark.root

LAB = f"drift{os.getpid()}"
ROUTER = Namespace(f"eigw-{LAB}-subnet-00000000000000001", LAB, "subnet-00000000000000001")
PAIRS = plain_set("pairs", "mark . ipv6_addr", (f"0x{n:08x} . 2001:db8::/64" for n in range(4)), interval=True)
SEEN = NftSet("seen", "ipv6_addr", size=64)
PEERS = plain_set("peers", "ipv6_addr", ("2001:db8::/64", "2001:db8:1::/64"), interval=True)
WAYS = NftSet("ways", "ipv6_addr", (("2001:db8::1", "accept"),), "verdict")
CHAIN = NftChain(
    "prerouting",
    "type filter hook prerouting priority filter; policy drop;",
    ('counter name "met"', "add @seen { ip6 saddr }", "ip6 saddr @peers accept", "ip6 saddr vmap @ways"),
)
CLOSED = NftChain("closed", rules=("drop",))
NAMED = NftChain("named", rules=('iifname "up" drop',))
RULES = Ruleset(ROUTER.namespace, "inet", ("met",), (PAIRS, PEERS, SEEN, WAYS), (CLOSED, NAMED, CHAIN))
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
    """Run a foreign nft transaction in the namespace."""
    with netns.inside(ROUTER.namespace):
        Nft().run(commands, "interfere")


def test_a_renamed_loopback_still_marks_the_namespace(kernel: LinuxKernel) -> None:
    with netns.inside(ROUTER.namespace), IPRoute() as netlink:
        netlink.link("set", index=1, state="down")
        netlink.link("set", index=1, ifname="other")
    down = Namespace(ROUTER.namespace, LAB, ROUTER.id, loopback_up=False)
    assert tuple(kernel.observe(LAB).namespaces()) == (down,)
    kernel.update([(down, ROUTER)])
    assert tuple(kernel.observe(LAB).namespaces()) == (ROUTER,)
    assert is_proved(kernel)


def test_a_dormant_table_is_drift_and_is_woken(kernel: LinuxKernel) -> None:
    """A dormant table lists its rules as usual, but no packet meets them."""
    nft("add table inet eigw_ns { flags dormant; }")
    asleep = kernel.observe(LAB).objects[RULES.key]
    assert asleep != RULES
    kernel.update([(asleep, RULES)])
    assert kernel.observe(LAB).objects[RULES.key] == RULES


# ---- expected rules, which a fingerprint may prove without a listing -------------------------------------------------


def is_proved(kernel: LinuxKernel, rules: Ruleset = RULES) -> bool:
    """Return whether the result is the very object that we expected, not an equal one from a listing."""
    return kernel.observe(LAB, NetState.of([rules])).objects.get(rules.key) is rules


def _peers(text: str) -> str:
    """Return the commands that replace the set `peers`, which rules look up."""
    rules = (f"add rule inet eigw_ns prerouting {rule}" for rule in CHAIN.rules)
    gone = ("flush chain inet eigw_ns prerouting", "delete set inet eigw_ns peers")
    return "\n".join((*gone, f"add set inet eigw_ns peers {{ {text} }}", *rules))


_BOTH = "elements = { 2001:db8::/64, 2001:db8:1::/64 }"

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
    "a pair more": "add element inet eigw_ns pairs { 0x00000007 . 2001:db8::/64 }",
    "a pair less": "delete element inet eigw_ns pairs { 0x00000001 . 2001:db8::/64 }",
    "a pair with a wider range": (
        "delete element inet eigw_ns pairs { 0x00000001 . 2001:db8::/64 }\n"
        "add element inet eigw_ns pairs { 0x00000001 . ::/0 }"
    ),
    "a pair with a comment": 'add element inet eigw_ns pairs { 0x00000007 . 2001:db8::/64 comment "this, that" }',
    "no elements": "flush set inet eigw_ns peers",
    "a chain more": "add chain inet eigw_ns third",
    "a base chain more": "add chain inet eigw_ns third { type filter hook input priority 0; }",
    "a set more": "add set inet eigw_ns third { type mark; }",
    "a counter more": "add counter inet eigw_ns third",
    "asleep": "add table inet eigw_ns { flags dormant; }",
    "no table": "delete table inet eigw_ns",
    "another table in its place": "delete table inet eigw_ns\nadd table inet eigw_ns",
    "a second table of ours": "add table bridge eigw_ns",
    "elements that end": _peers(f"type ipv6_addr; flags interval,timeout; timeout 1d; {_BOTH};"),
    "a set that is full": _peers(f"type ipv6_addr; size 2; flags interval; {_BOTH};"),
    "a set of expressions": _peers(f"typeof ip6 saddr; flags interval; {_BOTH};"),
    "a comment that poses as elements": _peers(f'type ipv6_addr; flags interval; comment "{_BOTH} ";'),
    "a comment that poses as a chain": (
        "flush chain inet eigw_ns closed\n"
        'add rule inet eigw_ns closed accept comment "\n\tchain closed {\n\t\tdrop\n\t}\n\t"'
    ),
    "a name that goes on as the size of a set may": (
        'flush chain inet eigw_ns named\nadd rule inet eigw_ns named iifname "up\t# count 1" drop'
    ),
}


@pytest.mark.parametrize("commands", DRIFT.values(), ids=DRIFT)
def test_drift_from_the_expected_rules_is_seen_and_repaired(kernel: LinuxKernel, commands: str) -> None:
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
        kernel.update([(old, RULES)])
    assert kernel.observe(LAB, BELIEVED) == kernel.observe(LAB)
    assert is_proved(kernel) or "bridge" in commands


def test_a_change_and_its_undoing_are_not_drift_but_not_proved(kernel: LinuxKernel) -> None:
    nft("add counter inet eigw_ns third")
    nft("delete counter inet eigw_ns third")
    assert not is_proved(kernel)
    assert kernel.observe(LAB, BELIEVED).objects[RULES.key] == RULES


def test_what_packets_change_is_not_drift(kernel: LinuxKernel) -> None:
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
    kernel.update([(RULES, other)])
    assert is_proved(kernel, other)
    assert not is_proved(kernel)


def test_a_foreign_change_before_an_update_is_seen_after_it(kernel: LinuxKernel) -> None:
    """The update is planned from an earlier observation, so a chain that was added since stays."""
    nft("add chain inet eigw_ns third { type filter hook input priority 0; }")
    other = replace(RULES, chains=(replace(CHAIN, rules=("accept",)),))
    kernel.update([(RULES, other)])
    assert not is_proved(kernel, other)
    assert kernel.observe(LAB, NetState.of([other])).objects[RULES.key] != other


def test_two_tables_are_both_listed(kernel: LinuxKernel) -> None:
    both = [RULES, bridge_rules(ROUTER.namespace)]
    kernel.create(both[1:])
    assert kernel.observe(LAB, NetState.of(both[1:])) == kernel.observe(LAB)  # the second table is not the only one
    nft("flush chain inet eigw_ns prerouting")
    assert kernel.observe(LAB, NetState.of(both)) == kernel.observe(LAB)


def test_a_note_proves_nothing_in_another_namespace(kernel: LinuxKernel) -> None:
    """The same number of transactions and the same note, but other rules."""
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


# ---- foreign objects in a router -------------------------------------------------------------------------------------

_V6 = socket.AF_INET6
_BLOCKED = "2001:db8:80::/48"
_DROP = "add table ip6 other; add chain ip6 other f { type filter hook forward priority 0; policy drop; }"
_OWN_RULES = (RoutingRule(ROUTER.namespace, 100, 0x1, "main"), RoutingRule(ROUTER.namespace, 101, 0, "blackhole"))
_OWN_ROUTE = Route(ROUTER.namespace, "2001:db8:1::/48", blackhole=True)

Act = Callable[[Any], None]
"""A foreign change in the namespace of a pyroute2 socket."""


def act(namespace: str, *acts: Act | str) -> None:
    """Make the changes in the namespace. A string is an nftables transaction."""
    with netns.inside(namespace), IPRoute() as netlink:
        for each in acts:
            if isinstance(each, str):
                Nft().run(each, "interfere")
            else:
                each(netlink)


def route(verb: str = "add", **about: Any) -> Act:
    return lambda netlink: netlink.route(verb, family=_V6, **about)


def rule(**about: Any) -> Act:
    return lambda netlink: netlink.rule("add", family=_V6, **about)


def link(name: str) -> Act:
    return lambda netlink: netlink.link("add", ifname=name, kind="bridge", state="up")


def appended(destination: str, name: str, **about: Any) -> Act:
    """Return an act that adds a route beside existing ones, as `ip route append` does."""

    def do(netlink: Any) -> None:
        (index,) = netlink.link_lookup(ifname=name)
        netlink.route("append", dst=destination, family=_V6, oif=index, priority=1024, **about)

    return do


def foreign_objects(kernel: LinuxKernel) -> list[ForeignObject]:
    return [thing for thing in kernel.observe(LAB, BELIEVED) if isinstance(thing, ForeignObject)]


def tables() -> tuple[list[Any], list[Any], str]:
    """Return all rules and routes of the router, with the kernel's own, and its nftables, as other programs do."""
    with netns.inside(ROUTER.namespace), IPRoute() as netlink:
        rules = [(each["action"], *_attributes(each, "FRA", _OF_RULES)) for each in netlink.get_rules(family=_V6)]
        routes = [
            (each["type"], each["proto"], *_attributes(each, "RTA", _OF_ROUTES))
            for each in netlink.get_routes(family=_V6)
        ]
        return rules, routes, Nft().run("list tables", "look")


_OF_RULES = ("PRIORITY", "TABLE", "PROTOCOL", "FWMARK", "FWMASK", "SRC", "IIFNAME")
_OF_ROUTES = ("DST", "TABLE", "PRIORITY", "OIF")


def _attributes(message: Any, prefix: str, names: tuple[str, ...]) -> list[Any]:
    return [message.get_attr(f"{prefix}_{name}") for name in names]


FOREIGN: dict[str, tuple[Act | str, str]] = {
    "unreachable": (
        route(dst=_BLOCKED, type="unreachable", proto=3, priority=1024),
        "route unreachable 2001:db8:80::/48 table 254 metric 1024",
    ),
    "throw in a table of its own": (
        route(dst="default", type="throw", table=77, proto=3),
        "route throw ::/0 table 77 metric 1024",
    ),
    "prohibit in the local table": (
        route(dst=_BLOCKED, type="prohibit", table=255, proto=3),
        "route prohibit 2001:db8:80::/48 table 255 metric 1024",
    ),
    "our number in a large table": (
        route(dst=_BLOCKED, type="blackhole", table=1000, proto=PROTOCOL),
        f"route blackhole 2001:db8:80::/48 table 1000 metric 1024 protocol {PROTOCOL}",
    ),
    "another blackhole": (
        route(dst=_BLOCKED, type="blackhole", proto=3, priority=7),
        "route blackhole 2001:db8:80::/48 table 254 metric 7",
    ),
    "prohibiting": (rule(priority=10, action="FR_ACT_PROHIBIT"), "rule 10 prohibit"),
    "another table": (rule(priority=10, table=77), "rule 10 lookup 77"),
    "swallowing": (rule(priority=10, action="FR_ACT_BLACKHOLE"), "rule 10 blackhole"),
    "our number": (rule(priority=10, table=77, protocol=PROTOCOL), f"rule 10 lookup 77 protocol {PROTOCOL}"),
    "the kernel's number": (rule(priority=10, action="FR_ACT_PROHIBIT", protocol=2), "rule 10 prohibit protocol 2"),
    "first of all": (rule(priority=0, action="FR_ACT_PROHIBIT"), "rule 0 prohibit"),
    "the kernel's first rule again": (rule(priority=0, table=255), "rule 0 lookup 255"),
    "the kernel's last rule again": (rule(priority=32766, table=254), "rule 32766 lookup 254"),
    "ours again": (rule(priority=100, table=254, fwmark=1, fwmask=1), "rule 100 fwmark 0x1/0x1 lookup 254"),
    "as ours for all": (rule(priority=100, table=254), "rule 100 lookup 254"),
    "as ours for some": (
        rule(priority=100, table=254, fwmark=1, fwmask=1, protocol=PROTOCOL, src="2001:db8::/32", iifname="up"),
        f"rule 100 from 2001:db8::/32 fwmark 0x1/0x1 iif up lookup 254 protocol {PROTOCOL}",
    ),
    "a table of the other family": ("add table ip6 other", "table ip6 other"),
    "a table of our name": ("add table ip6 eigw_ns", "table ip6 eigw_ns"),
    "a table beside ours": ("add table inet other { chain a { }; }", "table inet other"),
    "a table of IPv4": ("add table ip other", "table ip other"),
    "a table of ARP": ("add table arp other", "table arp other"),
    "a table of links": ("add table netdev other", "table netdev other"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_only_foreign_objects_are_seen_and_removed(kernel: LinuxKernel, name: str) -> None:
    kernel.create([*_OWN_RULES, _OWN_ROUTE])
    before, seen = tables(), kernel.observe(LAB)
    assert foreign_objects(kernel) == []
    deed, text = FOREIGN[name]
    act(ROUTER.namespace, deed)
    assert [thing.text for thing in foreign_objects(kernel)] == [text]
    assert tables() != before
    kernel.delete(foreign_objects(kernel))
    assert tables() == before
    assert kernel.observe(LAB, BELIEVED) == kernel.observe(LAB) == seen


def test_all_foreign_objects_are_removed_at_once(kernel: LinuxKernel) -> None:
    kernel.create([*_OWN_RULES, _OWN_ROUTE])
    before = tables()
    act(ROUTER.namespace, *(deed for deed, _ in FOREIGN.values()))
    assert {thing.text for thing in foreign_objects(kernel)} == {text for _, text in FOREIGN.values()}
    kernel.delete(foreign_objects(kernel))
    assert tables() == before


@pytest.mark.parametrize("first", ["ours", "theirs"])
def test_a_foreign_route_beside_ours_is_removed_and_ours_stays(kernel: LinuxKernel, first: str) -> None:
    ours = Route(ROUTER.namespace, "2001:db8:1::/48", "one")

    acts = [appended(ours.destination, "one", proto=PROTOCOL), appended(ours.destination, "two", proto=3)]
    act(ROUTER.namespace, link("one"), link("two"))
    before = kernel.observe(LAB)
    act(ROUTER.namespace, *(acts if first == "ours" else reversed(acts)))
    assert [thing.text for thing in foreign_objects(kernel)] == [
        "route unicast 2001:db8:1::/48 dev two table 254 metric 1024"
    ]
    kernel.delete(foreign_objects(kernel))
    assert kernel.observe(LAB) == NetState.of([*before, ours])


def test_a_foreign_next_hop_beside_ours_is_seen_and_removed(kernel: LinuxKernel) -> None:
    """Linux merges both into one route, which has our protocol number."""
    ours = Route(ROUTER.namespace, "2001:db8:1::/48", "one", "fe80::1")
    act(ROUTER.namespace, link("one"))
    kernel.create([ours])
    act(ROUTER.namespace, appended(ours.destination, "one", proto=3, gateway="fe80::2"))
    (thing,) = foreign_objects(kernel)
    assert thing.key == ours.key
    assert "with several next hops" in thing.text
    kernel.update([(thing, ours)])
    assert foreign_objects(kernel) == []
    assert kernel.observe(LAB).objects[ours.key] == ours


def test_a_foreign_route_in_the_place_of_ours_is_replaced(kernel: LinuxKernel) -> None:
    act(ROUTER.namespace, route(dst=_OWN_ROUTE.destination, type="unreachable", proto=3, priority=1024))
    (thing,) = foreign_objects(kernel)
    assert thing.key == _OWN_ROUTE.key
    kernel.update([(thing, _OWN_ROUTE)])
    assert kernel.observe(LAB).objects[_OWN_ROUTE.key] == _OWN_ROUTE
    assert foreign_objects(kernel) == []


def test_a_table_that_was_there_before_ours_is_not_hidden_by_the_fingerprint(kernel: LinuxKernel) -> None:
    nft("delete table inet eigw_ns\nadd table ip6 other")
    kernel.create([RULES])
    assert [thing.text for thing in foreign_objects(kernel)] == ["table ip6 other"]
    other = replace(RULES, chains=(replace(CHAIN, rules=("accept",)),))
    kernel.update([(RULES, other)])
    assert ForeignObject(ROUTER.namespace, "table ip6 other") in set(kernel.observe(LAB, NetState.of([other])))
    assert not is_proved(kernel, other)
    kernel.delete(foreign_objects(kernel))
    kernel.update([(other, RULES)])
    assert is_proved(kernel)


TOPOLOGY = """
vpcs:
  main:
    ipv6_cidr_block: 2600:1f16:aa0:5500::/56
    egress_only_internet_gateways: {outbound: {}}
    route_tables: {private: {main: true, routes: [{destination: "::/0", target: outbound}]}}
    subnets: {a: {ipv6_cidr_block: "2600:1f16:aa0:5501::/64"}, b: {ipv6_cidr_block: "2600:1f16:aa0:5502::/64"}}
    instances:
      app: {subnet: a, ipv6_address: "2600:1f16:aa0:5501::10"}
      pal: {subnet: b, ipv6_address: "2600:1f16:aa0:5502::10"}
internet: {hosts: {web: {ipv6_address: "2001:db8:80::1"}}}
"""
WEB = "2001:db8:80::1"

STOPPED: dict[str, tuple[list[Act | str], list[str]]] = {
    "an unreachable route": (
        [route(dst=_BLOCKED, type="unreachable", proto=3, priority=1024)],
        ["route unreachable 2001:db8:80::/48 table 254 metric 1024"],
    ),
    "a prohibiting rule": ([rule(priority=10, action="FR_ACT_PROHIBIT")], ["rule 10 prohibit"]),
    "another table": (
        [rule(priority=10, table=77), route(dst="default", type="blackhole", table=77, proto=3)],
        ["route blackhole ::/0 table 77 metric 1024", "rule 10 lookup 77"],
    ),
    "a table that drops": ([_DROP], ["table ip6 other"]),
    "a route in the place of ours": (
        [route("replace", dst="default", type="unreachable", proto=3, priority=1024)],
        ["route unreachable ::/0 table 254 metric 1024"],
    ),
}


@pytest.fixture
def lab(lab_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """Return a lab of two subnets behind a gateway, stored and applied."""
    monkeypatch.setenv("EIGW_NS_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("EIGW_NS_RUN_DIR", str(tmp_path / "run"))
    built = Lab(lab_name, current=topology(TOPOLOGY, lab_name))
    operations.apply(built.kernel, storage(), topology(TOPOLOGY, lab_name))
    return built


def status(lab: Lab, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, str]:
    """Run `status`. Returns its exit code and output."""
    capsys.readouterr()
    return run(["status", "--lab", lab.name, *options]), capsys.readouterr().out


@pytest.mark.parametrize("name", STOPPED)
def test_status_names_what_stops_packets_and_apply_removes_it(
    lab: Lab, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    deeds, texts = STOPPED[name]
    subnet = lab.namespace("main/a")
    before = lab.kernel.observe(lab.name)
    with lab.stream("app", "web", WEB) as stream, lab.stream("pal", "web", WEB, 4444) as other:
        assert stream.works()
        assert status(lab, capsys)[0] == 0
        act(subnet, *deeds)
        stream.client.sendall(b"held")
        stream.server.settimeout(SILENCE)
        with pytest.raises(TimeoutError):
            stream.server.recv(4)
        assert other.works()
        for options in ((), ("-v",), ("-o", "json")):
            code, shown = status(lab, capsys, *options)
            assert code == 3
            assert all(text in shown for text in texts)
        assert run(["apply", "--lab", lab.name]) == 0
        stream.server.settimeout(PATIENCE)
        assert stream.server.recv(4, socket.MSG_WAITALL) == b"held"  # sent again, as TCP does
        assert stream.works()
        assert other.works()
    assert status(lab, capsys)[0] == 0
    assert lab.kernel.observe(lab.name) == before


def test_what_is_foreign_in_a_namespace_of_an_instance_is_left_alone(
    lab: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    for node in ("app", "web"):
        for deeds, _ in list(STOPPED.values())[:4]:
            act(lab.namespace(node), *deeds[:1])
    assert status(lab, capsys)[0] == 0
    act(lab.namespace("main/a"), _DROP)  # the control: the same object in a router is reported
    assert status(lab, capsys)[0] == 3
    assert run(["apply", "--lab", lab.name]) == 0
    with netns.inside(lab.namespace("app")), IPRoute() as netlink:
        assert 10 in {each.get_attr("FRA_PRIORITY") for each in netlink.get_rules(family=_V6)}
        assert Nft().run("list tables", "look") == "table ip6 other\n"

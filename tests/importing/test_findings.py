"""The nine findings: each with an input that has it and one that does not, its place, and what accepts it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from ipaddress import ip_network
from typing import Literal

import pytest

from eigw_ns.importing.design import (
    Design,
    DesignAcl,
    DesignAclEntry,
    DesignAssociation,
    DesignGroup,
    DesignGroupRule,
    Key,
    Outside,
)
from eigw_ns.importing.findings import ports
from eigw_ns.importing.findings.finding import CODES, Finding
from eigw_ns.importing.findings.judged import accepted, expired, findings, unused
from eigw_ns.importing.findings.subject import Reach
from eigw_ns.importing.messages import Message, Place
from eigw_ns.importing.policy.policy import Policy
from eigw_ns.importing.policy.reader import read_policy
from eigw_ns.importing.resolve.choices import Choices
from eigw_ns.importing.resolve.imported import imported
from tests.support.designs import FILE, VPC, design, label, leaking, route, subnet

OPEN, OUT, SHUT = Reach("open", "open"), Reach("closed", "open"), Reach("closed", "closed")
DAY = date(2026, 12, 1)


def judged(made: Design, reach: Mapping[str, Reach] | Reach = SHUT, policy: Policy | None = None) -> list[Finding]:
    """Return the findings. `reach` is that of all subnets, or by their names."""
    found = imported(made, Choices(), (policy or Policy()).intent_of)
    by_name = reach if isinstance(reach, Mapping) else {each.name: reach for each in found.subnets}
    return list(findings(made, found, {each.id: by_name[each.name] for each in found.subnets if each.name in by_name}))


def one(ipv4: str, ipv6: str, reach: Reach, *, policy: str = "", **tags: str) -> list[str]:
    """Return the codes for a subnet with these default routes; "" is none."""
    routes = [
        route("T", block, word, line) for block, word, line in (("0.0.0.0/0", ipv4, 5), ("::/0", ipv6, 6)) if word
    ]
    made = design(subnet("S", 1, **tags), tables=[("S", "T")], routes=routes)
    return codes(judged(made, reach, read_policy(policy.encode(), "p.yaml") if policy else None))


def codes(found: list[Finding]) -> list[str]:
    return [each.code for each in found]


def rule(match: str, inbound: str, outbound: str) -> str:
    return f"subnets: [{{match: {match}, inbound: {inbound}, outbound: {outbound}}}]"


ALL = "{name: '*'}"
OPENED, CLOSED = rule(ALL, "allowed", "allowed"), rule(ALL, "blocked", "blocked")


@pytest.mark.parametrize(
    ("code", "leaking", "sound"),
    [
        ("EIGW001", one("", "igw", OPEN, Reach="Private"), one("", "eigw", OUT, Reach="Private")),
        ("EIGW001", one("", "igw", OPEN, Name="isolated"), one("", "igw", SHUT, Name="isolated")),
        ("EIGW001", one("igw", "igw", OPEN, policy=rule(ALL, "blocked", "allowed")),
         one("igw", "igw", OPEN, policy=rule(ALL, "allowed", "allowed"), Reach="Private")),
        ("EIGW002", one("nat", "igw", OPEN), one("nat", "eigw", OUT)),
        ("EIGW002", one("tgw", "igw", OPEN), one("igw", "igw", OPEN)),
        ("EIGW002", one("nat", "igw", OPEN, Name="public"), one("nat", "igw", OPEN, policy=OPENED)),
        ("EIGW003", one("nat", "", SHUT), one("nat", "eigw", OUT)),
        ("EIGW003", one("nat", "blackhole", SHUT), one("nat", "", SHUT, policy=rule(ALL, "blocked", "blocked"))),
        ("EIGW005", one("igw", "eigw", OUT, Name="database"), one("igw", "igw", OPEN)),
        ("EIGW005", one("igw", "", SHUT), one("igw", "eigw", OUT, policy=rule(ALL, "blocked", "allowed"))),
        ("EIGW006", one("tgw", "eigw", OUT), one("tgw", "", SHUT)),
        ("EIGW008", one("igw", "igw", OPEN), one("igw", "igw", OPEN, Reach="Public")),
        ("EIGW008", one("", "eigw", OUT), one("nat", "eigw", OUT)),
        ("EIGW009", one("", "eigw", OUT, Reach="Isolated"), one("", "", SHUT, Reach="Isolated")),
        ("EIGW009", one("", "eigw", OUT, policy=CLOSED), one("", "eigw", OUT, Reach="Private")),
    ],
)  # fmt: skip
def test_a_leaking_design_has_the_finding_and_a_sound_one_does_not(
    code: str, leaking: list[str], sound: list[str]
) -> None:
    assert code in leaking
    assert code not in sound


def test_the_classic_fault_is_found_twice_at_the_route_that_decides() -> None:
    found = judged(leaking(), {"inner": OPEN, "outer": OPEN})
    assert [(each.code, str(each.place), each.subject, each.source) for each in found] == [
        ("EIGW001", f"{FILE}:14 T1-::/0", "inner", "Inner"),
        ("EIGW002", f"{FILE}:14 T1-::/0", "inner", "Inner"),
    ]
    assert found[0].what == ("the internet reaches subnet inner over IPv6; it is meant to be private (tag Reach)")
    assert found[0].remedy == "point the route at an egress-only internet gateway, or remove it"


def test_without_packets_nothing_is_claimed_about_what_reaches_a_subnet() -> None:
    assert codes(judged(leaking(), {})) == []
    assert codes(judged(leaking(), Reach())) == []


def test_a_subnet_that_a_refusal_touches_has_no_findings() -> None:
    refused = Message("refuse", Place("x"), "nobody knows", touches=frozenset(("T1",)))
    assert codes(judged(replace(leaking(), messages=(refused,)), OPEN)) == []


def test_a_missing_route_is_found_at_the_association_and_names_the_idle_gateway() -> None:
    made = design(subnet("S", 1, Name="private"), tables=[("S", "T")], routes=[route("T", "0.0.0.0/0", "nat")])
    (found,) = judged(made)
    assert (found.code, found.place) == ("EIGW003", Place("S", FILE))
    assert "no route uses the egress-only internet gateway eigw" in found.what


def test_a_subnet_of_the_main_table_has_the_place_of_the_table_and_one_without_any_its_own() -> None:
    main = design(subnet("S", 1), routes=[route("T", "0.0.0.0/0", "nat", 3)])
    main = replace(main, route_tables=tuple(replace(each, main=True) for each in main.route_tables))
    assert [(each.code, each.place.address) for each in judged(main)] == [("EIGW003", "T")]
    bare = design(subnet("S", 1))
    assert [(each.code, each.place.address) for each in judged(bare)] == [("EIGW008", "S")]


def test_a_route_for_a_part_of_the_internet_decides() -> None:
    routes = [route("T", "::/0", "eigw", 1), route("T", "2001:db8::/32", "igw", 2)]
    made = design(subnet("S", 1, Reach="Private"), tables=[("S", "T")], routes=routes)
    (found,) = judged(made, OPEN)
    assert found.place.line == 2


# ---- groups and ACLs -------------------------------------------------------------------------------------------------

BOTH = ("0.0.0.0/0", "::/0")


def group(*rules: tuple[bool, int, tuple[int, int] | None, str | Key | Outside]) -> Design:
    found = DesignGroup(label("G", Name="web"), VPC)
    parts = tuple(
        DesignGroupRule(
            Place(f"R{number}", FILE, number), Key("G"), egress, protocol, span and span[0], span and span[1],
            ip_network(peer) if isinstance(peer, str) else peer,
        )
        for number, (egress, protocol, span, peer) in enumerate(rules, 1)
    )  # fmt: skip
    return design(subnet("S", 1, Reach="Isolated"), groups=(found,), group_rules=parts)


def acl(*entries: tuple[int, Literal["allow", "deny"], str, tuple[int, int] | None]) -> Design:
    parts = tuple(
        DesignAclEntry(Place(f"E{number}", FILE, number), Key("A"), number, False, 6, word, ip_network(block), span)
        for number, word, block, span in entries
    )
    made = design(subnet("S", 1, Reach="Isolated"), acls=(DesignAcl(label("A"), VPC),), acl_entries=parts)
    return replace(made, acl_associations=(DesignAssociation(Place("AA", FILE), Key("S"), Key("A")),))


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (group((True, -1, None, "0.0.0.0/0")), ["EIGW004"]),
        (group((True, 6, (443, 443), "0.0.0.0/0"), (True, -1, None, Key("G"))), ["EIGW004"]),
        (group((True, -1, None, "0.0.0.0/0"), (True, -1, None, "::/0")), []),
        (group((True, 6, (443, 443), "0.0.0.0/0"), (True, 6, (443, 443), "2001:db8::/32")), []),
        (group((True, -1, None, "0.0.0.0/0"), (True, -1, None, Outside("pl-1"))), []),
        (group((True, -1, None, "10.0.0.0/8")), []),
        (group(), []),
    ],
)
def test_a_group_that_lets_out_ipv4_alone_is_found(made: Design, expected: list[str]) -> None:
    assert codes(judged(made)) == expected


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (group((False, 6, (22, 22), "::/0")), "security group web opens tcp 22 to ::/0 and not to 0.0.0.0/0"),
        (group((False, -1, None, "::/0"), (False, 6, (443, 443), "0.0.0.0/0")),
         "security group web opens tcp 0-442, 444-65535 to ::/0 and not to 0.0.0.0/0"),
        (group((False, 17, (53, 53), "::/0"), (False, 6, (53, 53), "0.0.0.0/0")),
         "security group web opens udp 53 to ::/0 and not to 0.0.0.0/0"),
        (group((False, 50, None, "::/0")), "security group web opens esp to ::/0 and not to 0.0.0.0/0"),
        (acl((90, "deny", "0.0.0.0/0", (22, 22)), (100, "allow", "0.0.0.0/0", None), (101, "allow", "::/0", None)),
         "network ACL a opens tcp 22 to ::/0 and not to 0.0.0.0/0"),
    ],
)  # fmt: skip
def test_a_port_that_is_open_to_ipv6_alone_is_found(made: Design, text: str) -> None:
    assert [(each.code, each.what) for each in judged(made)] == [("EIGW007", text)]


@pytest.mark.parametrize(
    "made",
    [
        group(*((False, 6, (443, 443), block) for block in BOTH)),
        group((False, 6, (443, 443), "::/0"), (False, -1, None, "0.0.0.0/0")),
        group((False, 6, (1, 10), "::/0"), (False, 6, (6, 10), "0.0.0.0/0"), (False, 6, (1, 5), "0.0.0.0/0")),
        group((False, 58, (-1, -1), "::/0")),
        group((False, 6, (22, 22), "2001:db8::/32")),
        acl((90, "deny", "::/0", (22, 22)), (100, "allow", "0.0.0.0/0", None), (101, "allow", "::/0", None)),
        acl((100, "allow", "0.0.0.0/0", None), (101, "deny", "::/0", None), (102, "allow", "::/0", None)),
    ],
)
def test_ports_that_are_open_to_both_families_or_to_ipv4_alone_are_not(made: Design) -> None:
    assert codes(judged(made)) == []


def test_filters_of_a_vpc_of_one_family_are_not_compared() -> None:
    made = group((False, 6, (22, 22), "::/0"))
    (vpc,) = made.vpcs
    subnets = tuple(replace(each, ipv4_block=None) for each in made.subnets)
    assert codes(judged(replace(made, vpcs=(replace(vpc, ipv4_blocks=()),), subnets=subnets))) == []


def test_ranges_of_ports() -> None:
    rules = [
        ports.Decision((20, 30), allow=False),
        ports.Decision((0, 100), allow=True),
        ports.Decision((25, 25), True),
    ]
    assert ports.allowed(rules) == ((0, 19), (31, 100))
    assert ports.beyond([(0, 10)], [(0, 10)]) == ()
    assert ports.beyond([(0, 10), (20, 30)], [(5, 25)]) == ((0, 4), (26, 30))
    assert ports.text(((22, 22), (80, 81))) == "22, 80-81"


# ---- what the policy accepts -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", ["inner", "Inner", "T1-::/0", FILE, f"{FILE}:14 T1-::/0", "T1-*"])
def test_an_acceptance_is_of_one_code_at_one_place(at: str) -> None:
    policy = read_policy(f"accept: [{{finding: EIGW001, at: '{at}', reason: known}}]".encode(), "p.yaml")
    found = judged(leaking(), OPEN)
    first, second = accepted(found, policy, DAY)
    assert (first.accepted, second.accepted) == ("known", None)
    assert unused(found, policy) == ()


def test_an_acceptance_that_has_ended_is_an_error_of_its_own() -> None:
    policy = read_policy(b"accept: [{finding: EIGW005, at: Db, reason: known, until: 2026-11-30}]", "p.yaml")
    (found,) = expired(policy, DAY)
    assert (found.code, found.level, str(found.place)) == ("EIGW005", "error", "p.yaml:1 accept[0]")
    assert found.what == "the acceptance of EIGW005 at Db ended on 2026-11-30"
    assert expired(policy, date(2026, 11, 30)) == (), "it holds on its last day"
    assert len(unused([], policy)) == 1


def test_the_fingerprint_of_a_finding_survives_other_lines() -> None:
    before, after = (judged(made, OPEN) for made in (leaking(), _moved(leaking())))
    assert [each.fingerprint for each in before] == [each.fingerprint for each in after]
    assert [each.place for each in before] != [each.place for each in after]
    assert len({each.fingerprint for each in before}) == len(before)


def _moved(made: Design) -> Design:
    return replace(made, routes=tuple(replace(each, place=replace(each.place, line=99)) for each in made.routes))


def test_every_code_has_a_level_and_a_title() -> None:
    assert [*CODES] == [f"EIGW00{number}" for number in range(1, 10)]
    assert [code.level for code in CODES.values()] == [
        "error", "error", "warning", "warning", "warning", "warning", "warning", "note", "error",
    ]  # fmt: skip

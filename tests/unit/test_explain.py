"""`explain`: resolving the two ends, the JSON for programs, the text for people."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv6Network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eigw_ns.cloud.model import BLACKHOLE
from eigw_ns.cloud.nodes import find
from eigw_ns.cloud.protocols import EXTENSION_HEADERS, NAMES
from eigw_ns.dataplane.trace.explanation import Explanation, Question, explain
from eigw_ns.errors import UsageError
from eigw_ns.lab.verify.checks import Check
from eigw_ns.render import explain as render
from eigw_ns.render.explain import probed, tables, verdict
from eigw_ns.render.explain_aws import document
from eigw_ns.render.filters import acl_rows, group_rows
from eigw_ns.topology import load
from tests.topologies.any_destination import DESTINATIONS, TEXT, infrastructure
from tests.topologies.filters import CLOUD

ANYWHERE = load(TEXT.encode(), file="any.yaml", default_lab="any").cloud
WEB = "2001:db8:80::1"
REFUSED = "EGRESS_ONLY_GATEWAY_REFUSES_INBOUND"


def ask(source: str, destination: str, protocol: str = "tcp", port: int | None = 443, **more: int) -> Explanation:
    port = port if protocol in ("tcp", "udp") else None
    return explain(CLOUD, Question(source, destination, protocol, port, more.get("source_port")))


def id_of(name: str) -> str:
    return find(CLOUD, name).id


def only_explanation(explanation: Explanation) -> dict[str, Any]:
    found = document(explanation)
    assert found["NetworkPathFound"] is False
    (only,) = found["Explanations"]
    assert isinstance(only, dict)
    return only


# ---- the two ends ---------------------------------------------------------------------------------------------------


def test_ends_may_be_names_ids_and_addresses() -> None:
    by_name = ask("app", "web")
    assert (by_name.source_id, by_name.destination_id, by_name.real) == (id_of("app"), id_of("web"), True)
    for source in ("main/app", id_of("app"), str(CLOUD.instances[id_of("app")].ipv6_address)):
        for destination in ("internet/web", id_of("web"), WEB, "2001:DB8:80::0001"):
            assert ask(source, destination).trace == by_name.trace


def test_an_instance_speaks_by_the_further_address_that_names_it() -> None:
    app = CLOUD.instances[id_of("app")]
    further = app.addresses[0] + 0x100
    cloud = replace(CLOUD, instances={**CLOUD.instances, app.id: replace(app, ipv6_addresses=(further,))})
    out = explain(cloud, Question(str(further), "web", "tcp", 443, None))
    assert (out.source_id, out.trace.outcome, out.real) == (app.id, "allowed", True)
    assert str(further) in out.trace.hops[0].text
    back = explain(cloud, Question("web", str(further), "tcp", 443, None))
    assert (back.destination_id, back.trace.reason, back.real) == (app.id, REFUSED, True)


def test_an_instance_speaks_by_an_address_of_its_prefix() -> None:
    app = CLOUD.instances[id_of("app")]
    assert app.ipv6_address is not None
    prefix = IPv6Network((int(app.ipv6_address) + (1 << 48), 80), strict=False)
    cloud = replace(CLOUD, instances={**CLOUD.instances, app.id: replace(app, ipv6_prefixes=(prefix,))})
    inside = str(prefix[0x77])
    out = explain(cloud, Question(inside, "web", "tcp", 443, None))
    assert (out.source_id, out.trace.outcome) == (app.id, "allowed")
    assert f"sends from {inside}" in out.trace.hops[0].text
    assert all("if its users configured it" in out.trace.hops[number].text for number in (0, -1))
    back = explain(cloud, Question("web", inside, "tcp", 443, None))
    assert (back.destination_id, back.trace.reason) == (app.id, REFUSED)
    nobodys = explain(cloud, Question("web", str(prefix[-1] + 1), "tcp", 443, None))
    assert nobodys.destination_id == ""


def test_an_address_that_no_host_has_is_on_the_internet() -> None:
    out = ask("app", "2001:db8:99::1")
    assert (out.trace.outcome, out.trace.reason, out.real) == ("blocked", "NO_ROUTE_TO_DESTINATION", False)
    assert [hop.name for hop in out.trace.hops[-2:]] == ["out", "internet"]
    into = ask("2001:db8:99::1", "https")
    assert (into.trace.outcome, into.real) == ("allowed", False)
    assert ask("2001:db8:99::1", "app").trace.reason == "EGRESS_ONLY_GATEWAY_REFUSES_INBOUND"
    assert not CLOUD.hosts.keys() - {id_of("web"), id_of("far")}  # only the explanation knows the sender


def test_a_sender_on_the_internet_with_an_address_of_the_vpc_is_spoofed() -> None:
    assert ask("2600:1f16:aa0:55ff::1", "https").trace.reason == "GATEWAY_REJECTS_SPOOFED_TRAFFIC"


@pytest.mark.parametrize(
    ("source", "destination", "words"),
    [
        ("app", "out", "not a machine"),
        ("edge", "app", "not a machine"),
        ("private-net", "web", "not a machine"),
        ("internet", "app", "the internet is not a single machine"),
        ("app", "2001:db8::1%eth0", "the zone of 2001:db8::1%eth0 is not valid"),
        ("app", "fe80::1%lo", "the zone of fe80::1%lo is not valid"),
        ("app", "nowhere", "no node is called nowhere"),
        ("app", "192.0.2.1", "192.0.2.1 is an IPv4 address; the lab has only IPv6"),
        ("8.8.8.8", "app", "8.8.8.8 is an IPv4 address; the lab has only IPv6"),
        ("app", "192.0.2.256", "no node is called 192.0.2.256"),
    ],
)
def test_ends_that_cannot_send_or_receive(source: str, destination: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        ask(source, destination)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("question", "words"),
    [
        (Question("app", "web", "icmpv6", 1), "icmpv6 has no ports"),
        (Question("app", "web", "icmpv6", None, 1), "icmpv6 has no ports"),
        (Question("app", "web", "sctp", 1), "read no ports of sctp, only those of tcp and udp"),
        (Question("app", "web", "89", None, 1), "read no ports of 89"),
        (Question("app", "web", "udp", None), "udp needs a port"),
        (Question("app", "web", "17", None), "17 needs a port"),
        (Question("app", "web", "tcp", 443000), "443000 is not a valid port"),
        (Question("app", "web", "udp", 0), "0 is not a valid port"),
        (Question("app", "web", "tcp", 443, 65536), "65536 is not a valid port"),
        (Question("app", "web", "tcp", 443, -1), "-1 is not a valid port"),
    ],
)
def test_ports_that_are_not_valid(question: Question, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        explain(CLOUD, question)


@pytest.mark.parametrize("port", [1, 65535])
def test_the_first_and_the_last_port_are_valid(port: int) -> None:
    assert explain(CLOUD, Question("app", "web", "tcp", 443, port)).trace.source_ports == (port, port)
    assert explain(CLOUD, Question("app", "web", "tcp", port)).destination_id == id_of("web")


# ---- any address and any protocol -----------------------------------------------------------------------------------

NOWHERE = "NO_ROUTE_TO_DESTINATION"
NOT_GLOBAL = "DESTINATION_NOT_GLOBAL"


def anywhere(source: str, destination: str, protocol: str = "icmpv6") -> Explanation:
    port = 443 if protocol in ("tcp", "udp") else None
    return explain(ANYWHERE, Question(source, destination, protocol, port))


@pytest.mark.parametrize(
    ("destination", "reason", "component"),
    [
        ("2001:db8:99::1", NOWHERE, "the internet"),
        ("64:ff9b::808:808", NOT_GLOBAL, "egress-only internet gateway outbound"),
        ("fd00:ec2::254", NOT_GLOBAL, "egress-only internet gateway outbound"),
        ("::808:808", NOT_GLOBAL, "egress-only internet gateway outbound"),
        ("::ffff:8.8.8.8", "NOT_IPV6", "instance app"),
        ("::1", "REACHABLE", "instance app"),
        ("::", "REACHABLE", "instance app"),
        ("fe80::1", "REACHABLE", "subnet private-a"),
        ("fe80::1%eth0", "REACHABLE", "subnet private-a"),
        ("fe80::2", "REACHABLE", "instance app"),
        ("fe80::3", "NOT_ON_LINK", "instance app"),
        ("ff02::1%eth0", "MULTICAST_NOT_FORWARDED", "subnet private-a"),
        ("ff0e::1", "MULTICAST_NOT_FORWARDED", "subnet private-a"),
        ("2600:1f16:aa0:5501::3", "RESERVED_ADDRESS", "subnet private-a"),
        ("2600:1f16:aa0:5501::1", "REACHABLE", "subnet private-a"),
        ("2600:1f16:aa0:5502::1", "ROUTER_ANSWERS_ITS_SUBNET_ONLY", "subnet public-a"),
        ("2600:1f16:aa0:5501::99", NOWHERE, "subnet private-a"),
        ("2600:1f16:aa0:5502::99", NOWHERE, "subnet public-a"),
        ("2600:1f16:aa0:5509::1", NOWHERE, "VPC main"),
        ("2600:1f16:bb0:5501::10", "REACHABLE", "instance else"),
        ("2600:1f16:bb0:5501::99", NOWHERE, "subnet far"),
        ("2600:1f16:bb0:5509::1", NOWHERE, "the internet"),
        (infrastructure(ANYWHERE)[0], "REACHABLE", "the internet"),
        (infrastructure(ANYWHERE)[1], "GATEWAY_ANSWERS_NOBODY", "egress-only internet gateway outbound"),
        (infrastructure(ANYWHERE)[2], NOWHERE, "the internet"),
    ],
)
def test_a_destination_of_any_kind(destination: str, reason: str, component: str) -> None:
    explanation = anywhere("app", destination)
    last = [hop for hop in explanation.trace.hops if hop.direction == "forward"][-1]
    assert (explanation.trace.reason, render.component(last)) == (reason, component)
    assert verdict(explanation)
    assert document(explanation)["Destination"] in (destination, explanation.destination_id)


@pytest.mark.parametrize(("protocol", "outcome"), [("icmpv6", "allowed"), ("tcp", "refused"), ("udp", "refused"),
                                                   ("sctp", "refused")])  # fmt: skip
@pytest.mark.parametrize("router", ["fe80::1", "2600:1f16:aa0:5501::1", infrastructure(ANYWHERE)[0]])
def test_a_router_answers_pings_and_refuses_the_rest(router: str, protocol: str, outcome: str) -> None:
    explanation = anywhere("app", router, protocol)
    assert explanation.trace.outcome == outcome
    if outcome == "refused":
        assert verdict(explanation).endswith("refuses it.\nA router has no services: it answers only pings.")
        (why,) = document(explanation)["Explanations"]
        assert (why["ExplanationCode"], why["Path"]) == ("NO_LISTENER", "forward")
        assert why["Component"]["Name"] in ("private-a", "internet")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        *((each, "SOURCE_NOT_GLOBAL") for each in ("::", "::1", "fe80::1", "fe80::2", "ff02::1", "::ffff:8.8.8.8")),
        ("64:ff9b::1", "SOURCE_NOT_GLOBAL"),
        ("2600:1f16:aa0:5502::1", "GATEWAY_REJECTS_SPOOFED_TRAFFIC"),
        (infrastructure(ANYWHERE)[2], "GATEWAY_ANSWERS_NOBODY"),
        (infrastructure(ANYWHERE)[0], "REACHABLE"),
    ],
)
def test_a_sender_of_any_kind(source: str, reason: str) -> None:
    assert anywhere(source, "www").trace.reason == reason


def test_answers_to_a_forged_address_go_to_its_subnet() -> None:
    hop = anywhere("2600:1f16:aa0:5501::99", "web").trace.hops[-1]
    assert (hop.direction, hop.name) == ("return", "internet")
    assert hop.text == "2600:1f16:aa0:5501::99 is in subnet private-a, not on the internet"


SPACES = (
    *("::/0", "::/96", "::ffff:0:0/96", "2000::/3", "64:ff9b::/96", "fe80::/10", "ff00::/8", "fc00::/7"),
    *("2600:1f16:aa0:5500::/56", "2600:1f16:aa0:5501::/120", "2600:1f16:bb0:5501::/120", "2001:db8:80::/125"),
)
ADDRESSES = st.sampled_from(SPACES).flatmap(lambda space: st.ip_addresses(v=6, network=space)).map(str)
KNOWN = ("app", "www", "picky", "behind", "else", "web", *DESTINATIONS, *infrastructure(ANYWHERE))
ENDS = st.one_of(ADDRESSES, st.sampled_from(KNOWN))
PROTOCOLS = st.integers(0, 255).filter(lambda number: number not in EXTENSION_HEADERS).map(str)


@given(ENDS, ENDS, st.one_of(st.sampled_from(("tcp", "udp", "icmpv6")), PROTOCOLS))
def test_every_question_has_an_answer(source: str, destination: str, protocol: str) -> None:
    port = 443 if protocol in ("tcp", "udp", "6", "17") else None
    explanation = explain(ANYWHERE, Question(source, destination, protocol, port))
    assert explanation.trace.hops[-1].passed is (explanation.trace.outcome != "blocked")
    assert verdict(explanation)
    assert document(explanation)["NetworkPathFound"] is (explanation.trace.outcome == "allowed")


@pytest.mark.parametrize(
    ("pair", "protocol", "reason"),
    [
        (("app", "web"), "SCTP", "REACHABLE"),
        (("app", "web"), "132", "REACHABLE"),
        (("app", "web"), "200", "REACHABLE"),
        (("app", "web"), "icmp", "PROTOCOL_NOT_TRACKED"),
        (("web", "www"), "1", "PROTOCOL_NOT_TRACKED"),
        (("app", "web"), "udplite", "PROTOCOL_NOT_TRACKED"),
        (("app", "web"), "59", "PROTOCOL_NOT_TRACKED"),
        (("app", "web"), "20", "GATEWAY_REFUSES_PROTOCOL"),
        (("app", "web"), "mobility", "GATEWAY_REFUSES_PROTOCOL"),
        (("www", "web"), "20", "REACHABLE"),
        (("web", "app"), "esp", REFUSED),
        (("web", "picky"), "sctp", "REACHABLE"),
        (("web", "picky"), "gre", "ENI_SG_RULES_MISMATCH"),
        (("picky", "web"), "esp", "REACHABLE"),
        (("picky", "web"), "sctp", "ENI_SG_RULES_MISMATCH"),
        (("app", "behind"), "sctp", "SUBNET_ACL_RESTRICTION"),
    ],
)
def test_a_protocol_of_any_number(pair: tuple[str, str], protocol: str, reason: str) -> None:
    explanation = anywhere(*pair, protocol)
    assert explanation.trace.reason == reason
    assert verdict(explanation)
    assert "DestinationPort" not in document(explanation)


@pytest.mark.parametrize("protocol", [name for name in NAMES if name not in ("tcp", "udp")])
def test_a_protocol_by_name_and_by_number(protocol: str) -> None:
    by_number = anywhere("www", "web", str(NAMES[protocol]))
    assert by_number.trace == anywhere("www", "web", protocol).trace
    assert document(by_number)["Protocol"] == protocol


@pytest.mark.parametrize(
    ("protocol", "words", "hint"),
    [
        ("stcp", "stcp is not a protocol", "did you mean tcp or sctp?"),
        ("256", "256 is not a protocol", "a number from 0 to 255"),
        ("-1", "-1 is not a protocol", "a number from 0 to 255"),
        ("", "an empty word is not a protocol", "a number from 0 to 255"),
        ("ah", "51 is IPv6's authentication header", "write the protocol that follows it"),
        ("0", "0 is IPv6's hop-by-hop header", "write the protocol that follows it"),
    ],
)
def test_what_is_not_a_protocol(protocol: str, words: str, hint: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        anywhere("app", "web", protocol)
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("pair", "rule"), [(("web", "picky"), "rule sgr-"), (("app", "behind"), "rule 100 is about icmp")]
)
def test_a_rule_about_icmp_is_said_to_be_about_ipv4(pair: tuple[str, str], rule: str) -> None:
    text = anywhere(*pair).trace.hops[-1].text
    assert rule in text
    assert text.endswith("is about icmp, which is IPv4's (protocol 1): IPv6 has icmpv6 (58)")
    assert "icmp" not in anywhere(*pair, "gre").trace.hops[-1].text


def test_tables_of_rules_say_that_icmp_is_ipv4() -> None:
    rows = [
        *acl_rows(ANYWHERE, ANYWHERE.network_acls.values()),
        *group_rows(ANYWHERE, ANYWHERE.security_groups.values()),
    ]
    assert sum("1 (IPv4's icmp)" in row for row in rows) == 2


def test_no_packet_of_another_protocol_can_be_sent() -> None:
    assert anywhere("app", "web", "58").require_real() == "icmpv6"
    with pytest.raises(UsageError, match="no packet of sctp can be sent"):
        anywhere("app", "web", "sctp").require_real()


# ---- for programs ----------------------------------------------------------------------------------------------------


def test_a_path_in_the_shape_of_aws() -> None:
    found = document(ask("https", "web", port=8443))
    assert (found["NetworkPathFound"], found["Explanations"]) == (True, [])
    assert (found["Source"], found["Destination"]) == (id_of("https"), id_of("web"))
    assert (found["Protocol"], found["DestinationPort"]) == ("tcp", 8443)
    forward, back = found["ForwardPathComponents"], found["ReturnPathComponents"]
    for path in (forward, back):
        assert [item["SequenceNumber"] for item in path] == list(range(1, len(path) + 1))
    assert [item["Component"]["Name"] for item in forward] == [
        "https", "https", "default", "public", "edge", "internet", "web",
    ]  # fmt: skip
    assert forward[0]["OutboundHeader"] == {
        "DestinationAddresses": [WEB],
        "SourceAddresses": [str(CLOUD.instances[id_of("https")].ipv6_address)],
        "Protocol": "tcp",
        "DestinationPortRanges": [{"From": 8443, "To": 8443}],
        "SourcePortRanges": [{"From": 32768, "To": 60999}],
    }
    rule = forward[1]["SecurityGroupRule"]
    assert rule.pop("SecurityGroupRuleId").startswith("sgr-")
    assert rule == {
        "Cidr": "::/0",
        "Direction": "egress",
        "SecurityGroupId": forward[1]["Component"]["Id"],
        "PortRange": {"From": 0, "To": 65535},
        "Protocol": "tcp",
    }
    assert forward[2]["AclRule"] == {
        "Cidr": "::/0", "Egress": True, "Protocol": "all", "RuleAction": "allow", "RuleNumber": 101,
    }  # fmt: skip
    assert forward[3]["RouteTableRoute"] == {
        "DestinationCidr": "::/0", "GatewayId": id_of("edge"), "Origin": "CreateRoute", "State": "active",
    }  # fmt: skip
    assert back[0]["OutboundHeader"]["SourcePortRanges"] == [{"From": 8443, "To": 8443}]
    assert back[1]["RouteTable"]["Name"] == "public"


def test_local_and_egress_only_routes() -> None:
    inside = document(ask("app", "https"))["ForwardPathComponents"][3]["RouteTableRoute"]
    assert inside == {
        "DestinationCidr": "2600:1f16:aa0:5500::/56", "GatewayId": "local", "Origin": "CreateRouteTable",
        "State": "active",
    }  # fmt: skip
    outside = document(ask("app", "web"))["ForwardPathComponents"][3]["RouteTableRoute"]
    assert outside["EgressOnlyInternetGatewayId"] == id_of("out")
    assert "GatewayId" not in outside


def test_a_group_as_peer_and_an_echo_have_no_ports() -> None:
    found = document(ask("app", "friends", "icmpv6"))
    assert "DestinationPort" not in found
    assert "SourcePortRanges" not in found["ForwardPathComponents"][0]["OutboundHeader"]
    friends = next(item for item in found["ForwardPathComponents"] if item["Component"]["Name"] == "friends")
    assert friends["SecurityGroupRule"]["ReferencedSecurityGroupId"].startswith("sg-")
    assert not friends["SecurityGroupRule"].keys() & {"Cidr", "PortRange"}


@pytest.mark.parametrize(
    ("pair", "code", "direction", "path", "component"),
    [
        (("web", "app"), "EGRESS_ONLY_GATEWAY_REFUSES_INBOUND", "ingress", "forward", "out"),
        (("strict", "web"), "SUBNET_ACL_RESTRICTION", "ingress", "return", "strict"),
        (("mute", "web"), "SG_HAS_NO_RULES", "egress", "forward", "mute"),
        (("web", "friends"), "ENI_SG_RULES_MISMATCH", "ingress", "forward", "friends"),
        (("app", "2001:db8:99::1"), "NO_ROUTE_TO_DESTINATION", "ingress", "forward", "internet"),
    ],
)
def test_the_reason_of_a_path_that_is_not_found(
    pair: tuple[str, str], code: str, direction: str, path: str, component: str
) -> None:
    why = only_explanation(ask(*pair))
    assert (why["ExplanationCode"], why["Direction"], why["Path"]) == (code, direction, path)
    assert why["Component"]["Name"] == component
    assert why["Remedy"]


def test_the_entry_that_denies_and_the_groups_that_do_not_allow_are_named() -> None:
    assert only_explanation(ask("web", "strict", port=80))["AclRule"] == {
        "Cidr": "::/0", "Egress": False, "Protocol": "all", "RuleAction": "deny", "RuleNumber": 32768,
    }  # fmt: skip
    assert only_explanation(ask("order", "web", "udp", 53))["AclRule"]["PortRange"] == {"From": 53, "To": 53}
    groups = only_explanation(ask("both", "web", "udp", 53))["SecurityGroups"]
    assert {group["Name"] for group in groups} == {"mute", "https"}
    assert only_explanation(ask("half", "web"))["PortRanges"] == [{"From": 32768, "To": 40000}]


def test_a_blackhole_names_the_route_with_the_gateway_that_is_gone() -> None:
    gone = replace(CLOUD, egress_only_internet_gateways={})
    (why,) = document(explain(gone, Question("app", "web", "tcp", 443)))["Explanations"]
    assert why["ExplanationCode"] == "BAD_STATE_ROUTE"
    assert why["RouteTableRoute"] == {
        "DestinationCidr": "::/0", "EgressOnlyInternetGatewayId": id_of("out"), "Origin": "CreateRoute",
        "State": "blackhole",
    }  # fmt: skip


CHECK = Check("app", "web", "tcp", 443, "allowed", "allowed", "allowed", "REACHABLE", True)


def test_a_probe_is_shown_with_the_prediction() -> None:
    probe = document(ask("app", "web"), CHECK)["Probe"]
    assert probe == {"Predicted": "allowed", "Observed": "allowed", "Agrees": True, "ReasonCode": "REACHABLE"}
    assert "Probe" not in document(ask("app", "web"))


# ---- for people ------------------------------------------------------------------------------------------------------


def test_one_row_per_hop_and_a_cross_at_the_last() -> None:
    there, back = tables(ask("strict", "web"))
    assert (there.title, back.title) == ("strict → web, tcp 443", "web → strict, the answer")
    rows = [[cell if isinstance(cell, str) else cell[0] for cell in row] for row in (*there.rows, *back.rows)]
    assert [row[0] for row in rows] == ["✓"] * (len(rows) - 1) + ["✗"]
    assert rows[0][1] == "instance strict"
    assert rows[-1][1:] == [
        "network ACL strict",
        CLOUD.subnets[id_of("strict-net")].network_acl_id,
        "ingress rule * denies what no other rule allows",
    ]


def test_the_way_back_is_left_out_if_the_packet_is_lost() -> None:
    assert len(tables(ask("web", "app"))) == 1


APP, STRICT = (str(CLOUD.instances[id_of(name)].ipv6_address) for name in ("app", "strict"))
TO_NOWHERE = replace(
    CLOUD,
    route_tables={
        key: replace(table, routes=tuple(replace(route, target_id=BLACKHOLE) for route in table.routes))
        for key, table in CLOUD.route_tables.items()
    },
)


@pytest.mark.parametrize(
    ("explanation", "outcome", "change"),
    [
        (ask("app", "web"), "app reaches web over tcp 443, and the answer comes back.", None),
        (ask("app", "web", "icmpv6"), "app reaches web over icmpv6, and the answer comes back.", None),
        (
            ask("web", "app", port=22),
            "web does not reach app over tcp 22. The packet ends at egress-only internet gateway out: flows that "
            "begin outside are dropped.",
            "An egress-only gateway refuses this by design. To let the internet open connections, route the subnet "
            "through an internet gateway.",
        ),
        (
            ask("web", "strict", port=80),
            "web does not reach strict over tcp 80. The packet ends at network ACL strict: ingress rule * denies what "
            "no other rule allows.",
            f"Allow ingress tcp 80 from {WEB} in network ACL strict.",
        ),
        (
            ask("strict", "web"),
            "strict reaches web over tcp 443, but the answer is lost. It ends at network ACL strict: ingress rule * "
            "denies what no other rule allows.",
            f"Allow ingress tcp 32768-60999 (the ephemeral ports of Linux) from {WEB} in network ACL strict.",
        ),
        (
            ask("strict", "web", source_port=5000),
            "strict reaches web over tcp 443, but the answer is lost. It ends at network ACL strict: ingress rule * "
            "denies what no other rule allows.",
            f"Allow ingress tcp 5000 from {WEB} in network ACL strict.",
        ),
        (
            ask("half", "web"),
            "half reaches web over tcp 443, but the answer is lost. It ends at network ACL half: ingress rule 90 "
            "denies tcp 32768-40000 from ::/0. This depends on the source port: it holds for 32768 to 40000, but not "
            "for all other ephemeral ports.",
            f"Allow ingress tcp 32768-60999 (the ephemeral ports of Linux) from {WEB} in network ACL half under a "
            "number below 90.",
        ),
        (
            ask("order", "web", "icmpv6"),
            "order reaches web over icmpv6, but the answer is lost. It ends at network ACL order: ingress rule * "
            "denies what no other rule allows.",
            f"Allow ingress icmpv6 type 129 code 0 from {WEB} in network ACL order.",
        ),
        (
            ask("both", "web", "udp", 53),
            "both does not reach web over udp 53. The packet ends at instance both: no egress rule of mute, https "
            "allows it.",
            f"Allow egress udp 53 to {WEB} in security group mute or https.",
        ),
        (
            explain(replace(CLOUD, egress_only_internet_gateways={}), Question("app", "web", "tcp", 443)),
            f"app does not reach web over tcp 443. The packet ends at route table private: ::/0 → blackhole "
            f"({id_of('out')}).",
            "Point that route of route table private at a gateway that exists.",
        ),
        (
            explain(TO_NOWHERE, Question("app", "web", "tcp", 443)),
            "app does not reach web over tcp 443. The packet ends at route table private: ::/0 → blackhole.",
            "Point that route of route table private at a gateway that exists.",
        ),
        (
            explain(TO_NOWHERE, Question("web", "app", "tcp", 443)),
            "web does not reach app over tcp 443. The packet ends at the internet: the way back in route table private "
            "is ::/0 → blackhole.",
            "Point that route of route table private at a gateway that exists.",
        ),
        (
            explain(
                replace(CLOUD, route_tables={k: replace(t, routes=()) for k, t in CLOUD.route_tables.items()}),
                Question("web", "app", "tcp", 443),
            ),
            f"web does not reach app over tcp 443. The packet ends at the internet: route table private has no route "
            f"back to {WEB}.",
            "Add a route to route table private, such as ::/0 to a gateway.",
        ),
        (
            ask("app", "2001:db8:99::1"),
            "app does not reach 2001:db8:99::1 over tcp 443. The packet ends at the internet: no host has "
            "2001:db8:99::1.",
            "No node of the lab has that address: add an instance or an internet host with it.",
        ),
    ],
)
def test_the_verdict_says_what_to_change(explanation: Explanation, outcome: str, change: str | None) -> None:
    assert verdict(explanation).split("\n") == ([outcome] if change is None else [outcome, change])


def test_a_probe_in_text() -> None:
    assert probed(CHECK) == "Probe: allowed, as predicted."
    wrong = replace(CHECK, observed="blocked", reason="MODEL_DISAGREES", passed=False)
    assert probed(wrong) == "Probe: blocked, but allowed was predicted (model disagrees)."

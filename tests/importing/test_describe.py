"""Answers of describe calls: every form gives the same design, and what is missing is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from ipaddress import IPv4Network, IPv6Address, IPv6Network
from typing import Any

import pytest

from eigw_ns.cloud.ec2.api import call
from eigw_ns.cloud.model import Cloud
from eigw_ns.errors import DesignError
from eigw_ns.importing.design import Design, DesignRoute, Key, Outside
from eigw_ns.importing.messages import Message
from eigw_ns.importing.options import Options
from eigw_ns.importing.sources.describe import read_answers
from eigw_ns.server.wire import answer
from tests.support.asgi import model
from tests.support.small_cloud import (
    ACL,
    BARE_SUBNET,
    BARE_VPC,
    EIGW,
    GROUP,
    IGW,
    INSTANCE,
    MAIN_TABLE,
    PLAIN_SUBNET,
    PRIVATE_TABLE,
    REFERRED_GROUP,
    SUBNET,
    VPC,
    small_cloud,
)

ACTIONS = (
    "DescribeVpcs",
    "DescribeSubnets",
    "DescribeRouteTables",
    "DescribeEgressOnlyInternetGateways",
    "DescribeInternetGateways",
    "DescribeNatGateways",
    "DescribeNetworkAcls",
    "DescribeSecurityGroups",
    "DescribeInstances",
    "DescribeNetworkInterfaces",
)
Answers = dict[str, Any]
OPTIONS = Options()


def answers(cloud: Cloud | None = None) -> dict[str, Answers]:
    """Return the answers about a cloud, by action."""
    return {action: call(cloud or small_cloud(), action, {}).answer for action in ACTIONS}


def as_json(given: Mapping[str, Answers]) -> dict[str, bytes]:
    return {f"{action}.json": json.dumps(body).encode() for action, body in given.items()}


def as_xml(given: Mapping[str, Answers]) -> dict[str, bytes]:
    encoded = {
        action: answer.encode(action, model().answer(action), body, "request", lambda _: None)
        for action, body in given.items()
    }
    return {f"{action}.json": body for action, body in encoded.items()}  # the name says nothing


def in_one_file(given: Mapping[str, Answers]) -> dict[str, bytes]:
    return {"all": b"\n".join(json.dumps(body, indent=2).encode() for body in given.values())}


def from_powershell(given: Mapping[str, Answers]) -> dict[str, bytes]:
    return {name: b"\xff\xfe" + body.decode().encode("utf-16-le") for name, body in as_json(given).items()}


def as_list(given: Mapping[str, Answers]) -> dict[str, bytes]:
    return {"": json.dumps([*given.values()]).encode()}


CONFIG_TYPES = {
    "Vpcs": ("AWS::EC2::VPC", "VpcId"),
    "Subnets": ("AWS::EC2::Subnet", "SubnetId"),
    "RouteTables": ("AWS::EC2::RouteTable", "RouteTableId"),
    "InternetGateways": ("AWS::EC2::InternetGateway", "InternetGatewayId"),
    "EgressOnlyInternetGateways": ("AWS::EC2::EgressOnlyInternetGateway", "EgressOnlyInternetGatewayId"),
    "NatGateways": ("AWS::EC2::NatGateway", "NatGatewayId"),
    "NetworkAcls": ("AWS::EC2::NetworkAcl", "NetworkAclId"),
    "SecurityGroups": ("AWS::EC2::SecurityGroup", "GroupId"),
    "NetworkInterfaces": ("AWS::EC2::NetworkInterface", "NetworkInterfaceId"),
}


def camel(value: Any) -> Any:
    if isinstance(value, dict):
        return {key[0].lower() + key[1:]: camel(each) for key, each in value.items()}
    return [camel(each) for each in value] if isinstance(value, list) else value


def config_items(given: Mapping[str, Answers]) -> list[Answers]:
    """Return the resources as AWS Config has them: members in camelCase, tags as a mapping beside them."""
    found = [(kind, each) for body in given.values() for kind in body if kind in CONFIG_TYPES for each in body[kind]]
    found_instances = [each for launch in given["DescribeInstances"]["Reservations"] for each in launch["Instances"]]
    kinds = [(*CONFIG_TYPES[kind], each) for kind, each in found]
    kinds += [("AWS::EC2::Instance", "InstanceId", each) for each in found_instances]
    return [
        {
            "configurationItemStatus": "OK",
            "resourceType": kind,
            "resourceId": each[name],
            "tags": {tag["Key"]: tag["Value"] for tag in each.get("Tags", [])},
            "configuration": camel(each),
        }
        for kind, name, each in kinds
    ]


def as_config_snapshot(given: Mapping[str, Answers]) -> dict[str, bytes]:
    return {"s.json": json.dumps({"fileVersion": "1.0", "configurationItems": config_items(given)}).encode()}


def as_config_results(given: Mapping[str, Answers]) -> dict[str, bytes]:
    return {"s.json": json.dumps({"Results": [json.dumps(each) for each in config_items(given)]}).encode()}


FORMS: list[Callable[[Mapping[str, Answers]], dict[str, bytes]]] = [
    as_json, as_xml, in_one_file, from_powershell, as_list, as_config_snapshot, as_config_results,
]  # fmt: skip


def without_places(value: Any) -> str:
    """Return a design as text, without the names of files, and with each tuple in one order."""
    parts = (sorted(map(repr, getattr(value, name))) for name in FIELDS)
    text = "\n".join(line for part in parts for line in part)
    for name in (*as_json(answers()), "all", "s.json"):
        text = text.replace(f"'{name}'", "None")
    return text


FIELDS = [name for name in Design.__annotations__ if name not in ("kind", "name")]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_each_form_gives_the_same_design(form: Callable[[Mapping[str, Answers]], dict[str, bytes]]) -> None:
    design = read_answers(form(answers()), OPTIONS)
    assert without_places(design) == without_places(read_answers(as_json(answers()), OPTIONS))
    assert [each for each in design.messages if each.level == "refuse"] == []


@pytest.fixture(scope="module")
def small() -> Design:
    return read_answers(as_json(answers()), OPTIONS)


def test_vpcs_and_subnets_have_their_blocks(small: Design) -> None:
    vpcs = {each.label.key.text: each for each in small.vpcs}
    subnets = {each.label.key.text: each for each in small.subnets}
    assert vpcs[VPC].ipv6_blocks[0].block == IPv6Network("2600:1f16:aa0:5500::/56")
    assert not vpcs[VPC].ipv6_blocks[0].chosen
    assert subnets[SUBNET].vpc == Key(VPC)
    assert subnets[SUBNET].ipv6_blocks == (IPv6Network("2600:1f16:aa0:5501::/64"),)
    assert subnets[SUBNET].zone == "a"


def test_gateways_are_attached(small: Design) -> None:
    found = {each.label.key.text: (each.kind, each.vpc) for each in small.gateways}
    assert found[EIGW] == ("egress-only", Key(VPC))
    assert found[IGW] == ("internet", Key(VPC))


def test_tables_have_routes_but_not_the_local_ones(small: Design) -> None:
    assert [(each.table, each.destination, each.kind, each.target) for each in small.routes] == [
        (Key(PRIVATE_TABLE), IPv6Network("::/0"), "egress-only", Key(EIGW))
    ]
    assert [(each.subnet, each.to) for each in small.table_associations] == [(Key(SUBNET), Key(PRIVATE_TABLE))]
    assert {each.label.key.text for each in small.route_tables if each.main and each.vpc == Key(VPC)} == {MAIN_TABLE}


def test_acls_leave_out_the_last_entries_of_aws(small: Design) -> None:
    assert {each.rule_number for each in small.acl_entries} <= {100, 101}
    assert Key(ACL) in {each.to for each in small.acl_associations if each.subnet == Key(SUBNET)}
    assert sum(each.default for each in small.acls) == 2


def test_groups_have_the_name_that_aws_calls_them(small: Design) -> None:
    group = next(each for each in small.groups if each.label.key == Key(GROUP))
    assert (group.label.name, group.description) == ("web", "web servers")
    rule = next(each for each in small.group_rules if each.group == Key(GROUP) and not each.egress)
    assert (rule.protocol, rule.from_port, rule.to_port, rule.peer) == (6, 443, 443, Key(REFERRED_GROUP))


def test_instances_are_workloads_with_their_addresses(small: Design) -> None:
    workload = next(each for each in small.workloads if each.kind == "instance")
    assert workload.label.key == Key(INSTANCE)
    assert workload.addresses == (IPv6Address("2600:1f16:aa0:5501::10"),)
    assert (workload.subnets, workload.groups) == ((Key(SUBNET),), (Key(GROUP),))


def routes(*given: Answers) -> tuple[DesignRoute, ...]:
    """Return what these routes of the private table become."""
    return with_routes(*given).routes


def with_routes(*given: Answers) -> Design:
    found = answers()
    table = next(each for each in found["DescribeRouteTables"]["RouteTables"] if each["RouteTableId"] == PRIVATE_TABLE)
    table["Routes"] = list(given)
    return read_answers(as_json(found), OPTIONS)


EVERYWHERE = {"DestinationIpv6CidrBlock": "::/0", "State": "active"}


@pytest.mark.parametrize(
    ("member", "text", "kind"),
    [
        ("TransitGatewayId", "tgw-0123456789abcdef0", "transit-gateway"),
        ("VpcPeeringConnectionId", "pcx-0123456789abcdef0", "peering"),
        ("NetworkInterfaceId", "eni-0123456789abcdef0", "network-interface"),
        ("NatGatewayId", "nat-0123456789abcdef0", "nat"),
        ("CarrierGatewayId", "cagw-0123456789abcdef0", "carrier"),
        ("CoreNetworkArn", "arn:aws:networkmanager::1:core-network/c", "core-network"),
        ("LocalGatewayId", "lgw-0123456789abcdef0", "local-gateway"),
        ("GatewayId", "vgw-0123456789abcdef0", "vpn"),
        ("GatewayId", "vpce-0123456789abcdef0", "endpoint"),
        ("GatewayId", "new-0123456789abcdef0", "unknown"),
        ("OdbNetworkArn", "arn:aws:odb:::odb-network/o", "unknown"),
    ],
)
def test_a_route_has_the_kind_of_its_target(member: str, text: str, kind: str) -> None:
    (route,) = routes({**EVERYWHERE, member: text})
    assert route.kind == kind
    assert isinstance(route.target, Outside)


def test_a_route_to_an_instance_leads_to_its_interface() -> None:
    both = {"InstanceId": INSTANCE, "NetworkInterfaceId": "eni-0123456789abcdef0"}
    (route,) = routes({**EVERYWHERE, **both})
    assert route.kind == "network-interface"


def test_a_route_whose_target_is_gone_is_a_blackhole() -> None:
    (route,) = routes({**EVERYWHERE, "State": "blackhole", "EgressOnlyInternetGatewayId": "eigw-0dead0dead0dead00"})
    assert route.target is None


def test_a_route_for_ipv4_is_read_too() -> None:
    (route,) = routes({"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": IGW, "State": "active"})
    assert (route.destination, route.kind, route.target) == (IPv4Network("0.0.0.0/0"), "internet", Key(IGW))


def test_a_gateway_endpoint_is_left_out_with_a_note() -> None:
    design = with_routes({"DestinationPrefixListId": "pl-0123456789abcdef0", "GatewayId": "vpce-0123456789abcdef0"})
    assert design.routes == ()
    assert "note DescribeRouteTables.json" in str(design.messages[0])


def test_another_prefix_list_stays_outside() -> None:
    (route,) = routes({"DestinationPrefixListId": "pl-0123456789abcdef0", "GatewayId": IGW})
    assert route.destination == Outside("pl-0123456789abcdef0")


def refusals(files: Mapping[str, bytes], options: Options = OPTIONS) -> list[Message]:
    return [each for each in read_answers(files, options).messages if each.level == "refuse"]


def without(*actions: str) -> dict[str, bytes]:
    return as_json({action: body for action, body in answers().items() if action not in actions})


@pytest.mark.parametrize(
    ("action", "command", "touched"),
    [
        ("DescribeRouteTables", "describe-route-tables", {SUBNET, PLAIN_SUBNET, BARE_SUBNET}),
        ("DescribeNetworkAcls", "describe-network-acls", {SUBNET, PLAIN_SUBNET, BARE_SUBNET}),
        ("DescribeEgressOnlyInternetGateways", "describe-egress-only-internet-gateways", {PRIVATE_TABLE}),
        ("DescribeVpcs", "describe-vpcs", {SUBNET}),
    ],
)
def test_a_missing_answer_is_refused_with_its_command(action: str, command: str, touched: set[str]) -> None:
    found = refusals(without(action))
    assert {key for each in found for key in each.touches} == touched
    assert all(command in each.remedy for each in found)


@pytest.mark.parametrize("action", ["DescribeNatGateways", "DescribeInstances", "DescribeSecurityGroups"])
def test_an_answer_that_decides_nothing_may_be_missing(action: str) -> None:
    assert refusals(without(action)) == []


def test_a_gateway_that_no_answer_has_is_of_another_time() -> None:
    found = answers()
    found["DescribeEgressOnlyInternetGateways"]["EgressOnlyInternetGateways"] = []
    (refusal,) = refusals(as_json(found))
    assert str(refusal) == (
        f"refuse DescribeRouteTables.json {PRIVATE_TABLE}: a route to ::/0 names {EIGW}, which no answer has; "
        "add the answer of `aws ec2 describe-egress-only-internet-gateways` of the same time and Region"
    )


@pytest.mark.parametrize("member", ["NextToken", "nextToken"])
def test_one_page_of_several_is_refused(member: str) -> None:
    found = answers()
    found["DescribeSubnets"][member] = "more"
    (refusal,) = refusals(as_json(found))
    assert "one page of several (subnets)" in refusal.what


def test_an_empty_token_is_the_last_page() -> None:
    found = answers()
    found["DescribeSubnets"]["NextToken"] = ""
    assert refusals(as_json(found)) == []


def of_another_time() -> Answers:
    cloud = small_cloud()
    subnet = replace(cloud.subnets[SUBNET], cidr_block=IPv4Network("10.0.0.0/24"))
    return call(replace(cloud, subnets={**cloud.subnets, SUBNET: subnet}), "DescribeSubnets", {}).answer


def test_two_times_are_refused() -> None:
    files = {**as_json(answers()), "later.json": json.dumps(of_another_time()).encode()}
    (refusal,) = refusals(files)
    assert "described twice, with a difference" in refusal.what
    assert refusal.touches == {SUBNET}


def test_equal_answers_are_one() -> None:
    once = read_answers(as_json(answers()), OPTIONS)
    twice = read_answers({**as_json(answers()), "z.json": json.dumps(answers()["DescribeSubnets"]).encode()}, OPTIONS)
    assert once == twice


def test_two_accounts_see_other_tags_of_a_shared_subnet() -> None:
    found = answers()
    seen = json.loads(json.dumps(found["DescribeSubnets"]))
    for each in seen["Subnets"]:
        each["Tags"], each["OwnerId"] = [{"Key": "Team", "Value": "b"}], "999999999999"
    of_one = {f"one/{name}": body for name, body in as_json(found).items()}
    assert refusals({**of_one, "two/subnets.json": json.dumps(seen).encode()}) == []
    assert len(refusals({**of_one, "one/subnets.json": json.dumps(seen).encode()})) == len(seen["Subnets"])


def test_two_accounts_that_differ_in_more_than_tags_are_refused() -> None:
    files = {f"one/{name}": body for name, body in as_json(answers()).items()}
    assert len(refusals({**files, "two/subnets.json": json.dumps(of_another_time()).encode()})) == 1


def test_two_regions_are_one_design() -> None:
    moved = json.loads(re.sub("-0([0-9a-f]{16})", r"-1\1", json.dumps(answers())))
    both = {f"a/{name}": body for name, body in as_json(answers()).items()}
    both |= {f"b/{name}": body for name, body in as_json(moved).items()}
    design = read_answers(both, OPTIONS)
    assert len(design.vpcs) == 4
    assert [each for each in design.messages if each.level == "refuse"] == []


def test_a_user_can_ignore_a_resource() -> None:
    options = Options(ignored=frozenset({PRIVATE_TABLE}))
    found = read_answers(without("DescribeEgressOnlyInternetGateways"), options).messages
    assert [each.level for each in found if each.place.address == PRIVATE_TABLE] == ["note"]


def test_endpoints_and_the_like_are_noted() -> None:
    files = {**as_json(answers()), "e.json": b'{"VpcEndpoints": [{"VpcEndpointId": "vpce-0123456789abcdef0"}]}'}
    assert "note e.json vpce-0123456789abcdef0: the VPC endpoint is left out" in map(
        str, read_answers(files, OPTIONS).messages
    )


def test_the_order_of_files_and_of_resources_in_them_does_not_decide_the_parts() -> None:
    files = as_json(answers())
    assert read_answers(dict(reversed(files.items())), OPTIONS) == read_answers(files, OPTIONS)


def test_vpcs_without_ipv6_and_without_subnets_are_read() -> None:
    vpc = {"VpcId": BARE_VPC, "CidrBlock": "10.0.0.0/16", "CidrBlockAssociationSet": [
        {"CidrBlock": "10.0.0.0/16", "CidrBlockState": {"State": "associated"}},
        {"CidrBlock": "10.1.0.0/16", "CidrBlockState": {"State": "associated"}},
        {"CidrBlock": "10.2.0.0/16", "CidrBlockState": {"State": "disassociated"}},
    ]}  # fmt: skip
    (found,) = read_answers({"": json.dumps({"Vpcs": [vpc]}).encode()}, OPTIONS).vpcs
    assert found.ipv4_blocks == (IPv4Network("10.0.0.0/16"), IPv4Network("10.1.0.0/16"))
    assert found.label.place.file is None


def test_other_files_beside_answers_are_left_out_but_not_broken_ones() -> None:
    files = as_json(answers())
    others = {"README.md": b"# an account", "users.json": b'{"Users": []}', "run.sh": b"#!/bin/sh\n"}
    assert read_answers({**files, **others}, OPTIONS) == read_answers(files, OPTIONS)
    for broken in (b"", b'{"Vpcs": ['):
        with pytest.raises(DesignError, match=r"late\.json"):
            read_answers({**files, "late.json": broken}, OPTIONS)


BAD = {
    "empty": b"",
    "text": b"hello",
    "not UTF-8": b'{"Vpcs": [\xff]}',
    "truncated JSON": b'{"Vpcs": [{"VpcId": "vpc-1"',
    "truncated XML": b"<DescribeVpcsResponse><vpcSet>",
    "deep JSON": b"[" * 100_000,
    "deep and closed JSON": b'{"Vpcs": ' + b"[" * 200 + b"]" * 200 + b"}",
    "deep XML": b"<a>" * 300 + b"</a>" * 300,
    "entities": b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
    "another answer": b'{"Users": []}',
    "a number": b"3",
    "a list of numbers": b"[1, 2]",
    "no list": b'{"Vpcs": {"VpcId": "vpc-1"}}',
    "a list of texts": b'{"Vpcs": ["vpc-1"]}',
    "no id": b'{"Vpcs": [{"CidrBlock": "10.0.0.0/16"}]}',
    "an id that is a number": b'{"Vpcs": [{"VpcId": 1}]}',
    "a block that is none": b'{"Vpcs": [{"VpcId": "v", "CidrBlock": "10.0.0/16"}]}',
    "a block of the other family": b'{"Vpcs": [{"VpcId": "v", "CidrBlock": "::/16"}]}',
    "tags of another type": b'{"Vpcs": [{"VpcId": "v", "Tags": [1]}]}',
    "tags that are numbers": b'{"Vpcs": [{"VpcId": "v", "Tags": [{"Key": "a", "Value": 1}]}]}',
    "a member twice": b'{"Vpcs": [], "Vpcs": []}',
    "a member twice in two spellings": b'{"Vpcs": [], "vpcSet": []}',
    "one id of two kinds": b'{"Vpcs": [{"VpcId": "a"}], "Subnets": [{"SubnetId": "a", "VpcId": "a"}]}',
    "NaN": b'{"Vpcs": [NaN]}',
    "a huge number": b'{"Vpcs": [' + b"9" * 5000 + b"]}",
    "a route without a destination": b'{"RouteTables": [{"RouteTableId": "r", "Routes": [{"GatewayId": "igw-1"}]}]}',
    "an entry without a number": b'{"NetworkAcls": [{"NetworkAclId": "a", "Entries": [{}]}]}',
    "a strange protocol": b'{"NetworkAcls": [{"NetworkAclId": "a", "Entries": [{"RuleNumber": 1, "Protocol": "x"}]}]}',
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_has_a_place_and_no_traceback(name: str) -> None:
    with pytest.raises(DesignError) as caught:
        read_answers({"bad.json": BAD[name]}, OPTIONS)
    assert str(caught.value).startswith("bad.json")
    assert len(str(caught.value)) < 300


def test_no_prefix_of_an_answer_makes_another_error() -> None:
    for whole in (
        {"": as_json(answers())["DescribeRouteTables.json"]},
        {"": as_xml(answers())["DescribeSubnets.json"]},
    ):
        for end in range(0, len(whole[""]), 97):
            try:
                read_answers({"": whole[""][:end]}, OPTIONS)
            except DesignError:
                continue


def test_a_wrong_type_anywhere_makes_no_other_error() -> None:
    for action, body in answers().items():
        wrongs: list[Any] = [3, "x", [], {}, None, [None], True]
        for wrong in wrongs:
            for spoilt in mutants(body, wrong):
                try:
                    read_answers({action: json.dumps(spoilt).encode()}, OPTIONS)
                except DesignError:
                    continue


def mutants(value: Any, wrong: Any) -> list[Any]:
    """Return the value with each of its parts replaced in turn, first members only."""
    if isinstance(value, dict):
        return [wrong, *({**value, key: each} for key in value for each in mutants(value[key], wrong))]
    if isinstance(value, list) and value:
        return [wrong, *([each, *value[1:]] for each in mutants(value[0], wrong))]
    return [wrong]

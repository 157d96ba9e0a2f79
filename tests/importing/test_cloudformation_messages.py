"""What the reader of templates refuses, notes, and passes over in silence; and what a refusal touches."""

from __future__ import annotations

import pytest

from eigw_ns.importing.options import Options
from tests.support.templates import VPC, design, messages, routes_of, touched

OPEN_ROUTE = "{RouteTableId: !Ref T, DestinationIpv6CidrBlock: '::/0', GatewayId: !Ref G}"
ASSOCIATION = "{SubnetId: !Ref S2, RouteTableId: !Ref T}"
ENTRY = "{NetworkAclId: !Ref N, RuleNumber: 1, Protocol: -1, RuleAction: allow, CidrBlock: 0.0.0.0/0}"
ACL = "  N: {Type: AWS::EC2::NetworkAcl, Properties: {VpcId: !Ref V}}\n"
PARAMETER = "Parameters: {P: {Type: String}}\n"
SUBNET = "  S2: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref V, CidrBlock: 10.0.2.0/24}}\n"


def resource(logical_id: str, kind: str, properties: str = "{}", more: str = "") -> str:
    return f"  {logical_id}: {{Type: '{kind}', Properties: {properties}{more}}}\n"


def test_a_custom_resource_that_feeds_a_block_is_refused_and_so_is_the_subnet():
    cidr = "{VpcId: !Ref V, CidrBlock: 10.0.2.0/24, Ipv6CidrBlock: !GetAtt Maker.Block}"
    found = design(VPC + resource("Maker", "Custom::Cidr") + resource("S2", "AWS::EC2::Subnet", cidr))
    refused = messages(found)
    assert "custom resource Custom::Cidr: what it does to the network is not known; used by S2" in refused[0]
    assert "S2: Ipv6CidrBlock is Maker.Block, which is not an IPv6 block; give an IPv6 block" in refused[1]
    assert {"S2"} <= touched(found)


@pytest.mark.parametrize(
    ("given", "touch"),
    [
        ("!Ref T", {"T"}),
        ("!Ref S", {"S"}),
        ("!Ref V", {"V"}),
        ("[!Ref S, !Ref T]", {"S", "T"}),
        ("!Sub 'x${T}'", {"T"}),
        ("{a: {b: [!GetAtt T.RouteTableId]}}", {"T"}),
        ("!Ref E", {"E", "V"}),
        ("!Ref G", {"G", "V"}),
    ],
)
def test_a_custom_resource_that_is_given_a_part_of_the_network_is_refused(given: str, touch: set[str]):
    found = design(VPC + resource("Maker", "Custom::Do", f"{{Thing: {given}}}"))
    (refused,) = messages(found)
    assert "; it is given " in refused
    assert refused.endswith("if it changes no route and no ACL, give --ignore Custom::Do")
    assert touched(found) == touch


@pytest.mark.parametrize("ignored", ["Custom::Do", "Maker"])
def test_a_custom_resource_that_the_user_ignores_is_passed_over(ignored: str):
    text = VPC + resource("Maker", "Custom::Do", "{Thing: !Ref T}")
    found = design(text, options=Options(ignored=frozenset({ignored})))
    assert messages(found) == messages(found, "note") == []


def test_a_custom_resource_that_is_given_nothing_of_the_network_is_a_note():
    found = design(VPC + resource("Bell", "Custom::Bell", "{Topic: a}"))
    assert messages(found) == []
    assert len(messages(found, "note")) == 1


def test_the_custom_resource_of_cdk_that_restricts_the_default_group_is_passed_over():
    properties = "{DefaultSecurityGroupId: !GetAtt V.DefaultSecurityGroup, Account: !Ref 'AWS::AccountId'}"
    found = design(VPC + resource("R", "Custom::VpcRestrictDefaultSG", properties))
    assert messages(found) == messages(found, "note") == []


@pytest.mark.parametrize(
    "kind", ["AWS::CloudFormation::CustomResource", "Org::Net::Route", "AWS::CloudFormation::StackSet"]
)
def test_what_makes_anything_is_read_as_a_custom_resource(kind: str):
    assert len(messages(design(VPC + resource("M", kind, "{Thing: !Ref T}")))) == 1


def test_a_module_is_refused():
    (refused,) = messages(design(VPC + resource("M", "Org::Net::Vpc::MODULE")))
    assert "the module Org::Net::Vpc::MODULE stands for resources that are not here" in refused


GUARDED = [
    (
        resource("R", "AWS::EC2::Route", OPEN_ROUTE, ", Condition: C"),
        {"T"},
    ),
    (resource("X", "AWS::EC2::Subnet", "{VpcId: !Ref V, CidrBlock: 10.0.3.0/24}", ", Condition: C"), {"X"}),
    (
        SUBNET + resource("X", "AWS::EC2::SubnetRouteTableAssociation", ASSOCIATION, ", Condition: C"),
        {"S2"},
    ),
    (
        ACL + resource("X", "AWS::EC2::NetworkAclEntry", ENTRY, ", Condition: C"),
        {"N"},
    ),
    (resource("X", "AWS::EC2::VPCCidrBlock", "{VpcId: !Ref V, CidrBlock: 10.9.0.0/16}", ", Condition: C"), {"V"}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "touch"), GUARDED)
def test_a_condition_that_cannot_be_decided_and_guards_the_network_is_refused(text: str, touch: set[str]):
    before = f"{PARAMETER}Conditions: {{C: !Equals [!Ref P, a]}}\n"
    found = design(VPC + text, before=before)
    (refused,) = messages(found)
    assert refused.endswith("the condition C cannot be decided: the parameter P has no value; give --parameter P=VALUE")
    assert touched(found) == touch


@pytest.mark.parametrize(("text", "touch"), GUARDED)
@pytest.mark.parametrize(("given", "noted"), [("a", 0), ("b", 1)])
def test_a_condition_that_the_user_decides_is_no_refusal(text: str, touch: set[str], given: str, noted: int):
    before = f"{PARAMETER}Conditions: {{C: !Equals [!Ref P, a]}}\n"
    found = design(VPC + text, before=before, options=Options(parameters={"P": given}))
    assert messages(found) == []
    assert [each for each in messages(found, "info") if "not made: condition C is false" in each][noted:] == []


def test_a_condition_that_guards_a_group_is_a_note():
    before = f"{PARAMETER}Conditions: {{C: !Equals [!Ref P, a]}}\n"
    group = resource("X", "AWS::EC2::SecurityGroup", "{VpcId: !Ref V, GroupDescription: d}", ", Condition: C")
    found = design(VPC + group, before=before)
    assert (len(messages(found)), len(messages(found, "note"))) == (0, 1)


def test_conditions_that_refer_to_each_other_are_refused():
    before = "Conditions: {C: !Not [!Condition D], D: !Not [!Condition C]}\n"
    route = resource("R", "AWS::EC2::Route", OPEN_ROUTE, ", Condition: C")
    (refused,) = messages(design(VPC + route, before=before))
    assert "the condition C refers to itself; end the cycle" in refused


@pytest.mark.parametrize(
    ("properties", "why"),
    [
        (
            "{VpcId: !Ref V, CidrBlock: !Ref P}",
            "CidrBlock is not known: the parameter P has no value; give --parameter P=VALUE",
        ),
        (
            "{VpcId: !Ref V, CidrBlock: 10.0.2.0/24, Ipv6CidrBlock: !Ref P}",
            "Ipv6CidrBlock is not known: the parameter P has no value",
        ),
        (
            "{VpcId: !Ref V, CidrBlock: 10.0.2.0/24, Ipv6CidrBlock: a}",
            "Ipv6CidrBlock a is not an IPv6 block; give an IPv6 block",
        ),
        (
            "{VpcId: !Ref V, CidrBlock: 10.0.2.0/24, Ipv6CidrBlock: 10.0.0.0/24}",
            "Ipv6CidrBlock 10.0.0.0/24 is not an IPv6 block",
        ),
        ("{VpcId: !Ref V, CidrBlock: [a]}", "CidrBlock"),
        ("{VpcId: !Ref V, CidrBlock: {a: b}}", "CidrBlock"),
        ("{VpcId: !Ref V, CidrBlock: 10.0.0.0/99}", "CidrBlock 10.0.0.0/99 is not an IPv4 block"),
        ("{VpcId: !Ref V}", "the subnet has no CidrBlock and is not Ipv6Native; give its block"),
        (
            "{VpcId: !Ref V, CidrBlock: 10.0.2.0/24, Ipv6IpamPoolId: pool}",
            "a pool chooses the IPv6 block, so it cannot be computed",
        ),
        ("{VpcId: !Ref V, CidrBlock: 10.0.2.0/24, MapPublicIpOnLaunch: [a]}", "MapPublicIpOnLaunch"),
        (
            "{'Fn::Transform': {Name: 'AWS::Include'}}",
            "CidrBlock is not known: Fn::Transform adds properties that are not known",
        ),
    ],
)  # fmt: skip
def test_a_block_that_cannot_be_computed_is_refused(properties: str, why: str):
    found = design(VPC + resource("X", "AWS::EC2::Subnet", properties), before=PARAMETER)
    refused = messages(found)
    assert any(f"net.yaml:16 X: {why}" in each for each in refused)
    assert "X" in touched(found)


def test_a_block_of_a_vpc_that_a_pool_chooses_is_refused_at_its_subnets():
    pool = VPC.replace("CidrBlock: 10.0.0.0/16", "Ipv4IpamPoolId: pool-1, Ipv4NetmaskLength: 16")
    block = "{VpcId: !Ref V, CidrBlock: !Select [0, !Cidr [!GetAtt V.CidrBlock, 1, 8]]}"
    found = design(pool + resource("X", "AWS::EC2::Subnet", block))
    (refused,) = messages(found)
    assert "X: CidrBlock is not known: Fn::Cidr: AWS chooses V.CidrBlock at deployment" in refused
    assert found.vpcs[0].ipv4_blocks == ()


def test_an_ipv6_only_subnet_has_no_ipv4_block():
    block = "{VpcId: !Ref V, Ipv6Native: true, Ipv6CidrBlock: '2001:db8:aa0:5502::/64'}"
    found = design(VPC + resource("X", "AWS::EC2::Subnet", block))
    assert messages(found) == []
    assert found.subnets[-1].ipv4_block is None


UNCERTAIN = "!If [C, !Ref V, !Ref W]"


@pytest.mark.parametrize(
    ("kind", "properties"),
    [
        ("AWS::EC2::VPCCidrBlock", f"{{VpcId: {UNCERTAIN}, AmazonProvidedIpv6CidrBlock: true}}"),
        ("AWS::EC2::VPCCidrBlock", "{VpcId: !Ref W, AmazonProvidedIpv6CidrBlock: !Ref P}"),
        ("AWS::EC2::VPCGatewayAttachment", f"{{VpcId: {UNCERTAIN}, InternetGatewayId: !Ref G}}"),
        ("AWS::EC2::VPCGatewayAttachment", "{VpcId: !Ref V, InternetGatewayId: !Ref P}"),
        ("AWS::EC2::EgressOnlyInternetGateway", f"{{VpcId: {UNCERTAIN}}}"),
        ("AWS::EC2::EgressOnlyInternetGateway", "{}"),
        ("AWS::EC2::NatGateway", "{SubnetId: !Ref P}"),
        ("AWS::EC2::SubnetCidrBlock", "{SubnetId: !Ref P, Ipv6CidrBlock: '2001:db8:aa0:5507::/64'}"),
    ],
)
def test_what_may_belong_to_a_vpc_of_the_design_or_not_is_refused(kind: str, properties: str):
    before = f"{PARAMETER}Conditions: {{C: !Equals [!Ref P, a]}}\n"
    other = resource("W", "AWS::EC2::VPC", "{CidrBlock: 10.9.0.0/16}")
    found = design(VPC + other + resource("X", kind, properties), before=before)
    (refused,) = messages(found)
    assert "net.yaml:18 X: " in refused
    assert touched(found) & {"V", "W", "X"}


def test_a_refused_subnet_stays_in_the_design():
    found = design(VPC + resource("X", "AWS::EC2::Subnet", "{VpcId: !Ref V, CidrBlock: !Ref P}"), before=PARAMETER)
    assert [subnet.label.name for subnet in found.subnets] == ["S", "X"]


@pytest.mark.parametrize(
    ("more", "what"),
    [
        (
            {"before": "Transform: AWS::Serverless-2016-10-31\n"},
            "the macro AWS::Serverless-2016-10-31 can change every resource",
        ),
        ({"before": "Transform: [AWS::LanguageExtensions, Mine]\n"}, "the macro Mine can change every resource"),
        (
            {"before": "Transform: {Name: AWS::Include, Parameters: {Location: s3://a/b}}\n"},
            "the macro AWS::Include can change",
        ),
        (
            {"resources": "  'Fn::ForEach::Subnets': [X, [a], {'S${X}': {Type: 'AWS::EC2::Subnet'}}]\n"},
            "Fn::ForEach::Subnets stands for resources",
        ),
        (
            {"resources": "  'Fn::Transform': {Name: 'AWS::Include'}\n"},
            "Fn::Transform stands for resources that are not here",
        ),
    ],
)  # fmt: skip
def test_macros_and_loops_are_refused_and_touch_every_vpc(more: dict[str, str], what: str):
    found = design(VPC + more.get("resources", ""), before=more.get("before", ""))
    (refused,) = messages(found)
    assert what in refused
    assert "get-template --template-stage Processed" in refused
    assert touched(found) == {"V"}


@pytest.mark.parametrize("transform", ["AWS::LanguageExtensions", "[AWS::LanguageExtensions]"])
def test_language_extensions_are_read(transform: str):
    assert messages(design(VPC, before=f"Transform: {transform}\n")) == []


def test_a_macro_that_the_user_ignores_is_passed_over():
    options = Options(ignored=frozenset({"AWS::Serverless-2016-10-31"}))
    assert messages(design(VPC, before="Transform: AWS::Serverless-2016-10-31\n", options=options)) == []


@pytest.mark.parametrize(
    "properties",
    [
        "{TemplateURL: 'https://bucket.s3.amazonaws.com/net.yaml', Parameters: {Vpc: !Ref V}}",
        "{TemplateURL: ./absent.yaml, Parameters: {Vpc: !Ref V}}",
        "{TemplateURL: !Sub 'https://${AWS::AccountId}/net.yaml', Parameters: {Vpc: !Ref V}}",
    ],
)
def test_a_nested_stack_whose_template_is_not_here_is_refused(properties: str):
    found = design(VPC + resource("N", "AWS::CloudFormation::Stack", properties))
    (refused,) = messages(found)
    assert "net.yaml:15 N: the template of this nested stack is not here; put its template" in refused
    assert touched(found) == {"V"}


@pytest.mark.parametrize(
    ("kind", "properties", "touch"),
    [
        ("AWS::EC2::RouteServerPropagation", "{RouteTableId: !Ref T}", {"T"}),
        ("AWS::EC2::VPCBlockPublicAccessOptions", "{InternetGatewayBlockMode: block-ingress}", {"V"}),
    ],
)
def test_what_decides_and_is_not_modelled_is_refused(kind: str, properties: str, touch: set[str]):
    found = design(VPC + resource("X", kind, properties))
    assert (len(messages(found)), touched(found)) == (1, touch)


@pytest.mark.parametrize(
    "kind",
    ["FlowLog", "VPCEndpoint", "DHCPOptions", "VPCDHCPOptionsAssociation", "VPNGateway", "VPNConnection",
     "VPNGatewayRoutePropagation", "GatewayRouteTableAssociation"],
)  # fmt: skip
def test_what_changes_no_reachability_is_a_note(kind: str):
    found = design(VPC + resource("X", f"AWS::EC2::{kind}", "{VpcId: !Ref V}"))
    assert (len(messages(found)), len(messages(found, "note"))) == (0, 1)


@pytest.mark.parametrize(
    "kind",
    ["AWS::S3::Bucket", "AWS::IAM::Role", "AWS::EC2::EIP", "AWS::EC2::VPCPeeringConnection", "AWS::EC2::CarrierGateway",
     "AWS::EC2::TransitGatewayAttachment", "AWS::Nothing::Known", "AWS::SSM::Parameter", "AWS::EC2::Volume"],
)  # fmt: skip
def test_what_is_outside_the_network_is_silent(kind: str):
    found = design(VPC + resource("X", kind, "{VpcId: !Ref V, Name: !Ref Absent}"))
    assert messages(found) == messages(found, "note") == []


def test_a_value_that_is_not_known_and_feeds_nothing_is_silent():
    group = (
        "{VpcId: !Ref V, CidrBlock: 10.0.2.0/24, Tags: [{Key: Name, Value: !Sub '${P} private'}], EnableDns64: !Ref P}"
    )
    found = design(VPC + resource("X", "AWS::EC2::Subnet", group), before=PARAMETER)
    assert messages(found) == messages(found, "note") == []
    assert dict(found.subnets[-1].label.tags) == {"Name": "P private"}


@pytest.mark.parametrize(
    ("properties", "what"),
    [
        ("{RouteTableId: !Ref T, GatewayId: !Ref G}", "the route has 0 destinations; give one destination"),
        ("{RouteTableId: !Ref T, DestinationIpv6CidrBlock: '::/0'}", "the route has 0 targets; give one target"),
        (
            OPEN_ROUTE.replace("}", ", EgressOnlyInternetGatewayId: !Ref E}"),
            "the route has 2 targets",
        ),
        (
            "{RouteTableId: !Ref T, DestinationIpv6CidrBlock: a, GatewayId: !Ref G}",
            "DestinationIpv6CidrBlock a is not a block; give a block",
        ),
        (
            "{RouteTableId: !Ref T, DestinationIpv6CidrBlock: !Ref P, GatewayId: !Ref G}",
            "DestinationIpv6CidrBlock is not known: the parameter P",
        ),
        (
            "{RouteTableId: !Ref T, DestinationCidrBlock: 0.0.0.0/0, GatewayId: !Ref P}",
            "GatewayId is not known: the parameter P has no value",
        ),
    ],
)  # fmt: skip
def test_a_route_that_is_not_known_is_refused(properties: str, what: str):
    found = design(VPC + resource("R", "AWS::EC2::Route", properties), before=PARAMETER)
    (refused,) = messages(found)
    assert what in refused
    assert touched(found) == {"T"}


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("EgressOnlyInternetGatewayId: !Ref E", ("egress-only", "E")),
        ("EgressOnlyInternetGatewayId: eigw-1", ("egress-only", "eigw-1")),
        (
            "EgressOnlyInternetGatewayId: !Ref P",
            ("egress-only", "the parameter P has no value; give --parameter P=VALUE"),
        ),
        ("EgressOnlyInternetGatewayId: !Ref V", ("egress-only", "V")),
        ("GatewayId: !Ref G", ("internet", "G")),
        ("GatewayId: igw-1", ("internet", "igw-1")),
        ("GatewayId: vgw-1", ("vpn", "vgw-1")),
        ("GatewayId: local", ("local", "local")),
        ("GatewayId: !Ref P", ("unknown", "the parameter P has no value; give --parameter P=VALUE")),
        (
            "GatewayId: !If [C, !Ref G, !Ref E]",
            ("unknown", "the condition C cannot be decided: the parameter P has no value; give --parameter P=VALUE"),
        ),
        ("NatGatewayId: nat-1", ("nat", "nat-1")),
        ("TransitGatewayId: tgw-1", ("transit-gateway", "tgw-1")),
        ("VpcPeeringConnectionId: pcx-1", ("peering", "pcx-1")),
        (
            "VpcEndpointId: !Select [0, !GetAtt W.EndpointIds]",
            ("endpoint", "Fn::Select: AWS chooses W.EndpointIds at deployment"),
        ),
        ("CarrierGatewayId: cagw-1", ("carrier", "cagw-1")),
        ("CoreNetworkArn: 'arn:aws:x'", ("core-network", "arn:aws:x")),
        ("LocalGatewayId: lgw-1", ("local-gateway", "lgw-1")),
        ("InstanceId: i-1", ("instance", "i-1")),
        ("NetworkInterfaceId: eni-1", ("network-interface", "eni-1")),
    ],
)  # fmt: skip
def test_a_route_keeps_the_kind_of_its_target(target: str, expected: tuple[str, str]):
    before = f"{PARAMETER}Conditions: {{C: !Equals [!Ref P, a]}}\n"
    route = resource("R", "AWS::EC2::Route", f"{{RouteTableId: !Ref T, DestinationIpv6CidrBlock: '::/0', {target}}}")
    firewall = resource("W", "AWS::NetworkFirewall::Firewall")
    found = design(VPC + route + firewall, before=before)
    assert routes_of(found, "T") == [("::/0", *expected)]


def test_a_route_for_a_prefix_list_of_the_design_stands_for_its_entries():
    entries = resource("L", "AWS::EC2::PrefixList", "{Entries: [{Cidr: '2001:db8:1::/48'}, {Cidr: 10.9.0.0/16}]}")
    route = resource(
        "R", "AWS::EC2::Route", "{RouteTableId: !Ref T, DestinationPrefixListId: !Ref L, GatewayId: !Ref G}"
    )
    found = design(VPC + route + entries)
    assert routes_of(found, "T") == [("2001:db8:1::/48", "internet", "G"), ("10.9.0.0/16", "internet", "G")]


def test_a_route_for_another_prefix_list_keeps_its_id():
    route = resource("R", "AWS::EC2::Route", "{RouteTableId: !Ref T, DestinationPrefixListId: pl-1, GatewayId: !Ref G}")
    assert routes_of(design(VPC + route), "T") == [("pl-1", "internet", "G")]

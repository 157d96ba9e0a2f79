"""Network ACLs, security groups and workloads of templates."""

from __future__ import annotations

import pytest

from eigw_ns.importing.design import Design, Key
from eigw_ns.importing.resolve.choices import Choices
from eigw_ns.importing.resolve.imported import imported
from tests.support.templates import VPC, design, messages, touched

PARAMETER = "Parameters: {P: {Type: String}}\n"
GROUP = "  Z: {Type: AWS::EC2::SecurityGroup, Properties: {VpcId: !Ref V, GroupDescription: all}}\n"


def resource(logical_id: str, kind: str, properties: str) -> str:
    return f"  {logical_id}: {{Type: '{kind}', Properties: {properties}}}\n"


def rules(found: Design, group: str = "Z") -> list[tuple[object, ...]]:
    """Return the rules of a group as (egress, protocol, from, to, peer)."""
    return [
        (rule.egress, rule.protocol, rule.from_port, rule.to_port, getattr(rule.peer, "text", None) or str(rule.peer))
        for rule in found.group_rules
        if rule.group == Key(group)
    ]


def of_rule(rule: str, *, more: str = "", egress: bool = False) -> list[tuple[object, ...]]:
    name = "SecurityGroupEgress" if egress else "SecurityGroupIngress"
    body = f"{{VpcId: !Ref V, GroupDescription: d, {name}: [{rule}]}}"
    found = rules(design(VPC + resource("Z", "AWS::EC2::SecurityGroup", body) + more, before=PARAMETER))
    return [each for each in found if each[0] is egress]


def test_a_group_without_egress_rules_lets_everything_out():
    assert rules(design(VPC + GROUP)) == [
        (True, -1, None, None, "0.0.0.0/0"),
        (True, -1, None, None, "::/0"),
    ]


def test_a_group_in_a_vpc_without_ipv6_lets_out_ipv4():
    text = VPC.replace("AmazonProvidedIpv6CidrBlock: true", "CidrBlock: 10.2.0.0/16").replace(", Ipv6", ", #")
    found = design(text.split("  S:")[0] + GROUP)
    assert rules(found) == [(True, -1, None, None, "0.0.0.0/0")]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("{IpProtocol: tcp, FromPort: 22, ToPort: 22, CidrIpv6: '::/0'}", (6, 22, 22, "::/0")),
        ("{IpProtocol: tcp, FromPort: '80', ToPort: '90', CidrIp: 10.0.0.0/8}", (6, 80, 90, "10.0.0.0/8")),
        ("{IpProtocol: '6', FromPort: 22, ToPort: 22, CidrIpv6: '::/0'}", (6, 22, 22, "::/0")),
        ("{IpProtocol: udp, FromPort: -1, ToPort: -1, CidrIpv6: '::/0'}", (17, 0, 65535, "::/0")),
        ("{IpProtocol: tcp, CidrIpv6: '::/0'}", (6, 0, 65535, "::/0")),
        ("{IpProtocol: -1, CidrIpv6: '::/0'}", (-1, None, None, "::/0")),
        ("{IpProtocol: '-1', FromPort: 0, ToPort: 0, CidrIpv6: '::/0'}", (-1, None, None, "::/0")),
        ("{IpProtocol: icmpv6, FromPort: 128, ToPort: 0, CidrIpv6: '::/0'}", (58, 128, 0, "::/0")),
        ("{IpProtocol: icmpv6, CidrIpv6: '::/0'}", (58, -1, -1, "::/0")),
        ("{IpProtocol: tcp, FromPort: 1, ToPort: 2, SourceSecurityGroupId: !Ref Z}", (6, 1, 2, "Z")),
        ("{IpProtocol: tcp, FromPort: 1, ToPort: 2, SourceSecurityGroupId: !GetAtt Z.GroupId}", (6, 1, 2, "Z")),
        ("{IpProtocol: tcp, FromPort: 1, ToPort: 2, SourceSecurityGroupId: sg-1}", (6, 1, 2, "sg-1")),
        ("{IpProtocol: tcp, FromPort: 1, ToPort: 2, SourcePrefixListId: pl-1}", (6, 1, 2, "pl-1")),
    ],
)
def test_a_rule(rule: str, expected: tuple[object, ...]):
    assert of_rule(rule) == [(False, *expected)]


def test_a_rule_about_a_prefix_list_of_the_design_stands_for_its_entries():
    entries = resource("L", "AWS::EC2::PrefixList", "{Entries: [{Cidr: '2001:db8:1::/48'}, {Cidr: 10.9.0.0/16}]}")
    found = of_rule("{IpProtocol: -1, DestinationPrefixListId: !Ref L}", more=entries, egress=True)
    assert [each[-1] for each in found] == ["2001:db8:1::/48", "10.9.0.0/16"]


@pytest.mark.parametrize(
    ("rule", "what"),
    [
        ("{IpProtocol: tcp, FromPort: 22, ToPort: 22, CidrIp: !Ref P}", "its CidrIp is not known: the parameter P"),
        ("{IpProtocol: tcp, FromPort: !Ref P, CidrIp: 10.0.0.0/8}", "its protocol or its ports are not known"),
        ("{IpProtocol: !Ref P, CidrIp: 10.0.0.0/8}", "its protocol or its ports are not known: the parameter P"),
        ("{IpProtocol: rot13, CidrIp: 10.0.0.0/8}", "its protocol or its ports are not known"),
        ("{IpProtocol: -1, CidrIpv6: abc}", "its CidrIpv6 is not known"),
        ("!Ref P", "its protocol or its ports are not known: the parameter P has no value"),
        ("text", "its protocol or its ports are not known"),
    ],
)  # fmt: skip
def test_a_rule_that_is_not_known_is_left_out_with_a_note(rule: str, what: str):
    body = f"{{VpcId: !Ref V, GroupDescription: d, SecurityGroupIngress: [{rule}]}}"
    found = design(VPC + resource("Z", "AWS::EC2::SecurityGroup", body), before=PARAMETER)
    (note,) = messages(found, "note")
    assert f"a rule is left out, so the group is stricter here: {what}" in note
    assert [rule for rule in rules(found) if not rule[0]] == []


def test_rules_of_their_own_join_the_group_and_leave_its_egress():
    more = resource("I", "AWS::EC2::SecurityGroupIngress", "{GroupId: !Ref Z, IpProtocol: -1, CidrIpv6: '::/0'}")
    more += resource("O", "AWS::EC2::SecurityGroupEgress", "{GroupId: !Ref Z, IpProtocol: -1, CidrIpv6: '::/0'}")
    assert [(each[0], each[-1]) for each in rules(design(VPC + GROUP + more))] == [
        (True, "0.0.0.0/0"),
        (True, "::/0"),
        (False, "::/0"),
        (True, "::/0"),
    ]


def test_the_default_group_of_a_vpc_has_the_rules_that_aws_gives_it():
    rule = "{GroupId: !GetAtt V.DefaultSecurityGroup, IpProtocol: tcp, FromPort: 1, ToPort: 1, CidrIpv6: '::/0'}"
    found = design(VPC + resource("I", "AWS::EC2::SecurityGroupIngress", rule))
    (group,) = found.groups
    assert (group.default, group.vpc) == (True, Key("V"))
    name = group.label.key.text
    assert [(each[0], each[-1]) for each in rules(found, name)] == [
        (False, name),
        (True, "0.0.0.0/0"),
        (True, "::/0"),
        (False, "::/0"),
    ]


ACL = "  N: {Type: AWS::EC2::NetworkAcl, Properties: {VpcId: !Ref V}}\n"


def entries(properties: str, acl: str = "!Ref N") -> Design:
    body = properties.replace("{", f"{{NetworkAclId: {acl}, ", 1)
    return design(VPC + ACL + resource("X", "AWS::EC2::NetworkAclEntry", body), before=PARAMETER)


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        (
            "{RuleNumber: '100', Protocol: -1, RuleAction: allow, Ipv6CidrBlock: '::/0', Egress: 'true'}",
            (100, True, -1, "allow", "::/0", None, None),
        ),
        (
            "{RuleNumber: 1, Protocol: 6, RuleAction: deny, CidrBlock: 0.0.0.0/0, PortRange: {From: 1, To: '9'}}",
            (1, False, 6, "deny", "0.0.0.0/0", (1, 9), None),
        ),
        (
            "{RuleNumber: 1, Protocol: 58, RuleAction: allow, Ipv6CidrBlock: '::/0', Icmp: {Type: -1, Code: -1}}",
            (1, False, 58, "allow", "::/0", None, (-1, -1)),
        ),
    ],
)  # fmt: skip
def test_an_entry_of_an_acl(properties: str, expected: tuple[object, ...]):
    found = entries(properties)
    (entry,) = found.acl_entries
    assert messages(found) == []
    shown = (
        entry.rule_number,
        entry.egress,
        entry.protocol,
        entry.action,
        str(entry.cidr_block),
        entry.ports,
        entry.icmp,
    )
    assert shown == expected


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ("RuleNumber: !Ref P", "RuleNumber is not known: the parameter P has no value; give --parameter P=VALUE"),
        ("RuleNumber: 99999", "RuleNumber 99999 is not a number from 1 to 32766"),
        ("Protocol: !Ref P", "Protocol is not known"),
        ("RuleAction: maybe", "RuleAction maybe is not allow or deny; give allow or deny"),
        ("Ipv6CidrBlock: !Ref P", "Ipv6CidrBlock is not known"),
        ("Egress: !Ref P", "Egress is not known"),
        ("Egress: perhaps", "Egress perhaps is not true or false"),
        ("Protocol: 6", "PortRange is left out; give a mapping with From and To"),
    ],
)
def test_an_entry_that_is_not_known_is_refused_and_touches_its_acl(change: str, what: str):
    body = {
        "RuleNumber": "1",
        "Protocol": "-1",
        "RuleAction": "allow",
        "Ipv6CidrBlock": "'::/0'",
    }
    name, _, given = change.partition(": ")
    text = ", ".join(f"{key}: {each}" for key, each in {**body, name: given}.items())
    found = entries(f"{{{text}}}")
    assert any(what in each for each in messages(found))
    assert touched(found) == {"N"}


def test_the_default_acl_of_a_vpc_has_the_entries_that_aws_gives_it():
    body = "{RuleNumber: 1, Protocol: -1, RuleAction: deny, Ipv6CidrBlock: '::/0'}"
    found = entries(body, "!GetAtt V.DefaultNetworkAcl")
    acl = found.acls[-1]
    assert (acl.default, acl.vpc) == (True, Key("V"))
    own = [entry for entry in found.acl_entries if entry.acl == acl.label.key]
    assert [(entry.rule_number, entry.egress, entry.action) for entry in own] == [
        (100, False, "allow"),
        (101, False, "allow"),
        (100, True, "allow"),
        (101, True, "allow"),
        (1, False, "deny"),
    ]


def test_the_association_of_a_subnet_with_an_acl():
    body = "{SubnetId: !Ref S, NetworkAclId: !Ref N}"
    found = design(VPC + ACL + resource("X", "AWS::EC2::SubnetNetworkAclAssociation", body))
    assert [(each.subnet, each.to) for each in found.acl_associations] == [(Key("S"), Key("N"))]


BALANCER = "AWS::ElasticLoadBalancingV2::LoadBalancer"
BALANCED = "{Subnets: [!Ref S], SecurityGroups: [!Ref Z]}"
SCALED = "AWS::AutoScaling::AutoScalingGroup"
NAMED = """\
  Sn: {Type: AWS::RDS::DBSubnetGroup, Properties: {SubnetIds: [!Ref S]}}
  Ca: {Type: AWS::ElastiCache::SubnetGroup, Properties: {SubnetIds: [!Ref S]}}
  Lt: {Type: AWS::EC2::LaunchTemplate, Properties: {LaunchTemplateData: {SecurityGroupIds: [!Ref Z]}}}
  Li: {Type: AWS::EC2::LaunchTemplate, Properties: {LaunchTemplateData: {NetworkInterfaces: [{Groups: [!Ref Z]}]}}}
  Lc: {Type: AWS::AutoScaling::LaunchConfiguration, Properties: {SecurityGroups: [!GetAtt Z.GroupId]}}
"""


@pytest.mark.parametrize(
    ("kind", "properties"),
    [
        ("AWS::EC2::Instance", "{SubnetId: !Ref S, SecurityGroupIds: [!Ref Z]}"),
        ("AWS::EC2::Instance", "{NetworkInterfaces: [{SubnetId: !Ref S, GroupSet: [!Ref Z]}]}"),
        ("AWS::EC2::Instance", "{SubnetId: !Ref S, LaunchTemplate: {LaunchTemplateId: !Ref Lt, Version: 1}}"),
        ("AWS::EC2::NetworkInterface", "{SubnetId: !Ref S, GroupSet: [!Ref Z]}"),
        ("AWS::ECS::Service", f"{{NetworkConfiguration: {{AwsvpcConfiguration: {BALANCED}}}}}"),
        ("AWS::Lambda::Function", "{VpcConfig: {SubnetIds: [!Ref S], SecurityGroupIds: [!Ref Z]}}"),
        ("AWS::RDS::DBInstance", "{DBSubnetGroupName: !Ref Sn, VPCSecurityGroups: [!Ref Z]}"),
        ("AWS::RDS::DBCluster", "{DBSubnetGroupName: !Ref Sn, VpcSecurityGroupIds: [!Ref Z]}"),
        ("AWS::ElastiCache::ReplicationGroup", "{CacheSubnetGroupName: !Ref Ca, SecurityGroupIds: [!Ref Z]}"),
        (BALANCER, BALANCED),
        (BALANCER, "{SubnetMappings: [{SubnetId: !Ref S}], SecurityGroups: [!Ref Z]}"),
        ("AWS::EKS::Cluster", "{ResourcesVpcConfig: {SubnetIds: [!Ref S], SecurityGroupIds: [!Ref Z]}}"),
        (SCALED, "{VPCZoneIdentifier: [!Ref S], LaunchTemplate: {LaunchTemplateId: !Ref Lt}}"),
        (SCALED, "{VPCZoneIdentifier: [!Ref S], LaunchTemplate: {LaunchTemplateId: !Ref Li}}"),
        (SCALED, "{VPCZoneIdentifier: [!Ref S], LaunchConfigurationName: !Ref Lc}"),
        ("AWS::EFS::MountTarget", "{SubnetId: !Ref S, SecurityGroups: [!Ref Z]}"),
    ],
)  # fmt: skip
def test_a_workload_has_its_subnets_and_groups(kind: str, properties: str):
    found = design(VPC + GROUP + NAMED + resource("W", kind, properties))
    workload = next(each for each in found.workloads if each.label.name == "W")
    assert (workload.subnets, workload.groups) == ((Key("S"),), (Key("Z"),))
    assert messages(found) == []


def test_the_addresses_of_an_instance_are_those_that_the_template_fixes():
    body = "{SubnetId: !Ref S, Ipv6Addresses: [{Ipv6Address: '2001:db8:aa0:5501::9'}, {Ipv6Address: a}, !Ref P]}"
    found = design(VPC + resource("W", "AWS::EC2::Instance", body), before=PARAMETER)
    assert [str(each) for each in found.workloads[0].addresses] == ["2001:db8:aa0:5501::9"]


def test_a_workload_that_names_nothing_of_the_design_is_silent():
    body = "{VpcConfig: {SubnetIds: !Ref P, SecurityGroupIds: [sg-1]}}"
    found = design(VPC + resource("W", "AWS::Lambda::Function", body), before=PARAMETER)
    assert (found.workloads, messages(found), messages(found, "note")) == ((), [], [])


def test_a_private_nat_gateway_is_a_note():
    found = design(VPC + resource("X", "AWS::EC2::NatGateway", "{SubnetId: !Ref S, ConnectivityType: private}"))
    assert len(messages(found, "note")) == 1


def test_a_regional_nat_gateway_is_in_its_vpc_and_becomes_a_lab():
    found = design(VPC + resource("X", "AWS::EC2::NatGateway", "{VpcId: !Ref V, AvailabilityMode: regional}"))
    assert [(each.kind, each.vpc, each.subnet) for each in found.gateways][-1] == ("nat", Key("V"), None)
    topology = imported(found, Choices()).topology
    assert topology
    assert [each.name for each in topology.cloud.nat_gateways.values()] == ["x"]

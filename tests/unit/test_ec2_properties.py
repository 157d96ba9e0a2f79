"""Random requests in random order: EC2 actions raise only AWS's errors, and the cloud remains consistent."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from eigw_ns.cloud.addressing import overlaps
from eigw_ns.cloud.ec2.api import ACTIONS, call
from eigw_ns.cloud.ec2.resources import KINDS
from eigw_ns.cloud.ec2.schema import Parameter
from eigw_ns.cloud.ec2.settings import Quotas, Settings
from eigw_ns.cloud.filtering import network_acl, security_groups
from eigw_ns.cloud.interfaces import interface_id
from eigw_ns.cloud.model import Cloud
from eigw_ns.cloud.routing import effective_route_table
from eigw_ns.errors import CloudError
from tests.support.small_cloud import GONE, INSTANCE, Account, counting, small_cloud

Request = dict[str, Any]

STEPS = 12
MUTATING = tuple(name for name, each in ACTIONS.items() if each.mutates)
NO_DRY_RUN = "UnknownParameter"
"""The error of the few actions that have no dry run in AWS."""

NOT_PLAIN = {"DryRun", "ClientToken"}

IPV6 = ("2600:1f16:aa0:5501::10", "2600:1f16:aa0:5501::20", "2600:1f16:aa0:5501::1", "2600::1", "x")
TEXTS: Mapping[str, tuple[str, ...]] = {
    "DestinationIpv6CidrBlock": ("::/0", "2000::/3", "2001:db8::/32", "2600:1f16:aa0:5500::/56", "fe80::/10", "::/x"),
    "DestinationCidrBlock": ("0.0.0.0/0",),
    "Ipv6CidrBlock": ("::/0", "2001:db8::/32", "2000::/3", "::", "2001:db8::/56", "2600:1f16:a00:1::/64"),
    "CidrIpv6": ("::/0", "2001:db8::/32", "2000::/3", "::"),
    "CidrBlock": ("0.0.0.0/0", "10.0.0.0/16", "10.0.1.0/24"),
    "InstanceTenancy": ("default", "dedicated", "host"),
    "AvailabilityZone": ("us-east-1a", "us-east-1x"),
    "AvailabilityZoneId": ("use1-az1", "use1-az9"),
    "Ipv6CidrBlockNetworkBorderGroup": ("us-east-1", "eu-west-1"),
    "PrivateDnsHostnameTypeOnLaunch": ("ip-name", "resource-name", "x"),
    "CidrIp": ("0.0.0.0/0", "10.0.0.0/8"),
    "CidrIpv4": ("0.0.0.0/0", "10.0.0.0/8"),
    "Protocol": ("-1", "6", "17", "58", "all", "132", "tcp", "x"),
    "IpProtocol": ("-1", "tcp", "udp", "icmpv6", "132", "x"),
    "RuleAction": ("allow", "deny", "allow", "deny", "drop"),
    "ResourceType": tuple(kind.resource_type for kind in KINDS),
    "Key": ("Name", "Team", "Name", "Team", "", "aws:x"),
    "Value": ("a", "b*", ""),
    "Values": ("a", "*", "true"),
    "Name": ("tag:Name", "tag-key", "vpc-id", "route.state", "nonsense"),
    "GroupName": ("one", "two", "default", "sg-x"),
    "GroupNames": ("one", "default"),
    "Domain": ("vpc", "standard"),
    "PublicIp": ("203.0.113.1", "203.0.113.200", "x"),
    "PublicIps": ("203.0.113.1", "203.0.113.200", "x"),
    "Address": ("203.0.113.1", "198.51.100.9", "x"),
    "ConnectivityType": ("public", "private", "x"),
    "AvailabilityMode": ("zonal", "regional"),
    "AttributeNames": ("default-vpc", "x"),
    "Description": ("text", "", "<>"),
    "ImageId": ("ami-0123456789abcdef0", "resolve:ssm:/x", "x"),
    "InstanceType": ("t3.micro", "m5.large", "x"),
    "KeyName": ("one", "two", ""),
    "KeyType": ("rsa", "ed25519", "x"),
    "PublicKeyMaterial": ("ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQ==", "x"),
    "NetworkInterfaceId": (interface_id(INSTANCE), f"eni-{GONE}", "x"),
    "Ipv6Address": IPV6,
    "Ipv6Addresses": IPV6,
    "PrivateIpAddress": ("10.0.0.9", "10.0.0.1", "x"),
    "Attribute": ("instanceType", "sourceDestCheck", "x"),
    "CpuCredits": ("standard", "unlimited", "x"),
    "HttpTokens": ("optional", "required", "x"),
    "UserData": ("bHMK", "x"),
}
"""Values that are plausible for a parameter, by its name. Other parameters take ids."""

NUMBERS: Mapping[str, tuple[int, ...]] = {
    "RuleNumber": (1, 2, 100, 101, 32767),
    "MaxResults": (4, 5, 100, 256),
    "MinCount": (0, 1, 1, 2),
    "MaxCount": (1, 2),
    "Ipv6AddressCount": (0, 1, 2, 51),
}
SENSIBLE: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "CreateRoute": (
        ("DestinationIpv6CidrBlock", "EgressOnlyInternetGatewayId"),
        ("DestinationIpv6CidrBlock", "GatewayId"),
    ),
    "ReplaceRoute": (
        ("DestinationIpv6CidrBlock", "EgressOnlyInternetGatewayId"),
        ("DestinationIpv6CidrBlock", "GatewayId"),
    ),
    "DeleteRoute": (("DestinationIpv6CidrBlock",),),
    "AssociateRouteTable": (("SubnetId",),),
    "CreateVpc": (("CidrBlock", "AmazonProvidedIpv6CidrBlock"), ("CidrBlock", "Ipv6CidrBlock"), ("CidrBlock",)),
    "AssociateVpcCidrBlock": (("AmazonProvidedIpv6CidrBlock",), ("Ipv6CidrBlock",), ("CidrBlock",)),
    "CreateSubnet": (("CidrBlock", "Ipv6CidrBlock"), ("CidrBlock",), ("Ipv6CidrBlock", "Ipv6Native")),
    "ModifyVpcAttribute": (("EnableDnsSupport",), ("EnableDnsHostnames",)),
    "ModifySubnetAttribute": (("AssignIpv6AddressOnCreation",), ("PrivateDnsHostnameTypeOnLaunch",)),
    "CreateNetworkAclEntry": (
        ("Ipv6CidrBlock", "PortRange", "IcmpTypeCode"),
        ("CidrBlock", "PortRange", "IcmpTypeCode"),
    ),
    "ReplaceNetworkAclEntry": (("Ipv6CidrBlock", "PortRange", "IcmpTypeCode"),),
    "CreateSecurityGroup": (("VpcId",),),
    "AuthorizeSecurityGroupIngress": (("IpPermissions",),),
    "AuthorizeSecurityGroupEgress": (("IpPermissions",),),
    "RevokeSecurityGroupIngress": (("IpPermissions",), ("SecurityGroupRuleIds",)),
    "RevokeSecurityGroupEgress": (("IpPermissions",), ("SecurityGroupRuleIds",)),
    "AssociateAddress": (("AllocationId", "InstanceId"),),
    "DisassociateAddress": (("AssociationId",), ("PublicIp",)),
    "ReleaseAddress": (("AllocationId",),),
    "CreateNatGateway": (("SubnetId", "AllocationId"), ("SubnetId", "ConnectivityType")),
    "UpdateSecurityGroupRuleDescriptionsIngress": (("GroupId", "IpPermissions"),),
    "RunInstances": (("SubnetId",), ("SubnetId", "Ipv6AddressCount", "KeyName"), ("NetworkInterfaces",)),
    "NetworkInterfaces": (("SubnetId", "Ipv6AddressCount"), ("SubnetId", "Ipv6Addresses")),
    "Ipv6Addresses": (("Ipv6Address",),),
    "ModifyInstanceAttribute": (("Groups",), ("InstanceType",), ("Attribute", "Value"), ("SourceDestCheck",)),
    "ModifyNetworkInterfaceAttribute": (("Groups",),),
    "AssignIpv6Addresses": (("Ipv6AddressCount",), ("Ipv6Addresses",)),
    "DeleteKeyPair": (("KeyName",), ("KeyPairId",)),
    "InstanceType": (("Value",),),
    "SourceDestCheck": (("Value",),),
    "SecurityGroupRules": (("SecurityGroupRule",),),
    "SecurityGroupRule": (("IpProtocol", "FromPort", "ToPort", "CidrIpv6"), ("IpProtocol", "CidrIpv4")),
    "TagSpecifications": (("ResourceType", "Tags"),),
    "Tags": (("Key", "Value"), ("Key",)),
    "Filters": (("Name", "Values"),),
    "PortRange": (("From", "To"),),
    "IcmpTypeCode": (("Type", "Code"),),
    "IpPermissions": (("IpProtocol", "FromPort", "ToPort", "Ipv6Ranges"), ("IpProtocol", "UserIdGroupPairs")),
    "Ipv6Ranges": (("CidrIpv6",),),
    "IpRanges": (("CidrIp",),),
    "UserIdGroupPairs": (("GroupId",),),
}
"""Optional members that make sense together. The keys are actions, and the names of structure parameters."""

PORTS = (1, 1, 1, -1, 0, 128, 443, 65536)


def texts(cloud: Cloud, parameter: Parameter) -> st.SearchStrategy[str]:
    """Draw a text for a parameter: a plausible value, or an id of the right kind."""
    if parameter.name in TEXTS:
        return st.sampled_from(TEXTS[parameter.name])
    if parameter.name == "AssociationId":
        return st.sampled_from(sorted(association_ids(cloud)))
    if parameter.name == "SecurityGroupRuleIds":
        rules = [rule.id for group in cloud.security_groups.values() for rule in group.rules]
        return st.sampled_from([*rules, f"sgr-{GONE}"])
    wanted = parameter.name.removesuffix("s").replace("Group", "SecurityGroup").replace("SecuritySecurity", "Security")
    word = wanted.removesuffix("Id").lower()
    kinds = [kind for kind in KINDS if word in kind.resource_type.replace("-", "")] or list(KINDS)
    known = [resource_id for kind in kinds for resource_id in kind.all(cloud)]
    return st.sampled_from(
        [*known, *(f"{kind.prefix}-{GONE}" for kind in kinds[:1]), *(["x"] if len(kinds) > 1 else [])]
    )


def association_ids(cloud: Cloud) -> set[str]:
    """Return the ids of all associations, as AWS would show them."""
    tables = call(cloud, "DescribeRouteTables", {}).answer["RouteTables"]
    acls = call(cloud, "DescribeNetworkAcls", {}).answer["NetworkAcls"]
    shown = {each["RouteTableAssociationId"] for table in tables for each in table["Associations"]}
    addresses = call(cloud, "DescribeAddresses", {}).answer["Addresses"]
    shown |= {each["AssociationId"] for each in addresses if "AssociationId" in each}
    ipv4 = [each.id for vpc in cloud.vpcs.values() for each in vpc.ipv4_associations]
    ipv6 = [each.id for vpc in cloud.vpcs.values() for each in vpc.ipv6_associations]
    of_subnets = [each.ipv6_association.id for each in cloud.subnets.values() if each.ipv6_association]
    return (
        shown
        | {each["NetworkAclAssociationId"] for acl in acls for each in acl["Associations"]}
        | {*ipv4, *ipv6, *of_subnets}
    )


def values(cloud: Cloud, parameter: Parameter) -> st.SearchStrategy[Any]:
    """Draw a value of the parameter's type."""
    match parameter.type:
        case "string" | "blob":
            return texts(cloud, parameter)
        case "integer":
            return st.sampled_from(NUMBERS.get(parameter.name, PORTS))
        case "boolean":
            return st.booleans()
        case "structure":
            return requests(cloud, parameter.members, parameter.name)
        case "list<string>":
            return st.lists(texts(cloud, parameter), max_size=2)
    return st.lists(requests(cloud, parameter.members, parameter.name), min_size=1, max_size=2)


def requests(cloud: Cloud, parameters: tuple[Parameter, ...], of: str) -> st.SearchStrategy[Request]:
    """Draw the required members, and optional ones that mostly make sense together."""
    by_name = {each.name: each for each in parameters}
    required = {name for name, each in by_name.items() if each.required}
    optional = sorted(by_name.keys() - required)
    some = st.sets(st.sampled_from(optional), max_size=3) if optional else st.just(set[str]())
    sensible = st.sampled_from(SENSIBLE.get(of, ((),))).map(set)
    names = st.integers(0, 4).flatmap(lambda one: some if one == 4 else sensible)
    return names.flatmap(
        lambda chosen: st.fixed_dictionaries({name: values(cloud, by_name[name]) for name in sorted(required | chosen)})
    )


def draw_request(data: st.DataObject, cloud: Cloud, action: str) -> Request:
    parameters = tuple(each for each in ACTIONS[action].parameters if each.name not in NOT_PLAIN)
    return dict(data.draw(requests(cloud, parameters, action), label=action))


SETTINGS = st.builds(
    Settings,
    new_id=st.builds(counting),
    quotas=st.sampled_from((Quotas(), Quotas(egress_only_internet_gateways_per_vpc=2, rules_per_security_group=3))),
    strict_filters=st.booleans(),
)


@given(SETTINGS, st.data())
@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
def test_any_sequence_of_actions_leaves_a_consistent_cloud(chosen: Settings, data: st.DataObject) -> None:
    account = Account(settings=chosen)
    for _ in range(STEPS):
        action = data.draw(st.sampled_from(MUTATING))
        request = draw_request(data, account.cloud, action)
        before, picture = account.cloud, repr(account.cloud)
        dry = code_of(before, action, {**request, "DryRun": True}, chosen)
        try:
            account.do(action, **request)
        except CloudError as error:
            event(f"{action}: {error.code}")
            assert account.cloud is before
            assert dry in (error.code, NO_DRY_RUN)
        else:
            event(f"{action}: granted")
            assert dry in ("DryRunOperation", NO_DRY_RUN)
            check_blocks(account.cloud)
            check_routes(account.cloud)
            check_filters(account.cloud)
        assert repr(before) == picture


def code_of(cloud: Cloud, action: str, request: Request, chosen: Settings) -> str | None:
    try:
        call(cloud, action, request, chosen)
    except CloudError as error:
        return error.code
    return None


def check_routes(cloud: Cloud) -> None:
    """Check the invariants of routes.

    Every VPC has one main table. Tables, their subnets and gateways are in the same VPC. Routes are sorted and unique,
    and never within the block of the VPC.
    """
    for vpc in cloud.vpcs.values():
        assert sum(table.main for table in cloud.route_tables.values() if table.vpc_id == vpc.id) == 1
    for subnet in cloud.subnets.values():
        assert effective_route_table(cloud, subnet).vpc_id == subnet.vpc_id
    for table in cloud.route_tables.values():
        destinations = [route.destination for route in table.routes]
        assert all(earlier < later for earlier, later in pairwise(destinations))
        local = cloud.vpcs[table.vpc_id].ipv6_cidr_blocks
        assert not any(each.subnet_of(block) for each in destinations for block in local)
    attached = [gateway.vpc_id for gateway in cloud.internet_gateways.values() if gateway.vpc_id]
    assert len(attached) == len(set(attached))
    for kind in KINDS:
        for resource in kind.all(cloud).values():
            assert list(resource.tags) == sorted(dict(resource.tags).items())


def check_blocks(cloud: Cloud) -> None:
    """Check that blocks of a family do not overlap, and that the blocks of subnets are in those of their VPCs."""
    assert list(overlaps((block, block) for vpc in cloud.vpcs.values() for block in vpc.ipv6_cidr_blocks)) == []
    for vpc in cloud.vpcs.values():
        subnets = [subnet for subnet in cloud.subnets.values() if subnet.vpc_id == vpc.id]
        ipv4 = [subnet.cidr_block for subnet in subnets if subnet.cidr_block]
        ipv6 = [subnet.ipv6_cidr_block for subnet in subnets if subnet.ipv6_association]
        assert list(overlaps((block, block) for block in ipv4)) == []
        assert list(overlaps((block, block) for block in ipv6)) == []
        assert all(any(each.subnet_of(block) for block in vpc.cidr_blocks) for each in ipv4)
        assert all(any(each.subnet_of(block) for block in vpc.ipv6_cidr_blocks) for each in ipv6)


def check_filters(cloud: Cloud) -> None:
    """Check the invariants of filters.

    Every VPC has one default ACL and one default group. References are to existing resources of the same VPC. Entries
    and rules are sorted.
    """
    for vpc in cloud.vpcs.values():
        assert sum(acl.default for acl in cloud.network_acls.values() if acl.vpc_id == vpc.id) == 1
        names = [group.name for group in cloud.security_groups.values() if group.vpc_id == vpc.id]
        assert len(names) == len(set(names))
        assert "default" in names
    for subnet in cloud.subnets.values():
        assert network_acl(cloud, subnet).vpc_id == subnet.vpc_id
    for acl in cloud.network_acls.values():
        numbers = [(entry.egress, entry.rule_number) for entry in acl.entries]
        assert all(earlier < later for earlier, later in pairwise(numbers))
    for instance in cloud.instances.values():
        assert instance.security_group_ids
        vpc_id = cloud.subnets[instance.subnet_id].vpc_id
        assert {group.vpc_id for group in security_groups(cloud, instance)} == {vpc_id}
    addresses = [address for each in cloud.instances.values() for address in each.addresses]
    assert len(addresses) == len(set(addresses))
    for group in cloud.security_groups.values():
        assert [rule.egress for rule in group.rules] == sorted(rule.egress for rule in group.rules)
        referred = [cloud.security_groups[rule.peer] for rule in group.rules if isinstance(rule.peer, str)]
        assert all(each.vpc_id == group.vpc_id for each in referred)
    rule_ids = [rule.id for group in cloud.security_groups.values() for rule in group.rules]
    assert len(rule_ids) == len(set(rule_ids))


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4) | st.sampled_from(("::/0", "-1", "tag:x")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(("Name", "Values", "Key")), inner),
    max_leaves=4,
)


@given(st.sampled_from(sorted(ACTIONS)), st.data())
@settings(max_examples=100)
def test_junk_is_refused_with_a_code(action: str, data: st.DataObject) -> None:
    cloud = small_cloud()
    request = draw_request(data, cloud, action)
    names = [*(parameter.name for parameter in ACTIONS[action].parameters), "Nonsense"]
    request[data.draw(st.sampled_from(names))] = data.draw(JUNK)
    code_of(cloud, action, request, Settings(new_id=counting()))  # CloudError is the only exception that this catches


@given(st.sampled_from([name for name, each in ACTIONS.items() if not each.mutates]), st.data())
def test_describing_changes_nothing(action: str, data: st.DataObject) -> None:
    cloud = small_cloud()
    picture = repr(cloud)
    try:
        assert call(cloud, action, draw_request(data, cloud, action)).cloud is cloud
    except CloudError as error:
        event(error.code)
    assert repr(cloud) == picture


CREATED = {
    "CreateEgressOnlyInternetGateway": ("DescribeEgressOnlyInternetGateways", "EgressOnlyInternetGatewayId"),
    "CreateInternetGateway": ("DescribeInternetGateways", "InternetGatewayId"),
    "CreateNetworkAcl": ("DescribeNetworkAcls", "NetworkAclId"),
    "CreateRouteTable": ("DescribeRouteTables", "RouteTableId"),
    "CreateSubnet": ("DescribeSubnets", "SubnetId"),
    "CreateVpc": ("DescribeVpcs", "VpcId"),
}
"""Actions that create a resource, each with the action that describes it and the name of its id."""


@given(st.sampled_from(sorted(CREATED)), st.text("abc", min_size=1, max_size=3), st.data())
def test_describe_shows_a_new_resource_as_create_answered_it(action: str, token: str, data: st.DataObject) -> None:
    account = Account(settings=Settings(new_id=counting()))
    request = draw_request(data, account.cloud, action)
    if any(parameter.name == "ClientToken" for parameter in ACTIONS[action].parameters):
        request["ClientToken"] = token
    try:
        answer = account.do(action, **request)
    except CloudError as error:
        event(error.code)
        return
    describe, name = CREATED[action]
    shape = next(value for key, value in answer.items() if key != "ClientToken")
    (described,) = next(iter(account.do(describe, **{f"{name}s": [shape[name]]}).values()))
    assert described == shape
    if "ClientToken" in request:
        cloud = account.cloud
        assert account.do(action, **request) == answer
        assert account.cloud is cloud

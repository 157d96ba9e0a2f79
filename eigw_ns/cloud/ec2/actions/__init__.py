"""The table of actions: AWS's name, the function that carries it out, and its parameters."""

from __future__ import annotations

from collections.abc import Mapping

from eigw_ns.cloud.ec2 import (
    egress_only_internet_gateways,
    internet_gateways,
    network_acl_entries,
    network_acls,
    route_table_associations,
    route_tables,
    routes,
    security_group_rule_descriptions,
    security_group_rule_updates,
    security_group_rules,
    security_groups,
    tags,
    vpcs,
)
from eigw_ns.cloud.ec2.actions import instances
from eigw_ns.cloud.ec2.actions.addresses import ADDRESSES
from eigw_ns.cloud.ec2.actions.empty_lists import EMPTY_LISTS
from eigw_ns.cloud.ec2.actions.interfaces import INTERFACES
from eigw_ns.cloud.ec2.actions.networks import NETWORK_ACTIONS
from eigw_ns.cloud.ec2.actions.prefix_lists import PREFIX_LISTS
from eigw_ns.cloud.ec2.schema import (
    CLIENT_TOKEN,
    DRY_RUN,
    LISTING,
    TAG_MEMBERS,
    TAG_SPECIFICATIONS,
    Action,
    boolean,
    describing,
    integer,
    mutating,
    reading,
    string,
    strings,
    structure,
    structures,
)

_VPC = string("VpcId", "the ID of the VPC", required=True)
_EIGW = string("EgressOnlyInternetGatewayId", "the ID of the egress-only internet gateway", required=True)
_TABLE = string("RouteTableId", "the ID of the route table", required=True)
_DESTINATION = (
    string("DestinationIpv6CidrBlock", "the IPv6 destination block of the route"),
    string("DestinationCidrBlock", "the IPv4 destination block of the route, which is recorded"),
    string("DestinationPrefixListId", "the ID of a managed prefix list, all blocks of which are destinations"),
)
_TARGET = (
    string("EgressOnlyInternetGatewayId", "the ID of the egress-only internet gateway to route to"),
    string("GatewayId", "the ID of the internet gateway to route to"),
    *(
        string(name, f"the ID of {target}, which is recorded; packets are dropped")
        for name, target in (
            ("NatGatewayId", "a NAT gateway"),
            ("InstanceId", "an instance"),
            ("NetworkInterfaceId", "a network interface"),
            ("TransitGatewayId", "a transit gateway"),
            ("VpcEndpointId", "a VPC endpoint"),
            ("VpcPeeringConnectionId", "a VPC peering connection"),
        )
    ),
)
_IGW = string("InternetGatewayId", "the ID of the internet gateway", required=True)
_ACL = string("NetworkAclId", "the ID of the network ACL", required=True)
_RULE = (
    integer("RuleNumber", "the rule's number, 1 to 32766; the lowest number that matches decides", required=True),
    boolean("Egress", "true for traffic that leaves the subnet, false for traffic that enters it", required=True),
)
_ENTRY = (
    _ACL,
    *_RULE,
    string("Protocol", "the protocol: a number, tcp, udp or icmpv6; -1 for all", required=True),
    string("RuleAction", "allow or deny", required=True),
    string("Ipv6CidrBlock", "the IPv6 block: source of ingress, destination of egress"),
    string("CidrBlock", "the IPv4 block: source of ingress, destination of egress"),
    structure(
        "IcmpTypeCode",
        "the type and code of ICMP or ICMPv6; -1 for all",
        integer("Type", "the type"),
        integer("Code", "the code"),
    ),
    structure(
        "PortRange",
        "the range of destination ports for TCP or UDP",
        integer("From", "the first port"),
        integer("To", "the last port"),
    ),
    DRY_RUN,
)
_DESCRIPTION = string("Description", "the purpose of the rule")
_PERMISSIONS = structures(
    "IpPermissions",
    "the traffic that the rules allow",
    string("IpProtocol", "the protocol: tcp, udp, icmpv6, a number, or -1 for all"),
    integer("FromPort", "the first port, or the ICMPv6 type; -1 for all types"),
    integer("ToPort", "the last port, or the ICMPv6 code; -1 for all codes"),
    structures("IpRanges", "the IPv4 blocks", string("CidrIp", "an IPv4 block"), _DESCRIPTION),
    structures("Ipv6Ranges", "the IPv6 blocks", string("CidrIpv6", "an IPv6 block"), _DESCRIPTION),
    structures(
        "UserIdGroupPairs",
        "the security groups",
        string("GroupId", "the ID of a security group"),
        string("GroupName", "instead of GroupId: the name of a security group of the VPC"),
        string("UserId", "the account of the group; a lab has one"),
        string("VpcId", "the ID of the group's VPC"),
        string("VpcPeeringConnectionId", "always refused: labs have no VPC peering"),
        string("PeeringStatus", "the status of the VPC peering; ignored"),
        _DESCRIPTION,
    ),
    structures(
        "PrefixListIds",
        "the managed prefix lists",
        string("PrefixListId", "the ID of a managed prefix list"),
        _DESCRIPTION,
    ),
)
_GROUP = string("GroupId", "the ID of the security group", required=True)
_ANY_GROUP = (
    string("GroupId", "the ID of the security group"),
    string("GroupName", "instead of GroupId: the name of the security group, if it is unique in the lab"),
)
_SHORT_PERMISSION = (
    string("IpProtocol", "instead of IpPermissions: tcp, udp, icmp, a number, or -1 for all"),
    integer("FromPort", "instead of IpPermissions: the first port, or the ICMP type"),
    integer("ToPort", "instead of IpPermissions: the last port, or the ICMP code"),
    string("CidrIp", "instead of IpPermissions: an IPv4 block (IPv6 blocks need IpPermissions)"),
)
_AUTHORIZE = (_PERMISSIONS, *_SHORT_PERMISSION, TAG_SPECIFICATIONS, DRY_RUN)
_REVOKE = (_PERMISSIONS, strings("SecurityGroupRuleIds", "the IDs of the rules"), *_SHORT_PERMISSION, DRY_RUN)
_UPDATE = structure(
    "SecurityGroupRule",
    "all values of the rule; one of CidrIpv4, CidrIpv6, PrefixListId and ReferencedGroupId, as the rule had before",
    string("IpProtocol", "the protocol: tcp, udp, icmpv6, a number, or -1 for all"),
    integer("FromPort", "the first port, or the ICMPv6 type; -1 for all types"),
    integer("ToPort", "the last port, or the ICMPv6 code; -1 for all codes"),
    string("CidrIpv4", "an IPv4 block"),
    string("CidrIpv6", "an IPv6 block"),
    string("PrefixListId", "the ID of a managed prefix list"),
    string("ReferencedGroupId", "the ID of a security group"),
    _DESCRIPTION,
)
_DESCRIPTIONS = (
    _PERMISSIONS,
    structures(
        "SecurityGroupRuleDescriptions",
        "instead of IpPermissions: the rules by ID",
        string("SecurityGroupRuleId", "the ID of the rule"),
        _DESCRIPTION,
    ),
    DRY_RUN,
)
_ASSOCIATION = string("AssociationId", "the ID of the association", required=True)


ACTIONS: Mapping[str, Action] = {
    **NETWORK_ACTIONS,
    "CreateEgressOnlyInternetGateway": mutating(
        egress_only_internet_gateways.create,
        "Create an egress-only internet gateway and attach it to a VPC",
        _VPC,
        CLIENT_TOKEN,
        TAG_SPECIFICATIONS,
        DRY_RUN,
    ),
    "DescribeEgressOnlyInternetGateways": reading(
        egress_only_internet_gateways.describe,
        "Describe egress-only internet gateways",
        *describing("EgressOnlyInternetGatewayIds", "gateways"),
    ),
    "DeleteEgressOnlyInternetGateway": mutating(
        egress_only_internet_gateways.delete,
        "Delete an egress-only internet gateway; routes to it become blackholes",
        _EIGW,
        DRY_RUN,
    ),
    "CreateRouteTable": mutating(
        route_tables.create, "Create a route table", _VPC, CLIENT_TOKEN, TAG_SPECIFICATIONS, DRY_RUN
    ),
    "DescribeRouteTables": reading(
        route_tables.describe, "Describe route tables", *describing("RouteTableIds", "route tables")
    ),
    "DeleteRouteTable": mutating(route_tables.delete, "Delete a route table that no subnet uses", _TABLE, DRY_RUN),
    "CreateRoute": mutating(routes.create, "Add a route to a route table", _TABLE, *_DESTINATION, *_TARGET, DRY_RUN),
    "ReplaceRoute": mutating(
        routes.replace_route, "Replace the target of a route", _TABLE, *_DESTINATION, *_TARGET, DRY_RUN
    ),
    "DeleteRoute": mutating(routes.delete, "Remove a route from a route table", _TABLE, *_DESTINATION, DRY_RUN),
    "AssociateRouteTable": mutating(
        route_table_associations.associate,
        "Associate a subnet with a route table",
        _TABLE,
        string("SubnetId", "the ID of the subnet"),
        string("GatewayId", "the ID of an internet gateway; always refused: edge associations are not supported"),
        DRY_RUN,
    ),
    "DisassociateRouteTable": mutating(
        route_table_associations.disassociate,
        "Remove the association of a subnet with a route table; the subnet then uses the main one",
        _ASSOCIATION,
        DRY_RUN,
    ),
    "ReplaceRouteTableAssociation": mutating(
        route_table_associations.replace_association,
        "Associate a subnet with another route table, or make another table the main one",
        _ASSOCIATION,
        _TABLE,
        DRY_RUN,
    ),
    "CreateTags": mutating(
        tags.create_tags,
        "Add tags to resources, or overwrite existing tags",
        strings("Resources", "the IDs of the resources", required=True),
        structures("Tags", "the tags", *TAG_MEMBERS, required=True),
        DRY_RUN,
    ),
    "DeleteTags": mutating(
        tags.delete_tags,
        "Remove tags from resources",
        strings("Resources", "the IDs of the resources", required=True),
        structures("Tags", "the tags; a key without a value matches any value; default: all tags", *TAG_MEMBERS),
        DRY_RUN,
    ),
    "DescribeTags": reading(tags.describe_tags, "Describe tags", *LISTING),
    "CreateInternetGateway": mutating(
        internet_gateways.create, "Create an internet gateway without attaching it", TAG_SPECIFICATIONS, DRY_RUN
    ),
    "AttachInternetGateway": mutating(
        internet_gateways.attach, "Attach an internet gateway to a VPC", _IGW, _VPC, DRY_RUN
    ),
    "DetachInternetGateway": mutating(
        internet_gateways.detach, "Detach an internet gateway from its VPC", _IGW, _VPC, DRY_RUN
    ),
    "DeleteInternetGateway": mutating(internet_gateways.delete, "Delete a detached internet gateway", _IGW, DRY_RUN),
    "DescribeInternetGateways": reading(
        internet_gateways.describe, "Describe internet gateways", *describing("InternetGatewayIds", "gateways")
    ),
    "DescribeVpcs": reading(vpcs.describe_vpcs, "Describe VPCs", *describing("VpcIds", "VPCs")),
    "DescribeSubnets": reading(vpcs.describe_subnets, "Describe subnets", *describing("SubnetIds", "subnets")),
    "CreateNetworkAcl": mutating(
        network_acls.create,
        "Create a network ACL that denies all traffic",
        _VPC,
        CLIENT_TOKEN,
        TAG_SPECIFICATIONS,
        DRY_RUN,
    ),
    "DescribeNetworkAcls": reading(
        network_acls.describe, "Describe network ACLs", *describing("NetworkAclIds", "network ACLs")
    ),
    "DeleteNetworkAcl": mutating(network_acls.delete, "Delete a network ACL that no subnet uses", _ACL, DRY_RUN),
    "CreateNetworkAclEntry": mutating(network_acl_entries.create, "Add a rule to a network ACL", *_ENTRY),
    "ReplaceNetworkAclEntry": mutating(network_acl_entries.replace_entry, "Replace a rule of a network ACL", *_ENTRY),
    "DeleteNetworkAclEntry": mutating(
        network_acl_entries.delete, "Remove a rule from a network ACL", _ACL, *_RULE, DRY_RUN
    ),
    "ReplaceNetworkAclAssociation": mutating(
        network_acls.replace_association, "Associate a subnet with another network ACL", _ASSOCIATION, _ACL, DRY_RUN
    ),
    "CreateSecurityGroup": mutating(
        security_groups.create,
        "Create a security group that allows all egress and no ingress",
        string("GroupName", "the name of the group, unique in the VPC", required=True),
        string("Description", "the purpose of the group", required=True),
        string("VpcId", "the ID of the VPC; default: the default VPC, if the lab has one"),
        TAG_SPECIFICATIONS,
        DRY_RUN,
    ),
    "DescribeSecurityGroups": reading(
        security_groups.describe,
        "Describe security groups",
        strings("GroupNames", "the names of the groups; default: all"),
        *describing("GroupIds", "groups"),
    ),
    "DeleteSecurityGroup": mutating(
        security_groups.delete, "Delete a security group that is not in use", *_ANY_GROUP, DRY_RUN
    ),
    "AuthorizeSecurityGroupIngress": mutating(
        security_group_rules.authorize_ingress, "Add ingress rules to a security group", *_ANY_GROUP, *_AUTHORIZE
    ),
    "AuthorizeSecurityGroupEgress": mutating(
        security_group_rules.authorize_egress, "Add egress rules to a security group", _GROUP, *_AUTHORIZE
    ),
    "RevokeSecurityGroupIngress": mutating(
        security_group_rules.revoke_ingress, "Remove ingress rules from a security group", *_ANY_GROUP, *_REVOKE
    ),
    "RevokeSecurityGroupEgress": mutating(
        security_group_rules.revoke_egress, "Remove egress rules from a security group", _GROUP, *_REVOKE
    ),
    "DescribeSecurityGroupRules": reading(
        security_group_rule_updates.describe,
        "Describe rules of security groups",
        *describing("SecurityGroupRuleIds", "rules"),
    ),
    "ModifySecurityGroupRules": mutating(
        security_group_rule_updates.modify,
        "Replace the traffic and the descriptions of rules of a security group",
        _GROUP,
        structures(
            "SecurityGroupRules",
            "the rules",
            string("SecurityGroupRuleId", "the ID of the rule", required=True),
            _UPDATE,
            required=True,
        ),
        DRY_RUN,
    ),
    "UpdateSecurityGroupRuleDescriptionsIngress": mutating(
        security_group_rule_descriptions.update_ingress,
        "Replace the descriptions of ingress rules",
        *_ANY_GROUP,
        *_DESCRIPTIONS,
    ),
    "UpdateSecurityGroupRuleDescriptionsEgress": mutating(
        security_group_rule_descriptions.update_egress,
        "Replace the descriptions of egress rules",
        *_ANY_GROUP,
        *_DESCRIPTIONS,
    ),
    **instances.ACTIONS,
    **INTERFACES,
    **ADDRESSES,
    **PREFIX_LISTS,
    **EMPTY_LISTS,
}
"""Every action, by AWS's name for it."""

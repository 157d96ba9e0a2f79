"""The verbs of `eigw-ns ec2` by resource, and an example of each, built from the descriptions of the actions."""

from __future__ import annotations

from eigw_ns.cli.ec2.naming import kebab
from eigw_ns.cloud.ec2.actions.empty_lists import EMPTY_LISTS
from eigw_ns.cloud.ec2.api import ACTIONS

_RESOURCES: dict[str, tuple[str, ...]] = {
    "Egress-only internet gateways": ("EgressOnlyInternetGateway",),
    "VPCs and subnets": ("Vpc", "Subnet"),
    "Route tables": ("Route",),
    "Internet gateways": ("InternetGateway",),
    "Network ACLs": ("NetworkAcl",),
    "Security groups": ("SecurityGroup",),
    "What a lab does not have": tuple(EMPTY_LISTS),
    "Network interfaces": ("NetworkInterface", "Ipv6Addresses", "PrivateIpAddresses"),
    "NAT gateways, elastic IP addresses, DHCP options": ("NatGateway", "Address", "DhcpOptions"),
    "Managed prefix lists": ("ManagedPrefixList",),
    "Instances": ("Instance", "Image", "KeyPair", "Volumes"),
    "Other resources, and tags": ("",),
}
"""Section titles, and a part of the name of each action in the section. The first section that fits counts."""

_SAMPLES: dict[str, str] = {
    "VpcId": "vpc-0123456789abcdef0",
    "SubnetId": "subnet-0123456789abcdef0",
    "EgressOnlyInternetGatewayId": "eigw-0123456789abcdef0",
    "InternetGatewayId": "igw-0123456789abcdef0",
    "RouteTableId": "rtb-0123456789abcdef0",
    "NetworkAclId": "acl-0123456789abcdef0",
    "GroupId": "sg-0123456789abcdef0",
    "GroupName": "web",
    "Description": "'web servers'",
    "ImageId": "ami-0123456789abcdef0",
    "MinCount": "1",
    "MaxCount": "2",
    "InstanceIds": "i-0123456789abcdef0",
    "NetworkInterfaceId": "eni-0123456789abcdef0",
    "Ipv6Addresses": "2600:1f16:aa0:5501::20",
    "Ipv6AddressCount": "1",
    "SecondaryPrivateIpAddressCount": "1",
    "PrivateIpAddresses": "10.0.1.20",
    "AttachmentId": "eni-attach-0123456789abcdef0",
    "DeviceIndex": "1",
    "SourceDestCheck": "true",
    "AvailabilityZone": "us-east-1a",
    "KeyName": "admin",
    "PublicKeyMaterial": "'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA=='",
    "InstanceTypes": "t3.micro",
    "InstanceCreditSpecifications": "InstanceId=i-0123456789abcdef0,CpuCredits=standard",
    "HttpTokens": "required",
    "InstanceId": "i-0123456789abcdef0",
    "Groups": "sg-0123456789abcdef0",
    "NatGatewayId": "nat-0123456789abcdef0",
    "AllocationId": "eipalloc-0123456789abcdef0",
    "DhcpOptionsId": "dopt-0123456789abcdef0",
    "DhcpConfigurations": "Key=domain-name,Values=example.org",
    "PrefixListId": "pl-0123456789abcdef0",
    "PrefixListName": "offices",
    "AddressFamily": "IPv6",
    "MaxEntries": "10",
    "Entries": "Cidr=2001:db8:80::/48,Description=head",
    "AddEntries": "Cidr=2001:db8:90::/48",
    "CurrentVersion": "2",
    "PreviousVersion": "1",
    "MaxResults": "10",
    "SecurityGroupRuleDescriptions": "'SecurityGroupRuleId=sgr-0123456789abcdef0,Description=HTTPS'",
    "AssociationId": "rtbassoc-0123456789abcdef0",
    "Attribute": "enableDnsSupport",
    "CidrBlock": "10.0.0.0/16",
    "AmazonProvidedIpv6CidrBlock": "",
    "EnableDnsHostnames": "",
    "MapPublicIpOnLaunch": "",
    "DestinationIpv6CidrBlock": "::/0",
    "Ipv6CidrBlock": "::/0",
    "RuleNumber": "100",
    "Egress": "",
    "Protocol": "tcp",
    "RuleAction": "allow",
    "PortRange": "From=443,To=443",
    "IpPermissions": "'IpProtocol=tcp,FromPort=443,ToPort=443,Ipv6Ranges=[{CidrIpv6=::/0}]'",
    "SecurityGroupRules": (
        "'SecurityGroupRuleId=sgr-0123456789abcdef0,"
        "SecurityGroupRule={IpProtocol=tcp,FromPort=443,ToPort=443,CidrIpv6=::/0}'"
    ),
    "Resources": "eigw-0123456789abcdef0",
    "Tags": "Key=Team,Value=network",
    "Filter": "Name=tag:Team,Values=network,web",
    "Filters": "Name=tag:Team,Values=network,web",
}
"""Values for examples, as the user types them in a shell."""

_SAMPLES_OF: dict[tuple[str, str], str] = {
    ("AssociateAddress", "AssociationId"): "eipassoc-0123456789abcdef0",
    ("DisassociateAddress", "AssociationId"): "eipassoc-0123456789abcdef0",
    ("ReplaceNetworkAclAssociation", "AssociationId"): "aclassoc-0123456789abcdef0",
    ("DisassociateVpcCidrBlock", "AssociationId"): "vpc-cidr-assoc-0123456789abcdef0",
    ("DisassociateSubnetCidrBlock", "AssociationId"): "subnet-cidr-assoc-0123456789abcdef0",
    ("AssociateSubnetCidrBlock", "Ipv6CidrBlock"): "2600:1f16:aa0:5501::/64",
    ("CreateSubnet", "Ipv6CidrBlock"): "2600:1f16:aa0:5501::/64",
    ("DescribeInstanceAttribute", "Attribute"): "disableApiTermination",
    ("CreateSubnet", "CidrBlock"): "10.0.1.0/24",
    ("DescribeNetworkInterfaceAttribute", "Attribute"): "groupSet",
}
"""Values for examples of one action."""

_ALSO: dict[str, tuple[str, ...]] = {
    "CreateVpc": ("CidrBlock", "AmazonProvidedIpv6CidrBlock"),
    "AssociateVpcCidrBlock": ("AmazonProvidedIpv6CidrBlock",),
    "ModifyVpcAttribute": ("EnableDnsHostnames",),
    "CreateSubnet": ("CidrBlock", "Ipv6CidrBlock"),
    "ModifySubnetAttribute": ("MapPublicIpOnLaunch",),
    "RunInstances": ("SubnetId", "Ipv6AddressCount"),
    "ModifyInstanceAttribute": ("Groups",),
    "ModifyNetworkInterfaceAttribute": ("Groups",),
    "ModifyInstanceMetadataOptions": ("HttpTokens",),
    "CreateNetworkInterface": ("Ipv6AddressCount",),
    "DescribeNetworkInterfaceAttribute": ("Attribute",),
    "ResetNetworkInterfaceAttribute": ("SourceDestCheck",),
    "AssignIpv6Addresses": ("Ipv6AddressCount",),
    "UnassignIpv6Addresses": ("Ipv6Addresses",),
    "AssignPrivateIpAddresses": ("SecondaryPrivateIpAddressCount",),
    "UnassignPrivateIpAddresses": ("PrivateIpAddresses",),
    "CreateDefaultSubnet": ("AvailabilityZone",),
    "DeleteKeyPair": ("KeyName",),
    "DescribeInstanceTypes": ("InstanceTypes",),
    "CreateManagedPrefixList": ("Entries",),
    "ModifyManagedPrefixList": ("CurrentVersion", "AddEntries"),
    "CreateRoute": ("DestinationIpv6CidrBlock", "EgressOnlyInternetGatewayId"),
    "ReplaceRoute": ("DestinationIpv6CidrBlock", "EgressOnlyInternetGatewayId"),
    "DeleteRoute": ("DestinationIpv6CidrBlock",),
    "AssociateRouteTable": ("SubnetId",),
    "CreateNetworkAclEntry": ("Ipv6CidrBlock", "PortRange"),
    "ReplaceNetworkAclEntry": ("Ipv6CidrBlock", "PortRange"),
    "CreateSecurityGroup": ("VpcId",),
    "AssociateAddress": ("AllocationId", "InstanceId"),
    "DisassociateAddress": ("AssociationId",),
    "ReleaseAddress": ("AllocationId",),
    "CreateNatGateway": ("SubnetId", "AllocationId"),
    "UpdateSecurityGroupRuleDescriptionsIngress": ("GroupId",),
    "UpdateSecurityGroupRuleDescriptionsEgress": ("GroupId",),
    "DeleteSecurityGroup": ("GroupId",),
    "AuthorizeSecurityGroupIngress": ("GroupId",),
    "RevokeSecurityGroupIngress": ("GroupId",),
}
"""Optional parameters that the example of an action shows."""

_ALWAYS = frozenset({"Filter", "Filters", "IpPermissions", "TagSpecifications"})
"""Parameters that the example of every action shows if the action takes them."""

_WIDTH = 96


def verbs() -> dict[str, dict[str, str]]:
    """Return aws-cli's verbs with their summaries, by resource."""
    found: dict[str, dict[str, str]] = {title: {} for title in _RESOURCES}
    for name, action in ACTIONS.items():
        title = next(title for title, parts in _RESOURCES.items() if any(part in name for part in parts))
        found[title][kebab(name)] = f"{action.help}."
    return found


def example(name: str) -> str:
    """Return a command line with every required parameter. A long one has a line per flag, joined by backslashes."""
    shown = (each.name for each in ACTIONS[name].parameters if each.required or _is_shown(name, each.name))
    words = [f"eigw-ns ec2 {kebab(name)}", *(f"--{kebab(each)} {_sample(name, each)}".rstrip() for each in shown)]
    line = " ".join(words)
    return line if len(line) <= _WIDTH else " \\\n    ".join(words)


def _is_shown(action: str, parameter: str) -> bool:
    """Return True if the example shows the optional parameter. Examples that add rules do so without tags."""
    if parameter == "TagSpecifications" and not action.startswith("Create"):
        return False
    return parameter in _ALWAYS or parameter in _ALSO.get(action, ())


def _sample(action: str, parameter: str) -> str:
    if parameter == "TagSpecifications":
        return f"'ResourceType={kebab(action.removeprefix('Create'))},Tags=[{{Key=Name,Value=demo}}]'"
    return _SAMPLES_OF.get((action, parameter)) or _SAMPLES[parameter]

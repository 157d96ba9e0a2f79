"""What runs in subnets with security groups: instances, services, functions, load balancers, databases.

A property that is not known is left out: no workload decides where packets go.
Source: AWS, "Resource and property types reference".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from ipaddress import IPv6Address

from eigw_ns.frozen import frozen
from eigw_ns.importing.design import DesignWorkload, Key, Link
from eigw_ns.importing.sources.cloudformation.groups import group_links
from eigw_ns.importing.sources.cloudformation.item import Item, keys_of
from eigw_ns.importing.sources.cloudformation.values import Reference, Value
from eigw_ns.importing.sources.cloudformation.vpcs import SUBNET

LookUp = Callable[[str], Item | None]
"""Returns the resource with a key, None if the design has none."""


@frozen
class Form:
    """Where a type of workload names its subnets and groups. `by` is a property that names a resource that does."""

    kind: str
    subnets: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    by: tuple[str, ...] = ()


_AWSVPC = "NetworkConfiguration.AwsvpcConfiguration"

FORMS: Mapping[str, Form] = {
    "AWS::AmazonMQ::Broker": Form("message broker", ("SubnetIds",), ("SecurityGroups",)),
    "AWS::AutoScaling::AutoScalingGroup": Form(
        "auto scaling group", ("VPCZoneIdentifier",), (),
        ("LaunchConfigurationName", "LaunchTemplate.LaunchTemplateId", "LaunchTemplate.LaunchTemplateName",
         "MixedInstancesPolicy.LaunchTemplate.LaunchTemplateSpecification.LaunchTemplateId"),
    ),
    "AWS::Batch::ComputeEnvironment": Form(
        "compute environment", ("ComputeResources.Subnets",), ("ComputeResources.SecurityGroupIds",)
    ),
    "AWS::CodeBuild::Project": Form("build project", ("VpcConfig.Subnets",), ("VpcConfig.SecurityGroupIds",)),
    "AWS::DAX::Cluster": Form("cache cluster", (), ("SecurityGroupIds",), ("SubnetGroupName",)),
    "AWS::DocDB::DBCluster": Form("database", (), ("VpcSecurityGroupIds",), ("DBSubnetGroupName",)),
    "AWS::EC2::Instance": Form("instance", ("SubnetId",), ("SecurityGroupIds",), ("LaunchTemplate.LaunchTemplateId",)),
    "AWS::EC2::LaunchTemplate": Form("launch template", (), ("LaunchTemplateData.SecurityGroupIds",)),
    "AWS::EC2::NetworkInterface": Form("network interface", ("SubnetId",), ("GroupSet",)),
    "AWS::ECS::Service": Form("service", (f"{_AWSVPC}.Subnets",), (f"{_AWSVPC}.SecurityGroups",)),
    "AWS::EFS::MountTarget": Form("mount target", ("SubnetId",), ("SecurityGroups",)),
    "AWS::EKS::Cluster": Form(
        "Kubernetes cluster", ("ResourcesVpcConfig.SubnetIds",), ("ResourcesVpcConfig.SecurityGroupIds",)
    ),
    "AWS::EKS::FargateProfile": Form("Fargate profile", ("Subnets",)),
    "AWS::EKS::Nodegroup": Form("node group", ("Subnets",), (), ("LaunchTemplate.Id",)),
    "AWS::ElastiCache::CacheCluster": Form("cache cluster", (), ("VpcSecurityGroupIds",), ("CacheSubnetGroupName",)),
    "AWS::ElastiCache::ReplicationGroup": Form("cache cluster", (), ("SecurityGroupIds",), ("CacheSubnetGroupName",)),
    "AWS::ElastiCache::ServerlessCache": Form("cache", ("SubnetIds",), ("SecurityGroupIds",)),
    "AWS::ElasticLoadBalancing::LoadBalancer": Form("load balancer", ("Subnets",), ("SecurityGroups",)),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": Form("load balancer", ("Subnets",), ("SecurityGroups",)),
    "AWS::Lambda::Function": Form("function", ("VpcConfig.SubnetIds",), ("VpcConfig.SecurityGroupIds",)),
    "AWS::MSK::Cluster": Form(
        "message broker", ("BrokerNodeGroupInfo.ClientSubnets",), ("BrokerNodeGroupInfo.SecurityGroups",)
    ),
    "AWS::Neptune::DBCluster": Form("database", (), ("VpcSecurityGroupIds",), ("DBSubnetGroupName",)),
    "AWS::OpenSearchService::Domain": Form("search", ("VPCOptions.SubnetIds",), ("VPCOptions.SecurityGroupIds",)),
    "AWS::RDS::DBCluster": Form("database", (), ("VpcSecurityGroupIds",), ("DBSubnetGroupName",)),
    "AWS::RDS::DBInstance": Form("database", (), ("VPCSecurityGroups",), ("DBSubnetGroupName",)),
    "AWS::RDS::DBProxy": Form("database proxy", ("VpcSubnetIds",), ("VpcSecurityGroupIds",)),
    "AWS::Redshift::Cluster": Form("database", (), ("VpcSecurityGroupIds",), ("ClusterSubnetGroupName",)),
    "AWS::SageMaker::NotebookInstance": Form("notebook", ("SubnetId",), ("SecurityGroupIds",)),
}  # fmt: skip

_NAMED: Mapping[str, Form] = {
    "AWS::AutoScaling::LaunchConfiguration": Form("", (), ("SecurityGroups",)),
    "AWS::DAX::SubnetGroup": Form("", ("SubnetIds",)),
    "AWS::DocDB::DBSubnetGroup": Form("", ("SubnetIds",)),
    "AWS::EC2::LaunchTemplate": FORMS["AWS::EC2::LaunchTemplate"],
    "AWS::ElastiCache::SubnetGroup": Form("", ("SubnetIds",)),
    "AWS::Neptune::DBSubnetGroup": Form("", ("SubnetIds",)),
    "AWS::RDS::DBSubnetGroup": Form("", ("SubnetIds",)),
    "AWS::Redshift::ClusterSubnetGroup": Form("", ("SubnetIds",)),
}
"""The types that a workload names to say its subnets or groups."""

_MOST_LINKS = 200

_INTERFACES = {
    "AWS::EC2::Instance": "NetworkInterfaces",
    "AWS::EC2::LaunchTemplate": "LaunchTemplateData.NetworkInterfaces",
}


def workload(item: Item, look_up: LookUp) -> None:
    """Add a workload, if it names a subnet or a group of the design."""
    form = FORMS[item.resource.type]
    subnets, groups = _uses(item, form)
    for name in form.by:
        value = item.value(name)
        other = look_up(value.key) if isinstance(value, Reference) else None
        if other is not None and other.resource.type in _NAMED:
            more = _uses(other, _NAMED[other.resource.type])
            subnets, groups = (*subnets, *more[0]), (*groups, *more[1])
    if any(isinstance(link, Key) for link in (*subnets, *groups)):
        found = DesignWorkload(item.label(), form.kind, _once(subnets), _once(groups), tuple(_addresses(item)))
        item.collected.workloads.append(found)


def _uses(item: Item, form: Form) -> tuple[tuple[Link, ...], tuple[Link, ...]]:
    """Return the subnets and the groups that a resource names itself."""
    subnets = [link for name in form.subnets for link in item.keys(name, SUBNET)]
    groups = [link for name in form.groups for link in group_links(item, name)]
    for each in _interfaces(item):
        subnets += keys_of(each.get("SubnetId"), SUBNET)
        groups += keys_of(each.get("GroupSet", each.get("Groups")), "AWS::EC2::SecurityGroup")
    if item.resource.type == "AWS::ElasticLoadBalancingV2::LoadBalancer":
        for each in _mappings(item.value("SubnetMappings")):
            subnets += keys_of(each.get("SubnetId"), SUBNET)
    return tuple(subnets), tuple(groups)


def _interfaces(item: Item) -> Iterator[dict[str, Value]]:
    name = _INTERFACES.get(item.resource.type)
    if name is not None:
        yield from _mappings(item.value(name))


def _addresses(item: Item) -> Iterator[IPv6Address]:
    """Yield the IPv6 addresses that an instance or an interface has by the template."""
    bodies = (*_mappings(item.value("Ipv6Addresses")),)
    for interface in _interfaces(item):
        bodies += (*_mappings(interface.get("Ipv6Addresses")),)
    for body in bodies:
        value = body.get("Ipv6Address")
        if isinstance(value, str):
            try:
                yield IPv6Address(value)
            except ValueError:
                continue


def _mappings(value: Value) -> Iterator[dict[str, Value]]:
    for each in value if isinstance(value, tuple) else ():
        if isinstance(each, dict):
            yield each


def _once(links: tuple[Link, ...]) -> tuple[Link, ...]:
    """Return each link once. Only the first ones count: no workload has that many."""
    return tuple(dict.fromkeys(links[:_MOST_LINKS]))

"""The JSON of `describe`: EC2's own shapes, under the names of EC2's answers.

AWS has no shape for internet hosts; theirs is our own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from eigw_ns.cloud.ec2 import (
    filter_shapes,
    instance_shapes,
    interface_shapes,
    key_pairs,
    prefix_list_shapes,
    recorded_shapes,
    shapes,
)
from eigw_ns.cloud.ec2.schema import Shape
from eigw_ns.cloud.model import Cloud, InternetHost, Tags


def describe(cloud: Cloud, kinds: Iterable[str], tags: Tags = ()) -> dict[str, list[Shape]]:
    """Return the resources of `kinds` (keys of `KINDS`) that have all of `tags`, under the names of EC2's answers."""
    return {kind: [shape for shape in KINDS[kind](cloud) if _has_tags(shape, tags)] for kind in kinds}


def internet_host(resource: InternetHost) -> Shape:
    """Return our own shape of an internet host, in the spelling of AWS."""
    return {"InternetHostId": resource.id, "Name": resource.name, "Ipv6Address": str(resource.ipv6_address)}


def _has_tags(shape: Shape, tags: Tags) -> bool:
    own = shape.get("TagSet") or shape.get("Tags") or ()  # network interfaces have a member of another name
    return all({"Key": key, "Value": value} in own for key, value in tags)


KINDS: Mapping[str, Callable[[Cloud], list[Shape]]] = {
    "Vpcs": lambda cloud: [shapes.vpc(each) for each in cloud.vpcs.values()],
    "Subnets": lambda cloud: [shapes.subnet(cloud, each) for each in cloud.subnets.values()],
    "RouteTables": lambda cloud: [shapes.route_table(cloud, each) for each in cloud.route_tables.values()],
    "EgressOnlyInternetGateways": lambda cloud: [
        shapes.egress_only_internet_gateway(each) for each in cloud.egress_only_internet_gateways.values()
    ],
    "InternetGateways": lambda cloud: [shapes.internet_gateway(each) for each in cloud.internet_gateways.values()],
    "NatGateways": lambda cloud: [recorded_shapes.nat_gateway(cloud, each) for each in cloud.nat_gateways.values()],
    "NetworkAcls": lambda cloud: [filter_shapes.network_acl(cloud, each) for each in cloud.network_acls.values()],
    "SecurityGroups": lambda cloud: [filter_shapes.security_group(each) for each in cloud.security_groups.values()],
    "Instances": lambda cloud: [instance_shapes.running(cloud, each) for each in cloud.instances.values()],
    "NetworkInterfaces": lambda cloud: [
        interface_shapes.network_interface(cloud, each) for each in cloud.network_interfaces.values()
    ],
    "Addresses": lambda cloud: [recorded_shapes.address(cloud, each) for each in cloud.elastic_ips.values()],
    "DhcpOptions": lambda cloud: [recorded_shapes.dhcp_options(each) for each in cloud.dhcp_options.values()],
    "PrefixLists": lambda cloud: [prefix_list_shapes.managed_prefix_list(each) for each in cloud.prefix_lists.values()],
    "KeyPairs": lambda cloud: [key_pairs.shape(each) for each in cloud.key_pairs.values()],
    "InternetHosts": lambda cloud: [internet_host(each) for each in cloud.hosts.values()],
}
"""Every kind by its name in EC2's answers, in the order in which `describe` shows them."""

WORDS: Mapping[str, str] = {
    "vpcs": "Vpcs",
    "subnets": "Subnets",
    "route-tables": "RouteTables",
    "egress-only-internet-gateways": "EgressOnlyInternetGateways",
    "internet-gateways": "InternetGateways",
    "nat-gateways": "NatGateways",
    "network-acls": "NetworkAcls",
    "security-groups": "SecurityGroups",
    "instances": "Instances",
    "network-interfaces": "NetworkInterfaces",
    "addresses": "Addresses",
    "dhcp-options": "DhcpOptions",
    "managed-prefix-lists": "PrefixLists",
    "key-pairs": "KeyPairs",
    "internet-hosts": "InternetHosts",
}
"""The kinds by their spelling in aws-cli's verbs (`describe-route-tables`)."""

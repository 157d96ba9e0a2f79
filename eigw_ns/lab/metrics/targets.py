"""What a scrape reads of a lab: the namespaces of its gateways, replicas and subnets, with their names. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from eigw_ns.cloud import ids
from eigw_ns.cloud.families import ipv6_part
from eigw_ns.cloud.model import Cloud, EgressOnlyInternetGateway
from eigw_ns.cloud.tag_names import named_by_tags
from eigw_ns.dataplane.compile.names import namespace_name
from eigw_ns.dataplane.replication.watched_gateways import Gateway
from eigw_ns.dataplane.replication.watched_gateways import gateways as replicated_gateways
from eigw_ns.frozen import frozen


@frozen
class GatewayTarget:
    """A replica of a gateway; a gateway without others is number 1. `most_flows` is the limit of the file."""

    vpc: str
    name: str
    replica: int
    namespace: str
    most_flows: int


@frozen
class SubnetTarget:
    """A subnet."""

    vpc: str
    name: str
    namespace: str


@frozen
class Targets:
    """All targets of a lab. `replicated` are the gateways of several replicas, to ask which are in service."""

    gateways: tuple[GatewayTarget, ...]
    subnets: tuple[SubnetTarget, ...]
    replicated: tuple[Gateway, ...]

    @property
    def namespaces(self) -> tuple[str, ...]:
        """The namespaces to read."""
        return (*(each.namespace for each in self.gateways), *(each.namespace for each in self.subnets))


def targets(cloud: Cloud) -> Targets:
    """Return the targets of a lab, sorted by names."""
    cloud = named_by_tags(ipv6_part(cloud))
    vpcs = {vpc.id: vpc.name for vpc in cloud.vpcs.values()}
    gateways = (
        target for each in cloud.egress_only_internet_gateways.values() for target in _replicas(cloud, each, vpcs)
    )
    subnets = (
        SubnetTarget(vpcs[each.vpc_id], each.name, namespace_name(cloud.lab, each.id))
        for each in cloud.subnets.values()
    )
    return Targets(
        tuple(sorted(gateways, key=lambda each: (each.vpc, each.name, each.namespace))),
        tuple(sorted(subnets, key=lambda each: (each.vpc, each.name, each.namespace))),
        replicated_gateways(cloud),
    )


def _replicas(cloud: Cloud, gateway: EgressOnlyInternetGateway, vpcs: dict[str, str]) -> Iterator[GatewayTarget]:
    for number in range(1, gateway.replicas + 1):
        namespace = namespace_name(cloud.lab, ids.replica_id(gateway.id, number))
        most = gateway.connection_tracking.max_connections
        yield GatewayTarget(vpcs[gateway.vpc_id], gateway.name, number, namespace, most)

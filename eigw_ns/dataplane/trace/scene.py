"""The model index: the cloud and its compiled state, indexed once for many walks."""

from __future__ import annotations

from ipaddress import IPv6Address, IPv6Network

from eigw_ns.cloud.families import ipv6_part
from eigw_ns.cloud.filtering import network_acl
from eigw_ns.cloud.model import Cloud, Gateway, Instance, InternetHost, NetworkAcl, RouteTable, Subnet
from eigw_ns.cloud.nodes import INTERNET
from eigw_ns.cloud.routing import effective_route_table
from eigw_ns.dataplane.compile.compiler import compile_cloud
from eigw_ns.dataplane.compile.names import namespace_name
from eigw_ns.dataplane.trace.network import Network, Prefixes

Component = tuple[str, str]
"""Id and name."""


class ModelIndex:
    """The lookups that a walk through a lab needs. Immutable after construction."""

    def __init__(self, cloud: Cloud) -> None:
        self.network = Network(compile_cloud(cloud))
        self.cloud = cloud = ipv6_part(cloud)
        self._instances = {address: instance for instance in cloud.instances.values() for address in instance.addresses}
        self._prefixes = Prefixes((block, item) for item in cloud.instances.values() for block in item.ipv6_prefixes)
        self._tables = {subnet.id: effective_route_table(cloud, subnet) for subnet in cloud.subnets.values()}
        self._acls = {subnet.id: network_acl(cloud, subnet) for subnet in cloud.subnets.values()}
        self._cuts = {subnet_id: _port_cuts(acl) for subnet_id, acl in self._acls.items()}
        self._subnets = Prefixes((subnet.ipv6_cidr_block, subnet) for subnet in cloud.subnets.values())

    def node(self, node_id: str) -> Instance | InternetHost | None:
        """Return the instance or internet host of that id; None if there is none."""
        return self.cloud.instances.get(node_id) or self.cloud.hosts.get(node_id)

    def component(self, owner_id: str) -> Component:
        """Return the id and the name of an instance, an internet host, a subnet or the internet."""
        owner = self.node(owner_id) or self.cloud.subnets.get(owner_id)
        return owner_id, owner.name if owner is not None else INTERNET

    def instance_at(self, address: IPv6Address) -> Instance | None:
        """Return the instance that has the address, or a prefix around it; None if there is none."""
        return self._instances.get(address) or next(self._prefixes.matches(address), None)

    def subnet_at(self, address: IPv6Address) -> Subnet | None:
        """Return the subnet to which the address belongs; None if there is none."""
        return next(self._subnets.matches(address), None)

    def table(self, subnet: Subnet) -> RouteTable:
        """Return the subnet's effective route table."""
        return self._tables[subnet.id]

    def acl(self, subnet: Subnet) -> NetworkAcl:
        """Return the subnet's network ACL."""
        return self._acls[subnet.id]

    def port_cuts(self, instance: Instance) -> frozenset[int]:
        """Return the ports at which the decision of the network ACL of the instance's subnet may change."""
        return self._cuts[instance.subnet_id]

    def vpc_block(self, owner: Subnet | Gateway, address: IPv6Address) -> IPv6Network | None:
        """Return the block with the address, of the VPC of a subnet or attached gateway; None if no block has it."""
        assert owner.vpc_id is not None
        return next((block for block in self.cloud.vpcs[owner.vpc_id].ipv6_cidr_blocks if address in block), None)

    def gateway(self, gateway_id: str) -> Gateway | None:
        """Return the gateway of that id, of either kind; None if there is none."""
        gateway: Gateway | None = self.cloud.egress_only_internet_gateways.get(gateway_id)
        return gateway or self.cloud.internet_gateways.get(gateway_id)

    def namespace(self, resource_id: str) -> str:
        """Return the name of a resource's namespace."""
        return namespace_name(self.cloud.lab, resource_id)


def _port_cuts(acl: NetworkAcl) -> frozenset[int]:
    ranges = [entry.ports for entry in acl.entries if entry.ports is not None]
    return frozenset(cut for first, last in ranges for cut in (first, last + 1))

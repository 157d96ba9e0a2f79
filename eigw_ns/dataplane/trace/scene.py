"""What every step of a walk asks for: the cloud and its compiled state, indexed once for many walks."""

from __future__ import annotations

from ipaddress import IPv6Address, IPv6Network

from eigw_ns.cloud.filtering import network_acl
from eigw_ns.cloud.model import Cloud, Gateway, Instance, InternetHost, NetworkAcl, RouteTable, Subnet
from eigw_ns.cloud.routing import effective_route_table
from eigw_ns.dataplane.compile import compile_cloud
from eigw_ns.dataplane.names import namespace_name
from eigw_ns.dataplane.trace.network import Network, Prefixes


class Scene:
    """A lab, as those see it who follow packets through it. Nothing in it changes."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.network = Network(compile_cloud(cloud))
        self._instances = {instance.ipv6_address: instance for instance in cloud.instances.values()}
        self._hosts = {host.ipv6_address: host for host in cloud.hosts.values()}
        self._tables = {subnet.id: effective_route_table(cloud, subnet) for subnet in cloud.subnets.values()}
        self._acls = {subnet.id: network_acl(cloud, subnet) for subnet in cloud.subnets.values()}
        self._cuts = {subnet_id: _port_cuts(acl) for subnet_id, acl in self._acls.items()}
        self._subnets = Prefixes((subnet.ipv6_cidr_block, subnet) for subnet in cloud.subnets.values())

    def node(self, node_id: str) -> Instance | InternetHost | None:
        """The instance or internet host of that id."""
        return self.cloud.instances.get(node_id) or self.cloud.hosts.get(node_id)

    def instance_at(self, address: IPv6Address) -> Instance | None:
        """The instance that has the address."""
        return self._instances.get(address)

    def node_at(self, address: IPv6Address) -> Instance | InternetHost | None:
        """The instance or internet host that has the address."""
        return self._instances.get(address) or self._hosts.get(address)

    def subnet_at(self, address: IPv6Address) -> Subnet | None:
        """The subnet that the address belongs to."""
        return next(self._subnets.matches(address), None)

    def table(self, subnet: Subnet) -> RouteTable:
        """The subnet's route table."""
        return self._tables[subnet.id]

    def acl(self, subnet: Subnet) -> NetworkAcl:
        """The subnet's network ACL."""
        return self._acls[subnet.id]

    def port_cuts(self, instance: Instance) -> frozenset[int]:
        """The ports at which the network ACL of the instance's subnet may begin to say something else."""
        return self._cuts[instance.subnet_id]

    def vpc_block(self, owner: Subnet | Gateway) -> IPv6Network:
        """The block of the VPC that the subnet or attached gateway belongs to."""
        assert owner.vpc_id is not None
        return self.cloud.vpcs[owner.vpc_id].ipv6_cidr_block

    def gateway(self, gateway_id: str) -> Gateway | None:
        """The gateway of that id, of either kind."""
        gateway: Gateway | None = self.cloud.egress_only_internet_gateways.get(gateway_id)
        return gateway or self.cloud.internet_gateways.get(gateway_id)

    def namespace(self, resource_id: str) -> str:
        """The namespace of a resource."""
        return namespace_name(self.cloud.lab, resource_id)


def _port_cuts(acl: NetworkAcl) -> frozenset[int]:
    ranges = [entry.ports for entry in acl.entries if entry.ports is not None]
    return frozenset(cut for first, last in ranges for cut in (first, last + 1))

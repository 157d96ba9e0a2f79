"""What the agent watches: the replicated gateways of a lab, each replica with its ports and what it should hold."""

from __future__ import annotations

from collections.abc import Iterator

from eigw_ns.cloud import ids
from eigw_ns.cloud.families import ipv6_part
from eigw_ns.cloud.model import Cloud, EgressOnlyInternetGateway
from eigw_ns.cloud.nodes import internet_id
from eigw_ns.dataplane.compile import names
from eigw_ns.dataplane.compile.compiler import compile_cloud
from eigw_ns.dataplane.compile.names import FABRIC_LINK, UPLINK, namespace_name, port_name
from eigw_ns.dataplane.planning.flows import subnets_by_gateway
from eigw_ns.dataplane.replication import handover
from eigw_ns.dataplane.state import Leg, Link, NetObject, NetState, ReplicaMap, Teach
from eigw_ns.dataplane.state.naming import group_name
from eigw_ns.frozen import frozen


@frozen
class Replica:
    """One replica: what people call it, its ports towards both sides, and everything that its namespace should hold."""

    label: str
    namespace: str
    inner: Leg
    outer: Leg
    holds: tuple[NetObject, ...]

    @property
    def ports(self) -> tuple[tuple[str, str], ...]:
        """The (namespace, link) of its ports, at the far ends of its links."""
        return tuple((leg.namespace, leg.link) for leg in (self.inner, self.outer))


@frozen
class Gateway:
    """A gateway of several replicas. `groups` say which has which flows, on both sides, while all are alive.

    `lesson` is what a replica that takes flows over is told, but for its namespace and its buckets.
    """

    id: str
    label: str
    replicas: tuple[Replica, ...]
    groups: tuple[ReplicaMap, ...]
    source: str
    lesson: Teach


def gateways(cloud: Cloud, table: int | None = None) -> tuple[Gateway, ...]:
    """Return the gateways that have several replicas. `table` as in `compile_cloud`."""
    cloud = ipv6_part(cloud)
    state = compile_cloud(cloud, table)
    several = [each for each in cloud.egress_only_internet_gateways.values() if each.replicas > 1]
    return tuple(_gateway(cloud, each, state) for each in several)


def _gateway(cloud: Cloud, gateway: EgressOnlyInternetGateway, state: NetState) -> Gateway:
    vpc = cloud.vpcs[gateway.vpc_id]
    groups = [thing for thing in state if isinstance(thing, ReplicaMap) and thing.name == group_name(gateway.id)]
    return Gateway(
        gateway.id,
        f"{vpc.name}/{gateway.name}",
        tuple(_replicas(cloud, gateway, state)),
        tuple(groups),
        names.heartbeat_source(vpc),
        handover.lesson(gateway.id, state, subnets_by_gateway(state, state).get(gateway.id, ())),
    )


def _replicas(cloud: Cloud, gateway: EgressOnlyInternetGateway, state: NetState) -> Iterator[Replica]:
    lab, vpc = cloud.lab, cloud.vpcs[gateway.vpc_id]
    fabric, internet = namespace_name(lab, vpc.id), namespace_name(lab, internet_id(lab))
    beats_from = names.heartbeat_mac(lab, gateway.id)
    for number in range(1, gateway.replicas + 1):
        replica = ids.replica_id(gateway.id, number)
        namespace, port = namespace_name(lab, replica), port_name(replica)
        yield Replica(
            f"{vpc.name}/{gateway.name}#{number}",
            namespace,
            Leg(fabric, port, _mac(state, namespace, FABRIC_LINK), beats_from),
            Leg(internet, port, _mac(state, namespace, UPLINK), beats_from),
            tuple(thing for thing in state if thing.namespace == namespace),
        )


def _mac(state: NetState, namespace: str, link: str) -> str:
    found = state.objects["link", namespace, link]
    assert isinstance(found, Link)
    return found.mac

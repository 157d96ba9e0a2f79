"""From the cloud to what the kernel must hold. Pure: the same cloud gives the same state.

     instance        subnet              fabric          gateway             internet          host
    ┌─────────┐    ┌────────────────┐   ┌────────┐    ┌──────────────┐    ┌─────────────┐    ┌──────┐
    │ eth0    ├────┤ <instance port>│   │  br0   │    │ fabric    up ├────┤ <gw port>   ├────┤ eth0 │
    └─────────┘    │         fabric ├───┤ ports  ├────┤              │    │             │    └──────┘
     default via   │ FIB = the route│   │ prefix │    │ FIB behind a │    │ FIB = mirror│
     fe80::1       │ table          │   │ → MAC  │    │ packet mark  │    │ of the route│
                   └────────────────┘   └────────┘    └──────────────┘    │ tables      │
                                                                          └─────────────┘
Every neighbour is a permanent entry, so nothing is ever resolved, waited for or poisoned.

An egress-only gateway of several replicas is as many gateway namespaces on the same bridges, with the same addresses:

      fabric                      internet
    ┌────────┐    ┌─────────┐    ┌──────────┐   Both sides speak to the first replica's MAC; whose it becomes, the
    │   br0  ├────┤ replica ├────┤ br-…     │   flow decides (`spread`). So nothing else changes with the number of
    │  ports ├────┤ replica ├────┤ fe80::1  │   replicas, or when one dies: no subnet, no route.
    └────────┘    └─────────┘    └──────────┘
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv6Network
from types import MappingProxyType

from eigw_ns.cloud import ids
from eigw_ns.cloud.families import ipv6_part
from eigw_ns.cloud.model import (
    INTERNET_MTU,
    Cloud,
    Gateway,
    Instance,
    InternetHost,
    Subnet,
    Vpc,
)
from eigw_ns.cloud.nodes import internet_id
from eigw_ns.dataplane.compile import gateways, limits, names
from eigw_ns.dataplane.compile.facts import Facts
from eigw_ns.dataplane.compile.memo import Memo, Once
from eigw_ns.dataplane.compile.names import (
    BRIDGE,
    FABRIC_LINK,
    INSTANCE_LINK,
    PEER_LINK_LOCAL,
    ROUTER_LINK_LOCAL,
    ROUTER_MAC,
    UPLINK,
    port_name,
)
from eigw_ns.dataplane.compile.notation import address_text, block_text
from eigw_ns.dataplane.compile.parts import Part, parts, unlinked
from eigw_ns.dataplane.compile.ranges import Range
from eigw_ns.dataplane.compile.resolved_routes import LOCAL, ResolvedRoute, ranges
from eigw_ns.dataplane.replication import spread
from eigw_ns.dataplane.rulesets import fragment_rules, gateway_rules, group_rules, logged_rules, subnet_rules
from eigw_ns.dataplane.state import (
    LOOPBACK,
    Address,
    Fdb,
    Forwarding,
    Link,
    Namespace,
    Neighbour,
    NetObject,
    NetState,
    ReplicaMap,
    Route,
    Ruleset,
    Side,
    Sysctls,
    seed,
    sysctl_keys,
)
from eigw_ns.frozen import frozen

_ANYWHERE = "::/0"
_GLOBAL = IPv6Network("2000::/3")
_LAST_RESORT = 0xFFFF_FFF0  # metric of the routes that swallow what no other route wants


_SYSCTL_VALUES = {
    "net.ipv6.conf.all.accept_source_route": "-1",
    "net.ipv6.conf.default.accept_source_route": "-1",
    "net.ipv6.conf.default.addr_gen_mode": "1",
    "net.ipv6.fwmark_reflect": "1",
    "net.netfilter.nf_conntrack_checksum": "1",
    "net.netfilter.nf_conntrack_frag6_high_thresh": str(fragment_rules.MEMORY),
    "net.netfilter.nf_conntrack_frag6_timeout": str(fragment_rules.TIMEOUT),
}  # all others are 0


_PART = 9
"""The rank of a part among results (`memo`)."""


def compile_cloud(cloud: Cloud, table: int | None = None) -> NetState:
    """Return the state of all namespaces of the lab.

    `table` is the number of entries of the host's connection tables; None if it has room for all limits.
    """
    linked = ipv6_part(cloud)
    compiler = Compiler(linked, table, Once())
    return NetState.of(thing for part in parts(linked, unlinked(cloud, linked)) for thing in compiler.part(part))


@frozen
class _End:
    """One end of a veth pair: the namespace of a resource, and the interface in it."""

    resource_id: str
    link: str


def _replicas_of(gateway: Gateway) -> int:
    replicas: int = gateways.kind_of(gateway).replicas(gateway)
    return replicas


def _way_out(gateway: Gateway) -> str:
    """Return the internet's interface towards the gateway: a bridge if it has several replicas."""
    return names.bridge_name(gateway.id) if _replicas_of(gateway) > 1 else port_name(gateway.id)


class Compiler:
    """Makes the objects of one part of a lab at a time. `memo` keeps what several parts ask for.

    `cloud` is the IPv6 part of the lab's. It is read when its parts are asked for, so what depends on it is kept by
    `memo` alone.
    """

    def __init__(self, cloud: Cloud, table: int | None, memo: Memo) -> None:
        self._cloud, self._entries, self._memo = cloud, table, memo
        self._facts, self._filters = Facts(cloud, memo), group_rules.Filters(cloud, memo)
        self._macs: dict[tuple[str, str], str] = {}  # each belongs to three objects or more
        self._internet = internet_id(cloud.lab)

    def part(self, part: Part) -> tuple[NetObject, ...]:
        """Return the objects of a part."""
        return self._memo.recall(_PART, self._part, *part)

    def forget(self, part: Part) -> None:
        """Drop what is kept of a part that has gone."""
        self._memo.forget(self._part, *part)

    def _part(self, kind: str, resource_id: str) -> tuple[NetObject, ...]:
        return tuple(self._objects(kind, resource_id))

    def _objects(self, kind: str, resource_id: str) -> Iterator[NetObject]:
        cloud = self._cloud
        match kind:
            case "internet":
                return self._internet_router()
            case "way back":
                return self._way_back(cloud.subnets[resource_id])
            case "fabric":
                return self._fabric(cloud.vpcs[resource_id])
            case "subnet":
                return self._subnet(cloud.subnets[resource_id])
            case "instance":
                return self._instance(cloud.instances[resource_id])
            case "unlinked":
                return self._namespace(resource_id, forwarding=False)
            case "host":
                return self._host(cloud.hosts[resource_id])
            case _:
                return self._gateway(self._facts.gateways()[resource_id])

    # ---- one namespace each -----------------------------------------------------------------------------------------

    def _instance(self, instance: Instance) -> Iterator[NetObject]:
        """Yield a tenant: its address, and a default route by its router."""
        yield from self._namespace(instance.id, forwarding=False)
        port = _End(instance.subnet_id, port_name(instance.id))
        vpc = self._cloud.vpcs[self._cloud.subnets[instance.subnet_id].vpc_id]
        primary, *others = map(address_text, instance.addresses)
        yield from self._leaf(instance.id, primary, port, instance.mtu or vpc.mtu)
        for address in others:
            yield Address(self._name(instance.id), INSTANCE_LINK, f"{address}/128")
            yield from self._way_in(address, _End(instance.id, INSTANCE_LINK), port)
        for prefix in map(block_text, instance.ipv6_prefixes):
            yield Route(self._name(port.resource_id), prefix, port.link, PEER_LINK_LOCAL)

    def _host(self, host: InternetHost) -> Iterator[NetObject]:
        yield from self._namespace(host.id, forwarding=False)
        port = _End(self._internet, port_name(host.id))
        yield from self._leaf(host.id, address_text(host.ipv6_address), port, INTERNET_MTU)

    def _leaf(self, resource_id: str, address: str, port: _End, mtu: int) -> Iterator[NetObject]:
        """Yield a machine with its routed addresses, and the port of the router that it is connected to."""
        leaf = _End(resource_id, INSTANCE_LINK)
        inside, router = self._name(resource_id), self._name(port.resource_id)
        yield from self._pair(leaf, port, mtu)
        yield Address(inside, INSTANCE_LINK, f"{address}/128")
        yield Address(inside, INSTANCE_LINK, f"{PEER_LINK_LOCAL}/64")
        yield Neighbour(inside, INSTANCE_LINK, ROUTER_LINK_LOCAL, self._mac(port))
        yield Route(inside, _ANYWHERE, INSTANCE_LINK, ROUTER_LINK_LOCAL, preferred=address)
        yield Address(router, port.link, f"{ROUTER_LINK_LOCAL}/64")
        yield from self._way_in(address, leaf, port)
        yield Neighbour(router, port.link, PEER_LINK_LOCAL, self._mac(leaf))

    def _way_in(self, address: str, leaf: _End, port: _End) -> Iterator[NetObject]:
        """Yield how the router reaches an address of a machine."""
        router = self._name(port.resource_id)
        yield Neighbour(router, port.link, address, self._mac(leaf))
        yield Route(router, f"{address}/128", port.link)

    def _subnet(self, subnet: Subnet) -> Iterator[NetObject]:
        """Yield the VPC's router as this subnet sees it: its FIB is the subnet's route table."""
        name, block = self._name(subnet.id), subnet.ipv6_cidr_block
        vpc = self._cloud.vpcs[subnet.vpc_id]
        port = _End(vpc.id, port_name(subnet.id))
        yield from self._namespace(subnet.id, sysctls=self._facts.timeouts(vpc.id))
        rules = subnet_rules.subnet(
            name, self._filters, subnet, self._untracked(subnet, vpc), limits.of_instance(self._entries)
        )
        yield self._logged(rules, vpc)
        yield from self._pair(_End(subnet.id, FABRIC_LINK), port, vpc.mtu, bridge=BRIDGE)
        yield Fdb(self._name(vpc.id), port.link, self._mac(_End(subnet.id, FABRIC_LINK)))
        yield Address(name, LOOPBACK, f"{address_text(block[1])}/128")
        yield Neighbour(name, FABRIC_LINK, ROUTER_LINK_LOCAL, ROUTER_MAC)
        yield from self._local(name, vpc)
        yield Route(name, block_text(block), blackhole=True)
        yield Route(name, _ANYWHERE, blackhole=True, metric=_LAST_RESORT)
        yield from self._table(name, self._facts.routes(subnet))

    def _logged(self, thing: NetObject, vpc: Vpc) -> NetObject:
        """Return rules that also log what they refuse if a flow log of the VPC records it; else the same object."""
        if isinstance(thing, Ruleset) and self._facts.refusals_logged(vpc.id):
            return logged_rules.logged(thing)
        return thing

    def _untracked(self, subnet: Subnet, vpc: Vpc) -> list[Range]:
        """Return where flows need not be tracked: the VPC's other subnets, and what a stateless gateway leads to."""
        local = (ResolvedRoute(block, LOCAL) for block in vpc.ipv6_cidr_blocks)
        own = ResolvedRoute(subnet.ipv6_cidr_block, None)
        return ranges((*self._facts.routes(subnet), *local, own), {LOCAL, *self._facts.stateless()})

    def _table(self, name: str, table: tuple[ResolvedRoute, ...]) -> Iterator[NetObject]:
        """Yield the routes of a route table, blackholes included, and how each gateway is reached over the fabric."""
        for route in table:
            if route.gateway_id is None:
                yield Route(name, block_text(route.destination), blackhole=True)
                continue
            via = names.link_local(route.gateway_id)
            yield Neighbour(name, FABRIC_LINK, via, self._mac(_End(route.gateway_id, FABRIC_LINK)))
            yield Route(name, block_text(route.destination), FABRIC_LINK, via)

    def _fabric(self, vpc: Vpc) -> Iterator[NetObject]:
        """Yield the bridge that connects a VPC's subnets and gateways, and the implicit router in it."""
        name = self._name(vpc.id)
        subnets = [item for item in self._cloud.subnets.values() if item.vpc_id == vpc.id]
        yield from self._namespace(vpc.id, forwarding=False)
        yield gateway_rules.fabric(
            name,
            ((block_text(item.ipv6_cidr_block), self._mac(_End(item.id, FABRIC_LINK))) for item in subnets),
            (self._replicated(gateway, FABRIC_LINK) for gateway in self._several() if gateway.vpc_id == vpc.id),
            names.heartbeat_source(vpc),
        )
        has_ports = subnets or any(gateway.vpc_id == vpc.id for gateway in self._facts.gateways().values())
        mtu = vpc.mtu if has_ports else INTERNET_MTU  # Linux gives a bridge without ports 1,500 (br_mtu_min)
        yield Link(name, BRIDGE, "bridge", self._mac(_End(vpc.id, BRIDGE)), mtu=mtu)

    def _gateway(self, gateway: Gateway) -> Iterator[NetObject]:
        """Return a gateway of any kind, between the fabric and the internet, with all its replicas."""
        replicas = _replicas_of(gateway)
        internet, port = self._name(self._internet), _way_out(gateway)
        if replicas > 1:  # a bridge comes before its ports
            yield Link(internet, port, "bridge", self._mac(_End(self._internet, port_name(gateway.id))))
        for number in range(1, replicas + 1):
            yield from self._replica(gateway, ids.replica_id(gateway.id, number), replicas)
        yield Address(internet, port, f"{ROUTER_LINK_LOCAL}/64")
        yield Neighbour(internet, port, PEER_LINK_LOCAL, self._mac(_End(gateway.id, UPLINK)))
        if replicas > 1:
            yield from self._replicas(gateway)

    def _replica(self, gateway: Gateway, replica: str, replicas: int) -> Iterator[NetObject]:
        """Yield the namespace of a gateway, or of one of its replicas, with the rules of its kind."""
        assert gateway.vpc_id is not None
        name, vpc = self._name(replica), self._cloud.vpcs[gateway.vpc_id]
        inner, outer = _End(replica, FABRIC_LINK), _End(replica, UPLINK)
        port, far = _End(vpc.id, port_name(replica)), _End(self._internet, port_name(replica))
        kind = gateways.kind_of(gateway)
        owners = self._filters.owners(vpc.id)
        site = gateways.Site(self._cloud.lab, name, vpc, self._facts.routed(gateway.id), self._entries, owners)
        yield from self._namespace(replica, sysctls=kind.sysctls(gateway, self._facts.accounted(vpc.id)))
        yield from (self._logged(thing, vpc) for thing in kind.rules(gateway, site))
        yield from self._pair(inner, port, vpc.mtu, bridge=BRIDGE)
        yield Fdb(self._name(vpc.id), port.link, self._mac(inner))
        bridge = names.bridge_name(gateway.id) if replicas > 1 else None
        yield from self._pair(outer, far, INTERNET_MTU, bridge=bridge)
        yield Address(name, LOOPBACK, f"{names.infrastructure_address(gateway.id)}/128")
        yield Address(name, FABRIC_LINK, f"{names.link_local(gateway.id)}/64")
        yield Address(name, UPLINK, f"{PEER_LINK_LOCAL}/64")
        yield Neighbour(name, FABRIC_LINK, ROUTER_LINK_LOCAL, ROUTER_MAC)
        yield Neighbour(name, UPLINK, ROUTER_LINK_LOCAL, self._mac(_End(self._internet, port_name(gateway.id))))
        yield from self._local(name, vpc)
        yield Route(name, _ANYWHERE, UPLINK, ROUTER_LINK_LOCAL)

    def _local(self, name: str, vpc: Vpc) -> Iterator[NetObject]:
        """Yield the routes to the VPC's own blocks, over the fabric."""
        for block in vpc.ipv6_cidr_blocks:
            yield Route(name, block_text(block), FABRIC_LINK, ROUTER_LINK_LOCAL)

    # ---- several replicas of a gateway ------------------------------------------------------------------------------

    def _several(self) -> Iterator[Gateway]:
        return (each for each in self._facts.gateways().values() if _replicas_of(each) > 1)

    def _replicated(self, gateway: Gateway, link: str) -> gateway_rules.Replicated:
        """Return the MAC by which one side of a gateway reaches it: that of its first replica on this link."""
        mac, bridge = self._mac(_End(gateway.id, link)), names.bridge_name(gateway.id)
        return gateway_rules.Replicated(gateway.id, mac, bridge, seed(self._cloud.lab))

    def _replicas(self, gateway: Gateway) -> Iterator[NetObject]:
        """Return what joins the replicas: the bridge of their uplinks, and which of them has which flows."""
        assert gateway.vpc_id is not None
        internet = self._name(self._internet)
        members = [ids.replica_id(gateway.id, number) for number in range(1, _replicas_of(gateway) + 1)]
        for member in members:
            yield Fdb(internet, port_name(member), self._mac(_End(member, UPLINK)))
        fabric = self._name(gateway.vpc_id)
        sides: tuple[tuple[str, Side, str], ...] = (
            (fabric, "fabric", FABRIC_LINK),
            (internet, "internet", UPLINK),
        )
        for namespace, side, link in sides:
            macs = [self._mac(_End(member, link)) for member in members]
            group = self._replicated(gateway, link).group
            yield ReplicaMap(namespace, side, group, spread.shares(macs, macs))

    # ---- the internet -----------------------------------------------------------------------------------------------

    def _internet_router(self) -> Iterator[NetObject]:
        """Yield the router that connects all gateways and hosts. It mirrors the route tables."""
        name = self._name(self._internet)
        yield from self._namespace(self._internet)
        yield Address(name, LOOPBACK, f"{names.infrastructure_address(self._internet)}/128")
        yield Route(name, _ANYWHERE, blackhole=True, metric=_LAST_RESORT)
        several = [self._replicated(gateway, UPLINK) for gateway in self._several()]
        if several:
            yield gateway_rules.internet(name, several)

    def _way_back(self, subnet: Subnet) -> Iterator[NetObject]:
        """Yield the internet's routes to a subnet.

        They lead to the gateway that the subnet's own table would use for the packets' source.

        A plain route does where one `::/0` decides for all; else one route a source prefix. Beside a `from` route a
        sourceless one to the same prefix is never found (Linux 6.18), so `::/0` becomes `from 2000::/3`.
        """
        name, prefix = self._name(self._internet), block_text(subnet.ipv6_cidr_block)
        table = self._facts.routes(subnet)
        if not table:
            return
        split = len(table) > 1 or table[0].destination.prefixlen
        for route in table:
            source = block_text(route.destination if route.destination.prefixlen else _GLOBAL) if split else ""
            if route.gateway_id is None:
                yield Route(name, prefix, source=source, blackhole=True)
            else:
                port = _way_out(self._facts.gateways()[route.gateway_id])
                yield Route(name, prefix, port, PEER_LINK_LOCAL, source)

    # ---- what all of them are made of -------------------------------------------------------------------------------

    def _namespace(
        self, resource_id: str, *, forwarding: bool = True, sysctls: Mapping[str, str] = MappingProxyType({})
    ) -> Iterator[NetObject]:
        """Yield the namespace with its sysctls. `sysctls` are those in which it differs from others of its kind."""
        name, values = self._name(resource_id), {**_SYSCTL_VALUES, **sysctls}
        yield Namespace(name, self._cloud.lab, resource_id)
        yield Sysctls(name, tuple((key, values.get(key, "0")) for key in sysctl_keys(resource_id)))
        if forwarding:
            yield Forwarding(name)

    def _pair(self, one: _End, other: _End, mtu: int, *, bridge: str | None = None) -> Iterator[NetObject]:
        """Return a veth pair; with `bridge`, the other end is a port of that bridge. Both ends have the same MTU.

        Linux drops what is larger than the other end's MTU, and sends no error.
        """
        for end, far, master in ((one, other, None), (other, one, bridge)):
            peer = self._name(far.resource_id), far.link
            yield Link(self._name(end.resource_id), end.link, "veth", self._mac(end), peer, master, mtu)

    def _name(self, resource_id: str) -> str:
        return names.namespace_name(self._cloud.lab, resource_id)

    def _mac(self, end: _End) -> str:
        key = end.resource_id, end.link
        if key not in self._macs:
            self._macs[key] = names.mac(self._cloud.lab, *key)
        return self._macs[key]

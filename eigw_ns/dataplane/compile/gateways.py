"""The kinds of gateways: what the namespaces of each kind hold, and whether it lets flows in that begin outside.

The compiler and the tracer ask this table, and do not know the kinds. A new kind is one entry in `_KINDS`; the keys of
its sysctls are in `dataplane.state.sysctls`, which the kernel reads too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Generic, TypeVar

from eigw_ns.cloud.model import Cloud, EgressOnlyInternetGateway, Gateway, InternetGateway, Vpc
from eigw_ns.dataplane.compile import limits, names, timeouts
from eigw_ns.dataplane.compile.notation import blocks_text
from eigw_ns.dataplane.rulesets import gateway_rules, heartbeat_rules
from eigw_ns.dataplane.rulesets.gateway_rules import Routed
from eigw_ns.dataplane.state import NetObject, NftSet, RoutingRule, seed
from eigw_ns.dataplane.state.sysctls import ACCOUNTING_SYSCTLS
from eigw_ns.frozen import frozen

G = TypeVar("G")


@frozen
class Site:
    """The place of a gateway's rules: the namespace of one replica, the VPC, and the flows routed this way.

    `table` is the number of entries of the host's connection tables, as in `compile_cloud`. `owners` are the sets of
    `owner_rules.for_gateway` for the VPC's instances.
    """

    lab: str
    namespace: str
    vpc: Vpc
    routed: Iterable[Routed]
    table: int | None
    owners: tuple[NftSet, ...]


@frozen
class GatewayKind(Generic[G]):
    """One kind of gateway.

    `stateful`: it lets in only answers of flows that began inside, so subnets have to track these flows. `sysctls` are
    the values in which its namespaces differ from others; the second argument tells whether a flow log records what
    passes. `rules` yields what a replica's namespace holds beside its links, addresses and routes.
    """

    stateful: bool
    in_cloud: Callable[[Cloud], Iterable[G]]
    replicas: Callable[[G], int]
    sysctls: Callable[[G, bool], Mapping[str, str]]
    rules: Callable[[G, Site], Iterator[NetObject]]


def kind_of(gateway: Gateway) -> GatewayKind[Any]:
    """Return the kind of the gateway."""
    return _KINDS[type(gateway)]


def attached(cloud: Cloud) -> Iterator[Gateway]:
    """Yield the gateways that have a VPC. No packet reaches the others, so they have no namespace."""
    for kind in _KINDS.values():
        yield from (gateway for gateway in kind.in_cloud(cloud) if gateway.vpc_id is not None)


# ---- each kind -------------------------------------------------------------------------------------------------------


def _egress_only_rules(gateway: EgressOnlyInternetGateway, site: Site) -> Iterator[NetObject]:
    mac, source = names.heartbeat_mac(site.lab, gateway.id), names.heartbeat_source(site.vpc)
    yield gateway_rules.egress_only_gateway(
        site.namespace,
        blocks_text(site.vpc.ipv6_cidr_blocks),
        site.routed,
        limits.of_gateway(gateway.connection_tracking, site.table),
        seed=seed(site.lab),
        replicas=gateway.replicas,
        heartbeats=heartbeat_rules.Heartbeats(mac, source) if gateway.replicas > 1 else None,
        owners=site.owners,
    )
    yield RoutingRule(site.namespace, 100, gateway_rules.PASSED, "main")
    yield RoutingRule(site.namespace, 101, 0, "blackhole")


def _egress_only_sysctls(gateway: EgressOnlyInternetGateway, accounted: bool) -> Mapping[str, str]:
    accounting = dict.fromkeys(ACCOUNTING_SYSCTLS, "1") if gateway.flow_accounting or accounted else {}
    return timeouts.sysctls(gateway.connection_tracking) | accounting


def _internet_rules(_gateway: InternetGateway, site: Site) -> Iterator[NetObject]:
    yield gateway_rules.internet_gateway(site.namespace, blocks_text(site.vpc.ipv6_cidr_blocks), site.routed)


_EGRESS_ONLY: GatewayKind[EgressOnlyInternetGateway] = GatewayKind(
    stateful=True,
    in_cloud=lambda cloud: cloud.egress_only_internet_gateways.values(),
    replicas=lambda gateway: gateway.replicas,
    sysctls=_egress_only_sysctls,
    rules=_egress_only_rules,
)
_INTERNET: GatewayKind[InternetGateway] = GatewayKind(
    stateful=False,
    in_cloud=lambda cloud: cloud.internet_gateways.values(),
    replicas=lambda _: 1,
    sysctls=lambda _gateway, _accounted: {},
    rules=_internet_rules,
)
_KINDS: Mapping[type, GatewayKind[Any]] = {EgressOnlyInternetGateway: _EGRESS_ONLY, InternetGateway: _INTERNET}

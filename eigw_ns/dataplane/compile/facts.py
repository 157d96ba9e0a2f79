"""What several parts of a lab ask about its cloud. Each answer is kept by a `Memo`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from eigw_ns.cloud.model import Cloud, Gateway, Subnet
from eigw_ns.cloud.routing import main_route_table
from eigw_ns.dataplane.compile import gateways, timeouts
from eigw_ns.dataplane.compile.memo import Memo
from eigw_ns.dataplane.compile.notation import block_text
from eigw_ns.dataplane.compile.ranges import Range
from eigw_ns.dataplane.compile.resolved_routes import ResolvedRoute, ranges, resolved_routes
from eigw_ns.dataplane.rulesets.gateway_rules import Routed

_FACT, _OF_FACTS, _OF_ROUTES = 1, 2, 3
"""Ranks of results (`memo`): what is read from the cloud alone, what follows from that, and what from routes."""


class Facts:
    """Answers about a cloud, which is read when they are asked for."""

    def __init__(self, cloud: Cloud, memo: Memo) -> None:
        self._cloud, self._memo = cloud, memo

    def gateways(self) -> Mapping[str, Gateway]:
        """Return the gateways that have a VPC, by id."""
        return self._memo.recall(_FACT, self._gateways)

    def stateless(self) -> frozenset[str]:
        """Return the ids of the gateways whose flows need not be tracked."""
        return self._memo.recall(_OF_FACTS, self._stateless)

    def routes(self, subnet: Subnet) -> tuple[ResolvedRoute, ...]:
        """Return the routes of the subnet's table. Most subnets of a VPC have the same one."""
        return self._memo.recall(_OF_FACTS, self._routes, self._table(subnet))

    def routed(self, gateway_id: str) -> Iterator[Routed]:
        """Yield each subnet's block with each range of destinations that it reaches through the gateway, ascending."""
        reached: dict[tuple[str | None, str], tuple[Range, ...]] = {}  # most subnets of a VPC have the same table
        for subnet in self._cloud.subnets.values():
            key = subnet.route_table_id, subnet.vpc_id
            if key not in reached:
                reached[key] = self._memo.recall(_OF_ROUTES, self._reached, self._table(subnet), gateway_id)
            if reached[key]:
                block = block_text(subnet.ipv6_cidr_block)
                yield from ((block, destinations) for destinations in reached[key])

    def timeouts(self, vpc_id: str) -> Mapping[str, str]:
        """Return the sysctls of a subnet's timeouts: it forgets no flow before an egress-only gateway of the VPC."""
        return self._memo.recall(_FACT, self._timeouts, vpc_id)

    def accounted(self, vpc_id: str) -> bool:
        """Return whether a flow log records what passes the gateways of the VPC."""
        return self._memo.recall(_FACT, self._accounted, vpc_id)

    def refusals_logged(self, vpc_id: str) -> bool:
        """Return whether a flow log records what the VPC's routers refuse."""
        return self._memo.recall(_FACT, self._refusals_logged, vpc_id)

    def _accounted(self, vpc_id: str) -> bool:
        return any(each.accepted for each in self._cloud.flow_logs.values() if each.vpc_id == vpc_id)

    def _refusals_logged(self, vpc_id: str) -> bool:
        return any(each.rejected for each in self._cloud.flow_logs.values() if each.vpc_id == vpc_id)

    def _table(self, subnet: Subnet) -> str:
        return subnet.route_table_id or self._memo.recall(_FACT, self._main_table, subnet.vpc_id)

    def _gateways(self) -> Mapping[str, Gateway]:
        return {gateway.id: gateway for gateway in gateways.attached(self._cloud)}

    def _stateless(self) -> frozenset[str]:
        return frozenset(each.id for each in self.gateways().values() if not gateways.kind_of(each).stateful)

    def _main_table(self, vpc_id: str) -> str:
        return main_route_table(self._cloud, self._cloud.vpcs[vpc_id].id).id  # KeyError if the VPC has gone

    def _routes(self, table_id: str) -> tuple[ResolvedRoute, ...]:
        return resolved_routes(self._cloud, self._cloud.route_tables[table_id])

    def _reached(self, table_id: str, gateway_id: str) -> tuple[Range, ...]:
        return tuple(ranges(self._memo.recall(_OF_FACTS, self._routes, table_id), {gateway_id}))

    def _timeouts(self, vpc_id: str) -> Mapping[str, str]:
        found = self._cloud.egress_only_internet_gateways.values()
        return timeouts.sysctls(timeouts.longest(each.connection_tracking for each in found if each.vpc_id == vpc_id))

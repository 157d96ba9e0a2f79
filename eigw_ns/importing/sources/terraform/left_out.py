"""Resources of a network that the lab does not have: what is said about them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from eigw_ns.importing.sources.terraform.invented import VPCS
from eigw_ns.importing.sources.terraform.links import SORTS
from eigw_ns.importing.sources.terraform.resources import Resource
from eigw_ns.importing.sources.terraform.state import USE_THE_STATE, State
from eigw_ns.importing.sources.terraform.vpcs import ipv6_block

_NOTES: Mapping[str, str] = {
    "aws_flow_log": "flow logs are left out",
    "aws_vpc_endpoint": "VPC endpoints are left out",
    "aws_vpc_dhcp_options": "DHCP options are left out",
    "aws_vpc_dhcp_options_association": "DHCP options are left out",
    "aws_vpn_connection": "VPN connections are left out",
    "aws_vpn_gateway": "virtual private gateways are left out",
    "aws_vpn_gateway_route_propagation": "routes that a virtual private gateway propagates are left out",
    "aws_vpc_peering_connection": "peering connections are left out",
}

_REFUSED: Mapping[str, str] = {
    "aws_vpc_block_public_access_options": "VPC Block Public Access decides what is reachable, and the lab lacks it",
    "aws_vpc_block_public_access_exclusion": "VPC Block Public Access decides what is reachable, and the lab lacks it",
    "aws_vpc_route_server_propagation": "a route server changes the routes of a table, and the lab lacks it",
}

_COUNTED = frozenset(
    f"data.aws_{name}"
    for name in ("availability_zones", "availability_zone", "subnets", "subnet", "subnet_ids", "vpcs", "vpc",
                 "route_table", "route_tables", "security_groups", "security_group", "nat_gateways", "instances",
                 "ec2_managed_prefix_list", "prefix_list", "ip_ranges")
)  # fmt: skip
"""Data sources whose answers can decide how many subnets, routes or rules there are."""


def say_what_is_left_out(state: State, resources: Iterable[Resource]) -> None:
    """Leave a message for each resource that the readers leave out and that a network engineer would look for."""
    for kind, what in _NOTES.items():
        for each in state.of(kind):
            state.say("note", each, what)
    for kind, what in _REFUSED.items():
        for each in state.of(kind):
            remedy = f"if you know that it changes nothing here, add --ignore {kind}"
            state.say("refuse", each, what, remedy, *(vpc.key for vpc in state.of(*VPCS)))
    _say_defaults(state)
    if state.invented.mocked:
        _say_mocked(state, resources)


def _say_defaults(state: State) -> None:
    """Leave a message for each default VPC whose main route table, which has a route to the internet, nobody adopts."""
    adopted = {each.body.text("default_route_table_id") for each in state.of("aws_default_route_table")}
    for vpc in state.of("aws_default_vpc"):
        if vpc.body.text("default_route_table_id") not in adopted:
            has_ipv6 = ipv6_block(state, vpc) is not None
            what = "the main route table of a default VPC is not in the state"
            state.say("refuse" if has_ipv6 else "note", vpc, what, "import a directory of describe answers")


def _say_mocked(state: State, resources: Iterable[Resource]) -> None:
    for each in resources:
        if each.data and f"data.{each.type}" in _COUNTED and not _is_managed(state, each):
            state.say("note", each, "terraform asked no account: the mock answered", USE_THE_STATE)


def _is_managed(state: State, data: Resource) -> bool:
    """Return whether a data source looks up a resource of the configuration by its id."""
    sort = SORTS.get(data.type)
    return sort is not None and state.links.known(sort, data.body.text("id")) is not None

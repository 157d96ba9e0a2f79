"""Actions on resources that a lab does not have: their lists are empty."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from eigw_ns.cloud.ec2.empty_lists import LACKED, Lacked, describing
from eigw_ns.cloud.ec2.schema import DRY_RUN, FILTERS, PAGING, Action, Parameter, strings

_UNPAGED = ("DescribeVpnGateways", "DescribeCustomerGateways", "DescribeVpnConnections", "DescribeVpcClassicLink")
_WITHOUT_DRY_RUN = ("DescribeVpcClassicLinkDnsSupport", "DescribePublicIpv4Pools")
_MORE = {"DescribeVpcEndpointServices": (strings("ServiceRegions", "the Regions of the services"),)}


def _parameters(action: str, kind: Lacked) -> Iterator[Parameter]:
    if kind.ids:
        yield strings(kind.ids, f"the IDs or names of {kind.plural}, of which a lab has none")
    yield from _MORE.get(action, ())
    if kind.filter_parameter:
        yield replace(FILTERS, name=kind.filter_parameter)
    if action == "DescribeByoipCidrs":
        yield from (replace(each, required=each.name == "MaxResults") for each in PAGING)
    elif action not in _UNPAGED:
        yield from PAGING
    if action not in _WITHOUT_DRY_RUN:
        yield DRY_RUN


EMPTY_LISTS: Mapping[str, Action] = {
    name: Action(
        describing(kind),
        f"Describe {kind.plural}, of which a lab has none",
        tuple(_parameters(name, kind)),
        mutates=False,
    )
    for name, kind in LACKED.items()
}
"""Each action by AWS's name for it."""

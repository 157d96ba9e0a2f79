"""Resources with known values become a design."""

from __future__ import annotations

from collections.abc import Iterable

from eigw_ns.importing.design import Design
from eigw_ns.importing.messages import Message
from eigw_ns.importing.options import Options
from eigw_ns.importing.sources.terraform.acls import acls
from eigw_ns.importing.sources.terraform.groups import groups
from eigw_ns.importing.sources.terraform.invented import Invented
from eigw_ns.importing.sources.terraform.left_out import say_what_is_left_out
from eigw_ns.importing.sources.terraform.prefix_lists import prefix_lists
from eigw_ns.importing.sources.terraform.resources import Resource
from eigw_ns.importing.sources.terraform.state import state_of
from eigw_ns.importing.sources.terraform.tables import tables
from eigw_ns.importing.sources.terraform.vpcs import gateways, subnets, vpcs
from eigw_ns.importing.sources.terraform.workloads import workloads


def design_of(
    resources: Iterable[Resource],
    options: Options,
    kind: str,
    invented: Invented | None,
    messages: tuple[Message, ...] = (),
) -> Design:
    """Return the design. `invented` None means that the values come from mocks; `messages` come first."""
    found = tuple(resources)
    state = state_of(found, options, invented)
    lists = prefix_lists(state)
    known, routing, filters, security = vpcs(state), tables(state, lists), acls(state), groups(state, lists)
    placed, outward, users = subnets(state), gateways(state), workloads(state, security.ids)
    say_what_is_left_out(state, found)
    return Design(
        kind,
        "",
        (*messages, *state.messages),
        known,
        placed,
        outward,
        routing.tables,
        routing.routes,
        routing.associations,
        filters.acls,
        filters.entries,
        filters.associations,
        security.groups,
        security.rules,
        users,
    )

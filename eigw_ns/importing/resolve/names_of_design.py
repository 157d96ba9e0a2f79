"""The names of all resources of a design. Nodes and route targets of one VPC have different names."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from eigw_ns.importing.design import Design, Key, Label
from eigw_ns.importing.resolve.index import Index
from eigw_ns.importing.resolve.naming import Named, names
from eigw_ns.importing.resolve.probes import OPEN_GROUP

_GATEWAY_WORDS = {"egress-only": "egress-only", "internet": "igw", "nat": "nat"}


def all_names(design: Design, index: Index, hosts: Collection[str]) -> dict[Key, str]:
    """Return the name of each VPC, and of each resource that is in a VPC of the design. None is that of a host."""
    given = names([Named(vpc.label, "vpc") for vpc in design.vpcs], (design.name,))
    for vpc in design.vpcs:
        given |= _inside(design, index, vpc.label, given[vpc.label.key], hosts)
    return given


def _inside(design: Design, index: Index, vpc: Label, vpc_name: str, hosts: Collection[str]) -> dict[Key, str]:
    def here(labels: Iterable[Named]) -> list[Named]:
        return [each for each in labels if index.vpc_of(each.label.key) == vpc.key]

    prefixes = (vpc_name, design.name)
    given = names(here(Named(each.label, "subnet", each.zone) for each in design.subnets), prefixes, hosts)
    gateways = here(Named(each.label, _GATEWAY_WORDS[each.kind]) for each in design.gateways)
    given |= names(gateways, prefixes, (*given.values(), *hosts))
    for others in (
        here(Named(each.label, "route table") for each in design.route_tables),
        here(Named(each.label, "network acl") for each in design.acls if not each.default),
        here(Named(each.label, "security group") for each in design.groups if not each.default),
    ):
        given |= names(others, prefixes, (OPEN_GROUP,))
    given |= {each.label.key: "default" for each in design.acls if each.default}
    given |= {each.label.key: "default" for each in design.groups if each.default}
    return given

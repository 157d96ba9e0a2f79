"""A plan: values that are not known yet become ids and blocks, if the configuration says for certain which."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from ipaddress import IPv6Network

from eigw_ns.errors import EigwError
from eigw_ns.importing.design import Design
from eigw_ns.importing.messages import Level, Message
from eigw_ns.importing.options import Options
from eigw_ns.importing.sources.terraform.body import Body
from eigw_ns.importing.sources.terraform.document import Tree, document, items, mapping, word
from eigw_ns.importing.sources.terraform.invented import ASSOCIATION, VPCS, Invented, askers, asks, choose
from eigw_ns.importing.sources.terraform.links import links
from eigw_ns.importing.sources.terraform.plan_links import (
    GATEWAYS,
    OWN,
    TYPES,
    Plan,
    link,
    only_gateway,
    own_id,
    plan_of,
)
from eigw_ns.importing.sources.terraform.reader import design_of
from eigw_ns.importing.sources.terraform.references import longest
from eigw_ns.importing.sources.terraform.resources import Resource, shown_resources

_WHAT = "this plan"
REMEDY = "use --terraform with the folder, or import the state"

_RULES = ("aws_security_group_rule", "aws_vpc_security_group_ingress_rule", "aws_vpc_security_group_egress_rule")

DECIDING: Mapping[str, tuple[str, ...]] = {
    "aws_vpc": ("assign_generated_ipv6_cidr_block",),
    "aws_subnet": ("vpc_id",),
    "aws_route_table": ("vpc_id",),
    "aws_default_route_table": ("default_route_table_id",),
    "aws_route": ("route_table_id", "destination_cidr_block", "destination_ipv6_cidr_block", *GATEWAYS),
    "aws_route_table_association": ("subnet_id", "route_table_id"),
    "aws_main_route_table_association": ("vpc_id", "route_table_id"),
    "aws_internet_gateway": ("vpc_id",),
    "aws_internet_gateway_attachment": ("vpc_id", "internet_gateway_id"),
    "aws_egress_only_internet_gateway": ("vpc_id",),
    "aws_network_acl": ("vpc_id", "subnet_ids"),
    "aws_default_network_acl": ("default_network_acl_id",),
    "aws_network_acl_rule": ("network_acl_id", "cidr_block", "ipv6_cidr_block", "protocol", "rule_number", "egress"),
    "aws_network_acl_association": ("network_acl_id", "subnet_id"),
    "aws_security_group": ("vpc_id",),
    "aws_default_security_group": ("vpc_id",),
    ASSOCIATION: ("vpc_id",),
    **dict.fromkeys(_RULES, ("security_group_id", "from_port", "to_port", "protocol", "ip_protocol")),
}
"""Arguments that decide who reaches whom. One of them that is unknown and uncertain is refused."""

_NESTED: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("aws_route_table", "aws_default_route_table"), ("route",)),
    **dict.fromkeys(("aws_security_group", "aws_default_security_group"), ("ingress", "egress")),
    **dict.fromkeys(("aws_network_acl", "aws_default_network_acl"), ("ingress", "egress")),
}
"""Blocks in a resource that decide."""

_LOOSE = frozenset({"cidr_blocks", "ipv6_cidr_blocks", "cidr_ipv4", "cidr_ipv6", "security_groups", "prefix_list_ids",
                    "source_security_group_id", "referenced_security_group_id", "prefix_list_id"})  # fmt: skip
"""Peers of rules of groups. A rule whose peer is unknown is left out, which is stricter."""

_KIND_IS_ENOUGH = frozenset({"nat_gateway_id", "transit_gateway_id", "vpc_endpoint_id", "vpc_peering_connection_id",
                             "carrier_gateway_id", "local_gateway_id", "core_network_arn", "network_interface_id",
                             "destination_prefix_list_id"})  # fmt: skip
"""Targets of routes of which the argument alone says the kind."""

_EDGE = "aws_route_table_association"
"""The type that can name a gateway as what it associates. Which one is not asked: the association is left out."""

_UNKNOWN = "unknown until apply"


def read_plan(data: bytes, options: Options) -> Design:
    """Read `terraform show -json` of a plan.

    Raises EigwError if the bytes are something else, or if the plan failed.
    """
    tree = document(data, _WHAT)
    if "planned_values" not in tree:
        raise EigwError("this is not a plan that can be read", hint="write it with `terraform show -json PLANFILE`")
    if tree.get("errored") is True:
        raise EigwError("this plan is of a run that failed", hint="mend the configuration, and plan again")
    values = mapping(tree.get("planned_values") or {}, "planned_values")
    planned = [each for each in shown_resources(values.get("root_module") or {}, _WHAT) if not each.data]
    reading = _Reading(tree, planned, options)
    resources = reading.filled()
    chosen = Invented(reading.chosen)
    return design_of((*resources, *_data(tree)), options, "a Terraform plan", chosen, tuple(reading.messages))


def _data(tree: Tree) -> Iterator[Resource]:
    prior = mapping(tree.get("prior_state") or {}, "prior_state")
    values = mapping(prior.get("values") or {}, "prior_state: values")
    return (each for each in shown_resources(values.get("root_module") or {}, "prior_state") if each.data)


class _Reading:
    """One plan that is being read: its resources, the messages so far, and the blocks that were chosen."""

    def __init__(self, tree: Tree, planned: list[Resource], options: Options) -> None:
        configuration = mapping(tree.get("configuration") or {}, "configuration")
        self.options = options
        self.messages: list[Message] = []
        self.chosen: dict[str, IPv6Network] = {}
        self.vpcs: dict[str, str] = {}
        self.unknown = {word(each, "address", "resource_changes"): _unknown(each) for each in
                        items(tree.get("resource_changes"), "resource_changes")}  # fmt: skip
        self.resources = [each for each in planned if not {each.type, each.address} & options.ignored]
        self.plan: Plan = plan_of(self.resources, mapping(configuration.get("root_module") or {}, "configuration"))
        if tree.get("complete") is False:
            raise EigwError("this plan is not complete: it defers changes", hint=REMEDY)

    def filled(self) -> list[Resource]:
        """Return the resources with all values that are certain, in two steps: a route may need the links of others."""
        first = [self._with_links(each) for each in self.resources]
        self.vpcs |= {each.address: each.body.text("vpc_id") for each in first if each.body.text("vpc_id")}
        tables = {own_id(each, "id"): self._table_vpc(first, each) for each in first if each.type in _NESTED}
        routed = [self._with_gateways(each, tables) for each in first]
        return self._with_blocks(routed)

    def _table_vpc(self, found: list[Resource], table: Resource) -> str:
        default = table.body.text("default_route_table_id")
        vpcs = (each for each in found if each.type in VPCS) if default else ()
        owner = next((each for each in vpcs if own_id(each, "default_route_table_id") == default), None)
        return own_id(owner, "id") if owner is not None else table.body.text("vpc_id")

    def say(self, level: Level, resource: Resource, what: str, remedy: str = "", touches: Iterable[str] = ()) -> None:
        self.messages.append(Message(level, resource.place, what, remedy, frozenset({resource.address, *touches})))

    def _refuse(self, resource: Resource, argument: str, names: tuple[str, ...], values: Mapping[str, object]) -> None:
        seen = ", ".join(longest(names)) or "no reference"
        others = (str(values[name]) for name in ("subnet_id", "route_table_id", "network_acl_id") if values.get(name))
        self.say("refuse", resource, f"{argument} cannot be resolved from the plan: {seen}", REMEDY, others)

    def _with_links(self, resource: Resource) -> Resource:
        """Return the resource with its own ids, and with the links of its arguments that are certain."""
        values = dict(resource.body.values)
        values |= {name: own_id(resource, name) for name in OWN.get(resource.type, ("id",))}
        unclear = []
        for argument in self._unknown_arguments(resource, values):
            names = self.plan.names(resource, argument)
            if names is None or (argument in GATEWAYS and resource.type != _EDGE):
                continue  # not given, so the provider computes it; or found later, by the VPC of the table
            found = link(self.plan, resource, argument, names) if argument in TYPES else None
            if found is not None:
                values[argument] = found.text
                self._inform(resource, found.how)
            elif argument in _KIND_IS_ENOUGH or argument in GATEWAYS:
                values[argument] = _UNKNOWN
            else:
                unclear.append((argument, names))
        self._judge(resource, unclear, values)
        return _changed(resource, values)

    def _inform(self, resource: Resource, how: str) -> None:
        if how:
            self.say("info", resource, how)

    def _judge(
        self, resource: Resource, unclear: list[tuple[str, tuple[str, ...]]], values: Mapping[str, object]
    ) -> None:
        for argument, names in unclear:
            if argument in DECIDING.get(resource.type, ()) or argument in _NESTED.get(resource.type, ()):
                self._refuse(resource, argument, names, values)
            elif resource.type in _RULES and argument in _LOOSE:
                self.say("note", resource, f"{argument} is not in the plan, so the rule is left out", REMEDY)

    def _unknown_arguments(self, resource: Resource, values: Mapping[str, object]) -> list[str]:
        unknown = self.unknown.get(resource.address, {})
        own = OWN.get(resource.type, ("id",))
        return [
            name
            for name, each in unknown.items()
            if _has_unknown(each) and name not in own and not isinstance(values.get(name), list | Mapping)
        ]

    def _with_gateways(self, resource: Resource, tables: Mapping[str, str]) -> Resource:
        """Return a route or a table with the gateways that its routes need."""
        if resource.type == "aws_route":
            return self._route(resource, tables.get(resource.body.text("route_table_id"), ""))
        for block in _NESTED.get(resource.type, ()):
            resource = self._blocks(resource, block, tables.get(own_id(resource, "id"), ""))
        return resource

    def _route(self, resource: Resource, vpc: str) -> Resource:
        values = dict(resource.body.values)
        for argument in GATEWAYS:
            names = self.plan.names(resource, argument)
            if argument in self._unknown_arguments(resource, values) and names is not None:
                self._gateway(resource, values, argument, names, vpc, merged=False)
        return _changed(resource, values)

    def _gateway(
        self,
        resource: Resource,
        values: dict[str, object],
        argument: str,
        names: tuple[str, ...],
        vpc: str,
        *,
        merged: bool,
    ) -> None:
        """Put the gateway that an argument means into `values`, or refuse."""
        found = link(self.plan, resource, argument, names, merged=merged)
        found = found or only_gateway(self.plan, resource, argument, names, vpc, self.vpcs)
        if found is None:
            self._refuse(resource, argument, names, values)
        else:
            values[argument] = found.text
            self._inform(resource, found.how)

    def _blocks(self, resource: Resource, block: str, vpc: str) -> Resource:
        """Return the resource with the unknown values in its blocks of one kind."""
        unknown = self.unknown.get(resource.address, {}).get(block)
        given = resource.body.values.get(block)
        if not _has_unknown(unknown) or unknown is True:
            return resource
        if not isinstance(given, list) or not isinstance(unknown, list) or len(given) != len(unknown):
            self._refuse(resource, block, (), {})
            return resource
        names = self.plan.names(resource, block) or ()
        made = [
            self._block(resource, f"{block}[{number}]", each, hidden, names, vpc)
            for number, (each, hidden) in enumerate(zip(given, unknown, strict=True))
        ]
        return _changed(resource, {**resource.body.values, block: [each for each in made if each is not None]})

    def _block(
        self, resource: Resource, where: str, given: object, hidden: object, names: tuple[str, ...], vpc: str
    ) -> Mapping[str, object] | None:
        """Return one block with its unknown values; None if it is left out."""
        values = dict(mapping(given, f"{resource.address}: {where}"))
        for argument in [name for name, each in _tree(hidden).items() if _has_unknown(each)]:
            if argument in GATEWAYS:
                self._gateway(resource, values, argument, names, vpc, merged=True)
            elif argument in _KIND_IS_ENOUGH:
                values[argument] = _UNKNOWN
            elif argument in _LOOSE:
                self.say("note", resource, f"{where}: {argument} is not in the plan, so the rule is left out", REMEDY)
                return None
            else:
                self._refuse(resource, f"{where} {argument}", names, {})
        return values

    def _with_blocks(self, resources: list[Resource]) -> list[Resource]:
        """Return the resources with the IPv6 blocks that we choose for VPCs, and number for their subnets."""
        known, _ = links(resources)
        asking = [each for each in askers(resources, known) if self._asks(each)]
        self.chosen = choose(asking, resources, self.options)
        placed = [_changed(each, {**each.body.values, "ipv6_cidr_block": str(self.chosen[each.address])})
                  if each.address in self.chosen else each for each in resources]  # fmt: skip
        free = {own_id(each, "id"): self._free(placed, each) for each in placed if each.type in VPCS}
        return [self._numbered(each, free) for each in placed]

    def _asks(self, resource: Resource) -> bool:
        hidden = self.unknown.get(resource.address, {}).get("ipv6_cidr_block")
        return hidden is True and (resource.type == ASSOCIATION or asks(resource))

    def _free(self, resources: list[Resource], vpc: Resource) -> Iterator[IPv6Network]:
        """Yield the /64 blocks of a VPC that no subnet of the plan has."""
        block = self.chosen.get(vpc.address) or vpc.body.ipv6("ipv6_cidr_block") or self._associated(resources, vpc)
        if block is None or block.prefixlen > 64:
            return
        taken = {each.body.ipv6("ipv6_cidr_block") for each in resources if each.type == "aws_subnet"}
        yield from (each for each in block.subnets(new_prefix=64) if each not in taken)

    def _associated(self, resources: list[Resource], vpc: Resource) -> IPv6Network | None:
        found = (
            each for each in resources if each.type == ASSOCIATION and each.body.text("vpc_id") == own_id(vpc, "id")
        )
        return next((self.chosen.get(each.address) or each.body.ipv6("ipv6_cidr_block") for each in found), None)

    def _numbered(self, resource: Resource, free: Mapping[str, Iterator[IPv6Network]]) -> Resource:
        hidden = self.unknown.get(resource.address, {}).get("ipv6_cidr_block")
        if resource.type != "aws_subnet" or hidden is not True:
            return resource
        names = self.plan.names(resource, "ipv6_cidr_block")
        if names is None:
            return resource
        block = next(free.get(resource.body.text("vpc_id"), iter(())), None)
        if block is None:
            self._refuse(resource, "ipv6_cidr_block", names, {})
            return resource
        self.say("info", resource, f"IPv6 block chosen: {block}")
        return _changed(resource, {**resource.body.values, "ipv6_cidr_block": str(block)})


def _changed(resource: Resource, values: Mapping[str, object]) -> Resource:
    return replace(resource, body=Body(resource.address, values))


def _unknown(change: Tree) -> Tree:
    found = mapping(change.get("change") or {}, "change").get("after_unknown")
    return _tree(found)


def _tree(found: object) -> Tree:
    return found if isinstance(found, Mapping) else {}


def _has_unknown(found: object) -> bool:
    """Return whether something in a tree of `after_unknown` is unknown."""
    waiting = [found]
    while waiting:
        each = waiting.pop()
        if each is True:
            return True
        if isinstance(each, Mapping):
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each
    return False

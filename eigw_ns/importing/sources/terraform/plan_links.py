"""Which resource an argument of a plan means, if that is certain. Nothing is guessed.

A link is certain in these cases:

- The expression names one resource, with one instance, or with a written index.
- It names one resource and `count.index` or `each.key`, and nothing else. Then both have the same index.
- It names a local value, and the module has one VPC, which the argument must mean. Or a route needs a gateway, and the
  VPC of its table has one of that kind.

Variables and outputs of modules are followed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from eigw_ns.frozen import frozen
from eigw_ns.importing.sources.terraform.references import Expressions, Found, Target, expressions
from eigw_ns.importing.sources.terraform.resources import Resource, quoted

_GROUPS = ("aws_security_group", "aws_default_security_group", "aws_vpc", "aws_default_vpc")
_SUBNETS = ("aws_subnet", "aws_default_subnet")
_VPCS = ("aws_vpc", "aws_default_vpc")

TYPES: Mapping[str, tuple[str, ...]] = {
    "vpc_id": _VPCS,
    "subnet_id": _SUBNETS,
    "route_table_id": ("aws_route_table", "aws_default_route_table", *_VPCS),
    "default_route_table_id": _VPCS,
    "default_network_acl_id": _VPCS,
    "network_acl_id": ("aws_network_acl", "aws_default_network_acl", *_VPCS),
    "internet_gateway_id": ("aws_internet_gateway",),
    "gateway_id": ("aws_internet_gateway", "aws_vpn_gateway", "aws_vpc_endpoint"),
    "egress_only_gateway_id": ("aws_egress_only_internet_gateway",),
    "nat_gateway_id": ("aws_nat_gateway",),
    "network_interface_id": ("aws_network_interface", "aws_instance"),
    "security_group_id": _GROUPS,
    "source_security_group_id": _GROUPS,
    "referenced_security_group_id": _GROUPS,
    "prefix_list_id": ("aws_ec2_managed_prefix_list",),
    "destination_prefix_list_id": ("aws_ec2_managed_prefix_list",),
}
"""The types of resources that an argument can name by an id."""

OWN: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(
        _VPCS,
        ("id", "default_route_table_id", "main_route_table_id", "default_network_acl_id", "default_security_group_id"),
    ),
    "aws_instance": ("id", "primary_network_interface_id"),
}
"""Ids that AWS gives, by type; `id` for all others."""

_OF_A_VPC = {
    "route_table_id": "default_route_table_id",
    "network_acl_id": "default_network_acl_id",
    "default_route_table_id": "default_route_table_id",
    "default_network_acl_id": "default_network_acl_id",
    "security_group_id": "default_security_group_id",
    "source_security_group_id": "default_security_group_id",
    "referenced_security_group_id": "default_security_group_id",
}
"""The id that an argument means if it names a VPC by an index, so that the plan lacks the attribute."""

GATEWAYS = ("gateway_id", "egress_only_gateway_id")


@frozen
class Link:
    """The id that an argument means, and how that is known, in words; "" for a plain reference."""

    text: str
    how: str = ""


@frozen
class Plan:
    """The resources of a plan by module, type and name, and the expressions of its configuration."""

    instances: Mapping[tuple[str, str, str], tuple[Resource, ...]]
    expressions: Expressions

    def siblings(self, resource: Resource) -> tuple[Resource, ...]:
        """Return all instances of a resource."""
        return self.instances.get((resource.module, resource.type, resource.name), ())

    def names(self, resource: Resource, argument: str) -> tuple[str, ...] | None:
        """Return what an argument names; None if the configuration does not give it."""
        return self.expressions.of(resource.module, resource.type, resource.name, argument)

    def follow(self, resource: Resource, names: Iterable[str]) -> Found:
        """Return what the names mean for this instance."""
        return self.expressions.follow(resource.module, names, resource.index)

    def of_types(self, types: Iterable[str]) -> tuple[Resource, ...]:
        """Return all instances of the types."""
        wanted = set(types)
        return tuple(each for (_, kind, _), found in self.instances.items() if kind in wanted for each in found)


def plan_of(resources: Iterable[Resource], root: Mapping[str, object]) -> Plan:
    """Return the resources with the configuration that `root` holds."""
    found: dict[tuple[str, str, str], list[Resource]] = {}
    for each in resources:
        found.setdefault((each.module, each.type, each.name), []).append(each)
    instances = {key: tuple(each) for key, each in found.items()}
    return Plan(instances, expressions(root, (module for module, _, _ in found if module)))


def own_id(resource: Resource, attribute: str) -> str:
    """Return the id of a resource: the one that it has, or its address."""
    return resource.body.text(attribute) or (
        resource.address if attribute == "id" else f"{resource.address}.{attribute}"
    )


def link(plan: Plan, resource: Resource, argument: str, names: Iterable[str], *, merged: bool = False) -> Link | None:
    """Return what an argument with these names means; None if that is not certain.

    `merged` means that the names are those of all arguments of all blocks of one kind, as a plan lists them.
    """
    types = TYPES[argument]
    found = plan.follow(resource, names)
    targets = [each for each in found.targets if each.type in types and _instances(plan, each)]
    others = [each for each in found.targets if each.type not in types and _instances(plan, each) and not merged]
    resources = {(each.module, each.type, each.name) for each in targets}
    if len(resources) == 1 and not others and not found.opaque and not found.locals:
        return _instance(plan, resource, argument, targets, bool(found.known))
    if argument == "vpc_id" and not targets and not others and not found.opaque and len(found.locals) == 1:
        return _only_vpc(plan, *found.locals)
    return None


def _instances(plan: Plan, target: Target) -> tuple[Resource, ...]:
    return plan.instances.get((target.module, target.type, target.name), ())


def _instance(plan: Plan, resource: Resource, argument: str, targets: list[Target], known: bool) -> Link | None:
    """Return the instance that the targets, all of one resource, mean."""
    target, found = targets[0], _instances(plan, targets[0])
    through = target.module != resource.module
    written = {each.index for each in targets}
    if written != {None}:
        chosen = [each for each in found if each.index is not None and quoted(each.index) == target.index]
        return _link(chosen[0], target, argument, "") if len(written) == 1 and chosen else None
    if len(found) == 1:
        return _link(found[0], target, argument, "through a variable or an output" if through else "")
    if known or target.pair is None:
        return None
    paired = [each for each in found if each.index == target.pair and type(each.index) is type(target.pair)]
    same = {each.index for each in found} == {each.index for each in plan.siblings(resource)}
    if not paired or not (same or isinstance(target.pair, str)):
        return None
    return _link(paired[0], target, argument, f"paired by [{quoted(target.pair)}]")


def _link(found: Resource, target: Target, argument: str, how: str) -> Link | None:
    attribute = target.attribute or (_OF_A_VPC.get(argument, "id") if found.type in _VPCS else "id")
    if attribute not in OWN.get(found.type, ("id",)):
        return None
    return Link(own_id(found, attribute), how and f"{argument} is {found.address}: {how}")


def _only_vpc(plan: Plan, module: str) -> Link | None:
    found = [each for each in plan.of_types(_VPCS) if each.module == module]
    if len(found) != 1:
        return None
    return Link(
        own_id(found[0], "id"), f"vpc_id is {found[0].address}: the only VPC of its module, behind a local value"
    )


def only_gateway(
    plan: Plan, resource: Resource, argument: str, names: Iterable[str], vpc: str, vpcs: Mapping[str, str]
) -> Link | None:
    """Return the gateway that a route of a table in `vpc` needs, if the VPC has one that the argument can name.

    `vpcs` are the VPCs of gateways by their address. The configuration must name nothing, as in a `dynamic` block, or
    only local values and gateways.
    """
    if plan.follow(resource, names).opaque:
        return None
    found = [each for each in plan.of_types(TYPES[argument]) if vpcs.get(each.address) in (vpc, None)]
    if len(found) != 1 or vpcs.get(found[0].address) is None:
        return None
    return Link(own_id(found[0], "id"), f"{argument} is {found[0].address}: the only one of its kind in the VPC")

"""What uses security groups in subnets. It decides about no route, so what is unclear here is left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv6Address

from eigw_ns.frozen import frozen
from eigw_ns.importing.design import DesignWorkload, Key, Link
from eigw_ns.importing.sources.terraform.body import Body
from eigw_ns.importing.sources.terraform.defaults import Defaults
from eigw_ns.importing.sources.terraform.invented import moved_address
from eigw_ns.importing.sources.terraform.links import ABSENT
from eigw_ns.importing.sources.terraform.order import rank
from eigw_ns.importing.sources.terraform.resources import Resource
from eigw_ns.importing.sources.terraform.state import State
from eigw_ns.importing.sources.terraform.vpcs import SUBNETS, vpc_of


@frozen
class _Shape:
    """Where a type of resource has its subnets and groups. A dot leads into a block."""

    kind: str
    subnets: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()


_BALANCER = _Shape("load balancer", ("subnets", "subnet_mapping.subnet_id"), ("security_groups",))
_DATABASE = _Shape("database", ("db_subnet_group_name",), ("vpc_security_group_ids",))
_INSTANCE = _Shape("instance", ("subnet_id",), ("vpc_security_group_ids", "security_groups"), ("ipv6_addresses",))
_CACHE = _Shape("cache", ("subnet_group_name",), ("security_group_ids",))

_SHAPES: Mapping[str, _Shape] = {
    "aws_instance": _INSTANCE,
    "aws_spot_instance_request": _INSTANCE,
    "aws_network_interface": _Shape(
        "network interface", ("subnet_id",), ("security_groups",), ("ipv6_addresses", "ipv6_address_list")
    ),
    "aws_launch_template": _Shape(
        "launch template",
        ("network_interfaces.subnet_id",),
        ("vpc_security_group_ids", "network_interfaces.security_groups"),
    ),
    "aws_autoscaling_group": _Shape("auto scaling group", ("vpc_zone_identifier",)),
    "aws_lb": _BALANCER,
    "aws_alb": _BALANCER,
    "aws_elb": _BALANCER,
    "aws_ecs_service": _Shape(
        "service", ("network_configuration.subnets",), ("network_configuration.security_groups",)
    ),
    "aws_lambda_function": _Shape("function", ("vpc_config.subnet_ids",), ("vpc_config.security_group_ids",)),
    "aws_eks_cluster": _Shape("cluster", ("vpc_config.subnet_ids",), ("vpc_config.security_group_ids",)),
    "aws_eks_node_group": _Shape("node group", ("subnet_ids",)),
    "aws_batch_compute_environment": _Shape(
        "compute environment", ("compute_resources.subnets",), ("compute_resources.security_group_ids",)
    ),
    "aws_vpc_endpoint": _Shape("endpoint", ("subnet_ids",), ("security_group_ids",)),
    "aws_efs_mount_target": _Shape("mount target", ("subnet_id",), ("security_groups",)),
    "aws_db_instance": _DATABASE,
    "aws_rds_cluster": _DATABASE,
    "aws_elasticache_cluster": _CACHE,
    "aws_elasticache_replication_group": _CACHE,
}

_BY_NAME = ("db_subnet_group_name", "subnet_group_name")
_LISTS = frozenset({"subnet_ids", "subnets", "vpc_zone_identifier",
                    "security_groups", "security_group_ids", "vpc_security_group_ids"})  # fmt: skip


def workloads(state: State, groups: Defaults) -> tuple[DesignWorkload, ...]:
    """Return the workloads that name a subnet or a group of the state."""
    found = (_workload(state, groups, each, shape) for kind, shape in _SHAPES.items() for each in state.of(kind))
    return tuple(each for each in found if each.subnets or each.groups)


def _workload(state: State, groups: Defaults, resource: Resource, shape: _Shape) -> DesignWorkload:
    subnets = _known(state.links.known("subnet", text) for text in _subnets(state, resource, shape))
    used = _known(groups.link(text) for text in _groups(state, resource, shape))
    addresses = tuple(sorted(set(_addresses(state, resource, shape, subnets))))
    return DesignWorkload(resource.label(), shape.kind, subnets, used, addresses)


def _known(links: Iterator[Link | None]) -> tuple[Link, ...]:
    return tuple(sorted({each for each in links if isinstance(each, Key)}, key=rank))


def _subnets(state: State, resource: Resource, shape: _Shape) -> Iterator[str]:
    for path in shape.subnets:
        for text in _texts(resource.body, path):
            yield from _of_subnet_group(state, text) if path in _BY_NAME else (text,)
    if shape is _INSTANCE:
        for interface in _interfaces(state, resource):
            yield interface.body.text("subnet_id")


def _of_subnet_group(state: State, text: str) -> Iterator[str]:
    for each in state.of("aws_db_subnet_group", "aws_elasticache_subnet_group"):
        if text in (each.body.text("name"), each.body.text("id")):
            yield from each.body.texts("subnet_ids")


def _groups(state: State, resource: Resource, shape: _Shape) -> Iterator[str]:
    for path in shape.groups:
        yield from _texts(resource.body, path)
    if shape is _INSTANCE:
        for interface in _interfaces(state, resource):
            yield from interface.body.texts("security_groups")
    for template in _templates(state, resource):
        yield from _template_groups(template)
    for each in state.of("aws_network_interface_sg_attachment"):
        if each.body.text("network_interface_id") in _own_interfaces(resource):
            yield each.body.text("security_group_id")


def _own_interfaces(resource: Resource) -> tuple[str, ...]:
    names = {"aws_instance": "primary_network_interface_id", "aws_network_interface": "id"}
    text = resource.body.text(names[resource.type]) if resource.type in names else ""
    return (text,) if text else ()


def _templates(state: State, resource: Resource) -> Iterator[Resource]:
    """Yield the launch template that it names. Those of a mocked state share an id, so only a single one counts."""
    wanted = {body.text("id") for body in resource.body.bodies("launch_template")} if _has_template(resource) else set()
    found = [each for each in state.of("aws_launch_template") if each.body.text("id") in wanted]
    yield from found if len(found) == 1 else ()


def _has_template(resource: Resource) -> bool:
    return resource.type in ("aws_instance", "aws_autoscaling_group", "aws_eks_node_group")


def _template_groups(template: Resource) -> Iterator[str]:
    for path in _SHAPES["aws_launch_template"].groups:
        yield from _texts(template.body, path)


def _interfaces(state: State, resource: Resource) -> Iterator[Resource]:
    """Yield the network interfaces of the state that an instance names in its blocks."""
    wanted = {body.text("network_interface_id") for body in resource.body.bodies("network_interface")} - {""}
    return (each for each in state.of("aws_network_interface") if each.body.text("id") in wanted)


def _addresses(state: State, resource: Resource, shape: _Shape, subnets: tuple[Link, ...]) -> Iterator[IPv6Address]:
    vpc = next((vpc_of(state, each) for each in state.of(*SUBNETS) if each.key in subnets[:1]), ABSENT)
    for name in shape.addresses:
        for address in resource.body.addresses(name):
            found = moved_address(address, vpc, state.invented)
            if found is not None:
                yield found


def _texts(body: Body, path: str) -> Iterator[str]:
    block, _, name = path.rpartition(".")
    for each in body.bodies(block) if block else (body,):
        yield from each.texts(name) if name in _LISTS else filter(None, [each.text(name)])

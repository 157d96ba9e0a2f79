"""Resources as tables for people: names beside ids, states in colour, counters of gateways and subnets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, repeat
from typing import Any, Protocol, TypeVar

from eigw_ns.cloud.filtering import network_acl, security_groups
from eigw_ns.cloud.ipv4_addresses import nat_gateway_id
from eigw_ns.cloud.model import UNKNOWN, AnyRoute, Cloud, Gateway, RouteTable, Subnet, Tags
from eigw_ns.cloud.prefix_lists import PrefixList
from eigw_ns.cloud.recorded import DhcpOptions, ElasticIp
from eigw_ns.cloud.routing import effective_route_table, route_state, target_gateway
from eigw_ns.cloud.subnet_class import SubnetClass, subnet_classes
from eigw_ns.cloud.tag_names import named_by_tags
from eigw_ns.render import filters
from eigw_ns.render.table import Cell, Table

Counters = Mapping[str, Mapping[str, tuple[int, int]]]
"""(packets, bytes) by the id of a gateway or subnet and by the name of the counter."""

Columns = tuple[str, ...]
Rows = tuple[tuple[Cell, ...], ...]


class _Tagged(Protocol):
    @property
    def tags(self) -> Tags: ...


_Resource = TypeVar("_Resource", bound=_Tagged)

_ACTIVE = ("active", "green")
_BLACKHOLE = ("blackhole", "bold red")
_UNKNOWN = ("unknown", "yellow")
_OPTIONAL = ("Target id", "Id", "Internet")
"""Columns that a narrow terminal does not show: names say the same, and so do route tables."""

_IF_USED = ("IPv4 block", "IPv4 address")
"""Columns that are shown only if a row has a value."""

HEADINGS = {
    "Vpcs": "VPCs",
    "Subnets": "Subnets",
    "RouteTables": "Route tables",
    "EgressOnlyInternetGateways": "Egress-only internet gateways",
    "InternetGateways": "Internet gateways",
    "NatGateways": "NAT gateways",
    "NetworkAcls": "Network ACLs",
    "SecurityGroups": "Security groups",
    "Instances": "Instances",
    "NetworkInterfaces": "Network interfaces (recorded)",
    "Addresses": "Elastic IP addresses",
    "DhcpOptions": "DHCP options",
    "PrefixLists": "Managed prefix lists",
    "KeyPairs": "Key pairs (recorded)",
    "InternetHosts": "Internet hosts",
}


def tables(
    cloud: Cloud, kinds: Iterable[str], tags: Tags, counters: Counters, *, zeros: bool = False
) -> tuple[Table, ...]:
    """Return a table per kind (of `render.aws.KINDS`) with the resources that have all of `tags`, then the counters.

    Empty tables are left out. Counters at zero are left out unless `zeros` is True.
    """
    cloud = named_by_tags(cloud)
    drawn = [_table(kind, *_KINDS[kind](cloud, tags)) for kind in kinds]
    drawn.append(Table("Counters", ("Where", "Counter", "Packets", "Bytes"), tuple(_counters(cloud, counters, zeros))))
    return tuple(table for table in drawn if table.rows)


def _table(kind: str, columns: Columns, rows: Rows) -> Table:
    unused = {index for index, name in enumerate(columns) if name in _IF_USED and not any(row[index] for row in rows)}
    columns = tuple(name for index, name in enumerate(columns) if index not in unused)
    rows = tuple(tuple(cell for index, cell in enumerate(row) if index not in unused) for row in rows)
    return Table(HEADINGS[kind], columns, rows, optional=tuple(each for each in _OPTIONAL if each in columns))


def counter_data(counters: Counters) -> dict[str, Any]:
    """Return the counters as `describe -o json` prints them."""
    return {
        resource_id: {name: {"Packets": packets, "Bytes": size} for name, (packets, size) in sorted(found.items())}
        for resource_id, found in counters.items()
    }


def _vpcs(cloud: Cloud, tags: Tags) -> tuple[Columns, Rows]:
    found = _tagged(cloud.vpcs.values(), tags)
    return ("Name", "Id", "IPv6 block", "IPv4 block", "Tags"), tuple(
        (vpc.name, vpc.id, _blocks(vpc.ipv6_cidr_blocks), _blocks(vpc.cidr_blocks), _tag_text(vpc.tags))
        for vpc in found
    )


def _blocks(blocks: Iterable[object]) -> str:
    return ", ".join(map(str, blocks))


def _subnets(cloud: Cloud, tags: Tags) -> tuple[Columns, Rows]:
    found, classes = _tagged(cloud.subnets.values(), tags), subnet_classes(cloud)
    return ("Name", "Id", "IPv6 block", "IPv4 block", "Internet", "Route table", "Network ACL", "Tags"), tuple(
        (
            qualified(cloud, subnet.vpc_id, subnet.name),
            subnet.id,
            str(subnet.ipv6_association.block) if subnet.ipv6_association else "",
            str(subnet.cidr_block or ""),
            _class_text(classes[subnet.id]),
            _table_of(cloud, subnet),
            network_acl(cloud, subnet).name,
            _tag_text(subnet.tags),
        )
        for subnet in found
    )


def _class_text(found: SubnetClass) -> str:
    """Return the class of a subnet in both families, once if it has only one or if both are the same."""
    words = {family: word for family, word in (("IPv4", found.ipv4), ("IPv6", found.ipv6)) if word != "absent"}
    if len(set(words.values())) <= 1:
        return next(iter(words.values()), "")
    return ", ".join(f"{family} {word}" for family, word in words.items())


def class_data(cloud: Cloud, subnet_ids: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return the classes of subnets by their ids as `describe -o json` prints them."""
    classes = subnet_classes(cloud)
    return {each: {"Ipv4": classes[each].ipv4, "Ipv6": classes[each].ipv6} for each in subnet_ids}


def _route_tables(cloud: Cloud, tags: Tags) -> tuple[Columns, Rows]:
    """Return one row per route. Only the first row of a table has the table's name and id."""
    rows = [row for table in _tagged(cloud.route_tables.values(), tags) for row in _routes(cloud, table)]
    return ("Name", "Id", "Destination", "Target", "Target id", "State", "Tags"), tuple(rows)


def _routes(cloud: Cloud, table: RouteTable) -> Iterator[tuple[Cell, ...]]:
    name = qualified(cloud, table.vpc_id, table.name) + (" (main)" if table.main else "")
    heads = chain(((name, table.id, _tag_text(table.tags)),), repeat(("", "", "")))
    for block, (called, table_id, tags) in zip(cloud.vpcs[table.vpc_id].blocks, heads, strict=False):
        yield called, table_id, str(block), "local", "", _ACTIVE, tags
    for route in table.all_routes:
        destination = filters.prefix_list(cloud, route.destination)
        yield "", "", destination, *_target(cloud, table, route), _state(cloud, table, route), ""


def _state(cloud: Cloud, table: RouteTable, route: AnyRoute) -> Cell:
    if route.target_id == UNKNOWN:
        return _UNKNOWN
    return _ACTIVE if route_state(cloud, table, route) == "active" else _BLACKHOLE


def _gateways(gateways: Iterable[Gateway], attached: str, cloud: Cloud, tags: Tags) -> tuple[Columns, Rows]:
    return ("Name", "Id", "VPC", "State", "Tags"), tuple(
        (
            gateway.name,
            gateway.id,
            cloud.vpcs[gateway.vpc_id].name if gateway.vpc_id else "",
            (attached, "green") if gateway.vpc_id else ("detached", "yellow"),
            _tag_text(gateway.tags),
        )
        for gateway in _tagged(gateways, tags)
    )


def _egress_only_internet_gateways(cloud: Cloud, tags: Tags) -> tuple[Columns, Rows]:
    return _gateways(cloud.egress_only_internet_gateways.values(), "attached", cloud, tags)


def _internet_gateways(cloud: Cloud, tags: Tags) -> tuple[Columns, Rows]:
    return _gateways(cloud.internet_gateways.values(), "available", cloud, tags)


def _nat_gateways(cloud: Cloud, tags: Tags) -> tuple[Columns, Rows]:
    return ("Name", "Id", "Subnet", "Elastic IP address", "IPv4 address", "Tags"), tuple(
        (
            qualified(cloud, gateway.vpc_id, gateway.name),
            gateway.id,
            cloud.subnets[gateway.subnet_id].name,
            cloud.elastic_ips[gateway.allocation_id].name if gateway.allocation_id else "",
            str(gateway.private_ip_address or ""),
            _tag_text(gateway.tags),
        )
        for gateway in _tagged(cloud.nat_gateways.values(), tags)
    )


def _addresses(cloud: Cloud, tags: Tags) -> tuple[Columns, Rows]:
    return ("Name", "Id", "IPv4 address", "Associated with", "Tags"), tuple(
        (address.name, address.id, str(address.public_ip), _owner(cloud, address), _tag_text(address.tags))
        for address in _tagged(cloud.elastic_ips.values(), tags)
    )


def _owner(cloud: Cloud, address: ElasticIp) -> str:
    gateway = cloud.nat_gateways.get(nat_gateway_id(cloud, address) or "")
    if gateway is not None:
        return qualified(cloud, gateway.vpc_id, gateway.name)
    if address.association is None:
        return ""
    instance = cloud.instances[address.association.instance_id]
    return qualified(cloud, cloud.subnets[instance.subnet_id].vpc_id, instance.name)


def _dhcp_options(cloud: Cloud, tags: Tags) -> tuple[Columns, Rows]:
    return ("Name", "Id", "Options", "Tags"), tuple(
        (options.name, options.id, _option_text(options), _tag_text(options.tags))
        for options in _tagged(cloud.dhcp_options.values(), tags)
    )


def _option_text(options: DhcpOptions) -> str:
    return "; ".join(f"{option} {', '.join(values)}" for option, values in options.configurations)


def _network_acls(cloud: Cloud, tags: Tags) -> tuple[Columns, Rows]:
    return filters.ACL_COLUMNS, tuple(filters.acl_rows(cloud, _tagged(cloud.network_acls.values(), tags)))


def _security_groups(cloud: Cloud, tags: Tags) -> tuple[Columns, Rows]:
    return filters.GROUP_COLUMNS, tuple(filters.group_rows(cloud, _tagged(cloud.security_groups.values(), tags)))


def _instances(cloud: Cloud, tags: Tags) -> tuple[Columns, Rows]:
    rows: list[tuple[Cell, ...]] = []
    for instance in _tagged(cloud.instances.values(), tags):
        subnet = cloud.subnets[instance.subnet_id]
        name = qualified(cloud, subnet.vpc_id, instance.name)
        groups = ", ".join(group.name for group in security_groups(cloud, instance))
        addresses = ", ".join(map(str, instance.blocks))
        state = (instance.state, "green" if instance.state == "running" else "yellow")
        private = str(instance.private_ip_address or "")
        rows.append((name, instance.id, state, addresses, private, subnet.name, groups, _tag_text(instance.tags)))
    return ("Name", "Id", "State", "IPv6 address", "IPv4 address", "Subnet", "Security groups", "Tags"), tuple(rows)


def _network_interfaces(cloud: Cloud, tags: Tags) -> tuple[Columns, Rows]:
    """Return one row per interface that is not the primary one of an instance."""
    rows: list[tuple[Cell, ...]] = []
    for interface in _tagged(cloud.network_interfaces.values(), tags):
        subnet, attached = cloud.subnets[interface.subnet_id], interface.attachment
        owner = f"{cloud.instances[attached.instance_id].name} ({attached.device_index})" if attached else ""
        addresses = ", ".join(map(str, interface.blocks))
        private = ", ".join(map(str, interface.ipv4_addresses))
        name = qualified(cloud, subnet.vpc_id, interface.name)
        rows.append((name, interface.id, owner, addresses, private, subnet.name, _tag_text(interface.tags)))
    return ("Name", "Id", "Attached to", "IPv6 address", "IPv4 address", "Subnet", "Tags"), tuple(rows)


def _prefix_lists(cloud: Cloud, tags: Tags) -> tuple[Columns, Rows]:
    """Return one row per entry. Only the first row of a list has its name and id. An empty list has one row."""
    rows = [row for each in _tagged(cloud.prefix_lists.values(), tags) for row in _entries(each)]
    return ("Name", "Id", "Block", "Description", "Version", "Entries", "Tags"), tuple(rows)


def _entries(prefix_list: PrefixList) -> Iterator[tuple[Cell, ...]]:
    used = f"{len(prefix_list.entries)} of {prefix_list.max_entries}"
    head = (str(prefix_list.version), used, _tag_text(prefix_list.tags))
    blocks = [(str(each.cidr_block), each.description) for each in prefix_list.entries] or [("nothing", "")]
    for index, block in enumerate(blocks):
        yield ("", "", *block, "", "", "") if index else (prefix_list.name, prefix_list.id, *block, *head)


def _key_pairs(cloud: Cloud, tags: Tags) -> tuple[Columns, Rows]:
    found = _tagged(cloud.key_pairs.values(), tags)
    return ("Name", "Id", "Type", "Fingerprint", "Tags"), tuple(
        (key.name, key.id, key.key_type, key.fingerprint, _tag_text(key.tags)) for key in found
    )


def _hosts(cloud: Cloud, tags: Tags) -> tuple[Columns, Rows]:
    hosts = () if tags else cloud.hosts.values()  # internet hosts have no tags
    return ("Name", "Id", "IPv6 address"), tuple((host.name, host.id, str(host.ipv6_address)) for host in hosts)


_KINDS: Mapping[str, Callable[[Cloud, Tags], tuple[Columns, Rows]]] = {
    "Vpcs": _vpcs,
    "Subnets": _subnets,
    "RouteTables": _route_tables,
    "EgressOnlyInternetGateways": _egress_only_internet_gateways,
    "InternetGateways": _internet_gateways,
    "NatGateways": _nat_gateways,
    "NetworkAcls": _network_acls,
    "SecurityGroups": _security_groups,
    "Instances": _instances,
    "NetworkInterfaces": _network_interfaces,
    "Addresses": _addresses,
    "DhcpOptions": _dhcp_options,
    "PrefixLists": _prefix_lists,
    "KeyPairs": _key_pairs,
    "InternetHosts": _hosts,
}


def _counters(cloud: Cloud, counters: Counters, zeros: bool) -> Iterator[tuple[Cell, ...]]:
    routers: dict[str, Gateway | Subnet] = {
        **cloud.egress_only_internet_gateways,
        **cloud.internet_gateways,
        **cloud.subnets,
    }
    for resource_id, found in counters.items():
        router = routers[resource_id]
        name = qualified(cloud, router.vpc_id, router.name) if router.vpc_id else router.name
        shown = [(counter, numbers) for counter, numbers in sorted(found.items()) if zeros or numbers[0]]
        for index, (counter, (packets, size)) in enumerate(shown):
            yield "" if index else name, counter, f"{packets:,}", f"{size:,}"


def qualified(cloud: Cloud, vpc_id: str, name: str) -> str:
    """Return the name with its VPC's: `main/outbound`."""
    return f"{cloud.vpcs[vpc_id].name}/{name}"


def _table_of(cloud: Cloud, subnet: Subnet) -> str:
    table = effective_route_table(cloud, subnet)
    return table.name if subnet.route_table_id else f"{table.name} (main)"


def _target(cloud: Cloud, table: RouteTable, route: AnyRoute) -> tuple[str, str]:
    """Return the name and the id of the gateway; without a name, the id in both places if the gateway is lost."""
    gateway = cloud.nat_gateways.get(route.target_id) or target_gateway(cloud, table, route)
    return (gateway.name, gateway.id) if gateway else (route.target_id, route.target_id)


def _tag_text(tags: Tags) -> str:
    return ", ".join(f"{key}={value}" for key, value in tags)


def _tagged(resources: Iterable[_Resource], tags: Tags) -> Iterator[_Resource]:
    return (resource for resource in resources if set(tags) <= set(resource.tags))

"""What a resource is, as facts in AWS's words: the name of each fact, and its value as text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from eigw_ns.cloud.defaults import default_network_acl, default_security_group
from eigw_ns.cloud.filtering import network_acl
from eigw_ns.cloud.flow_logs import FlowLog
from eigw_ns.cloud.instance_records import InstanceAttributes, KeyPair
from eigw_ns.cloud.interface_records import NetworkInterface, PrimaryInterface
from eigw_ns.cloud.model import (
    BLACKHOLE,
    INTERNET_MTU,
    UNKNOWN,
    Cloud,
    ConnectionTracking,
    EgressOnlyInternetGateway,
    Instance,
    InternetGateway,
    InternetHost,
    NetworkAcl,
    RouteTable,
    SecurityGroup,
    SecurityGroupRule,
    Subnet,
    SubnetAttributes,
    Vpc,
    VpcAttributes,
)
from eigw_ns.cloud.prefix_lists import PrefixList
from eigw_ns.cloud.recorded import DhcpOptions, ElasticIp, NatGateway
from eigw_ns.cloud.routing import effective_route_table, route_state
from eigw_ns.cloud.tag_names import named_by_tags, with_id
from eigw_ns.dataplane.trace import words
from eigw_ns.frozen import frozen

Names = Mapping[str, str]
"""What people call a resource, by its id. A name is qualified by the VPC's."""

Facts = dict[str, str]
"""The value of each fact. The name of a fact goes before its value: `route ::/0 to` before `outbound`."""


@frozen
class Described:
    """A resource in words. `made_with_vpc` tells that AWS makes just this one with the VPC."""

    id: str
    kind: str
    name: str
    facts: Facts
    made_with_vpc: bool = False


def names(cloud: Cloud) -> dict[str, str]:
    """Return the name of each resource by its id: `main/app`; for what is in no VPC, its own name.

    A `Name` tag has the id after it: several resources may have the same tag.
    """
    cloud = named_by_tags(cloud, with_id)
    vpcs = {vpc.id: vpc.name for vpc in cloud.vpcs.values()}
    found = dict(vpcs)
    found |= {each.id: each.name for kind in (cloud.elastic_ips, cloud.dhcp_options) for each in kind.values()}
    for kind in (cloud.subnets, cloud.route_tables, cloud.egress_only_internet_gateways, cloud.internet_gateways,
                 cloud.nat_gateways, cloud.network_acls, cloud.security_groups):  # fmt: skip
        found |= {each.id: _qualified(vpcs.get(each.vpc_id or ""), each.name) for each in kind.values()}
    found |= {each.id: _qualified(vpcs[each.vpc_id], each.name) for each in cloud.flow_logs.values()}
    for instance in cloud.instances.values():
        found[instance.id] = _qualified(vpcs[cloud.subnets[instance.subnet_id].vpc_id], instance.name)
    for each in cloud.network_interfaces.values():
        found[each.id] = _qualified(vpcs[cloud.subnets[each.subnet_id].vpc_id], each.name)
    found |= {each.id: each.name for kind in (cloud.key_pairs, cloud.prefix_lists) for each in kind.values()}
    return found | {host.id: f"internet/{host.name}" for host in cloud.hosts.values()}


def _qualified(vpc: str | None, name: str) -> str:
    return f"{vpc}/{name}" if vpc else name


def described(cloud: Cloud, known: Names) -> Iterator[Described]:
    """Yield every resource of the cloud. References to others have their names in `known`."""
    own = names(cloud)
    for resource, kind, facts in _resources(cloud, known):
        tags = {f"tag {key}:": value for key, value in getattr(resource, "tags", ())}
        yield Described(resource.id, kind, own[resource.id], facts | tags, _is_made_with_vpc(cloud, resource))


def _resources(cloud: Cloud, known: Names) -> Iterator[tuple[Any, str, Facts]]:
    short = {resource_id: name.rpartition("/")[2] for resource_id, name in known.items()}
    tell: tuple[tuple[str, Mapping[str, Any], Callable[[Cloud, Any, Names], Facts]], ...] = (
        ("VPC", cloud.vpcs, _vpc),
        ("egress-only internet gateway", cloud.egress_only_internet_gateways, _egress_only_internet_gateway),
        ("internet gateway", cloud.internet_gateways, _internet_gateway),
        ("NAT gateway", cloud.nat_gateways, _nat_gateway),
        ("route table", cloud.route_tables, _route_table),
        ("network ACL", cloud.network_acls, _network_acl),
        ("security group", cloud.security_groups, _security_group),
        ("subnet", cloud.subnets, _subnet),
        ("instance", cloud.instances, _instance),
        ("network interface", cloud.network_interfaces, _network_interface),
        ("elastic IP address", cloud.elastic_ips, _elastic_ip),
        ("set of DHCP options", cloud.dhcp_options, _dhcp_options),
        ("prefix list", cloud.prefix_lists, _prefix_list),
        ("key pair", cloud.key_pairs, _key_pair),
        ("flow log", cloud.flow_logs, _flow_log),
        ("internet host", cloud.hosts, _host),
    )
    for kind, resources, facts in tell:
        yield from ((resource, kind, facts(cloud, resource, short)) for resource in resources.values())


def _vpc(_cloud: Cloud, vpc: Vpc, known: Names) -> Facts:
    mtu = {"MTU": str(vpc.mtu)} if vpc.mtu != INTERNET_MTU else {}
    found = replace(vpc.attributes, dhcp_options_id=None)
    options = vpc.attributes.dhcp_options_id
    named = {"DHCP options": known.get(options, options)} if options else {}
    return _blocks(vpc.blocks) | mtu | named | _attributes(found, VpcAttributes())


def _blocks(found: Sequence[object]) -> Facts:
    return {"block" if len(found) == 1 else "blocks": ", ".join(map(str, found))}


def _attributes(found: object, usual: Any) -> Facts:
    """Return the attributes that differ from the default."""
    names = [each.name for each in fields(usual) if getattr(found, each.name) != getattr(usual, each.name)]
    return {f"{name.replace('_', ' ')}:": str(getattr(found, name)) for name in names}


def _egress_only_internet_gateway(_cloud: Cloud, gateway: EgressOnlyInternetGateway, _known: Names) -> Facts:
    usual, found = ConnectionTracking(), gateway.connection_tracking
    keys = [each.name for each in fields(found) if getattr(found, each.name) != getattr(usual, each.name)]
    replicas = {"replicas": str(gateway.replicas)} if gateway.replicas > 1 else {}
    accounting = {"flow accounting:": "on"} if gateway.flow_accounting else {}
    return replicas | accounting | {f"{key}:": str(getattr(found, key)) for key in keys}


def _flow_log(_cloud: Cloud, log: FlowLog, _known: Names) -> Facts:
    return {"of": log.traffic_type}


def _internet_gateway(_cloud: Cloud, gateway: InternetGateway, known: Names) -> Facts:
    return {"attached to": known.get(gateway.vpc_id, gateway.vpc_id)} if gateway.vpc_id else {}


def _nat_gateway(_cloud: Cloud, gateway: NatGateway, known: Names) -> Facts:
    address, private = gateway.allocation_id, gateway.private_ip_address
    return {
        "subnet": known[gateway.subnet_id],
        **({"elastic IP address": known.get(address, address)} if address else {}),
        **({"address": str(private)} if private else {}),
    }


def _elastic_ip(_cloud: Cloud, address: ElasticIp, known: Names) -> Facts:
    owner = {"associated with": known[address.association.instance_id]} if address.association else {}
    return {"address": str(address.public_ip), **owner}


def _dhcp_options(_cloud: Cloud, options: DhcpOptions, _known: Names) -> Facts:
    return {option: ", ".join(values) for option, values in options.configurations}


def _route_table(cloud: Cloud, table: RouteTable, known: Names) -> Facts:
    facts = {"main": "table of its VPC"} if table.main else {}
    for route in table.all_routes:
        target = known.get(route.target_id, route.target_id)
        lost = route_state(cloud, table, route) == "blackhole" and target not in (BLACKHOLE, UNKNOWN)
        destination = f"prefix list {known[each]}" if isinstance(each := route.destination, str) else each
        facts[f"route {destination} to"] = f"{target} (blackhole)" if lost else target
    return facts


def _network_acl(_cloud: Cloud, acl: NetworkAcl, _known: Names) -> Facts:
    facts = {}
    for entry in acl.entries:
        number, text = words.entry(entry).split(" ", 1)
        facts[f"{words.way(entry.egress)} rule {number}"] = text
    return facts


def _security_group(_cloud: Cloud, group: SecurityGroup, known: Names) -> Facts:
    described_as = {"description": f'"{group.description}"'} if group.description else {}
    return described_as | {f"{words.way(rule.egress)} {allowed(rule, known)}": _notes(rule) for rule in group.rules}


def allowed(rule: SecurityGroupRule, known: Names) -> str:
    """Return the traffic and the peer of a rule: `tcp 443 from ::/0`."""
    peer = rule.peer
    if not isinstance(peer, str):
        listed = f" of prefix list {known.get(rule.prefix_list_id, '')}" if rule.prefix_list_id else ""
        return words.group_rule(rule, f"{peer}{listed}")
    kind = "group" if rule.referenced_list_id is None else "prefix list"
    return words.group_rule(rule, f"{kind} {known.get(peer, peer)}")


def _notes(rule: SecurityGroupRule) -> str:
    """Return the description and the tags of a rule, which decide about no packet."""
    tags = [f"{key}={value}" for key, value in rule.tags]
    return ", ".join(([f'"{rule.description}"'] if rule.description else []) + tags)


def _subnet(cloud: Cloud, subnet: Subnet, known: Names) -> Facts:
    table, ipv6 = effective_route_table(cloud, subnet), subnet.ipv6_association
    return {
        **_blocks([each for each in (subnet.cidr_block, ipv6 and ipv6.block) if each]),
        "route table": known[table.id] + ("" if subnet.route_table_id else " (main)"),
        "network ACL": known[network_acl(cloud, subnet).id],
        **_attributes(subnet.attributes, SubnetAttributes()),
    }


def _instance(_cloud: Cloud, instance: Instance, known: Names) -> Facts:
    groups = ", ".join(known[group] for group in instance.security_group_ids)
    mtu = {"MTU": str(instance.mtu)} if instance.mtu else {}
    addresses = {"address": ", ".join(map(str, instance.blocks))} if instance.blocks else {}
    state = {"state": instance.state} if instance.state != "running" else {}
    private = {"IPv4 address": str(instance.private_ip_address)} if instance.private_ip_address else {}
    recorded = _attributes(instance.attributes, InstanceAttributes())
    place = {"subnet": known[instance.subnet_id], "security groups": groups}
    interface = {f"interface {name}": value for name, value in _interface_facts(instance.interface).items()}
    disks = {f"volume {each.id}": f"{each.device}, {each.size} GiB, {each.type}" for each in instance.volumes}
    return {**addresses, **place, **state, **private, **mtu, **recorded, **interface, **disks}


def _interface_facts(found: PrimaryInterface) -> Facts:
    """Return what is recorded of the primary interface of an instance, and what is not the default."""
    plain = replace(found, private_ip_addresses=(), tags=())
    further = ", ".join(map(str, found.private_ip_addresses))
    tags = {f"tag {key}:": value for key, value in found.tags}
    return _attributes(plain, PrimaryInterface()) | ({"IPv4 addresses": further} if further else {}) | tags


def _network_interface(_cloud: Cloud, interface: NetworkInterface, known: Names) -> Facts:
    attached = interface.attachment
    device = f"{known[attached.instance_id]} as device {attached.device_index}" if attached else ""
    addresses = ", ".join(map(str, (*interface.ipv4_addresses, *interface.blocks)))
    return {
        **({"address": addresses} if addresses else {}),
        "subnet": known[interface.subnet_id],
        "security groups": ", ".join(known[group] for group in interface.security_group_ids),
        **({"attached to": device} if device else {}),
        **({"deleted with": "its instance"} if attached and attached.delete_on_termination else {}),
        **({"description": f'"{interface.description}"'} if interface.description else {}),
        **({} if interface.source_dest_check else {"source dest check:": "False"}),
        **({"primary ipv6:": "True"} if interface.primary_ipv6 else {}),
    }


def _prefix_list(_cloud: Cloud, found: PrefixList, _known: Names) -> Facts:
    facts = {"address family": found.address_family, "maximum of entries": str(found.max_entries)}
    facts |= {"version": str(found.version)} if found.version > 1 else {}
    described_as = ((each.cidr_block, each.description) for each in found.entries)
    return facts | {f"entry {block}": f'"{text}"' if text else "" for block, text in described_as}


def _key_pair(_cloud: Cloud, key: KeyPair, _known: Names) -> Facts:
    return {"fingerprint": key.fingerprint, "type": key.key_type}


def _host(_cloud: Cloud, host: InternetHost, _known: Names) -> Facts:
    return {"address": str(host.ipv6_address)}


def _is_made_with_vpc(cloud: Cloud, resource: object) -> bool:
    match resource:
        case NetworkAcl(default=True):
            return resource == default_network_acl(cloud.lab, cloud.vpcs[resource.vpc_id])
        case SecurityGroup():
            return resource == default_security_group(cloud.lab, cloud.vpcs[resource.vpc_id])
        case _:
            return False

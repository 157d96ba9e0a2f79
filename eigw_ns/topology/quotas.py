"""The quotas of AWS that a cloud exceeds. `ec2 … --quota` can raise quotas, and an exported file must name them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict

from eigw_ns.cloud.ec2.settings import Quotas
from eigw_ns.cloud.interfaces import interfaces
from eigw_ns.cloud.list_references import rules_counted
from eigw_ns.cloud.model import Cloud, Tags
from eigw_ns.topology.data import Data

_FAMILIES = (4, 6)


def raised_quotas(cloud: Cloud) -> Data:
    """Return the quotas that the cloud needs and that are higher than AWS's, by name.

    Resources are counted as the rules of a topology file count them, see `topology.rules`.
    """
    usual = asdict(Quotas())
    needed = {
        "egress_only_internet_gateways_per_vpc": max(_gateways(cloud), default=0),
        "entries_per_network_acl": max(_entries(cloud), default=0) + 1,  # AWS's last entry, `*`, counts too
        "rules_per_security_group": max(_rules(cloud), default=0),
        "security_groups_per_interface": max(
            (len(each.security_group_ids) for each in interfaces(cloud).values()), default=0
        ),
        "tags_per_resource": max(map(len, _tags(cloud)), default=0),
    }
    return {name: number for name, number in needed.items() if number > usual[name]}


def _gateways(cloud: Cloud) -> Iterator[int]:
    yield from Counter(each.vpc_id for each in cloud.egress_only_internet_gateways.values()).values()


def _entries(cloud: Cloud) -> Iterator[int]:
    for acl in cloud.network_acls.values():
        yield from Counter((entry.egress, entry.cidr_block.version) for entry in acl.entries).values()


def _rules(cloud: Cloud) -> Iterator[int]:
    """Yield the number of rules for each group, direction and IP version.

    A rule whose peer is a group counts for both IP versions, one whose peer is a prefix list as often as the list can
    have entries.
    """
    for group in cloud.security_groups.values():
        counts: Counter[tuple[bool, int]] = Counter()
        for rule in group.rules:
            counts.update({(rule.egress, version): rules_counted(cloud, rule, version) for version in _FAMILIES})
        yield from counts.values()


def _tags(cloud: Cloud) -> Iterator[Tags]:
    everything = (
        cloud.vpcs,
        cloud.subnets,
        cloud.route_tables,
        cloud.egress_only_internet_gateways,
        cloud.internet_gateways,
        cloud.network_acls,
        cloud.security_groups,
        cloud.instances,
        cloud.nat_gateways,
        cloud.elastic_ips,
        cloud.dhcp_options,
        cloud.prefix_lists,
    )
    for resources in everything:
        yield from (each.tags for each in resources.values())
    yield from (each.tags for each in interfaces(cloud).values())
    yield from (volume.tags for instance in cloud.instances.values() for volume in instance.volumes)
    yield from (rule.tags for group in cloud.security_groups.values() for rule in group.rules)

"""Settings that differ between front ends and tests: quotas, strictness of filters, and the source of new ids."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import field
from datetime import UTC, datetime

from eigw_ns.frozen import frozen

ACCOUNT_ID = "000000000000"
"""The AWS account id that owns every resource of a lab, unless the settings have another one."""

REGION = "us-east-1"
"""The Region of every resource of a lab, unless the settings have another one. Programs check that AWS has it."""


@frozen
class Quotas:
    """AWS's default quotas: https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html

    Rules, entries and routes are counted separately for IPv4 and IPv6. The entries of an ACL include the implicit last
    one. A reference to a prefix list counts as often as the list can have entries.
    """

    vpcs_per_region: int = 5
    subnets_per_vpc: int = 200
    ipv4_cidr_blocks_per_vpc: int = 5
    ipv6_cidr_blocks_per_vpc: int = 5
    egress_only_internet_gateways_per_vpc: int = 1
    egress_only_internet_gateways_per_region: int = 5
    internet_gateways_per_region: int = 5
    route_tables_per_vpc: int = 200
    routes_per_route_table: int = 500
    network_acls_per_vpc: int = 200
    entries_per_network_acl: int = 20
    security_groups_per_region: int = 2500
    rules_per_security_group: int = 60
    security_groups_per_interface: int = 5
    elastic_ips_per_region: int = 5
    nat_gateways_per_availability_zone: int = 5
    instances_per_region: int = 1000
    prefix_lists_per_region: int = 100
    network_interfaces_per_region: int = 5000
    tags_per_resource: int = 50
    filters_per_request: int = 50
    values_per_filter: int = 200


def random_id() -> str:
    """Return 17 random hex digits: the part of an id that follows the prefix."""
    return secrets.token_hex(9)[:17]


def current_time() -> int:
    """Return the time in seconds since 1970."""
    return int(datetime.now(UTC).timestamp())


@frozen
class Settings:
    """Settings of actions. `strict_filters` makes an unknown filter an error also if AWS ignores it.

    `now` is the clock (seconds since 1970): launch times, and how long terminated instances are shown.
    `account` and `region` are those that answers name (`owner.owned`). `regions` are those that have a lab; empty: only
    `region`.
    """

    quotas: Quotas = field(default_factory=Quotas)
    new_id: Callable[[], str] = random_id
    now: Callable[[], int] = current_time
    strict_filters: bool = False
    account: str = ACCOUNT_ID
    region: str = REGION
    regions: tuple[str, ...] = ()

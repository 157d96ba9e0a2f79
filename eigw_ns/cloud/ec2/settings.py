"""What may differ between one front end, or one test, and another: quotas, strictness, where new ids come from."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

ACCOUNT_ID = "000000000000"
"""The account that owns everything here."""

REGION = "local-1"
"""The Region that everything is in: one of AWS's form, but none of AWS's."""


@dataclass(frozen=True, slots=True)
class Quotas:
    """AWS's default quotas: https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html

    Rules, entries and routes are counted for IPv4 and IPv6 apart; an ACL's entries include the implicit last one.
    """

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
    tags_per_resource: int = 50
    filters_per_request: int = 50
    values_per_filter: int = 200


def random_id() -> str:
    """17 random hex digits: the part of an id behind its prefix."""
    return secrets.token_hex(9)[:17]


@dataclass(frozen=True, slots=True)
class Settings:
    """How actions are carried out. `strict_filters` refuses an unknown filter, which AWS ignores."""

    quotas: Quotas = field(default_factory=Quotas)
    new_id: Callable[[], str] = random_id
    strict_filters: bool = False

"""A VPC whose instances allow all traffic both ways: only the gateway is between them and the internet."""

from __future__ import annotations

from typing import Any

from tests.topologies.egress import ALL, APP, MATE, WEB

DB = "2600:1f16:aa0:5502::10"
TREE: dict[str, Any] = {
    "vpcs": {
        "main": {
            "ipv6_cidr_block": "2600:1f16:aa0:5500::/56",
            "egress_only_internet_gateways": {"outbound": {}},
            "route_tables": {"private": {"main": True, "routes": [{"destination": "::/0", "target": "outbound"}]}},
            "security_groups": {"open": {"ingress": [ALL], "egress": [ALL]}},
            "subnets": {
                "a": {"ipv6_cidr_block": "2600:1f16:aa0:5501::/64"},
                "b": {"ipv6_cidr_block": "2600:1f16:aa0:5502::/64"},
            },
            "instances": {
                "app": {"subnet": "a", "ipv6_address": APP, "security_groups": ["open"]},
                "mate": {"subnet": "a", "ipv6_address": MATE, "security_groups": ["open"]},
                "db": {"subnet": "b", "ipv6_address": DB, "security_groups": ["open"]},
            },
        }
    },
    "internet": {"hosts": {"web": {"ipv6_address": WEB}}},
}

"""One instance behind an egress-only gateway, and the addresses in this lab."""

from __future__ import annotations

from typing import Any

APP, WEB = "2600:1f16:aa0:5501::10", "2001:db8:80::1"
MATE = "2600:1f16:aa0:5501::20"
"""A free address in the subnet of `APP`, for tests that add an instance."""
ALL = {"protocol": "all", "cidr": "::/0"}
TREE: dict[str, Any] = {
    "vpcs": {
        "main": {
            "ipv6_cidr_block": "2600:1f16:aa0:5500::/56",
            "egress_only_internet_gateways": {"outbound": {}},
            "route_tables": {"private": {"main": True, "routes": [{"destination": "::/0", "target": "outbound"}]}},
            "security_groups": {"open": {"ingress": [ALL], "egress": [ALL]}},
            "subnets": {"a": {"ipv6_cidr_block": "2600:1f16:aa0:5501::/64"}},
            "instances": {"app": {"subnet": "a", "ipv6_address": APP, "security_groups": ["open"]}},
        }
    },
    "internet": {"hosts": {"web": {"ipv6_address": WEB}}},
}
"""One instance behind an egress-only gateway, whose group allows all traffic, and one internet host."""

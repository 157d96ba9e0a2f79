"""The nftables rules of each kind of namespace, readable: tests/golden/rules/*.nft.

`REGENERATE=1 pytest tests/unit/test_golden_rules.py` writes them again. Read the difference before you commit it.
"""

from __future__ import annotations

import os
from pathlib import Path

import nftables
import pytest

from eigw_ns.cloud.nodes import internet_id
from eigw_ns.dataplane.compile.compiler import compile_cloud
from eigw_ns.dataplane.state import Ruleset
from eigw_ns.kernel.namespaces import netns
from eigw_ns.kernel.nft.commands import transaction
from eigw_ns.kernel.nft.library import Nft
from eigw_ns.kernel.nft.listing import parse
from eigw_ns.kernel.nft.loader import replace_table
from eigw_ns.topology import load

FOLDER = Path(__file__).parent.parent / "golden" / "rules"
TOPOLOGY = b"""
lab: golden
vpcs:
  main:
    ipv6_cidr_block: 2600:1f16:aa0:5500::/56
    egress_only_internet_gateways: {outbound: {}}
    internet_gateways: {edge: {}}
    route_tables:
      split:
        main: true
        routes:
          - {destination: "2001:db8:a::/48", target: edge}
          - {destination: "::/0", target: outbound}
    network_acls:
      strict:
        ingress:
          - {rule: 90, protocol: icmpv6, type: 128, cidr: "2001:db8::/32", action: deny}
          - {rule: 100, protocol: tcp, ports: 1024-65535, cidr: "::/0", action: allow}
        egress:
          - {rule: 100, protocol: all, cidr: "::/0", action: allow}
    security_groups:
      open: {ingress: [{protocol: all, cidr: "::/0"}]}
      web: {ingress: [{protocol: tcp, ports: 443, group: default}, {protocol: icmpv6, type: 128, cidr: "::/0"}]}
    subnets:
      strict: {ipv6_cidr_block: "2600:1f16:aa0:5501::/64", network_acl: strict}
      plain: {ipv6_cidr_block: "2600:1f16:aa0:5502::/64"}
    instances:
      www: {subnet: strict, ipv6_address: "2600:1f16:aa0:5501::10", security_groups: [web]}
      app: {subnet: plain, ipv6_address: "2600:1f16:aa0:5502::10"}
      any: {subnet: plain, ipv6_address: "2600:1f16:aa0:5502::20", security_groups: [open]}
"""
REPLICATED = b"""
lab: golden
vpcs:
  main:
    ipv6_cidr_block: 2600:1f16:aa0:5500::/56
    egress_only_internet_gateways: {outbound: {replicas: 3}}
    route_tables: {private: {main: true, routes: [{destination: "::/0", target: outbound}]}}
    subnets: {a: {ipv6_cidr_block: "2600:1f16:aa0:5501::/64"}}
"""
DELEGATED = b"""
lab: golden
vpcs:
  main:
    ipv6_cidr_block: 2600:1f16:aa0:5500::/56
    egress_only_internet_gateways: {outbound: {}}
    route_tables: {private: {main: true, routes: [{destination: "::/0", target: outbound}]}}
    security_groups:
      web: {ingress: [{protocol: tcp, ports: 443, group: default}]}
    subnets: {a: {ipv6_cidr_block: "2600:1f16:aa0:5501::/64"}}
    instances:
      app:
        subnet: a
        ipv6_address: "2600:1f16:aa0:5501::10"
        ipv6_addresses: ["2600:1f16:aa0:5501::11"]
        ipv6_prefixes: ["2600:1f16:aa0:5501:1::/80"]
      www: {subnet: a, ipv6_address: "2600:1f16:aa0:5501::20", security_groups: [web]}
"""
LOGGED = b"""
lab: golden
vpcs:
  main:
    ipv6_cidr_block: 2600:1f16:aa0:5500::/56
    egress_only_internet_gateways: {outbound: {}}
    route_tables: {private: {main: true, routes: [{destination: "::/0", target: outbound}]}}
    subnets: {a: {ipv6_cidr_block: "2600:1f16:aa0:5501::/64"}}
    instances: {app: {subnet: a, ipv6_address: "2600:1f16:aa0:5501::10"}}
    flow_logs: {audit: {traffic_type: REJECT}}
"""
NAMES = {"strict": "subnet-strict", "plain": "subnet-plain"}


def _rulesets() -> dict[str, Ruleset]:
    """Return each ruleset by the name of its golden file."""
    cloud = load(TOPOLOGY, file="golden.yaml", default_lab="golden").cloud
    files = {
        **{vpc.id: "fabric" for vpc in cloud.vpcs.values()},
        **{eigw.id: "egress-only-gateway" for eigw in cloud.egress_only_internet_gateways.values()},
        **{igw.id: "internet-gateway" for igw in cloud.internet_gateways.values()},
        **{subnet.id: NAMES[subnet.name] for subnet in cloud.subnets.values()},
    }
    rulesets = [thing for thing in compile_cloud(cloud) if isinstance(thing, Ruleset)]
    return {files[ruleset.namespace.removeprefix("eigw-golden-")]: ruleset for ruleset in rulesets}


def _replicated() -> dict[str, Ruleset]:
    """Return the rulesets that differ if a gateway has several replicas."""
    cloud = load(REPLICATED, file="golden.yaml", default_lab="golden").cloud
    files = {
        **{vpc.id: "replicated-fabric" for vpc in cloud.vpcs.values()},
        **{f"{eigw.id}.2": "replicated-gateway" for eigw in cloud.egress_only_internet_gateways.values()},
        internet_id(cloud.lab): "replicated-internet",
    }
    rulesets = [thing for thing in compile_cloud(cloud) if isinstance(thing, Ruleset)]
    named = {ruleset.namespace.removeprefix("eigw-golden-"): ruleset for ruleset in rulesets}
    return {name: named[resource_id] for resource_id, name in files.items()}


def _delegated() -> dict[str, Ruleset]:
    """Return the rulesets that differ if an instance has several addresses and a prefix."""
    cloud = load(DELEGATED, file="golden.yaml", default_lab="golden").cloud
    files = {
        **{subnet.id: "delegated-subnet" for subnet in cloud.subnets.values()},
        **{eigw.id: "delegated-gateway" for eigw in cloud.egress_only_internet_gateways.values()},
    }
    rulesets = [thing for thing in compile_cloud(cloud) if isinstance(thing, Ruleset)]
    named = {ruleset.namespace.removeprefix("eigw-golden-"): ruleset for ruleset in rulesets}
    return {name: named[resource_id] for resource_id, name in files.items()}


def _logged() -> dict[str, Ruleset]:
    """Return the rulesets that differ if a flow log records what is refused."""
    cloud = load(LOGGED, file="golden.yaml", default_lab="golden").cloud
    files = {
        **{subnet.id: "logged-subnet" for subnet in cloud.subnets.values()},
        **{eigw.id: "logged-gateway" for eigw in cloud.egress_only_internet_gateways.values()},
    }
    rulesets = [thing for thing in compile_cloud(cloud) if isinstance(thing, Ruleset)]
    named = {ruleset.namespace.removeprefix("eigw-golden-"): ruleset for ruleset in rulesets}
    return {name: named[resource_id] for resource_id, name in files.items()}


ONE_GATEWAY = ("fabric", "egress-only-gateway", "internet-gateway", "subnet-strict", "subnet-plain")
SEVERAL_REPLICAS = ("replicated-fabric", "replicated-gateway", "replicated-internet")
SEVERAL_ADDRESSES = ("delegated-gateway", "delegated-subnet")
FLOW_LOGS = ("logged-gateway", "logged-subnet")


@pytest.mark.parametrize("name", [*ONE_GATEWAY, *SEVERAL_REPLICAS, *SEVERAL_ADDRESSES, *FLOW_LOGS])
def test_rules_equal_the_golden_file(name: str) -> None:
    text = transaction((_rulesets() | _replicated() | _delegated() | _logged())[name], None)
    golden = FOLDER / f"{name}.nft"
    if os.environ.get("REGENERATE"):
        golden.write_text(text)
    assert text == golden.read_text()


@pytest.mark.root
@pytest.mark.parametrize("name", sorted(_rulesets() | _delegated() | _logged()))
def test_nftables_takes_the_rules_and_lists_them_as_they_are_written(name: str) -> None:
    """`nft -c` accepts the rules and changes nothing. After they are loaded, the listing parses to the same ruleset."""
    ruleset = (_rulesets() | _delegated() | _logged())[name]
    with netns.nameless():
        checker = nftables.Nftables()
        checker.set_dry_run(True)
        assert checker.cmd(transaction(ruleset, None)) == (0, "", "")
        library = Nft()
        assert library.listing(ruleset.family) == ""
        replace_table(library, ruleset, None)
        assert parse(library.listing(ruleset.family), ruleset.namespace) == ruleset

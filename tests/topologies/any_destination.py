"""A lab with one machine at each kind of place, and an address of each kind to send to."""

from __future__ import annotations

from eigw_ns.cloud.model import Cloud
from eigw_ns.cloud.nodes import find, internet_id
from eigw_ns.dataplane.compile.names import infrastructure_address

TEXT = """
vpcs:
  main:
    ipv6_cidr_block: 2600:1f16:aa0:5500::/56
    egress_only_internet_gateways: {outbound: {}}
    internet_gateways: {edge: {}}
    route_tables:
      private: {routes: [{destination: "::/0", target: outbound}]}
      public: {main: true, routes: [{destination: "::/0", target: edge}]}
    security_groups:
      default: {ingress: [{protocol: all, cidr: "::/0"}], egress: [{protocol: all, cidr: "::/0"}]}
      picky:
        ingress: [{protocol: 132, cidr: "::/0"}, {protocol: 1, cidr: "::/0"}]
        egress: [{protocol: 50, cidr: "::/0"}]
    network_acls:
      icmp:
        ingress: [{rule: 100, protocol: 1, cidr: "::/0", action: allow}]
        egress: [{rule: 100, protocol: all, cidr: "::/0", action: allow}]
    subnets:
      private-a: {ipv6_cidr_block: "2600:1f16:aa0:5501::/64", route_table: private}
      public-a: {ipv6_cidr_block: "2600:1f16:aa0:5502::/64"}
      guarded: {ipv6_cidr_block: "2600:1f16:aa0:5503::/64", network_acl: icmp}
    instances:
      app: {subnet: private-a, ipv6_address: "2600:1f16:aa0:5501::10"}
      www: {subnet: public-a, ipv6_address: "2600:1f16:aa0:5502::10"}
      picky: {subnet: public-a, ipv6_address: "2600:1f16:aa0:5502::11", security_groups: [picky]}
      behind: {subnet: guarded, ipv6_address: "2600:1f16:aa0:5503::10"}
  other:
    ipv6_cidr_block: 2600:1f16:bb0:5500::/56
    internet_gateways: {far-edge: {}}
    route_tables: {main: {main: true, routes: [{destination: "::/0", target: far-edge}]}}
    security_groups: {default: {ingress: [{protocol: all, cidr: "::/0"}]}}
    subnets: {far: {ipv6_cidr_block: "2600:1f16:bb0:5501::/64"}}
    instances: {else: {subnet: far, ipv6_address: "2600:1f16:bb0:5501::10"}}
internet:
  hosts:
    web: {ipv6_address: "2001:db8:80::1"}
    caller: {ipv6_address: "2001:db8:81::1"}
"""

DESTINATIONS = (
    "2001:db8:80::1",
    "2001:db8:99::1",  # no host has it
    "3fff::1",
    "64:ff9b::808:808",
    "fd00:ec2::254",
    "::808:808",  # IPv4-compatible
    "::ffff:8.8.8.8",
    "::1",
    "fe80::1",
    "fe80::2",
    "fe80::3",
    "ff02::1:3",
    "ff0e::1",
    "2600:1f16:aa0:5501::",
    "2600:1f16:aa0:5501::1",
    "2600:1f16:aa0:5502::1",
    "2600:1f16:aa0:5501::10",
    "2600:1f16:aa0:5501::99",
    "2600:1f16:aa0:5502::99",
    "2600:1f16:aa0:5509::1",  # no subnet has it
    "2600:1f16:bb0:5501::1",
    "2600:1f16:bb0:5501::10",
    "2600:1f16:bb0:5501::99",
    "2600:1f16:bb0:5509::1",
)


def infrastructure(cloud: Cloud) -> tuple[str, ...]:
    """Return the addresses from which the internet's router and the gateways send their ICMPv6 errors."""
    return tuple(
        infrastructure_address(each)
        for each in (internet_id(cloud.lab), *(find(cloud, name).id for name in ("outbound", "edge", "far-edge")))
    )

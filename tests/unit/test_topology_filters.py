"""Network ACLs and security groups in a topology file: what it says, what AWS adds, and that it survives a dump."""

from __future__ import annotations

from eigw_ns.cloud import ids
from eigw_ns.cloud.filtering import TCP
from eigw_ns.cloud.model import ALL_PROTOCOLS
from eigw_ns.topology import Topology, dump, load

DESIGN = """
lab: demo                              # default: the file's stem
vpcs:
  main:
    ipv6_cidr_block: 2600:1f16:aa0:5500::/56      # /44–/60, steps of 4
    tags: {Team: network}
    egress_only_internet_gateways:
      outbound: {tags: {Name: outbound}}
    internet_gateways:
      edge: {}
    route_tables:
      private: {routes: [{destination: "::/0", target: outbound}]}
      public:  {main: true, routes: [{destination: "::/0", target: edge}]}
    network_acls:                      # default: AWS's default ACL (all allowed)
      strict:
        ingress: [{rule: 100, protocol: tcp, ports: 1024-65535, cidr: "::/0", action: allow}]
        egress:  [{rule: 100, protocol: all, cidr: "::/0", action: allow}]
    security_groups:                   # default: AWS's default group (in: itself; out: all)
      open: {ingress: [{protocol: all, cidr: "::/0"}], egress: [{protocol: all, cidr: "::/0"}]}
    subnets:
      private-a: {ipv6_cidr_block: "2600:1f16:aa0:5501::/64", route_table: private, network_acl: strict}
      public-a:  {ipv6_cidr_block: "2600:1f16:aa0:5502::/64"}          # no route_table: the main one
    instances:
      app: {subnet: private-a, ipv6_address: "2600:1f16:aa0:5501::10", security_groups: [open]}
      www: {subnet: public-a, security_groups: [open]}                 # address: first free one
internet:
  hosts:
    web: {ipv6_address: "2001:db8:80::1"}
expect:                                # what `verify` proves with packets
  - {from: app, to: web, protocol: tcp, port: 443, result: allowed}
  - {from: web, to: app, protocol: tcp, port: 22, result: blocked}
"""
"""The design's own file, word for word but for its two replicas."""


def loaded(text: str) -> Topology:
    return load(text.encode(), file="lab.yaml", default_lab="demo")


def test_the_design_s_file() -> None:
    topology = loaded(DESIGN)
    cloud = topology.cloud
    acls = {acl.name: acl for acl in cloud.network_acls.values()}
    groups = {group.name: group for group in cloud.security_groups.values()}
    assert set(acls) == set(groups) - {"open"} | {"strict"} == {"default", "strict"}
    assert acls["strict"].id == ids.make_id(ids.NETWORK_ACL, "demo", "main", "strict")
    assert [(entry.egress, entry.protocol, entry.ports, str(entry.cidr_block)) for entry in acls["strict"].entries] == [
        (False, TCP, (1024, 65535), "::/0"),
        (True, ALL_PROTOCOLS, None, "::/0"),
    ]
    assert groups["open"].id == ids.make_id(ids.SECURITY_GROUP, "demo", "main", "open")
    assert {subnet.name: subnet.network_acl_id for subnet in cloud.subnets.values()} == {
        "private-a": acls["strict"].id,
        "public-a": None,
    }
    assert {instance.security_group_ids for instance in cloud.instances.values()} == {(groups["open"].id,)}
    assert loaded(dump(topology)) == topology

"""Network ACLs and security groups in a topology file: the file's rules, AWS's default rules, dump and load."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace

import pytest

from eigw_ns.cloud import ids
from eigw_ns.cloud.client_tokens import ClientToken
from eigw_ns.cloud.filtering import TCP
from eigw_ns.cloud.model import (
    ALL_PROTOCOLS,
    NetworkAcl,
    NetworkAclEntry,
    SecurityGroup,
    SecurityGroupRule,
)
from eigw_ns.topology import Topology, dump, from_data, json_schema, load, to_data

TYPICAL = """
lab: demo                              # default: the file's stem
vpcs:
  main:
    ipv6_cidr_block: 2600:1f16:aa0:5500::/56      # /44–/60, steps of 4
    tags: {Team: network}
    egress_only_internet_gateways:
      outbound: {replicas: 2, tags: {Name: outbound}}
    internet_gateways:
      edge: {}
    route_tables:
      private: {routes: [{destination: "::/0", target: outbound}]}
      public:  {main: true, routes: [{destination: "::/0", target: edge}]}
    network_acls:                      # default: AWS's default ACL (all allowed)
      strict:
        ingress: [{rule: 100, protocol: tcp, ports: 1024-65535, cidr: "::/0", action: allow}]
        egress:  [{rule: 100, protocol: all, cidr: "::/0", action: allow}]
    security_groups:                   # default: AWS's default group (ingress: itself; egress: all)
      open: {ingress: [{protocol: all, cidr: "::/0"}], egress: [{protocol: all, cidr: "::/0"}]}
    subnets:
      private-a: {ipv6_cidr_block: "2600:1f16:aa0:5501::/64", route_table: private, network_acl: strict}
      public-a:  {ipv6_cidr_block: "2600:1f16:aa0:5502::/64"}          # default: the main route table
    instances:
      app: {subnet: private-a, ipv6_address: "2600:1f16:aa0:5501::10", security_groups: [open]}
      www: {subnet: public-a, security_groups: [open]}                 # default: the first free address
internet:
  hosts:
    web: {ipv6_address: "2001:db8:80::1"}
expect:                                # `verify` checks these results with packets
  - {from: app, to: web, protocol: tcp, port: 443, result: allowed}
  - {from: web, to: app, protocol: tcp, port: 22, result: blocked}
"""
"""A file with every section."""


def loaded(text: str) -> Topology:
    return load(text.encode(), file="lab.yaml", default_lab="demo")


def test_a_typical_file() -> None:
    topology = loaded(TYPICAL)
    cloud = topology.cloud
    acls = {acl.name: acl for acl in cloud.network_acls.values()}
    groups = {group.name: group for group in cloud.security_groups.values()}
    assert set(acls) == {"default", "strict"}
    assert set(groups) == {"default", "open"}
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


def vpc(body: str) -> str:
    lines = "".join(f"    {line}\n" for line in body.strip().splitlines())
    return f"vpcs:\n  main:\n    ipv6_cidr_block: 2600:1f16:aa0:5500::/56\n{lines}"


def acl_of(topology: Topology, name: str) -> NetworkAcl:
    return next(acl for acl in topology.cloud.network_acls.values() if acl.name == name)


def group_of(topology: Topology, name: str) -> SecurityGroup:
    return next(group for group in topology.cloud.security_groups.values() if group.name == name)


def directions(rules: Iterable[NetworkAclEntry] | Iterable[SecurityGroupRule]) -> tuple[int, int]:
    """Return the number of ingress rules and of egress rules."""
    egress = [rule.egress for rule in rules]
    return egress.count(False), egress.count(True)


def test_every_vpc_has_default_filters_which_a_dump_leaves_out() -> None:
    topology = loaded(vpc("subnets: {a: {}}\ninstances: {app: {subnet: a}}"))
    acl, group = acl_of(topology, "default"), group_of(topology, "default")
    assert acl.default
    assert directions(acl.entries) == (2, 2)
    assert directions(group.rules) == (1, 2)
    (instance,) = topology.cloud.instances.values()
    assert instance.security_group_ids == (group.id,)
    text = dump(topology)
    assert "network_acl" not in text
    assert "security_group" not in text


@pytest.mark.parametrize(
    ("body", "acl", "group"),
    [
        ("{}", (0, 0), (0, 2)),
        ("{ingress: []}", (0, 0), (0, 2)),
        ("{egress: []}", (0, 0), (0, 0)),
    ],
)
def test_a_direction_that_is_left_out_has_aws_s_rules(body: str, acl: tuple[int, int], group: tuple[int, int]) -> None:
    topology = loaded(vpc(f"network_acls: {{new: {body}}}\nsecurity_groups: {{new: {body}}}"))
    assert directions(acl_of(topology, "new").entries) == acl
    assert directions(group_of(topology, "new").rules) == group
    assert loaded(dump(topology)) == topology


@pytest.mark.parametrize(
    ("body", "acl", "group"),
    [
        ("{tags: {Name: mine}}", (2, 2), (1, 2)),
        ("{ingress: []}", (0, 2), (0, 2)),
        ("{egress: []}", (2, 0), (1, 0)),
    ],
)
def test_the_default_filters_can_be_changed(body: str, acl: tuple[int, int], group: tuple[int, int]) -> None:
    topology = loaded(vpc(f"network_acls: {{default: {body}}}\nsecurity_groups: {{default: {body}}}"))
    (changed,) = topology.cloud.network_acls.values()
    assert changed.default
    assert changed.id == ids.make_id(ids.NETWORK_ACL, "demo", "main", "default")
    assert directions(changed.entries) == acl
    (only,) = topology.cloud.security_groups.values()
    assert directions(only.rules) == group
    assert only.description == "default VPC security group"
    assert loaded(dump(topology)) == topology


def test_the_default_filters_can_be_written_out() -> None:
    written = loaded(
        vpc("""
network_acls:
  default:
    ingress:
      - {rule: 101, protocol: all, cidr: "::/0", action: allow}
      - {rule: 100, protocol: all, cidr: 0.0.0.0/0, action: allow}
    egress:
      - {rule: 100, protocol: all, cidr: 0.0.0.0/0, action: allow}
      - {rule: 101, protocol: all, cidr: "0::/0", action: allow}
security_groups:
  default:
    ingress: [{protocol: all, group: default}]
    egress: [{protocol: all, cidr: 0.0.0.0/0}, {protocol: all, cidr: "::/0"}]
subnets: {a: {network_acl: default}}
instances: {app: {subnet: a, security_groups: [default]}}
""")
    )
    assert written == loaded(vpc("subnets: {a: {}}\ninstances: {app: {subnet: a}}"))


@pytest.mark.parametrize(
    ("written", "protocol", "limits", "dumped"),
    [
        ("protocol: tcp, ports: 443", 6, (443, 443), {"protocol": "tcp", "ports": 443}),
        ('protocol: 6, ports: "443"', 6, (443, 443), {"protocol": "tcp", "ports": 443}),
        ("protocol: udp, ports: 1024 - 65535", 17, (1024, 65535), {"protocol": "udp", "ports": "1024-65535"}),
        ("protocol: tcp, ports: 0-65535", 6, (0, 65535), {"protocol": "tcp", "ports": "all"}),
        ("protocol: icmpv6", 58, (-1, -1), {"protocol": "icmpv6"}),
        ("protocol: icmpv6, type: 128, code: all", 58, (128, -1), {"protocol": "icmpv6", "type": 128}),
        ("protocol: 58, type: 1, code: 0", 58, (1, 0), {"protocol": "icmpv6", "type": 1, "code": 0}),
        ("protocol: 50", 50, None, {"protocol": 50}),
        ("protocol: all", ALL_PROTOCOLS, None, {"protocol": "all"}),
    ],
)
def test_every_spelling_of_traffic_is_dumped_in_the_same_form(
    written: str, protocol: int, limits: tuple[int, int] | None, dumped: dict[str, object]
) -> None:
    topology = loaded(
        vpc(f"""
network_acls: {{new: {{ingress: [{{rule: 7, {written}, cidr: "::/0", action: deny}}]}}}}
security_groups: {{new: {{ingress: [{{{written}, cidr: "::/0"}}]}}}}
""")
    )
    (entry,) = acl_of(topology, "new").entries
    assert (entry.protocol, entry.ports or entry.icmp) == (protocol, limits)
    rule = group_of(topology, "new").rules[0]
    assert (rule.protocol, rule.from_port, rule.to_port) == (protocol, *(limits or (None, None)))
    data = to_data(topology)["vpcs"]["main"]
    assert data["network_acls"]["new"]["ingress"] == [{"rule": 7, **dumped, "cidr": "::/0", "action": "deny"}]
    assert data["security_groups"]["new"]["ingress"] == [{**dumped, "cidr": "::/0"}]


def test_entries_are_sorted_and_both_families_are_kept() -> None:
    topology = loaded(
        vpc("""
network_acls:
  new:
    ingress:
      - {rule: 20, protocol: all, cidr: 10.0.0.0/8, action: deny}
      - {rule: 3, protocol: all, cidr: "2001:db8::/32", action: allow}
    egress: [{rule: 3, protocol: all, cidr: "::/0", action: allow}]
""")
    )
    entries = acl_of(topology, "new").entries
    assert [(entry.egress, entry.rule_number, str(entry.cidr_block)) for entry in entries] == [
        (False, 3, "2001:db8::/32"),
        (False, 20, "10.0.0.0/8"),
        (True, 3, "::/0"),
    ]


def test_the_id_of_a_rule_is_given_or_derived() -> None:
    def rules(ingress: str) -> tuple[SecurityGroupRule, ...]:
        topology = loaded(vpc(f"security_groups: {{web: {{egress: [], ingress: [{ingress}]}}}}"))
        assert loaded(dump(topology)) == topology
        return group_of(topology, "web").rules

    (https,) = rules('{protocol: tcp, ports: 443, cidr: "::/0"}')
    same, other, group = rules(
        '{protocol: 6, ports: 443-443, cidr: "0::/0", description: why}, '
        '{protocol: udp, ports: 443, cidr: "::/0"}, {protocol: tcp, ports: 443, group: default}'
    )
    assert https.id == same.id
    assert len({same.id, other.id, group.id}) == 3
    (given,) = rules('{id: sgr-0123456789abcdef0, protocol: tcp, ports: 443, cidr: "::/0"}')
    assert given.id == "sgr-0123456789abcdef0"


def test_a_rule_can_refer_to_any_group_of_the_vpc() -> None:
    topology = loaded(
        vpc("""
security_groups:
  web:
    ingress: [{protocol: tcp, ports: 443, group: clients}, {protocol: all, group: web}, {protocol: all, group: default}]
  clients: {}
""")
    )
    peers = [rule.peer for rule in group_of(topology, "web").rules if not rule.egress]
    assert peers == [group_of(topology, name).id for name in ("clients", "web", "default")]


def test_a_group_from_ec2_keeps_its_name_and_its_id() -> None:
    topology = loaded(
        vpc("""
security_groups:
  sg-0123456789abcdef0: {group_name: "Web servers (#1)", description: "made by hand", tags: {Name: web}}
  open: {group_name: Open, ingress: [{protocol: all, group: sg-0123456789abcdef0}]}
subnets: {a: {}}
instances: {app: {subnet: a, security_groups: [sg-0123456789abcdef0, open]}}
""")
    )
    group = topology.cloud.security_groups["sg-0123456789abcdef0"]
    assert (group.name, group.description) == ("Web servers (#1)", "made by hand")
    (instance,) = topology.cloud.instances.values()
    assert instance.security_group_ids == (group.id, group_of(topology, "Open").id)
    assert loaded(dump(topology)) == topology


def test_the_maximum_number_of_rules_loads() -> None:
    def entries(first: int, cidr: str) -> list[str]:
        return [f"{{rule: {n}, protocol: all, cidr: {cidr}, action: deny}}" for n in range(first, first + 19)]

    acl = ", ".join(entries(1, '"::/0"') + entries(101, "0.0.0.0/0"))
    rules = [f'{{protocol: tcp, ports: {n}, cidr: "::/0"}}' for n in range(60)]
    rules += [f"{{protocol: tcp, ports: {n}, cidr: 0.0.0.0/0}}" for n in range(60)]
    topology = loaded(
        vpc(f"""
network_acls: {{new: {{ingress: [{acl}], egress: [{acl}]}}}}
security_groups: {{new: {{ingress: [{", ".join(rules)}], egress: [{", ".join(rules)}]}}}}
""")
    )
    assert directions(acl_of(topology, "new").entries) == (38, 38)
    assert directions(group_of(topology, "new").rules) == (120, 120)


def test_client_tokens_are_stored_but_not_dumped() -> None:
    topology = loaded(vpc("subnets: {}"))
    token = ClientToken("CreateEgressOnlyInternetGateway", '{"VpcId": "vpc-1"}', '{"…": "é"}')
    asked = Topology(replace(topology.cloud, client_tokens={"once": token}))
    assert from_data(json.loads(json.dumps(to_data(asked)))) == asked
    assert loaded(dump(asked)) == topology


def test_the_schema_describes_filters() -> None:
    kinds = json_schema()["$defs"]
    entry = kinds["NetworkAclEntryFile"]
    assert set(entry["required"]) == {"rule", "protocol", "cidr", "action"}
    assert entry["properties"]["rule"]["maximum"] == 32766
    assert entry["properties"]["action"]["enum"] == ["allow", "deny"]
    assert {"type": "integer"} in entry["properties"]["protocol"]["anyOf"]
    group = kinds["SecurityGroupFile"]["properties"]
    assert [rule["cidr"] for rule in group["egress"]["default"]] == ["0.0.0.0/0", "::/0"]
    assert kinds["InstanceFile"]["properties"]["security_groups"]["default"] == ["default"]
    assert kinds["SubnetFile"]["properties"]["network_acl"]["default"] == "default"

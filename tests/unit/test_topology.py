"""Valid topology files load: examples, defaults, aliases. A topology that is dumped or stored loads unchanged."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from ipaddress import IPv6Address, IPv6Network

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eigw_ns.cloud import ids
from eigw_ns.cloud.model import BLACKHOLE, Cloud, Route
from eigw_ns.cloud.routing import effective_route_table, main_route_table, route_state
from eigw_ns.cloud.words import shorten
from eigw_ns.errors import TopologyError, UsageError
from eigw_ns.topology import Topology, dump, example, example_names, from_data, json_schema, load, to_data
from tests.support.strategies import topologies

quick = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])


def loaded(text: str) -> Topology:
    return load(text.encode(), file="lab.yaml", default_lab="demo")


def vpc(body: str, block: str = "2600:1f16:aa0:5500::/56") -> str:
    lines = "".join(f"    {line}\n" for line in body.strip().splitlines())
    return f"vpcs:\n  main:\n    ipv6_cidr_block: {block}\n{lines}"


def blocks(cloud: Cloud) -> dict[str, str]:
    return {subnet.name: str(subnet.ipv6_cidr_block) for subnet in cloud.subnets.values()}


def addresses(cloud: Cloud) -> dict[str, str]:
    return {instance.name: str(instance.ipv6_address) for instance in cloud.instances.values()}


def route_of(cloud: Cloud) -> Route:
    return next(route for table in cloud.route_tables.values() for route in table.routes)


@pytest.mark.parametrize("name", example_names())
def test_examples_load_and_begin_with_a_comment(name: str) -> None:
    text = example(name)
    topology = loaded(text)
    assert topology.cloud.lab == name
    assert topology.expectations
    assert text.startswith("# ")
    assert loaded(dump(topology)) == topology


def test_the_examples_of_the_tour() -> None:
    assert {"demo", "full", "minimal", "split"} <= set(example_names())
    with pytest.raises(UsageError) as caught:
        example("dmeo")
    assert caught.value.hint == "did you mean demo?"


def test_the_demo_loads() -> None:
    topology = loaded(example("demo"))
    cloud = topology.cloud
    assert addresses(cloud) == {"app": "2600:1f16:aa0:5501::10", "www": "2600:1f16:aa0:5502::4"}
    private, public = sorted(cloud.subnets.values(), key=lambda subnet: subnet.name)
    assert effective_route_table(cloud, private).name == "private"
    assert public.route_table_id is None
    assert effective_route_table(cloud, public) == main_route_table(cloud, public.vpc_id)
    (outbound,) = cloud.egress_only_internet_gateways.values()
    assert outbound.id == ids.make_id(ids.EGRESS_ONLY_INTERNET_GATEWAY, "demo", "main", "outbound")
    assert effective_route_table(cloud, private).routes == (Route(IPv6Network("::/0"), outbound.id),)
    first = topology.expectations[0]
    assert (first.source, first.destination, first.protocol, first.port, first.result) == (
        "app", "web", "tcp", 443, "allowed"
    )  # fmt: skip


def test_blocks_left_out_are_the_next_free_ones_by_name() -> None:
    text = vpc("""
subnets:
  c: {}
  b: {ipv6_cidr_block: "2600:1f16:aa0:5501::/64"}
  a: {}
  d: {ipv6_cidr_block: "2600:1f16:aa0:5510::/60"}
""")
    assert blocks(loaded(text).cloud) == {
        "a": "2600:1f16:aa0:5500::/64",
        "b": "2600:1f16:aa0:5501::/64",
        "c": "2600:1f16:aa0:5502::/64",
        "d": "2600:1f16:aa0:5510::/60",
    }


def test_a_vpc_can_be_filled_to_the_last_block() -> None:
    text = vpc("subnets: {" + ", ".join(f"s{n:02}: {{}}" for n in range(16)) + "}", "2600:1f16:aa0:5500::/60")
    assert sorted(blocks(loaded(text).cloud).values())[-1] == "2600:1f16:aa0:550f::/64"


def test_addresses_left_out_are_the_first_free_ones_by_name() -> None:
    text = vpc("""
subnets: {a: {}, b: {}}
instances:
  z: {subnet: a}
  m: {subnet: a, ipv6_address: "2600:1f16:aa0:5500::5"}
  k: {subnet: a}
  other: {subnet: b}
""")
    assert addresses(loaded(text).cloud) == {
        "k": "2600:1f16:aa0:5500::4",
        "m": "2600:1f16:aa0:5500::5",
        "z": "2600:1f16:aa0:5500::6",
        "other": "2600:1f16:aa0:5501::4",
    }


def test_prefixes_of_instances() -> None:
    """No address that is left out is in a prefix: the first /80 of a subnet cannot be one."""
    text = b"""
lab: prefixes
vpcs:
  main:
    ipv6_cidr_block: 2600:1f16:aa0:5500::/56
    subnets: {a: {ipv6_cidr_block: "2600:1f16:aa0:5501::/64"}, wide: {ipv6_cidr_block: "2600:1f16:aa0:5510::/60"}}
    instances:
      app: {subnet: a, ipv6_prefixes: ["2600:1f16:aa0:5501:1::/80", "2600:1f16:aa0:5501:fffe::/80"]}
      db: {subnet: wide, ipv6_prefixes: ["2600:1f16:aa0:5511::/80"]}
      www: {subnet: a}
"""
    instances = load(text, file="lab.yaml", default_lab="lab").cloud.instances.values()
    assert {each.name: [str(block) for block in each.blocks] for each in instances} == {
        "app": ["2600:1f16:aa0:5501::4", "2600:1f16:aa0:5501:1::/80", "2600:1f16:aa0:5501:fffe::/80"],
        "db": ["2600:1f16:aa0:5510::4", "2600:1f16:aa0:5511::/80"],
        "www": ["2600:1f16:aa0:5501::5"],
    }


@pytest.mark.parametrize(
    ("tables", "main"),
    [
        ("{}", "main"),
        ("{private: {}}", "main"),
        ("{main: {}}", "default-main"),
        ("{main: {}, default-main: {}}", "default-main-2"),
        ("{main: {}, public: {main: true}}", "public"),
    ],
)
def test_every_vpc_has_one_main_table(tables: str, main: str) -> None:
    cloud = loaded(vpc(f"route_tables: {tables}")).cloud
    (vpc_id,) = cloud.vpcs
    assert main_route_table(cloud, vpc_id).name == main
    assert sum(table.main for table in cloud.route_tables.values()) == 1


OUTBOUND = ids.make_id(ids.EGRESS_ONLY_INTERNET_GATEWAY, "demo", "main", "outbound")
DELETED = "eigw-0123456789abcdef0"


@pytest.mark.parametrize(
    ("target", "target_id", "state"),
    [
        ("outbound", OUTBOUND, "active"),
        (OUTBOUND, OUTBOUND, "active"),
        ("blackhole", BLACKHOLE, "blackhole"),
        (DELETED, DELETED, "blackhole"),
    ],
)
def test_route_targets(target: str, target_id: str, state: str) -> None:
    text = vpc(f"""
egress_only_internet_gateways: {{outbound: {{replicas: 1}}}}
route_tables: {{private: {{main: true, routes: [{{destination: "::0/0", target: {target}}}]}}}}
""")
    topology = loaded(text)
    cloud = topology.cloud
    route = route_of(cloud)
    assert route == Route(IPv6Network("::/0"), target_id)
    (table,) = cloud.route_tables.values()
    assert route_state(cloud, table, route) == state
    assert loaded(dump(topology)) == topology


def test_a_detached_gateway_is_kept_and_its_routes_are_blackholes() -> None:
    text = (
        vpc("""
route_tables: {public: {main: true, routes: [{destination: "::/0", target: igw-0123456789abcdef0}]}}
""")
        + "internet_gateways: {igw-0123456789abcdef0: {tags: {Name: spare}}}\n"
    )
    topology = loaded(text)
    (gateway,) = topology.cloud.internet_gateways.values()
    assert (gateway.vpc_id, gateway.tags) == (None, (("Name", "spare"),))
    (table,) = topology.cloud.route_tables.values()
    assert route_state(topology.cloud, table, table.routes[0]) == "blackhole"
    assert loaded(dump(topology)) == topology


def test_ids_as_names_are_the_ids() -> None:
    topology = loaded(
        vpc("""
egress_only_internet_gateways: {eigw-0123456789abcdef0: {}}
route_tables: {rtb-0123456789abcdef0: {routes: [{destination: "::/0", target: eigw-0123456789abcdef0}]}}
subnets: {subnet-0123456789abcdef0: {route_table: rtb-0123456789abcdef0}}
instances: {i-0123456789abcdef0: {subnet: subnet-0123456789abcdef0}}
""")
    )
    assert set(topology.cloud.instances) == {"i-0123456789abcdef0"}
    (subnet,) = topology.cloud.subnets.values()
    assert (subnet.id, subnet.route_table_id) == ("subnet-0123456789abcdef0", "rtb-0123456789abcdef0")
    assert route_of(topology.cloud).target_id == DELETED


def test_a_gateway_that_ec2_detached_keeps_its_id() -> None:
    """The id of a gateway that was detached from its VPC cannot be derived from its name any more."""
    topology = loaded(example("demo"))
    cloud = topology.cloud
    (edge,) = cloud.internet_gateways.values()
    moved = replace(cloud, internet_gateways={edge.id: replace(edge, vpc_id=None)})
    again = loaded(dump(Topology(moved))).cloud
    assert set(again.internet_gateways) == {edge.id}
    assert again.route_tables == cloud.route_tables


def test_files_are_read_as_yaml_1_2() -> None:
    topology = loaded(
        vpc("""
tags: {Public: no, Time: 1:2:3, Date: 2024-01-31, Version: "1.0"}
subnets: {on: {}, 007: {}, 1e3: {}, null: {}}
""")
    )
    (main,) = topology.cloud.vpcs.values()
    assert dict(main.tags) == {"Public": "no", "Time": "1:2:3", "Date": "2024-01-31", "Version": "1.0"}
    assert set(blocks(topology.cloud)) == {"on", "007", "1e3", "null"}
    assert loaded(dump(topology)) == topology


def test_aliases_can_replace_values() -> None:
    topology = loaded(
        vpc("""
egress_only_internet_gateways: {outbound: {}}
route_tables:
  one: &private {routes: [{destination: "::/0", target: outbound}]}
  two: *private
""")
    )
    routes = {table.name: table.routes for table in topology.cloud.route_tables.values()}
    assert routes["one"] == routes["two"] != ()


def test_the_default_name_of_the_lab_is_the_name_of_the_file() -> None:
    assert load(b"vpcs: {}\n", file="x.yaml", default_lab="x").cloud.lab == "x"
    assert load(b"\xef\xbb\xbflab: y\n", file="x.yaml", default_lab="x").cloud.lab == "y"


@quick
@given(topologies())
def test_a_dumped_topology_loads_unchanged(topology: Topology) -> None:
    of_the_file = replace(topology, cloud=replace(topology.cloud, client_tokens={}, prefix_list_versions={}))
    assert loaded(dump(topology)) == of_the_file


@quick
@given(topologies())
def test_a_topology_stored_as_json_is_unchanged(topology: Topology) -> None:
    data = json.loads(json.dumps(to_data(topology)))
    assert from_data(data) == topology
    assert to_data(from_data(data)) == data


@pytest.mark.parametrize(
    "data",
    [{}, [], None, {"lab": "x"}, {"lab": "x", "vpcs": []}, {"lab": "x", "vpcs": {"a": {}}}, {"lab": 7, "vpcs": {}}],
)
def test_damaged_data_is_a_topology_error(data: object) -> None:
    with pytest.raises(TopologyError):
        from_data(data)  # type: ignore[arg-type]


def check_any(data: bytes) -> None:
    """Check that any input gives a topology, or a TopologyError whose places exist."""
    try:
        topology = load(data, file="lab.yaml", default_lab="demo")
    except TopologyError as error:
        lines = data.count(b"\n") + data.count(b"\r") + data.count("\x85".encode()) + data.count("\u2028".encode())
        assert error.mistakes
        for mistake in error.mistakes:
            assert 0 <= mistake.line <= lines + data.count("\u2029".encode()) + 1
            assert all(shorten(character) == character for character in str(mistake))
    else:
        assert loaded(dump(topology)) == topology


@quick
@given(st.binary(max_size=60))
def test_any_bytes(data: bytes) -> None:
    check_any(data)


@quick
@given(st.text("ab01:/.-_#&*!|>%@`'\"\\?[]{},= \n\tU", max_size=40))
def test_any_text_of_yaml_s_own_characters(text: str) -> None:
    check_any(text.encode())


@quick
@given(st.data())
def test_an_example_with_a_part_replaced(data: st.DataObject) -> None:
    text = example(data.draw(st.sampled_from(example_names())))
    start = data.draw(st.integers(0, len(text)))
    end = min(len(text), start + data.draw(st.integers(0, 12)))
    noise = st.sampled_from(("", "\n", "::", "{", "]", "null", "7", "&x ", "*x", "/65", "- ", "ffff", "main", "\x00"))
    check_any((text[:start] + data.draw(noise) + text[end:]).encode())


KEYS = ("lab", "vpcs", "main", "ipv6_cidr_block", "tags", "egress_only_internet_gateways", "internet_gateways",
        "route_tables", "routes", "destination", "target", "subnets", "route_table", "instances", "subnet",
        "ipv6_address", "internet", "hosts", "expect", "from", "to", "protocol", "port", "result", "replicas",
        "security_groups", "network_acls", "network_acl", "ingress", "egress", "rule", "cidr", "ports", "type", "code",
        "action", "group", "group_name", "description", "id", "default", "app", "Bad Name", "")  # fmt: skip
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=4),
    st.sampled_from((*KEYS, "::/0", "10.0.0.0/8", "2600:1f16:aa0:5500::/56", "2600:1f16:aa0:5501::/64",
                     "2600:1f16:aa0:5501::10", "blackhole", "tcp", "allowed", "allow", "all", "1-2", DELETED)),
)  # fmt: skip
STRUCTURES = st.recursive(
    VALUES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
)


@quick
@given(STRUCTURES)
def test_any_structure(data: object) -> None:
    check_any(json.dumps(data, ensure_ascii=False).encode("utf-8", "replace"))


WAY = ("main", "subnets", "instances", "route_tables", "network_acls", "security_groups", "ingress", "app")


@quick
@given(STRUCTURES, st.lists(st.sampled_from(WAY), max_size=4))
def test_any_structure_at_any_place(data: object, way: list[str]) -> None:
    for step in reversed(way):
        data = {step: data, "ipv6_cidr_block": "2600:1f16:aa0:5500::/56"}
    check_any(json.dumps({"vpcs": data, "expect": data}, ensure_ascii=False).encode("utf-8", "replace"))


def test_a_file_names_the_quotas_of_aws_that_it_exceeds() -> None:
    """A file must be able to describe every lab that `ec2 … --quota` can make."""
    body = vpc(f"""
tags: {{{", ".join(f"t{n}: x" for n in range(51))}}}
egress_only_internet_gateways: {{one: {{}}, two: {{}}, three: {{}}}}
network_acls: {{long: {{egress: [{
        ", ".join(f'{{rule: {n}, protocol: all, cidr: "::/0", action: allow}}' for n in range(1, 21))
    }]}}}}
security_groups: {{long: {{ingress: [{
        ", ".join(f"{{protocol: tcp, ports: {n}, group: default}}" for n in range(1, 62))
    }]}}, {", ".join(f"g{n}: {{}}" for n in range(5))}}}
subnets: {{a: {{}}}}
instances: {{app: {{subnet: a, security_groups: [long, g0, g1, g2, g3, g4]}}}}
""")
    quotas = {
        "egress_only_internet_gateways_per_vpc": 3,
        "entries_per_network_acl": 21,
        "rules_per_security_group": 61,
        "security_groups_per_interface": 6,
        "tags_per_resource": 51,
    }
    with pytest.raises(TopologyError) as caught:
        loaded(body)
    assert len(caught.value.mistakes) == len(quotas) + 1  # the third gateway, too
    generous = loaded(f"quotas: {json.dumps(dict.fromkeys(quotas, 99))}\n{body}")
    text = dump(generous)
    assert text.startswith("lab: demo\nquotas:\n" + "".join(f"  {name}: {n}\n" for name, n in quotas.items()))
    assert loaded(text) == generous
    with pytest.raises(TopologyError, match="can have at most 2 egress-only internet gateways; the first is on line"):
        loaded(text.replace("per_vpc: 3", "per_vpc: 2"))
    assert "quotas" not in dump(loaded(example("demo")))


def test_the_schema_describes_the_examples_keys() -> None:
    schema = json_schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert set(schema["properties"]) == {
        *(
            "lab",
            "quotas",
            "vpcs",
            "internet_gateways",
            "elastic_ips",
            "dhcp_options",
            "prefix_lists",
            "key_pairs",
            "internet",
            "expect",
        ),
    }
    assert schema["additionalProperties"] is False
    expectation = schema["$defs"]["ExpectationFile"]["properties"]
    assert expectation["result"]["enum"] == ["allowed", "blocked", "refused", "inconclusive"]
    json.dumps(schema)


def test_stored_topologies_and_examples_import_no_yaml_and_no_pydantic() -> None:
    code = (
        "import sys, eigw_ns.topology as t; t.example('demo'); t.from_data({'lab': 'x', 'vpcs': {}}); "
        "print([name for name in ('pydantic', 'ruamel', 'ruamel.yaml') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"


def test_a_large_lab_loads() -> None:
    names = [f"s{n:03}" for n in range(200)]
    text = vpc(
        "subnets: {" + ", ".join(f"{name}: {{}}" for name in names) + "}\n"
        "instances: {" + ", ".join(f"i-{name}: {{subnet: {name}}}" for name in names) + "}"
    )
    cloud = loaded(text).cloud
    assert len(cloud.instances) == 200
    assert len({instance.ipv6_address for instance in cloud.instances.values()}) == 200
    assert IPv6Address("2600:1f16:aa0:55c7::4") in {instance.ipv6_address for instance in cloud.instances.values()}

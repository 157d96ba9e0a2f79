"""The templates of `inputs` become the designs that they say at their top, with the places of their lines."""

from __future__ import annotations

from ipaddress import IPv6Network

from eigw_ns.importing.options import Options
from eigw_ns.importing.sources.cdk import read_assembly
from tests.support.templates import INPUTS, messages, of_input, routes_of, touched


def test_a_dual_stack_template_is_read_whole():
    found = of_input("dual-stack.yaml")
    assert messages(found) == []
    assert [str(vpc.ipv6_blocks[0].block) for vpc in found.vpcs] == ["2001:db8:aa0:5500::/56"]
    assert {subnet.label.name: str(subnet.ipv6_blocks[0]) for subnet in found.subnets} == {
        "Front": "2001:db8:aa0:5500::/64",
        "App": "2001:db8:aa0:5501::/64",
        "Db": "2001:db8:aa0:550a::/64",
    }
    assert routes_of(found, "FrontTable") == [("0.0.0.0/0", "internet", "Door"), ("::/0", "internet", "Door")]
    assert routes_of(found, "AppTable") == [
        ("0.0.0.0/0", "nat", "Nat"),
        ("::/0", "egress-only", "Out"),
        ("64:ff9b::/96", "nat", "Nat"),
    ]
    assert routes_of(found, "DbTable") == []


def test_a_dual_stack_template_gives_tags_zones_and_the_name_of_the_stack():
    found = of_input("dual-stack.yaml")
    front, app, database = found.subnets
    assert (front.zone, front.map_public_ip_on_launch, app.zone) == ("a", True, None)
    assert database.label.tags == (("Name", "db"), ("Reach", "Isolated"))
    assert found.vpcs[0].label.tags == (("Name", "dual-stack-net"),)
    assert found.name == "dual-stack"


def test_places_are_the_lines_of_logical_ids():
    found = of_input("dual-stack.yaml")
    assert [str(subnet.label.place) for subnet in found.subnets] == [
        "dual-stack.yaml:19 Front",
        "dual-stack.yaml:29 App",
        "dual-stack.yaml:37 Db",
    ]
    assert [str(route.place) for route in found.routes][-1] == "dual-stack.yaml:54 A64"


def test_messages_of_a_dual_stack_template():
    found = of_input("dual-stack.yaml")
    assert messages(found, "info") == [
        "info dual-stack.yaml:15 Six: IPv6 block chosen: 2001:db8:aa0:5500::/56",
        "info dual-stack.yaml:55 D6: not made: condition OpenDb is false",
    ]
    assert messages(found, "note") == ["note dual-stack.yaml:65 Logs: flow logs are left out: they change no packet"]


def test_a_group_with_ipv4_egress_only_has_no_other_egress():
    rules = of_input("dual-stack.yaml").group_rules
    assert [(rule.egress, str(rule.peer)) for rule in rules] == [(True, "0.0.0.0/0")]


def test_a_condition_that_a_parameter_makes_true_adds_the_leak():
    found = of_input("dual-stack.yaml", Options(parameters={"Stage": "live"}))
    assert routes_of(found, "DbTable") == [("::/0", "internet", "Door")]


def test_a_given_block_is_kept():
    (vpc,) = of_input("leak.yaml").vpcs
    assert [(each.block, each.chosen) for each in vpc.ipv6_blocks] == [(IPv6Network("2001:db8:60:4000::/56"), False)]
    assert routes_of(of_input("leak.yaml"), "T1") == [("0.0.0.0/0", "nat", "N"), ("::/0", "internet", "G")]


def test_a_custom_resource_that_a_route_needs_is_refused_and_another_one_noted():
    found = of_input("custom.yaml")
    what = "what it does to the network is not known"
    (refused,) = messages(found)
    assert refused.startswith(f"refuse custom.yaml:15 Maker: custom resource Custom::Exit: {what}; used by Six6; ")
    assert messages(found, "note") == [f"note custom.yaml:16 Bell: custom resource Custom::Bell: {what}"]
    assert routes_of(found, "T1")[-1] == ("::/0", "egress-only", "Maker.GatewayId")


def test_a_custom_resource_that_is_given_a_vpc_touches_it():
    assert "V" in touched(of_input("custom.yaml"))


def test_a_target_that_a_lab_does_not_have_keeps_its_kind():
    found = of_input("transit.yaml")
    assert routes_of(found, "T1")[-1] == ("::/0", "transit-gateway", "tgw-0123456789abcdef0")


def test_a_route_of_another_stack_of_the_assembly_is_found():
    folder = INPUTS / "cdk.out"
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    found = read_assembly(files, Options())
    assert messages(found) == []
    assert routes_of(found, "Net/StoreRt") == [("::/0", "internet", "Net/Igw")]
    assert [str(route.place) for route in found.routes][-1] == "Shop.template.json:3 Leak"
    assert [str(subnet.label.place) for subnet in found.subnets] == [
        "Net.template.json:33 Front",
        "Net.template.json:93 Store",
    ]

"""`Name` tags name resources that have no name of their own: in tables, plans, predictions, and as a NODE."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eigw_ns.cli import complete
from eigw_ns.cloud import hosts_file, nodes
from eigw_ns.cloud.model import Cloud
from eigw_ns.cloud.nodes import NodeIndex
from eigw_ns.cloud.tag_names import named_by_tags
from eigw_ns.dataplane.trace.explanation import Question, explain
from eigw_ns.errors import UsageError
from eigw_ns.render import aws, cloud_changes, describe, one_resource
from eigw_ns.render import nodes as nodes_table
from eigw_ns.render.table import draw
from eigw_ns.topology import Topology, load, to_data

TEXT = b"""
lab: tagged
internet: {hosts: {web: {ipv6_address: "2001:db8:80::1"}}}
vpcs:
  main:
    ipv6_cidr_block: 2600:1f16:aa0:5500::/56
    egress_only_internet_gateways: {outbound: {}}
    route_tables: {private: {routes: [{destination: "::/0", target: outbound}]}}
    subnets: {net: {route_table: private}}
    instances:
      app: {subnet: net}
      one: {subnet: net}
      two: {subnet: net}
"""
FILE = load(TEXT, file="lab.yaml", default_lab="tagged").cloud
ONE, TWO = (next(each.id for each in FILE.instances.values() if each.name == name) for name in ("one", "two"))
(VPC,) = FILE.vpcs


def tagged(one: str, two: str = "", vpc: str = "") -> Cloud:
    """Return the cloud as if EC2's API had made two instances, with these tags; and the VPC, if it has one."""
    instances = {
        resource_id: replace(FILE.instances[resource_id], name=resource_id, tags=(("Name", tag),) if tag else ())
        for resource_id, tag in ((ONE, one), (TWO, two))
    }
    vpcs = {VPC: replace(FILE.vpcs[VPC], name=VPC, tags=(("Name", vpc),))} if vpc else FILE.vpcs
    return replace(FILE, instances={**FILE.instances, **instances}, vpcs=vpcs)


def test_a_tag_is_the_name_and_the_id_stays_one() -> None:
    cloud = tagged("db server", "MyStack/Db")
    assert nodes.find(cloud, "db server").id == nodes.find(cloud, "main/db server").id == ONE
    assert nodes.find(cloud, ONE).name == "db server"
    assert nodes.find(cloud, "MyStack/Db").id == nodes.find(cloud, TWO).id == TWO
    assert nodes.find(tagged("db", vpc="prod"), "prod/db").id == ONE
    assert nodes.find(tagged(""), ONE).name == ONE


@pytest.mark.parametrize(
    "tag",
    ["app", "web", "net", "outbound", "outbound#1", "internet", "main", "main/app", "main/other", "internet/web", TWO,
     "i-0123456789abcdef0", "", " ", " db", "db\n", "a\tb", "\x1b[31m", "a\u202eb", "a\u00a0b", "\ud800"],
)  # fmt: skip
def test_a_tag_that_another_name_or_a_terminal_could_misread_is_not_a_name(tag: str) -> None:
    cloud = tagged(tag)
    assert named_by_tags(cloud) is cloud
    assert {node.id for node in nodes.nodes(cloud) if node.name == ONE} == {ONE}


@pytest.mark.parametrize("text", ["app", "main/app", "web", "internet/web", "outbound", "outbound#1", "main/outbound"])
def test_names_of_the_file_mean_what_they_meant(text: str) -> None:
    """A tag may not take a name or make it ambiguous."""
    for tag in ("app", "outbound", "web", text):
        assert nodes.find(tagged(tag, tag), text) == nodes.find(FILE, text)


def test_a_tag_that_two_have_is_ambiguous_and_the_hint_has_the_ids() -> None:
    cloud = tagged("db", "db")
    for text in ("db", "main/db"):
        with pytest.raises(UsageError, match=f"{text} is ambiguous: it names 2 nodes") as caught:
            nodes.find(cloud, text)
        assert caught.value.hint == f"write {' or '.join(sorted((ONE, TWO)))}"
    with pytest.raises(UsageError, match="db is ambiguous: it names 2 resources") as caught:
        one_resource.find(cloud, "db")
    assert ONE in caught.value.hint and TWO in caught.value.hint


def test_each_node_has_a_text_that_names_it_alone() -> None:
    """`x/y` is the tag of one node, and the qualified name of another by the tag of its VPC."""
    for cloud in (tagged("db", "db"), tagged("y", "x/y", vpc="x"), tagged("db"), FILE):
        index = NodeIndex(nodes.nodes(cloud))
        assert all(index.find(index.text(node)) == node for node in nodes.nodes(cloud))


def drawn(cloud: Cloud) -> str:
    return draw(describe.tables(cloud, aws.KINDS, (), {}), width=200, colour=False)


def test_tables_show_tags_beside_ids() -> None:
    table = drawn(tagged("db", "db", vpc="prod"))
    for resource_id in (ONE, TWO):
        assert any(line.split()[:2] == ["prod/db", resource_id] for line in table.splitlines())
    assert any(line.split()[:2] == ["prod", VPC] for line in table.splitlines())
    shown = {(each["Name"], each["Id"]) for each in nodes_table.data(tagged("db", vpc="prod"))}
    assert ("prod/db", ONE) in shown and (f"prod/{TWO}", TWO) in shown


def test_describe_finds_a_resource_by_its_tag() -> None:
    found = one_resource.find(tagged("db", vpc="prod"), "prod/db")
    assert found is not None and found.id == ONE
    vpc = one_resource.find(tagged("db", vpc="prod"), "prod")
    assert vpc is not None and vpc.id == VPC


def test_a_plan_shows_a_tag_with_its_id() -> None:
    with_one = tagged("db")
    without = replace(with_one, instances={key: each for key, each in with_one.instances.items() if key != ONE})
    (line,) = cloud_changes.lines(cloud_changes.compare(without, with_one), every=False)
    assert line.startswith(f"+ instance main/db ({ONE}): ")
    (line,) = cloud_changes.lines(cloud_changes.compare(tagged("a/b"), tagged("db")), every=False)
    assert line == f"~ instance main/db ({ONE}): tag Name: a/b → db"


def test_a_prediction_shows_tags() -> None:
    found = explain(tagged("db"), Question("db", "web", "tcp", 443))
    assert found.trace.outcome == "allowed"
    assert "db" in [hop.name for hop in found.trace.hops if hop.id == ONE]


def test_an_export_has_ids() -> None:
    (vpc,) = to_data(Topology(tagged("db")))["vpcs"].values()
    assert {"app", ONE, TWO} == set(vpc["instances"])


@pytest.mark.parametrize(
    ("tag", "names"),
    [
        ("db", {"db", "db.main", "main/db"}),
        ("db server", set()),
        ("localhost#x", set()),
        ("ä", set()),
    ],
)
def test_a_hosts_file_has_only_tags_that_it_can_hold(tag: str, names: set[str]) -> None:
    address = str(FILE.instances[ONE].ipv6_address)
    assert set(hosts_file.names(tagged(tag))[address]) == names


def test_completion_offers_tags_that_are_one_word(monkeypatch: pytest.MonkeyPatch) -> None:
    assert {"db", "main/db", "outbound", "main/outbound"} <= completed(tagged("db"), monkeypatch)
    offered = completed(tagged("db server", "$(reboot)"), monkeypatch)
    assert {ONE, TWO} <= offered
    assert not any(" " in each or "$" in each for each in offered)


def completed(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Return what completion offers for a NODE."""
    monkeypatch.setattr(complete, "_cloud", lambda _context: cloud)
    return {str(item.value) for item in complete.nodes(None, None, "")}  # type: ignore[arg-type]

"""`describe`: one resource, nodes with their interfaces, the meaning of counters; `--watch`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NoReturn

import pytest

from eigw_ns.dataplane.compile.names import namespace_name
from eigw_ns.kernel.fake.fake_kernel import FakeKernel
from eigw_ns.kernel.protocol import Count
from eigw_ns.render.legend import MEANINGS
from eigw_ns.render.one_resource import find, resources
from tests.support.command import FAKE_LAB as LAB
from tests.support.command import Cli
from tests.support.stored import store

GOLDEN = Path(__file__).parents[1] / "golden" / "rules"


@pytest.mark.parametrize(
    ("word", "kind", "name"),
    [("app", "Instances", "main/app"), ("web", "InternetHosts", "internet/web"), ("main/outbound", None, None)],
)
def test_describe_shows_one_resource(
    applied: FakeKernel, cli: Cli, word: str, kind: str | None, name: str | None
) -> None:
    found = find(store().load(LAB).cloud, word)
    assert found is not None
    data = cli("describe", word, "-o", "json").data
    assert [len(data[found.kind]), len(data["Nodes"])] == [1, 1]
    assert (data["Nodes"][0]["Name"], found.kind) == (name or word, kind or "EgressOnlyInternetGateways")
    assert found.id in cli("describe", word).out


def test_every_resource_is_found_by_its_id(applied: FakeKernel, cli: Cli) -> None:
    cloud = store().load(LAB).cloud
    for resource in resources(cloud):
        assert find(cloud, resource.id) == resource
        described = cli("describe", resource.id, "-o", "json")
        assert described.code == 0
        if resource.kind:
            (shape,) = described.data[resource.kind]
            assert resource.id in shape.values()


def test_describe_counts_only_the_gateway_that_was_asked_for(applied: FakeKernel, cli: Cli) -> None:
    assert set(cli("describe", "app", "-o", "json").data) == {"Instances", "Nodes"}
    (gateway,) = store().load(LAB).cloud.egress_only_internet_gateways
    assert set(cli("describe", "outbound", "-o", "json").data["Counters"]) == {gateway}


def test_an_unknown_resource_gets_a_hint(applied: FakeKernel, cli: Cli) -> None:
    done = cli("describe", "nothing")
    assert done.code == 2
    assert "there is no kind of resource nothing, and no resource of that name" in done.err
    assert "did you mean instances" in cli("describe", "instnces").err


def test_nodes_have_namespaces_and_interfaces(applied: FakeKernel, cli: Cli) -> None:
    found = {node["Name"]: node for node in cli("describe", "nodes", "-o", "json").data["Nodes"]}
    assert {"internet", "internet/web", "main/app", "main/outbound", "main/outbound#2"} <= set(found)
    app = found["main/app"]
    assert app["Namespace"] == namespace_name(LAB, app["Id"])
    assert app["Namespace"] in applied.names()
    (port,) = app["Interfaces"]
    assert (port["Name"], port["LeadsTo"].split()[0]) == ("eth0", "main/a")
    assert any(address.startswith("2600:1f16:aa0:") for address in port["Addresses"])
    assert app["Namespace"] in cli("describe", "nodes").out


def test_shown_counters_have_a_meaning(applied: FakeKernel, cli: Cli) -> None:
    assert "Meaning of the counters" not in cli("describe", "eigw").out
    gateway = next(name for name in sorted(applied.names()) if "-eigw-" in name)
    applied.namespaces[gateway].counts["drop_inbound"] = Count(3, 180)
    shown = cli("describe", "eigw").out
    assert MEANINGS["drop_inbound"] in shown
    assert MEANINGS["drop_source"] not in shown


def test_every_counter_has_a_meaning() -> None:
    written = {name for file in GOLDEN.iterdir() for name in re.findall(r'counter name "(\w+)"', file.read_text())}
    assert written
    assert not written - set(MEANINGS)


@pytest.mark.parametrize("verb", ["status", "describe"])
def test_watch_shows_it_again_until_an_interrupt(applied: FakeKernel, cli: Cli, verb: str) -> None:
    def interrupt() -> NoReturn:
        raise KeyboardInterrupt

    applied.at(5.0, interrupt)
    done = cli(verb, "--watch", "-o", "json")
    assert done.code == 130
    assert done.out.count("\n}\n") == 3

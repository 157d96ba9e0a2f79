"""Events of a lab: what two views tell, bursts of drops, and the lines that are printed. Programs read the lines."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import get_args

import pytest

from eigw_ns.cli.context import labels
from eigw_ns.cloud.model import Cloud
from eigw_ns.dataplane.compile.names import namespace_name
from eigw_ns.kernel.netlink.reports import LinkReport
from eigw_ns.kernel.protocol import Count, Traffic
from eigw_ns.lab.events.drops import Burst, Bursts
from eigw_ns.lab.events.event import Event, Kind, author
from eigw_ns.lab.events.links import DownLinks
from eigw_ns.lab.events.views import NOBODY, Authors, View, Words, news, standing
from eigw_ns.render import events
from eigw_ns.topology import example, load

WORDS = Words(labels, events.compare)
MOMENT = datetime(2026, 11, 30, 17, 20, 1, 123456, timezone(timedelta(hours=1)))
APPLY = Authors("eigw-ns apply", "", {})
DELETE = Authors("eigw-ns ec2 delete-egress-only-internet-gateway", "", {})


@pytest.fixture(scope="module")
def cloud() -> Cloud:
    return load(example("demo").encode(), file="demo.yaml", default_lab="demo").cloud


def without_gateway(cloud: Cloud) -> Cloud:
    return replace(cloud, egress_only_internet_gateways={})


def app(cloud: Cloud) -> str:
    return next(namespace_name("demo", each.id) for each in cloud.instances.values() if each.name == "app")


def of(cloud: Cloud, drift: Mapping[str, tuple[str, ...]] | None = None, out: Mapping[str, str] | None = None) -> View:
    return View(cloud, drift or {}, out or {})


def kinds(found: Sequence[Event]) -> list[str]:
    return [each.kind for each in found]


def test_two_equal_views_are_no_news(cloud: Cloud) -> None:
    drifted = of(cloud, {app(cloud): ("create x",)}, {app(cloud): "gone"})
    assert not list(news(drifted, drifted, NOBODY, WORDS))
    assert not list(standing(of(cloud), WORDS))


def test_an_apply_is_one_event_with_the_resources_in_it(cloud: Cloud) -> None:
    found = list(news(of(cloud), of(without_gateway(cloud)), APPLY, WORDS))
    assert kinds(found)[0] == "lab.applied"
    assert set(kinds(found)) == {"lab.applied", "route.blackhole"}
    assert [each["change"] for each in found[0].detail["resources"]].count("delete") == 1
    assert kinds(list(news(of(cloud), of(cloud), APPLY, WORDS))) == ["lab.applied"]


def test_an_action_is_an_event_for_each_resource_and_names_the_routes_that_end(cloud: Cloud) -> None:
    found = list(news(of(cloud), of(without_gateway(cloud)), DELETE, WORDS))
    gateway = next(iter(cloud.egress_only_internet_gateways.values()))
    deleted = next(each for each in found if each.kind == "resource.deleted")
    assert (deleted.id, deleted.by) == (gateway.id, DELETE.command)
    ended = [each for each in found if each.kind == "route.blackhole"]
    assert ended
    for each in ended:
        assert each.id.startswith("subnet-")
        assert each.node.startswith("main/")
        assert each.detail["routes"] == [{"destination": "::/0", "target": gateway.id}]
    back = list(news(of(without_gateway(cloud)), of(cloud), DELETE, WORDS))
    assert {"resource.created", "route.active"} <= set(kinds(back))
    assert len([each for each in back if each.kind == "route.active"]) == len(ended)
    assert [each.kind for each in standing(of(without_gateway(cloud)), WORDS)] == ["route.blackhole"] * len(ended)


def test_drift_comes_and_goes_in_parts(cloud: Cloud) -> None:
    node = app(cloud)
    one, two = of(cloud, {node: ("a", "b")}), of(cloud, {node: ("b", "c")})
    found = list(news(one, two, replace(NOBODY, processes={node: ("nft (7)",)}), WORDS))
    assert kinds(found) == ["drift.found", "drift.gone"]
    assert found[0].detail == {"steps": ["c"], "processes": ["nft (7)"]}
    assert found[1].detail == {"steps": ["a"]}
    assert {(each.node, each.by) for each in found} == {("main/app", "somebody else")}
    assert [each.by for each in news(one, of(cloud), APPLY, WORDS)] == ["eigw-ns apply"] * 2


@pytest.mark.parametrize(
    ("authors", "by"),
    [
        (NOBODY, "somebody else"),
        (Authors("", "eigw-ns agent", {}), "eigw-ns agent"),
        (Authors("eigw-ns ec2 create-route", "eigw-ns agent", {}), "eigw-ns ec2 create-route"),
    ],
)
def test_replicas_go_down_and_up(cloud: Cloud, authors: Authors, by: str) -> None:
    node = app(cloud)
    down = list(news(of(cloud), of(cloud, None, {node: "its link is down"}), authors, WORDS))
    assert [(each.kind, each.by) for each in down] == [("replica.down", by)]
    assert down[0].detail == {"reason": "its link is down"}
    up = list(news(of(cloud, None, {node: "x"}), of(cloud), authors, WORDS))
    assert [(each.kind, each.by) for each in up] == [("replica.up", by)]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("eigw-ns apply (demo)", "eigw-ns apply"),
        ("eigw-ns agent --repair (demo)", "eigw-ns agent --repair"),
        ("eigw-ns ec2 DeleteEgressOnlyInternetGateway (demo)", DELETE.command),
        ("eigw-ns ec2 ModifyVpcAttribute (demo)", "eigw-ns ec2 modify-vpc-attribute"),
        ("", ""),
    ],
)
def test_an_author_is_a_command_as_users_type_it(command: str, said: str) -> None:
    assert author(command, "demo") == said


def traffic(**drops: int) -> dict[str, Traffic]:
    return {"gw": Traffic({f"drop_{name}": Count(number, 0) for name, number in drops.items()}, {}, 0)}


def test_a_burst_is_a_hundred_drops_in_a_second() -> None:
    bursts = Bursts()
    assert not bursts.fold(1.0, traffic(inbound=5000))
    assert not bursts.fold(2.0, traffic(inbound=5099, spoofed=99))
    assert bursts.fold(3.0, traffic(inbound=5199, spoofed=99)) == [Burst("gw", "inbound", 100, 1.0)]
    assert not bursts.fold(6.0, traffic(inbound=5199, spoofed=398))  # 299 in 3 s
    assert bursts.fold(7.0, traffic(inbound=5199, spoofed=1398)) == [Burst("gw", "spoofed", 1000, 1.0)]


def test_a_burst_that_goes_on_is_reported_every_ten_seconds() -> None:
    bursts = Bursts()
    found = [bursts.fold(float(second), traffic(inbound=1000 * second)) for second in range(1, 24)]
    assert [second for second, each in enumerate(found, start=1) if each] == [2, 12, 22]


def test_counters_that_begin_again_are_no_burst() -> None:
    bursts = Bursts()
    bursts.fold(1.0, traffic(inbound=5000))
    assert not bursts.fold(2.0, traffic(inbound=50))
    assert not bursts.fold(3.0, {})
    assert not bursts.fold(4.0, traffic(inbound=5000))


def test_a_tenant_who_flaps_a_link_is_heard_once_a_second() -> None:
    down, tenant, router = DownLinks(), "eigw-demo-i-00000001", "eigw-demo-subnet-00000001"
    flapping = [LinkReport("eth0", up, False) for up in (True, False) * 50]
    heard = [down.fold(second / 10, tenant, flapping) for second in range(25)]
    assert [number for number, each in enumerate(heard) if each] == [0, 10, 20]
    assert not down.fold(0.0, tenant, [LinkReport(f"x{number}", False, False) for number in range(9)])
    assert down.fold(0.0, router, [LinkReport("i-1", True, True), LinkReport("fabric", True, False)]) == [
        LinkReport("i-1", True, True)
    ]


EVENT = Event("route.blackhole", "main/a", "subnet-1", "eigw-ns apply", {"routes": [{"destination": "::/0"}]})


def test_a_line_for_programs() -> None:
    assert events.data(EVENT, "demo", MOMENT) == (
        '{"time": "2026-11-30T16:20:01.123456Z", "lab": "demo", "kind": "route.blackhole", "node": "main/a", '
        '"id": "subnet-1", "by": "eigw-ns apply", "detail": {"routes": [{"destination": "::/0"}]}}'
    )
    assert json.loads(events.data(replace(EVENT, node="\n\u2028"), "demo", MOMENT))["node"] == "\n\u2028"


def test_a_line_for_people_is_one_line_without_control_characters() -> None:
    line = events.line(replace(EVENT, node="a\n\x1b[31m"), datetime(2026, 1, 1, tzinfo=UTC))
    assert "\n" not in line
    assert "\x1b" not in line
    assert "::/0" in line
    assert line.endswith("(by eigw-ns apply)")


def test_the_kinds_are_those_that_programs_know() -> None:
    known = (
        "lab.applied lab.destroyed resource.created resource.changed resource.deleted route.active route.blackhole"
        " replica.down replica.up drift.found drift.gone drops.burst link.down events.lost"
    )
    assert " ".join(get_args(Kind)) == known

"""Metrics of a lab on the fake kernel: names, labels, what is not known, and the text of the official client."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from ruamel.yaml import YAML

from eigw_ns.cloud.model import Cloud
from eigw_ns.dataplane.compile.compiler import compile_cloud
from eigw_ns.dataplane.compile.names import namespace_name
from eigw_ns.dataplane.planning.plan import make_plan
from eigw_ns.dataplane.state import NetState
from eigw_ns.kernel.fake.fake_kernel import FakeKernel
from eigw_ns.kernel.protocol import Count
from eigw_ns.lab.lifecycle.execute import execute
from eigw_ns.lab.metrics import scrape
from eigw_ns.lab.metrics.families import Family
from eigw_ns.lab.metrics.scrape import Scraper, all_labs
from eigw_ns.lab.storage.origin import Origin
from eigw_ns.render import prometheus
from eigw_ns.topology import load
from tests.topologies.replicated import tree

ORIGIN = Origin("/x.yaml", 0, "root", "2026-12-01 03:00:00+00:00")
HOSTILE = 'a"\\\n{}=,'


def _cloud(replicas: int = 2, lab: str = "lab") -> Cloud:
    return load(tree(replicas).encode(), file="x.json", default_lab=lab).cloud


def _built(cloud: Cloud) -> FakeKernel:
    kernel = FakeKernel()
    execute(kernel, make_plan(compile_cloud(cloud), NetState()))
    return kernel


def _scraped(kernel: FakeKernel, cloud: Cloud, drift: int | None = None) -> dict[str, Family]:
    return {family.name: family for family in all_labs([Scraper(kernel).scrape(cloud, ORIGIN, drift)])}


def test_each_replica_has_a_sample_with_its_names() -> None:
    cloud = _cloud()
    kernel = _built(cloud)
    (gateway,) = cloud.egress_only_internet_gateways.values()
    space = kernel.namespaces[namespace_name(cloud.lab, gateway.id)]
    space.counts["drop_inbound"] = Count(7, 700)
    found = _scraped(kernel, cloud)
    dropped = {dict(each.labels)["reason"]: each.value for each in
               found["eigw_ns_gateway_dropped_packets_total"].samples
               if dict(each.labels)["replica"] == "1"}  # fmt: skip
    assert dropped["inbound"] == 7
    assert "allowed_new" not in dropped
    served = found["eigw_ns_gateway_replica_in_service"].samples
    assert [(dict(each.labels)["gateway"], dict(each.labels)["replica"], each.value) for each in served] == [
        ("outbound", "1", 1.0),
        ("outbound", "2", 1.0),
    ]
    for direction in ("in_from_source", "out_to_destination", "in_from_destination", "out_to_source"):
        for unit in ("packets", "bytes"):
            assert len(found[f"eigw_ns_gateway_{unit}_{direction}_total"].samples) == 2
    assert found["eigw_ns_lab_applied_timestamp_seconds"].samples[0].value == 1_796_094_000
    assert found["eigw_ns_scrape_errors"].samples[0].value == 0


def test_what_is_not_known_has_no_sample() -> None:
    cloud = _cloud()
    kernel = _built(cloud)
    (gateway,) = cloud.egress_only_internet_gateways.values()
    kernel.remove_namespace(namespace_name(cloud.lab, f"{gateway.id}.2"))
    found = _scraped(kernel, cloud)
    assert "eigw_ns_drift_objects" not in found
    assert len(found["eigw_ns_gateway_active_connections"].samples) == 1
    assert found["eigw_ns_scrape_errors"].samples[0].value == 1
    assert _scraped(kernel, cloud, drift=3)["eigw_ns_drift_objects"].samples[0].value == 3


def test_several_labs_share_each_metric() -> None:
    clouds = [_cloud(1, "one"), _cloud(1, "two")]
    kernel = FakeKernel()
    for cloud in clouds:
        execute(kernel, make_plan(compile_cloud(cloud), NetState()))
    scraper = Scraper(kernel)
    found = all_labs(scraper.scrape(cloud, None) for cloud in clouds)
    names = [family.name for family in found]
    assert len(names) == len(set(names))
    routes = next(family for family in found if family.name == "eigw_ns_routes")
    assert {dict(each.labels)["lab"] for each in routes.samples} == {"one", "two"}
    assert "eigw_ns_lab_applied_timestamp_seconds" not in names


@pytest.mark.parametrize("value", ["plain", HOSTILE, "ünïcode"])
def test_the_text_is_read_by_prometheus_with_every_value(value: str) -> None:
    cloud = load(
        tree(
            1, egress_only_internet_gateways={"outbound": {"tags": {"Cost Center/1": value.replace("\n", " ")}}}
        ).encode(),
        file="x.json",
        default_lab="lab",
    ).cloud
    found = all_labs([Scraper(_built(cloud)).scrape(cloud, ORIGIN, 0)])
    read = list(text_string_to_metric_families(prometheus.text(found).decode()))
    samples = {sample.name: sample for family in read for sample in family.samples}
    assert {family.name for family in found} == set(samples)
    assert "tag_Cost_Center_1" in samples["eigw_ns_gateway_info"].labels
    assert {family.type for family in read} == {"counter", "gauge"}
    assert [each["name"] for each in prometheus.data(found)] == [family.name for family in found]


FOLDER = Path(scrape.__file__).parent
METRIC = re.compile(r"eigw_ns_[a-z_]+")


def _known() -> set[str]:
    cloud = _cloud()
    return set(_scraped(_built(cloud), cloud, drift=0))


def test_the_dashboard_and_the_alerts_use_metrics_that_exist() -> None:
    dashboard = json.loads((FOLDER / "grafana-dashboard.json").read_text())
    shown = {
        name for panel in dashboard["panels"] for each in panel["targets"] for name in METRIC.findall(each["expr"])
    }
    rules = YAML(typ="safe").load((FOLDER / "alerts.yaml").read_text())
    alerts = [rule for group in rules["groups"] for rule in group["rules"]]
    alerted = {name for rule in alerts for name in METRIC.findall(rule["expr"])}
    assert shown | alerted <= _known()
    assert all(rule["annotations"]["summary"] and rule["annotations"]["fix"] for rule in alerts)
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in dashboard["panels"]]
    assert len(set(places)) == len(places)


def test_promtool_accepts_the_alerts_and_the_text_if_it_is_there(tmp_path: Path) -> None:
    cloud = _cloud()
    text = prometheus.text(all_labs([Scraper(_built(cloud)).scrape(cloud, ORIGIN, 0)]))
    assert b"# TYPE eigw_ns_routes gauge" in text
    if shutil.which("promtool"):
        subprocess.run(["promtool", "check", "rules", FOLDER / "alerts.yaml"], check=True, capture_output=True)
        done = subprocess.run(["promtool", "check", "metrics"], input=text, check=False, capture_output=True)
        problems = {line.partition(" ")[2] for line in done.stderr.decode().splitlines()}
        assert problems <= {"metric names should not contain abbreviated units"}  # it reads our `ns` as nanoseconds

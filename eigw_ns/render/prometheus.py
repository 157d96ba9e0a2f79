"""Metrics in Prometheus's text format, by the official client, and as JSON.

The client has a registry of ours with one collector. Nothing of it is global.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from eigw_ns.lab.metrics.families import Family


def text(families: Iterable[Family]) -> bytes:
    """Return the metrics as text (version 0.0.4 of the format). Needs the package prometheus-client."""
    from prometheus_client import CollectorRegistry, generate_latest  # late: the extra `metrics`
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
    from prometheus_client.registry import Collector

    class Once(Collector):
        def collect(self) -> Iterator[Metric]:
            for family in families:
                made = CounterMetricFamily if family.kind == "counter" else GaugeMetricFamily
                metric: Metric = made(family.name, family.help)
                for sample in family.samples:
                    metric.add_sample(family.name, dict(sample.labels), sample.value)
                yield metric

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Once())
    return generate_latest(registry)


def data(families: Iterable[Family]) -> list[dict[str, Any]]:
    """Return the metrics as plain data."""
    return [
        {
            "name": family.name,
            "type": family.kind,
            "help": family.help,
            "samples": [{"labels": dict(sample.labels), "value": sample.value} for sample in family.samples],
        }
        for family in families
    ]

"""`eigw-ns metrics`: what gateways and subnets have counted, for Prometheus."""

from __future__ import annotations

import click

from eigw_ns.cli import options
from eigw_ns.cli.context import choose_lab, open_kernel, open_storage
from eigw_ns.cli.output import show_json
from eigw_ns.lab.host import extras
from eigw_ns.lab.lifecycle import operations
from eigw_ns.lab.lifecycle.labs import known_labs
from eigw_ns.lab.metrics.scrape import Scraper, all_labs
from eigw_ns.render import prometheus


@click.command("metrics")
@options.lab
@click.option("-o", "--output", type=click.Choice(["prometheus", "json"]), default="prometheus", show_default=True,
              help="Output format: Prometheus's text, or json.")  # fmt: skip
@click.option("--drift", is_flag=True, help="Also count the objects in which the kernel differs from what was applied. "
              "Reads the whole lab.")  # fmt: skip
def command(lab: str | None, output: str, drift: bool) -> None:
    """Print the metrics of a lab, or of all running labs: packets, flows, drops, replicas, routes.

    The names follow AWS's metrics of NAT gateways. Reading them costs packets nothing, and nothing runs between two
    calls. `serve` answers the same at /metrics. What is not known has no sample.

    \b
    eigw-ns metrics
    eigw-ns metrics --lab demo | grep dropped
    eigw-ns metrics -o json | jq -r '.[] | .name'
    eigw-ns metrics > /var/lib/node_exporter/textfile/eigw-ns.prom
    """
    if output == "prometheus":
        extras.require_metrics("metrics")
    kernel, storage = open_kernel(), open_storage()
    running = [each.name for each in known_labs(kernel, storage) if each.running and each.stored]
    chosen = [choose_lab(lab, kernel)] if lab else running
    scraper = Scraper(kernel)
    found = all_labs(
        scraper.scrape(
            storage.store.load(name).cloud,
            storage.store.origin(name),
            len(operations.drift(kernel, storage, name)) if drift else None,
        )
        for name in chosen
    )
    if output == "json":
        show_json(prometheus.data(found))
    else:
        click.echo(prometheus.text(found).decode(), nl=False)

"""Read the metrics of a lab when they are asked for: with nobody asking, nothing runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from eigw_ns.cloud.model import Cloud
from eigw_ns.dataplane.replication import spread
from eigw_ns.kernel.protocol import Kernel
from eigw_ns.lab.metrics import families
from eigw_ns.lab.metrics.families import Family, Seen
from eigw_ns.lab.metrics.targets import Targets, targets
from eigw_ns.lab.storage.origin import Origin


class Scraper:
    """Scrapes labs. What to read is worked out once for each state of a lab: that takes longer than to read it."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._known: dict[str, tuple[Cloud, Targets]] = {}

    def scrape(self, cloud: Cloud, origin: Origin | None, drift: int | None = None) -> Iterator[Family]:
        """Yield the metrics of a lab."""
        wanted = self._targets(cloud)
        seen = Seen(self._kernel.traffic(wanted.namespaces), frozenset(self._serving(wanted)))
        yield from families.gateways(cloud.lab, wanted.gateways, seen)
        yield from families.subnets(cloud.lab, wanted.subnets, seen)
        yield from families.of_model(cloud, _seconds(origin), drift)
        yield families.errors(cloud.lab, len(set(wanted.namespaces) - seen.traffic.keys()))

    def _targets(self, cloud: Cloud) -> Targets:
        known = self._known.get(cloud.lab)
        if known is None or known[0] is not cloud:
            known = self._known[cloud.lab] = (cloud, targets(cloud))
        return known[1]

    def _serving(self, wanted: Targets) -> Iterator[str]:
        """Yield the namespaces of replicas to which flows are sent. A gateway alone serves if it exists."""
        several = {replica.namespace for gateway in wanted.replicated for replica in gateway.replicas}
        alone = [each.namespace for each in wanted.gateways if each.namespace not in several]
        yield from set(alone) - self._kernel.missing(alone)
        for gateway in wanted.replicated:
            outward = next(group for group in gateway.groups if group.side == "fabric")
            found = self._kernel.group(outward)
            serving = spread.members(found.shares if found else spread.all_to(outward.shares[0][2]))
            yield from (replica.namespace for replica in gateway.replicas if replica.inner.mac in serving)


def _seconds(origin: Origin | None) -> float | None:
    """Return when the lab was applied, in seconds since 1970; None if nobody noted it."""
    try:
        return datetime.fromisoformat(origin.time).timestamp() if origin else None
    except ValueError:
        return None


def all_labs(scrapes: Iterable[Iterator[Family]]) -> tuple[Family, ...]:
    """Return the metrics of several labs, each metric once."""
    return families.merged(family for scrape in scrapes for family in scrape)

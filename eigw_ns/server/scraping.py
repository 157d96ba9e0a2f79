"""The worker's verb `metrics`: it reads what the labs have counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from eigw_ns.cloud.model import Cloud
from eigw_ns.errors import EigwError
from eigw_ns.frozen import frozen
from eigw_ns.kernel.protocol import Kernel
from eigw_ns.lab.metrics.scrape import Scraper, all_labs
from eigw_ns.lab.storage.origin import Origin
from eigw_ns.render import prometheus
from eigw_ns.server.channel import Message
from eigw_ns.server.verbs import Verb, as_cloud_error, error_message


@frozen
class ScrapedLab:
    """A lab whose metrics are read: its kernel, its present state, and when it was applied."""

    kernel: Kernel
    cloud: Callable[[], Cloud]
    origin: Callable[[], Origin | None]


def verb(labs: Iterable[ScrapedLab]) -> Verb:
    """Return the verb that reads the metrics of all labs. It uses the kernel, so it waits for its turn."""
    known = [(lab, Scraper(lab.kernel)) for lab in labs]

    def run(_message: Message, _seconds: float) -> Message:
        try:
            found = all_labs(scraper.scrape(lab.cloud(), lab.origin()) for lab, scraper in known)
        except EigwError as error:
            return error_message(as_cloud_error(error))
        return {"text": prometheus.text(found).decode()}

    return Verb(run, lambda _message: True)

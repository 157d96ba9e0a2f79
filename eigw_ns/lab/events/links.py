"""Links that went down, from the reports of the kernel. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from eigw_ns.dataplane.state import TENANT_LINK, is_tenant
from eigw_ns.kernel.netlink.reports import LinkReport

_AGAIN = 1.0  # seconds


class DownLinks:
    """Finds the links of ours that went down or away. A tenant who flaps a link is heard once a second."""

    def __init__(self) -> None:
        self._said: dict[tuple[str, str], float] = {}

    def fold(self, now: float, namespace: str, reports: Iterable[LinkReport]) -> list[LinkReport]:
        """Return the first report of each link that is down or removed. Links that a tenant has added do not count."""
        found = []
        for each in reports:
            key = namespace, each.link
            ours = not is_tenant(namespace) or each.link == TENANT_LINK
            if ours and (each.removed or not each.up) and now - self._said.get(key, now - _AGAIN) >= _AGAIN:
                self._said[key] = now
                found.append(each)
        return found

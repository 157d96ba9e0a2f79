"""An object in a router that was not made by us or by the kernel."""

from __future__ import annotations

from typing import ClassVar

from eigw_ns.frozen import frozen


@frozen
class ForeignObject:
    """An IPv6 route or routing rule of any kind, or an nftables table of any family. It is never desired.

    `text` describes the object, always in the same words: `route unreachable 2001:db8:80::/48 table 254 metric 1024`,
    `rule 10 prohibit`, `table ip6 other`. If it is in the place of a `Route` of ours, `place` is the key of that route:
    Linux makes no second route there, so ours replaces it.
    """

    namespace: str
    text: str
    place: tuple[str, ...] = ()

    rank: ClassVar[int] = 11

    @property
    def key(self) -> tuple[str, ...]:
        return self.place or ("stray", self.namespace, self.text)

    def __str__(self) -> str:
        return f"{self.text} in {self.namespace}"

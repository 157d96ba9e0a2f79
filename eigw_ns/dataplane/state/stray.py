"""What the kernel holds in a router though nobody wants it: no other object of ours has a word for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Stray:
    """What somebody else put into a router: an IPv6 route or routing rule of any kind, an nftables table of any family.

    `text` says what it is, always in the same words: `route unreachable 2001:db8:80::/48 table 254 metric 1024`,
    `rule 10 prohibit`, `table ip6 other`. It is never desired. `place` is the key of the `Route` in whose place it
    stands: Linux makes no second route there, so ours can but replace it.
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

"""A finding, and the codes that there are."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Literal

from eigw_ns.frozen import frozen
from eigw_ns.importing.messages import Place

Level = Literal["error", "warning", "note"]


@frozen
class Code:
    """A kind of finding: its level, and its title in words."""

    level: Level
    title: str


CODES: Mapping[str, Code] = {
    "EIGW001": Code("error", "The internet reaches a subnet over IPv6 that is meant to be private or isolated"),
    "EIGW002": Code("error", "The internet reaches a subnet over IPv6 that is private over IPv4"),
    "EIGW003": Code("warning", "A subnet has a way out over IPv4 and none over IPv6"),
    "EIGW004": Code("warning", "A security group lets out IPv4 and no IPv6"),
    "EIGW005": Code("warning", "A subnet is public over IPv4 and not over IPv6"),
    "EIGW006": Code("warning", "IPv4 passes an inspection, and IPv6 goes around it"),
    "EIGW007": Code("warning", "A port is open to ::/0 and not to 0.0.0.0/0"),
    "EIGW008": Code("note", "Nothing states what a subnet is meant for"),
    "EIGW009": Code("error", "A subnet that is meant to be isolated has a way out over IPv6"),
}


@frozen
class Finding:
    """Something that is wrong. `place` is that of the route, association or rule that decides.

    `subject` is the name of the subnet, group or ACL, and `source` its address in the design. `vpc` is the name of the
    VPC of a subnet, "" for others. `accepted` is the reason if the policy accepts the finding.
    """

    code: str
    level: Level
    place: Place
    subject: str
    source: str
    what: str
    remedy: str = ""
    vpc: str = ""
    accepted: str | None = None

    @property
    def fingerprint(self) -> str:
        """What stays the same if lines move: a hash of the code, the file, the subject and what decides."""
        parts = (self.code, self.place.file or "", self.vpc, self.source, self.place.address)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def found(code: str, place: Place, subject: str, source: str, what: str, remedy: str, vpc: str = "") -> Finding:
    """Return a finding with the level of its code."""
    return Finding(code, CODES[code].level, place, subject, source, what, remedy, vpc)

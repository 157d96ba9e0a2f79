"""The traffic of a single rule: the form of each value, and which of them its protocol has."""

from __future__ import annotations

from collections.abc import Callable

from eigw_ns.cloud.filtering import ICMPV6
from eigw_ns.topology import traffic
from eigw_ns.topology.report import Report
from eigw_ns.topology.schema import TrafficFile
from eigw_ns.topology.tree import Path

Kind = tuple[int, tuple[int, int] | None]
"""Protocol, and ports or type and code."""

_FORMS: dict[str, Callable[[str], object]] = {
    "ports": traffic.ports,
    "type": traffic.icmp_number,
    "code": traffic.icmp_number,
}


def check(body: TrafficFile, report: Report, place: Path) -> Kind | None:
    """The traffic that the rule at `place` is about; None where anything of it is wrong."""
    right = True
    written = {key: text for key in _FORMS if (text := getattr(body, key)) is not None}
    for key, text in written.items():
        right &= report.attempt((*place, key), _FORMS[key], text) is not None
    number = report.attempt((*place, "protocol"), traffic.protocol, body.protocol)
    if number is None:
        return None
    for key in written:
        right &= _check_belongs(report, (*place, key), number, body.protocol)
    if number in traffic.WITH_PORTS and "ports" not in written:
        right = False
        if report.is_clean((*place, "ports")):
            problem = f"the key ports is missing: {body.protocol} has ports"
            report.add((*place, "ports"), problem, "add one such as ports: 443, or ports: all")
    if right and written.get("code", traffic.ALL) != traffic.ALL and written.get("type", traffic.ALL) == traffic.ALL:
        report.add((*place, "code"), "a code belongs to a type", "add one such as type: 1, or remove the key")
        right = False
    return (number, traffic.span(number, written)) if right else None


def _check_belongs(report: Report, path: Path, number: int, word: str) -> bool:
    """Whether the protocol has what the key at `path` gives."""
    key = path[-1]
    if number in (traffic.WITH_PORTS if key == "ports" else traffic.WITH_TYPES):
        return True
    if report.is_clean(path):
        has, other = ("tcp and udp have ports", "tcp") if key == "ports" else (f"icmpv6 has a {key}", "icmpv6")
        wanted = "write a type" if key == "ports" and number == ICMPV6 else f"write protocol: {other}"
        report.add(path, f"{has}, {word} has not", f"remove the key, or {wanted}")
    return False

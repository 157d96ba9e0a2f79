"""Rules for the traffic of a single rule: the form of each value, and the values that its protocol has."""

from __future__ import annotations

from collections.abc import Callable

from eigw_ns.cloud.filtering import ICMPV6
from eigw_ns.topology import traffic
from eigw_ns.topology.report import MistakeReport
from eigw_ns.topology.schema import TrafficFile
from eigw_ns.topology.tree import Path

Kind = tuple[int, tuple[int, int] | None]
"""The protocol, and its ports, or its type and code."""

_FORMS: dict[str, Callable[[str], object]] = {
    "ports": traffic.ports,
    "type": traffic.icmp_number,
    "code": traffic.icmp_number,
}


def check(body: TrafficFile, report: MistakeReport, place: Path) -> Kind | None:
    """Return the traffic of the rule at `place`, or None if it has a mistake."""
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
            problem = f"the key ports is missing: {body.protocol} needs ports"
            report.add((*place, "ports"), problem, "add one such as ports: 443, or ports: all")
    if right and written.get("code", traffic.ALL) != traffic.ALL and written.get("type", traffic.ALL) == traffic.ALL:
        report.add((*place, "code"), "a code needs a type", "add one such as type: 1, or remove the key")
        right = False
    return (number, traffic.span(number, written)) if right else None


def _check_belongs(report: MistakeReport, path: Path, number: int, word: str) -> bool:
    """Return True if the key at `path` applies to the protocol."""
    key = path[-1]
    if number in (traffic.WITH_PORTS if key == "ports" else traffic.WITH_TYPES):
        return True
    if report.is_clean(path):
        has, other = ("tcp and udp have ports", "tcp") if key == "ports" else (f"icmpv6 has a {key}", "icmpv6")
        wanted = "write a type" if key == "ports" and number == ICMPV6 else f"write protocol: {other}"
        report.add(path, f"only {has}, not {word}", f"remove the key, or {wanted}")
    return False

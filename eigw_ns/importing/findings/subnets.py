"""Findings about subnets. Each function returns one kind of finding, or None."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from eigw_ns.cloud.subnet_class import FamilyClass
from eigw_ns.importing.findings.finding import Finding, found
from eigw_ns.importing.findings.subject import Subject
from eigw_ns.importing.messages import Place

_PRIVATE: tuple[FamilyClass, ...] = ("nat", "inspected")
"""Classes of IPv4 in which the internet cannot begin connections, by choice. `none` is often just IPv6 only."""

_WAY_OUT_4: tuple[FamilyClass, ...] = ("public", "nat", "inspected")
_CLOSE = "point the route at an egress-only internet gateway, or remove it"


def subnet_findings(subject: Subject) -> Iterator[Finding]:
    """Yield what is wrong with a subnet, in the order of the codes."""
    for judge in _JUDGES:
        finding = judge(subject)
        if finding is not None:
            yield finding


def _reached(subject: Subject) -> Finding | None:
    """Return EIGW001 if the subnet is reached although the policy or the design says that it must not be."""
    intent = subject.intent
    if intent is None or intent.inbound or subject.reach.inbound != "open":
        return None
    what = f"the internet reaches {_name(subject)} over IPv6; it is meant to be {intent.purpose} ({intent.why})"
    return _finding("EIGW001", subject, subject.ipv6_place, what, _CLOSE)


def _reached_beside_ipv4(subject: Subject) -> Finding | None:
    """Return EIGW002 if it is private over IPv4 and reached over IPv6, unless the policy opens it."""
    if subject.found.ipv4 not in _PRIVATE or subject.reach.inbound != "open" or _by_policy(subject, inbound=True):
        return None
    what = f"the internet reaches {_name(subject)} over IPv6; over IPv4 it is private ({subject.found.ipv4})"
    return _finding("EIGW002", subject, subject.ipv6_place, what, _CLOSE)


def _no_way_out(subject: Subject) -> Finding | None:
    """Return EIGW003 if it has a way out over IPv4 and none over IPv6. If it is public over IPv4, that is EIGW005."""
    if subject.found.ipv4 not in _PRIVATE or subject.found.ipv6 != "none" or _by_policy(subject, outbound=False):
        return None
    idle = subject.idle_gateway
    unused = f"; no route uses the egress-only internet gateway {idle}" if idle else ""
    what = f"{_name(subject)} reaches the internet over IPv4 ({subject.found.ipv4}) and not over IPv6{unused}"
    remedy = f"add a route for ::/0 to {idle or 'an egress-only internet gateway'}, or remove the IPv6 block"
    return _finding("EIGW003", subject, subject.ipv6_place, what, remedy)


def _public_over_ipv4_only(subject: Subject) -> Finding | None:
    """Return EIGW005 if it is public over IPv4 only, unless the policy says that IPv6 is meant to be as it is."""
    ipv6 = subject.found.ipv6
    meant = _by_policy(subject, inbound=False, outbound=ipv6 == "egress-only")
    if subject.found.ipv4 != "public" or ipv6 not in ("egress-only", "none") or meant:
        return None
    what = f"{_name(subject)} is public over IPv4 and {ipv6} over IPv6: clients that prefer IPv6 fail"
    remedy = "add a route for ::/0 to the internet gateway, or make IPv4 private, too"
    return _finding("EIGW005", subject, subject.ipv6_place, what, remedy)


def _around_inspection(subject: Subject) -> Finding | None:
    """Return EIGW006 if IPv4 passes an appliance or another network, and IPv6 leaves by a gateway."""
    ipv6 = subject.found.ipv6
    if subject.found.ipv4 != "inspected" or ipv6 not in ("public", "egress-only"):
        return None
    what = f"IPv4 of {_name(subject)} passes an appliance or another network, and IPv6 goes around it"
    remedy = f"send ::/0 where {subject.ipv4_place.address} sends IPv4"
    return _finding("EIGW006", subject, subject.ipv6_place, what, remedy)


def _no_intent(subject: Subject) -> Finding | None:
    """Return EIGW008 if the policy, the design and its IPv4 side do not say what it is meant for."""
    if subject.intent is not None or subject.found.ipv4 in _PRIVATE or subject.found.ipv6 == "absent":
        return None
    what = f"no intent stated: nothing says what {_name(subject)} is meant for"
    remedy = "write a rule for it in the policy file, or a tag such as Reach: Private"
    return _finding("EIGW008", subject, subject.imported.design.label.place, what, remedy)


def _isolated_with_a_way_out(subject: Subject) -> Finding | None:
    """Return EIGW009 if it is meant to be isolated and has a way out over IPv6."""
    intent = subject.intent
    if intent is None or intent.outbound or subject.reach.outbound != "open":
        return None
    what = f"{_name(subject)} reaches the internet over IPv6; it is meant to be {intent.purpose} ({intent.why})"
    return _finding("EIGW009", subject, subject.ipv6_place, what, "remove the route")


_JUDGES: tuple[Callable[[Subject], Finding | None], ...] = (
    _reached,
    _reached_beside_ipv4,
    _no_way_out,
    _public_over_ipv4_only,
    _around_inspection,
    _no_intent,
    _isolated_with_a_way_out,
)


def _by_policy(subject: Subject, *, inbound: bool | None = None, outbound: bool | None = None) -> bool:
    """Return whether the policy, not the design, states these directions."""
    intent = subject.intent
    if intent is None or not intent.by_policy:
        return False
    return inbound in (None, intent.inbound) and outbound in (None, intent.outbound)


def _name(subject: Subject) -> str:
    return f"subnet {subject.imported.name}"


def _finding(code: str, subject: Subject, place: Place, what: str, remedy: str) -> Finding:
    subnet = subject.imported
    return found(code, place, subnet.name, subnet.design.label.place.address, what, remedy, subnet.vpc)

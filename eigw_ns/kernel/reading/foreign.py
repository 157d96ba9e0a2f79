"""Find foreign objects in a router: objects that were not made by us or by the kernel.

The kernel marks its own objects (RTPROT_KERNEL): connected, local, anycast and multicast routes, and the rules for the
tables `local` and `main`. An object is foreign if it lacks this mark and is not exactly as we make it.

All functions read the namespace this thread is in. Its name is an argument only because the objects contain it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from eigw_ns.dataplane.state import MAIN_TABLE, ForeignObject, Key, Route, RoutingRule
from eigw_ns.dataplane.state.addresses import to_text, unspecified
from eigw_ns.kernel.netlink import rtnetlink
from eigw_ns.kernel.netlink.link_message import integer
from eigw_ns.kernel.netlink.rtnetlink import (
    EXTRAS,
    FRA_FWMARK,
    FRA_FWMASK,
    FRA_PRIORITY,
    FRA_PROTOCOL,
    FRA_TABLE,
    LOCAL_TABLE,
    ROUTE,
    RTA_DST,
    RTA_GATEWAY,
    RTA_OIF,
    RTA_PRIORITY,
    RTA_SRC,
    RTA_TABLE,
    RTPROT_KERNEL,
    RULE,
    TO_TABLE,
    Names,
    says_something,
)
from eigw_ns.kernel.netlink.socket import Attributes, Netlink, attributes
from eigw_ns.kernel.nft.fingerprint import Table
from eigw_ns.kernel.reading.parsed_routes import ParsedRoutes

_PROTOCOL_AT = 5  # in struct rtmsg
_KERNEL = bytes((RTPROT_KERNEL,))
_UNSPECIFIED, _BOOT = 0, 3  # RTPROT_…: the marks that `ip` sets on rules and on routes
_ROUTE_TYPES = {
    1: "unicast", 2: "local", 3: "broadcast", 4: "anycast", 5: "multicast",
    6: "blackhole", 7: "unreachable", 8: "prohibit", 9: "throw",
}  # fmt: skip
_DEAD_ENDS = frozenset({6, 7, 8, 9})  # types for which the kernel reports the loopback as link

_KERNEL_RULES = frozenset({(0, LOCAL_TABLE), (32766, MAIN_TABLE)})
_INVERTED = 2  # FIB_RULE_INVERT, linux/fib_rules.h
_GOTO_TARGET, _L3MDEV = 4, 19
_NAMED = {3: "iif", 17: "oif"}  # FRA_IIFNAME, FRA_OIFNAME
_ACTIONS = {3: "nop", 6: "blackhole", 7: "unreachable", 8: "prohibit"}
_GOTO = 2
_TOLD = frozenset({1, 2, *_NAMED, _GOTO_TARGET, FRA_PRIORITY, FRA_FWMARK, FRA_TABLE, FRA_FWMASK, FRA_PROTOCOL})

FAMILIES = {1: "inet", 2: "ip", 3: "arp", 5: "netdev", 7: "bridge", 10: "ip6"}
"""Families of nftables by number: NFPROTO_…, linux/netfilter.h."""


def routes(
    netlink: Netlink, namespace: str, names: Names, parsed: ParsedRoutes | None = None
) -> tuple[list[Route], list[tuple[ForeignObject, bytes]]]:
    """Return our routes, and the foreign ones with their messages. Leaves out the kernel's own routes.

    A lab has thousands of routes, most of them the kernel's, so the loop does little for each. `parsed` knows those of
    the last time.
    """
    ours: list[Route] = []
    last: Route | None = None
    others: list[bytes] = []
    dump = netlink.dump(rtnetlink.GETROUTE, rtnetlink.ALL_ROUTES_REQUEST, f"read the routes of {namespace}")
    payloads = [payload for _, payload in dump if payload[_PROTOCOL_AT] != RTPROT_KERNEL]
    found = (parsed or ParsedRoutes()).parse(payloads, namespace, names)
    for payload, route in zip(payloads, found, strict=True):
        if route is None or (last is not None and _same_place(route, last)):  # routes of one place are neighbours
            others.append(payload)
        else:
            ours.append(route)
            last = route
    return ours, list(_foreign_routes(others, ours, namespace, names)) if others else []


def _same_place(one: Route, other: Route) -> bool:
    return one.destination == other.destination and one.metric == other.metric and one.source == other.source


def _foreign_routes(
    payloads: Iterable[bytes], ours: Iterable[Route], namespace: str, names: Names
) -> Iterator[tuple[ForeignObject, bytes]]:
    """Yield the foreign routes. The first one in the place of a missing route of ours has that route's key."""
    held: set[Key] = {(), *(route.key for route in ours)}
    for payload in payloads:
        place = _place(payload, namespace)
        yield ForeignObject(namespace, _route_text(payload, names), () if place in held else place), payload
        held.add(place)


def rules(netlink: Netlink, namespace: str) -> Iterator[tuple[RoutingRule | ForeignObject | None, bytes]]:
    """Yield every routing rule with its message, in the kernel's order. None stands for a rule of the kernel."""
    for _, payload in netlink.dump(rtnetlink.GETRULE, rtnetlink.RULE_REQUEST, f"read the rules of {namespace}"):
        if _is_kernels(payload):
            yield None, payload
        else:
            yield rtnetlink.parse_rule(payload, namespace) or ForeignObject(namespace, _rule_text(payload)), payload


def table(found: Table, namespace: str) -> ForeignObject | None:
    """Return an nftables table as a foreign object; None if it is ours, or of a trace that runs."""
    if found.ours is not None or found.traces:
        return None
    family = FAMILIES.get(found.family, f"of family {found.family}")
    return ForeignObject(namespace, f"table {family} {_printable(found.name)}")


def _place(payload: bytes, namespace: str) -> Key:
    """Return the key of the route of ours whose place this one takes; empty if it is not in the main table."""
    family, length, source_length, _, table_, _, _, _, _ = ROUTE.unpack_from(payload)
    if table_ != MAIN_TABLE:
        return ()
    found = attributes(payload, ROUTE.size)
    source = _prefix(family, found.get(RTA_SRC), source_length) if source_length else ""
    metric = integer(found.get(RTA_PRIORITY))
    return Route(namespace, _prefix(family, found.get(RTA_DST), length), source=source, metric=metric).key


def _route_text(payload: bytes, names: Names) -> str:
    family, length, source_length, tos, _, protocol, _, kind, _ = ROUTE.unpack_from(payload)
    found = attributes(payload, ROUTE.size)
    words = ["route", _ROUTE_TYPES.get(kind, f"of type {kind}"), _prefix(family, found.get(RTA_DST), length)]
    if source_length:
        words += ["from", _prefix(family, found.get(RTA_SRC), source_length)]
    if tos:
        words += ["tos", hex(tos)]
    if RTA_GATEWAY in found:
        words += ["via", to_text(found[RTA_GATEWAY])]
    if RTA_OIF in found and kind not in _DEAD_ENDS:
        index = integer(found[RTA_OIF])
        words += ["dev", names.get(index, str(index))]
    words += [f"with {what}" for extra, what in EXTRAS.items() if extra in found]
    words += ["table", str(integer(found.get(RTA_TABLE))), "metric", str(integer(found.get(RTA_PRIORITY)))]
    return " ".join(words + ([] if protocol == _BOOT else ["protocol", str(protocol)]))


def _is_kernels(payload: bytes) -> bool:
    """Return whether the kernel made the rule: for its two tables, or (l3mdev) for the first link of that kind."""
    found = attributes(payload, RULE.size)
    if found.get(FRA_PROTOCOL) != _KERNEL:
        return False
    _, _, _, _, table_, _, _, action, _ = RULE.unpack_from(payload)
    return _L3MDEV in found or (action == TO_TABLE and (integer(found.get(FRA_PRIORITY)), table_) in _KERNEL_RULES)


def _rule_text(payload: bytes) -> str:
    family, to, source, tos, _, _, _, action, flags = RULE.unpack_from(payload)
    found = attributes(payload, RULE.size)
    words = ["rule", str(integer(found.get(FRA_PRIORITY)))]
    words += ["not"] if flags & _INVERTED else []
    words += ["from", _prefix(family, found.get(2), source)] if source else []
    words += ["to", _prefix(family, found.get(1), to)] if to else []
    words += ["tos", hex(tos)] if tos else []
    if FRA_FWMARK in found or FRA_FWMASK in found:
        words += ["fwmark", f"{integer(found.get(FRA_FWMARK)):#x}/{integer(found.get(FRA_FWMASK)):#x}"]
    for kind, word in _NAMED.items():
        words += [word, _printable(found[kind])] if kind in found else []
    others = sorted(kind for kind, value in found.items() if kind not in _TOLD and says_something(value))
    words += [f"attribute {kind} {found[kind].hex()}" for kind in others]
    words += _action(action, found)
    protocol = found.get(FRA_PROTOCOL, b"\0")[0]
    return " ".join(words + ([] if protocol in (_UNSPECIFIED, _BOOT) else ["protocol", str(protocol)]))


def _action(action: int, found: Attributes) -> list[str]:
    if action == TO_TABLE:
        return ["lookup", str(integer(found.get(FRA_TABLE)))]
    if action == _GOTO:
        return ["goto", str(integer(found.get(_GOTO_TARGET)))]
    return [_ACTIONS.get(action, f"action {action}")]


def _prefix(family: int, address: bytes | None, length: int) -> str:
    return f"{to_text(address or unspecified(family))}/{length}"


def _printable(name: bytes) -> str:
    """Return a foreign name as printable text."""
    return printable(name.rstrip(b"\0").decode(errors="backslashreplace"))


def printable(text: str) -> str:
    """Return the text, or what stands for it: it must not send control characters to a terminal."""
    return text if text.isprintable() else ascii(text)

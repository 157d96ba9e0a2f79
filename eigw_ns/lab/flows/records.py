"""Flow log records: what happened to a flow at a network interface in an interval. Pure.

AWS makes two records of a flow: one of what leaves the interface (egress), one of what comes to it (ingress). It sums
packets that have the same addresses, ports, protocol and action within an interval.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Literal

from eigw_ns.cloud.ec2.settings import ACCOUNT_ID, REGION
from eigw_ns.frozen import frozen

Direction = Literal["egress", "ingress"]
Action = Literal["ACCEPT", "REJECT"]

_TCP = 6
EGRESS_ONLY_PATH = 100
"""Our value of `traffic-path` for an egress-only gateway. AWS has 1 to 8, and none for it."""


@frozen
class Interface:
    """The network interface of an instance, and what is known of its place."""

    id: str
    instance_id: str
    subnet_id: str
    vpc_id: str
    zone_id: str


@frozen
class Key:
    """What packets of one record have in common. `gateway` is the id of the gateway, `replica` its number."""

    interface: Interface
    source: str
    destination: str
    source_port: int
    destination_port: int
    protocol: int
    direction: Direction
    action: Action
    gateway: str = ""
    replica: int | None = None
    reason: str = ""


@frozen
class Sum:
    """Packets of a key within an interval. `start` and `end` are seconds since 1970; `flags` are TCP's, OR-ed."""

    packets: int
    bytes: int
    start: float
    end: float
    flags: int = 0

    def plus(self, other: Sum) -> Sum:
        """Return the sum of both."""
        return Sum(
            self.packets + other.packets,
            self.bytes + other.bytes,
            min(self.start, other.start),
            max(self.end, other.end),
            self.flags | other.flags,
        )


Sums = dict[Key, Sum]


def added(sums: Sums, more: Iterable[tuple[Key, Sum]], most: int) -> bool:
    """Add to the sums of an interval. Returns False if one is left out because there are `most` already."""
    for key, found in more:
        if key in sums:
            sums[key] = sums[key].plus(found)
        elif len(sums) < most:
            sums[key] = found
        else:
            return False
    return True


def without_refused(sums: Mapping[Key, Sum]) -> Sums:
    """Return the sums without packets that a gateway has counted as accepted, and that a subnet refused afterwards.

    AWS has an answer that a network ACL refuses in a REJECT record only.
    """
    refused: dict[tuple[object, ...], Sum] = {}
    for key, found in sums.items():
        if key.action == "REJECT" and key.direction == "ingress" and not key.gateway:
            at = _ends(key)
            refused[at] = refused[at].plus(found) if at in refused else found
    left: Sums = {}
    for key, found in sums.items():
        taken = refused.pop(_ends(key), None) if _is_answer(key) else None
        if taken is not None:
            packets, size = max(0, found.packets - taken.packets), max(0, found.bytes - taken.bytes)
            found = replace(found, packets=packets, bytes=size)
        if found.packets:
            left[key] = found
    return left


def _is_answer(key: Key) -> bool:
    return key.action == "ACCEPT" and key.direction == "ingress"


def _ends(key: Key) -> tuple[object, ...]:
    return key.source, key.destination, key.source_port, key.destination_port, key.protocol


def records(
    sums: Mapping[Key, Sum],
    interfaces: Iterable[Interface],
    interval: tuple[float, float],
    *,
    skipped: bool = False,
    strict: bool = False,
) -> Iterator[dict[str, object]]:
    """Yield the fields of each record of an interval, in a stable order.

    An interface without packets has a record with NODATA. If packets or flows were `skipped`, all have one more, with
    SKIPDATA. `strict` leaves out values that AWS does not have.
    """
    whole = without_refused(sums)
    for key, found in sorted(whole.items(), key=_order):
        yield _fields(key, found, strict=strict)
    seen = {key.interface.id for key in whole}
    for interface in sorted(interfaces, key=lambda each: each.id):
        if skipped:
            yield _empty(interface, interval, "SKIPDATA")
        elif interface.id not in seen:
            yield _empty(interface, interval, "NODATA")


def _order(item: tuple[Key, Sum]) -> tuple[object, ...]:
    key, found = item
    return (int(found.start), key.interface.id, *_ends(key), key.direction, key.action, key.replica or 0, key.reason)


def _fields(key: Key, found: Sum, *, strict: bool) -> dict[str, object]:
    through = bool(key.gateway) and key.direction == "egress" and key.action == "ACCEPT"
    optional: dict[str, object] = {
        "tcp-flags": found.flags if key.protocol == _TCP else 0,
        "gateway-id": key.gateway,
        "replica": key.replica,
        "drop-reason": key.reason,
        "traffic-path": EGRESS_ONLY_PATH if through and not strict else None,
    }
    return {
        **_place(key.interface),
        "srcaddr": key.source,
        "dstaddr": key.destination,
        "pkt-srcaddr": key.source,
        "pkt-dstaddr": key.destination,
        "srcport": key.source_port,
        "dstport": key.destination_port,
        "protocol": key.protocol,
        "packets": found.packets,
        "bytes": found.bytes,
        "start": int(found.start),
        "end": int(found.end),
        "action": key.action,
        "log-status": "OK",
        "type": "IPv6",
        "flow-direction": key.direction,
        **{field: value for field, value in optional.items() if value not in (None, "")},
    }


def _empty(interface: Interface, interval: tuple[float, float], status: str) -> dict[str, object]:
    start, end = interval
    return {**_place(interface), "start": int(start), "end": int(end), "log-status": status}


def _place(interface: Interface) -> dict[str, object]:
    return {
        "account-id": ACCOUNT_ID,
        "interface-id": interface.id,
        "vpc-id": interface.vpc_id,
        "subnet-id": interface.subnet_id,
        "instance-id": interface.instance_id,
        "region": REGION,
        "az-id": interface.zone_id,
    }

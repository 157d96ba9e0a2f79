"""Taught flows: what the subnets remember becomes tuples in the sets of a gateway that takes the flows over.

`dataplane.rulesets.taught_rules` says what the gateway does with them, `dataplane.replication.handover` when it is told
them. The functions are `Kernel.teach` and its neighbours. Thousands of flows are read, hashed and written while their
connections wait, so the loop over them is written out.
"""

from __future__ import annotations

import contextlib
import errno
import struct
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from eigw_ns.dataplane.state import (
    BUCKETS,
    PEERS,
    TAGS,
    TAUGHT,
    TAUGHT_ERRORS,
    TCP,
    Flow,
    FlowHash,
    Forget,
    Teach,
    hashes,
    peer_tag,
    scaled,
)
from eigw_ns.errors import KernelError, MissingError
from eigw_ns.kernel.namespaces import netns
from eigw_ns.kernel.netlink import conntrack, set_elements
from eigw_ns.kernel.netlink.conntrack import Tracked
from eigw_ns.kernel.netlink.socket import NETFILTER, Netlink

_UDP, _SCTP = 17, 132
_TAUGHT = frozenset({TCP, _UDP, _SCTP})
_KEY = struct.Struct("!B3x16s2s2x16s2s2x")
"""Protocol, inside, its port, outside, its port, as the set `taught` has them in registers."""

_HASHED = (4, 8, 12, 16, 24, 28, 32, 36, 20, 40)
"""Where the ten words of its hash stand in a key: inside, outside, the port of inside, that of outside."""

_TAG = struct.Struct("=I")

Stale = Callable[[Tracked], bool]


def teach(lessons: Iterable[Teach]) -> int:
    """See `Kernel.teach`."""
    told, missing = 0, list[MissingError]()
    for _, group in groupby(lessons, key=lambda lesson: (lesson.subnets, lesson.seed, lesson.keep, lesson.idle)):
        alike = list(group)
        for lesson, tuples in _sorted_out(_remembered(alike[0].subnets), alike):
            try:
                told += _tell(lesson, tuples)
            except MissingError as error:  # it died a moment ago: the others must be told all the same
                missing.append(error)
    if missing:
        raise missing[0]
    return told


def _remembered(subnets: Iterable[str]) -> Iterator[Tracked]:
    """Return the flows in the subnets' tables. A subnet that is gone remembers nothing."""
    for subnet in subnets:
        found: list[Tracked] = []
        with contextlib.suppress(MissingError), netns.inside(subnet):
            found = conntrack.tracked()
        yield from found


def _sorted_out(flows: Iterable[Tracked], lessons: Sequence[Teach]) -> Iterator[tuple[Teach, dict[bytes, int]]]:
    """Return each lesson with its flows: the key of each flow, and the seconds that it has left.

    The lessons differ only in gateway and buckets.
    """
    common, hashed = lessons[0], FlowHash(lessons[0].seed)
    told = [dict[bytes, int]() for _ in lessons]
    owners: list[dict[bytes, int] | None] = [None] * BUCKETS
    for lesson, tuples in zip(lessons, told, strict=True):
        for first, last in lesson.buckets:
            owners[first : last + 1] = [tuples] * (last + 1 - first)
    pairs: dict[tuple[bytes, bytes], int | None] = {}  # the bucket of what has no ports; None if nothing is kept
    connections: dict[bytes, int] = {}
    is_over = conntrack.stale(common.keep, (), ())
    idle = {each.protocol: (each.transitory, each.sooner) for each in common.idle}
    for flow in flows:
        protocol, source, destination, near, far, seconds = flow
        if protocol not in _TAUGHT:
            continue
        pair = source, destination
        if pair not in pairs:
            pairs[pair] = None if is_over(flow) else scaled(hashed.of_addresses(source, destination), BUCKETS)
        bucket = pairs[pair]
        if bucket is None or (left := _left(protocol, seconds, idle)) <= 0:
            continue
        key = _KEY.pack(protocol, source, near, destination, far)
        if protocol == TCP:
            connections[key] = left
        elif (tuples_of_owner := owners[bucket]) is not None:
            tuples_of_owner[key] = left
    for (key, left), whole in zip(connections.items(), _hashes(connections, common.seed), strict=True):
        if (tuples_of_owner := owners[whole * BUCKETS >> 32]) is not None:
            tuples_of_owner[key] = left
    return zip(lessons, told, strict=True)


def _hashes(keys: Iterable[bytes], seed: int) -> Sequence[int]:
    return hashes(b"".join(keys), _KEY.size, _HASHED, seed)


def _left(protocol: int, seconds: int, idle: Mapping[int, tuple[int, int]]) -> int:
    """Return the seconds that a flow has left by the gateway's timeouts: see `Idle`."""
    transitory, sooner = idle.get(protocol, (0, 0))
    return seconds - sooner if seconds > transitory else seconds


def _tell(lesson: Teach, tuples: dict[bytes, int]) -> int:
    if not tuples:
        return 0
    with netns.inside(lesson.namespace), Netlink(NETFILTER) as netfilter:
        try:
            tags, peers = _tags(tuples, lesson.seed), _peers(tuples)
            sets = ((TAUGHT, tuples), (TAUGHT_ERRORS, tags), (PEERS, peers))
            netfilter.commit([message for each in sets for message in set_elements.add(*each)])
            return len(tuples)
        except KernelError as error:
            if error.errno != errno.ENFILE:
                raise
        return _tell_what_fits(netfilter, lesson, tuples)


def _tell_what_fits(netfilter: Netlink, lesson: Teach, tuples: dict[bytes, int]) -> int:
    """Fill a full set again: first what is told now, then what its subnets remember of what it was told before."""
    remembered = {_key(flow) for flow in _remembered(lesson.subnets)}
    before = {key: left for key, left in set_elements.read(netfilter, TAUGHT).items() if key in remembered}
    kept = dict(list((tuples | before).items())[: lesson.room])
    _leave(netfilter, kept, lesson.seed)
    return len(kept.keys() & tuples.keys())


def _leave(netfilter: Netlink, tuples: Mapping[bytes, int], seed: int) -> None:
    """Leave these taught flows and no others, in one transaction."""
    tags = _tags(tuples, seed)
    netfilter.commit([*set_elements.replace(TAUGHT, tuples), *set_elements.replace(TAUGHT_ERRORS, tags)])


def _tags(tuples: Mapping[bytes, int], seed: int) -> dict[bytes, int]:
    """Return the elements by which ICMPv6 errors find these flows. Errors about UDP wait until the flow has begun."""
    judged = {key: left for key, left in tuples.items() if key[0] != _UDP}
    found = _hashes(judged, seed)
    return {_TAG.pack(whole * TAGS >> 32): left for left, whole in zip(judged.values(), found, strict=True)}


def _peers(tuples: Mapping[bytes, int]) -> dict[bytes, int]:
    """Return the elements by which fragments of UDP are let in before the flow has begun again."""
    return {key[4:20] + _TAG.pack(peer_tag(key[24:40])): left for key, left in tuples.items() if key[0] == _UDP}


def _key(flow: Tracked) -> bytes:
    return _KEY.pack(flow.protocol, flow.source, flow.source_port, flow.destination, flow.destination_port)


def _flow(key: bytes, left: int) -> Tracked:
    protocol, inside, near, outside, far = _KEY.unpack(key)
    return Tracked(protocol, inside, outside, near, far, left)


def forget(lesson: Forget) -> int:
    """See `Kernel.forget`."""
    hashed = FlowHash(lesson.seed)
    buckets = {bucket for first, last in lesson.buckets for bucket in range(first, last + 1)}

    def is_there(flow: Tracked) -> bool:
        if flow.protocol == TCP:
            whole = hashed.of_tuple(flow.source, flow.destination, flow.source_port, flow.destination_port)
        else:
            whole = hashed.of_addresses(flow.source, flow.destination)
        return scaled(whole, BUCKETS) in buckets

    with netns.inside(lesson.namespace):
        return conntrack.delete(is_there)


def taught(namespace: str) -> tuple[Flow, ...]:
    """See `Kernel.taught`."""
    with netns.inside(namespace), Netlink(NETFILTER) as netfilter, contextlib.suppress(MissingError):
        return tuple(_flow(key, left).flow() for key, left in set_elements.read(netfilter, TAUGHT).items())
    return ()


def age(lessons: Iterable[Teach]) -> int:
    """See `Kernel.age`."""
    gone = 0
    for subnets, group in groupby(lessons, key=lambda lesson: lesson.subnets):
        sets = [(lesson, _told(lesson.namespace)) for lesson in group]
        # read once, since the agent waits, and last: what a gateway is told meanwhile is remembered
        remembered = set(map(_key, _remembered(subnets))) if any(before for _, before in sets) else set()
        gone += sum(_keep(lesson, before, remembered) for lesson, before in sets)
    return gone


def _told(namespace: str) -> dict[bytes, int]:
    """Return the keys of the gateway's taught flows, and the seconds that each has left; none if it is gone."""
    with contextlib.suppress(MissingError), netns.inside(namespace), Netlink(NETFILTER) as netfilter:
        return set_elements.read(netfilter, TAUGHT)
    return {}


def _keep(lesson: Teach, before: Mapping[bytes, int], remembered: Collection[bytes]) -> int:
    """Leave only what is remembered. Returns how many taught flows that ended."""
    kept = {key: left for key, left in before.items() if key in remembered}
    if len(kept) < len(before):
        with contextlib.suppress(MissingError), netns.inside(lesson.namespace), Netlink(NETFILTER) as netfilter:
            _leave(netfilter, kept, lesson.seed)
    return len(before) - len(kept)


def end(stale: Stale, seed: int) -> int:
    """End the flows that are `stale`, in the connection table of this thread's namespace and among its taught flows.

    `seed` is that of the lab's hash. Returns the number of flows. Taught flows go first: a flow that conntrack does not
    know any more would be looked up among them.
    """
    with Netlink(NETFILTER) as netfilter:
        return _end_taught(netfilter, stale, seed) + conntrack.delete_by(netfilter, stale)


def _end_taught(netfilter: Netlink, stale: Stale, seed: int) -> int:
    with contextlib.suppress(MissingError):
        before = set_elements.read(netfilter, TAUGHT)
        kept = {key: left for key, left in before.items() if not stale(_flow(key, left))}
        if len(kept) < len(before):
            _leave(netfilter, kept, seed)
        return len(before) - len(kept)
    return 0

"""Create, change and delete bridges and veth pairs. Each function returns the number of its writes to the kernel."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from eigw_ns.dataplane.state import Link, is_tenant
from eigw_ns.errors import ExistsError, KernelError, MissingError
from eigw_ns.kernel.namespaces import netns
from eigw_ns.kernel.netlink import rtnetlink
from eigw_ns.kernel.netlink.link_message import LinkMessage
from eigw_ns.kernel.netlink.socket import Message, Netlink
from eigw_ns.kernel.reading import namespace_reader
from eigw_ns.kernel.writing import tenant_conflicts

_PAIRS_AT_ONCE = 100  # each needs two descriptors while it is made


def create(links: Sequence[Link]) -> int:
    """Create bridges, then veth pairs, then apply the settings that must be made inside the namespaces.

    A pair is created with the first of its ends. If the far end is not in `links`, it stays down and without an ifalias
    until a later call has it.
    """
    writes = sum(_create_bridge(link) for link in links if link.kind == "bridge")
    ends = {(link.namespace, link.name): link for link in links if link.kind == "veth"}
    pairs = list(_unborn(ends))
    for start in range(0, len(pairs), _PAIRS_AT_ONCE):
        writes += _create_pairs(pairs[start : start + _PAIRS_AT_ONCE])
    for namespace, group in groupby(sorted(ends.values(), key=_namespace), _namespace):
        writes += _settle(namespace, list(group))
    return writes


def change(link: Link) -> int:
    """Bring an existing link to its MAC, MTU, bridge and up state. Raises MissingError if it does not exist."""
    return _settle(link.namespace, [link])


def delete(link: Link) -> int:
    """Delete a link, and with it the other end of its pair. A link that is already gone is not an error."""
    with netns.inside(link.namespace), Netlink() as netlink:
        return _send(netlink, [rtnetlink.delete_link(link)])


def _create_bridge(link: Link) -> int:
    with netns.inside(link.namespace), Netlink() as netlink:
        return _send(netlink, [rtnetlink.new_bridge(link)])


def _unborn(ends: Mapping[tuple[str, str], Link]) -> Iterator[tuple[Link, Link]]:
    """Yield the pairs to create: each of `ends` with its far end, every pair once."""
    for place, end in ends.items():
        if end.peer is None:
            raise KernelError(f"create the {end}", detail="it is one end of a pair and names no other")
        far = ends.get(end.peer)
        if far is None and not _waiting(end):
            yield end, Link(*end.peer, kind="veth", mac="")
        elif far is not None and place < end.peer:
            yield end, far


def _waiting(end: Link) -> bool:
    """Return whether this end was created with its far end, and still waits for its own settings."""
    with netns.inside(end.namespace), Netlink(accept_partial=is_tenant(end.namespace)) as netlink:
        return any(seen.name == end.name and not seen.alias for seen in namespace_reader.links(netlink))


def _create_pairs(pairs: Sequence[tuple[Link, Link]]) -> int:
    try:
        return _make(pairs)
    except ExistsError:
        failed = [pair for pair in pairs if not all(map(_there, pair))]  # the kernel has tried all of them
        if not failed:
            raise
        return sum(_retry(near, far) for near, far in failed)


def _make(pairs: Sequence[tuple[Link, Link]]) -> int:
    with contextlib.ExitStack() as stack:
        netlink = stack.enter_context(Netlink())
        return _send(
            netlink, [rtnetlink.new_veth(near, far, _open(stack, near), _open(stack, far)) for near, far in pairs]
        )


def _retry(near: Link, far: Link) -> int:
    """Create the pair. If a tenant's own link has the name of its end, rename that link first."""
    writes = sum(tenant_conflicts.free_name(end.namespace, end.name) for end in (near, far) if is_tenant(end.namespace))
    return writes + _make([(near, far)])


def _there(end: Link) -> bool:
    with netns.inside(end.namespace), Netlink(accept_partial=is_tenant(end.namespace)) as netlink:
        return any(seen.name == end.name for seen in namespace_reader.links(netlink))


def _settle(namespace: str, ends: Sequence[Link]) -> int:
    with netns.inside(namespace), Netlink(accept_partial=is_tenant(namespace)) as netlink:
        seen = {link.name: link for link in namespace_reader.links(netlink)}
        return _send(netlink, [message for end in ends for message in _settings(end, seen)])


def _settings(end: Link, seen: Mapping[str, LinkMessage]) -> Iterator[Message]:
    if end.name not in seen:
        raise MissingError(f"change the {end}", detail="there is no such link")
    if end.bridge is not None and end.bridge not in seen:
        raise MissingError(f"change the {end}", detail=f"there is no bridge {end.bridge}")
    here = seen[end.name]
    yield rtnetlink.set_link(end, here, seen[end.bridge].index if end.bridge is not None else 0)
    if end.bridge is not None:
        yield rtnetlink.set_port(end, here.index)


def _send(netlink: Netlink, messages: Sequence[Message]) -> int:
    netlink.send(messages)
    return len(messages)


def _open(stack: contextlib.ExitStack, link: Link) -> int:
    descriptor = netns.open_descriptor(link.namespace)
    stack.callback(os.close, descriptor)
    return descriptor


def _namespace(link: Link) -> str:
    return link.namespace

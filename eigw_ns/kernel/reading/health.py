"""Look at the namespace of a replica and at the ports that lead to it, for `Host.fault`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

from eigw_ns.dataplane.state import NetObject, NetState
from eigw_ns.errors import MissingError
from eigw_ns.kernel.namespaces import netns
from eigw_ns.kernel.netlink.socket import Netlink
from eigw_ns.kernel.reading import namespace_reader
from eigw_ns.kernel.reading.faults import first_fault


def fault(namespace: str, holds: Iterable[NetObject], ports: Iterable[tuple[str, str]], *, changing: bool) -> str:
    """See `Host.fault`."""
    return first_fault(_contents(namespace), holds, ports, _is_up, changing=changing)


def _contents(namespace: str) -> NetState | None:
    with contextlib.suppress(MissingError), netns.inside(namespace), Netlink() as netlink:
        here = namespace_reader.links(netlink)
        owner = namespace_reader.mark(namespace, namespace_reader.loopback(here))
        if owner is not None:
            return NetState.of(namespace_reader.contents(netlink, owner, here, ()))
    return None


def _is_up(namespace: str, name: str) -> bool:
    with contextlib.suppress(MissingError), netns.inside(namespace), Netlink() as netlink:
        return any(link.name == name and link.up for link in namespace_reader.links(netlink))
    return False

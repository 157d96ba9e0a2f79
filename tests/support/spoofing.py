"""Datagrams from an address that may be another instance's, and places to cut a plan short."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

from eigw_ns.dataplane.planning.plan import Plan
from eigw_ns.dataplane.state import Ruleset
from tests.support.labs import PATIENCE, Lab

IPV6_FREEBIND = 78  # linux/in6.h


@contextlib.contextmanager
def datagrams(lab: Lab, node: str, address: str, port: int) -> Iterator[socket.socket]:
    """Return a UDP socket of the node at this address, which need not be its own: root may bind to any address."""
    with lab.open_socket(node, kind=socket.SOCK_DGRAM) as opened:
        opened.setsockopt(socket.IPPROTO_IPV6, IPV6_FREEBIND, 1)
        opened.bind((address, port))
        opened.settimeout(PATIENCE)
        yield opened


def heard(receiver: socket.socket, *senders: socket.socket) -> list[int]:
    """Let each sender send a datagram, one after the other. Return the numbers of the senders that were heard.

    The last sender must be heard: it is the control.
    """
    for number, sender in enumerate(senders):
        sender.sendto(bytes([number]), receiver.getsockname()[:2])
    found: list[int] = []
    while not found or found[-1] != len(senders) - 1:
        found += receiver.recv(64)
    return found


def cuts(plan: Plan) -> range:
    """Return the numbers of steps after which a plan is cut short: all up to the last step that changes rules."""
    rulings = [number for number, step in enumerate(plan, 1) if isinstance(step.object, Ruleset)]
    assert len(rulings) > 1
    return range(rulings[-1] + 1)

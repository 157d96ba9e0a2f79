"""A socket that hears what nf_tables reports of traced packets in one namespace. See `kernel.netlink.trace_message`."""

from __future__ import annotations

import socket
from collections.abc import Iterator

from eigw_ns.kernel.netlink import listener
from eigw_ns.kernel.netlink.trace_message import TRACE_GROUP, TRACE_TYPE, TraceMessage, parse_trace


def open_trace(namespace: str) -> socket.socket:
    """Open a socket that hears of traced packets in the namespace. Raises MissingError if that does not exist."""
    return listener.open_group(namespace, TRACE_GROUP, "listen to packet traces")


def messages(opened: socket.socket) -> Iterator[TraceMessage | None]:
    """Yield the messages that have arrived since the last call; None for messages that were lost."""
    for kind, payload in listener.waiting(opened):
        if kind is None:
            yield None
        elif kind == TRACE_TYPE and (found := parse_trace(payload)) is not None:
            yield found

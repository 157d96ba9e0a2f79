"""HTTP/1.1 on one connection, and how many connections there may be.

Any program of this machine can connect. Those that send nothing, or read nothing, must not keep clients out.
"""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from eigw_ns.errors import CloudError
from eigw_ns.server.wire import fault

MOST_CONNECTIONS = 256
"""The most connections. A process may have 1,024 descriptors, if nobody has set another limit."""
BACKLOG = MOST_CONNECTIONS // 2
"""The most connections that come at once. A request that comes with its connection is read before others end it."""


class Protocol(H11Protocol):
    """Answers what is not HTTP in EC2's form, and ends the connection that waits longest if there are too many."""

    _since = 0.0
    """When this connection began to wait for its client."""

    def connection_made(self, transport: Any) -> None:
        """See `asyncio.Protocol`. End another connection, or this one, if there are too many."""
        super().connection_made(transport)
        self._since = self.loop.time()
        if len(self.connections) > MOST_CONNECTIONS:
            waiting = (each for each in self.connections if isinstance(each, Protocol) and each.waits)
            min(waiting, key=lambda each: each._since).end()

    def on_response_complete(self) -> None:
        """See `H11Protocol`."""
        self._since = self.loop.time()
        super().on_response_complete()

    @property
    def waits(self) -> bool:
        """Whether nothing happens until the client sends more, or reads what it was sent."""
        cycle: Any = self.cycle  # None before the first request
        return cycle is None or cycle.response_complete or cycle.more_body or self.flow.write_paused

    def end(self) -> None:
        """End the connection at once."""
        self.connections.discard(self)
        assert isinstance(self.transport, asyncio.WriteTransport)
        self.transport.abort()

    def send_400_response(self, msg: str) -> None:
        """See `H11Protocol`."""
        request_id = str(uuid.uuid4())
        response = fault.ec2(CloudError("InvalidRequest", msg), request_id)
        headers = [
            ("content-type", response.content_type),
            ("x-amzn-requestid", request_id),
            ("connection", "close"),
        ]
        parts = (
            h11.Response(status_code=response.status, headers=headers, reason=b"Bad Request"),
            h11.Data(data=response.body),
            h11.EndOfMessage(),
        )
        for part in parts:
            self.transport.write(self.conn.send(part) or b"")
        self.transport.close()

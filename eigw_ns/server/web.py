"""The web process: uvicorn, the guard, and the endpoint. It has no privilege, and speaks to the worker."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime

import uvicorn

from eigw_ns.errors import CloudError
from eigw_ns.frozen import frozen
from eigw_ns.server import guard, metrics, tls
from eigw_ns.server.boundary import Boundary, Log
from eigw_ns.server.channel import AsyncEnd
from eigw_ns.server.endpoint import Endpoint
from eigw_ns.server.guard import Gates, Limits, Origins, Rate, Receive, Scope, Send
from eigw_ns.server.keys import Key
from eigw_ns.server.log_writer import Handler
from eigw_ns.server.metrics import Metrics
from eigw_ns.server.protocol import BACKLOG, Protocol
from eigw_ns.server.tls import Tls
from eigw_ns.server.wire import fault
from eigw_ns.server.wire.fault import Response
from eigw_ns.server.wire.model import Model

_BODY_SECONDS = 10.0
_GRACE_SECONDS = 3
"""Time for open requests to end after a signal. Then their connections are closed."""
_KEEP_ALIVE_SECONDS = 65
"""Clients send requests on old connections. If one is closed at that moment, botocore reports an error."""
_LARGEST_HEAD = 32 << 10
_RATE = (500.0, 1000.0)
"""Requests of clients in a second, and at once. One process answers about as many."""
_RATE_OF_STRANGERS = (50.0, 100.0)
"""The same for requests whose signature is missing or wrong."""


@frozen
class Web:
    """What the web process needs: who it is, the access keys (None: no signatures), when it ends by itself, its TLS.

    `metrics_token` None means that /metrics is not answered.
    """

    hosts: frozenset[str]
    keys: Mapping[str, Key] | None
    idle: float | None
    resets: bool
    tls: Tls | None = None
    metrics_token: str | None = None


class Application:
    """The ASGI application: every request gets an id, passes the guard, and gets an answer in XML."""

    def __init__(self, endpoint: Endpoint, origins: Origins, log: Log, metrics: Metrics | None = None) -> None:
        self._endpoint, self._origins, self._log, self._metrics = endpoint, origins, log, metrics
        self.last = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request_id = str(uuid.uuid4())
        response: Response | None = None
        with Boundary(self._log, f"request {request_id}"):
            response = await self._respond(scope, receive, request_id)
        self.last = asyncio.get_running_loop().time()
        await _send(send, response or _internal_error(request_id), request_id)

    async def _respond(self, scope: Scope, receive: Receive, request_id: str) -> Response:
        try:
            asked = guard.head(scope)
            self._origins.check(asked)
            if self._metrics and asked.path == metrics.PATH:
                return await self._metrics.respond(asked)
            content = await guard.body(asked, receive, _BODY_SECONDS)
            return await self._endpoint.respond(asked.with_body(content), request_id)
        except CloudError as error:
            return fault.ec2(error, request_id)


def _internal_error(request_id: str) -> Response:
    return fault.ec2(CloudError("InternalError", "An internal error has occurred"), request_id)


async def _send(send: Send, response: Response, request_id: str) -> None:
    headers = {
        "content-type": response.content_type,
        "content-length": str(len(response.body)),
        "x-amzn-requestid": request_id,
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        **dict(response.headers),
    }
    encoded = [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": response.status, "headers": encoded})
    await send({"type": "http.response.body", "body": response.body})


class Server(uvicorn.Server):
    """A server that ends cleanly after a signal, after an idle time, or when the worker has ended."""

    def __init__(self, config: uvicorn.Config, channel: AsyncEnd, application: Application, idle: float | None) -> None:
        super().__init__(config)
        self._channel, self._application, self._idle = channel, application, idle

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Let SIGTERM and SIGINT end the server. Unlike in `uvicorn.Server`, the process does not die by them."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.handle_exit)
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """See `uvicorn.Server`. Tell the worker when requests are accepted."""
        await self._channel.open()
        await super().startup(sockets)
        self._application.last = asyncio.get_running_loop().time()
        await self._channel.call({"verb": "ready"})

    async def on_tick(self, counter: int) -> bool:
        """See `uvicorn.Server`. Called ten times a second."""
        if self._idle is not None and asyncio.get_running_loop().time() - self._application.last > self._idle:
            self.should_exit = True
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """See `uvicorn.Server`. Then end the worker."""
        await super().shutdown(sockets)
        self._channel.close()


def prepare(web: Web, channel: socket.socket, log: Log) -> Server:
    """Return the server, with everything imported that it needs: afterwards, this process may read no more files."""
    ends: list[Callable[[], None]] = []
    end = AsyncEnd(channel, lambda: ends[0]())
    gates = Gates(Limits(Rate(*_RATE)), Limits(Rate(*_RATE_OF_STRANGERS)))
    endpoint = Endpoint(Model(), web.keys, end.call, lambda: datetime.now(UTC), log, gates, web.resets)
    endpoint.model.preload()
    origins = Origins(web.hosts, browsers=web.keys is not None, scheme="https" if web.tls else "http")
    scraped = Metrics(web.metrics_token, end.call, gates) if web.metrics_token else None
    application = Application(endpoint, origins, log, scraped)
    config = uvicorn.Config(
        application,
        loop="asyncio",
        http=Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level=logging.ERROR,  # it warns of whatever is not HTTP, so any program could fill the log
        access_log=False,
        backlog=BACKLOG,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        h11_max_incomplete_event_size=_LARGEST_HEAD,
    )
    config.load()
    config.ssl = tls.context(web.tls) if web.tls else None
    logging.getLogger().addHandler(Handler(log))  # the default one would wait for stderr
    server = Server(config, end, application, web.idle)
    ends.append(lambda: setattr(server, "should_exit", True))
    return server

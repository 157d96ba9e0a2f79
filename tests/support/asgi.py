"""Requests to the endpoint in this process: no socket, no second process, and a worker that is called directly."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from eigw_ns.cloud.ec2.schema import Reply
from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.lab.storage.protocols import Patience
from eigw_ns.server.channel import Message
from eigw_ns.server.endpoint import Call, Endpoint
from eigw_ns.server.guard import Gates, Limits, Origins, Rate, Receive
from eigw_ns.server.keys import Key
from eigw_ns.server.labs import Labs, Place
from eigw_ns.server.metrics import Metrics
from eigw_ns.server.recorded import RecordedNotes
from eigw_ns.server.verbs import Ec2, Served, Verb, reset
from eigw_ns.server.web import Application
from eigw_ns.server.wire.model import Model
from tests.support.small_cloud import Account, counting

HOST = "127.0.0.1:8471"
KEY = Key("123456789012", "secret/of+a=test")
VERSION = "2016-11-15"
FORM = "application/x-www-form-urlencoded; charset=utf-8"


@cache
def model() -> Model:
    """Return botocore's model, loaded once for all tests."""
    return Model()


@dataclass
class CloudPerformer:
    """A performer that keeps a cloud in memory. `calls` are the actions that it was asked for."""

    account: Account
    calls: list[str] = field(default_factory=list)

    def perform(self, action: str, request: Mapping[str, Any], settings: Settings, patience: Patience) -> Reply:
        self.calls.append(action)
        return self.account.reply_with(settings, action, request)

    def reset(self) -> None:
        self.calls.append("reset")


@dataclass(frozen=True)
class Answer:
    """A response: status, headers and body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """Return AWS's error code, which must be in EC2's form with the request id of the header."""
        root = ElementTree.fromstring(self.body)
        assert root.tag == "Response", self.body
        assert root.findtext("RequestID") == self.headers["x-amzn-requestid"]
        return root.findtext("Errors/Error/Code") or ""

    @property
    def message(self) -> str:
        """Return the message of an error."""
        return ElementTree.fromstring(self.body).findtext("Errors/Error/Message") or ""


def now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


class Bench:
    """An endpoint on the small cloud. `log`, `notes`: what it logged. `performer.calls`: what reached the lab.

    `place` are the Region and the account that the lab answers for. `token` is that of /metrics.
    """

    def __init__(
        self,
        *,
        signed: bool = True,
        resets: bool = False,
        gates: Gates | None = None,
        place: tuple[str, ...] = (),
        token: str = "",
    ) -> None:
        self.performer = CloudPerformer(Account(settings=Settings(new_id=counting())))
        self.log: list[str] = []
        self.notes: list[str] = []
        notes = RecordedNotes(self.notes.append, "small")
        served = Served(Labs((Place("small", *place),)), (self.performer,), (notes,))
        ec2 = Ec2(served, Settings(new_id=counting()), self.log.append, now)
        self.verbs: dict[str, Verb] = {"ec2": ec2.verb(), "reset": reset(served)}
        keys = {KEY.id: KEY} if signed else None
        self.gates = gates or Gates(Limits(Rate(1e6, 1e6)), Limits(Rate(1e6, 1e6)))
        self._call: Call = self.call
        log = self.log.append
        endpoint = Endpoint(model(), keys, lambda message: self._call(message), now, log, self.gates, resets)
        origins = Origins(frozenset({HOST, "localhost:8471"}), browsers=signed)
        metrics = Metrics(token, lambda message: self._call(message), self.gates) if token else None
        self.application = Application(endpoint, origins, log, metrics)

    def slow(self, call: Call) -> None:
        """Let the worker answer by this function."""
        self._call = call

    async def call(self, message: Message) -> Message:
        return self.verbs[message["verb"]].run(message, 1.0)

    def ask(self, action: str, **fields: str) -> Answer:
        """Send a signed request of an action."""
        return self.send(signed(urlencode({"Action": action, "Version": VERSION, **fields}).encode()))

    def send(self, request: Raw) -> Answer:
        """Send a request as it is."""
        return asyncio.run(deliver(self.application, request))

    def stalled(self, request: Raw) -> Answer:
        """Send a request whose body never ends."""

        async def receive() -> dict[str, Any]:
            await asyncio.Event().wait()
            return {}

        return asyncio.run(deliver(self.application, request, receive))

    def cut_off(self, request: Raw) -> Answer:
        """Send a request whose connection ends before the body does."""
        parts = iter(({"type": "http.request", "body": request.body, "more_body": True}, {"type": "http.disconnect"}))

        async def receive() -> dict[str, Any]:
            return next(parts)

        return asyncio.run(deliver(self.application, request, receive))


@dataclass(frozen=True)
class Raw:
    """A request: the bytes that uvicorn would pass on."""

    body: bytes = b""
    headers: Sequence[tuple[bytes, bytes]] = ((b"host", HOST.encode()),)
    method: str = "POST"
    path: str = "/"
    query: bytes = b""

    def having(self, **headers: str | None) -> Raw:
        """Return the request with these headers in place of those it has; None removes one."""
        names = {name.replace("_", "-").encode(): value for name, value in headers.items()}
        kept = [(name, value) for name, value in self.headers if name not in names]
        added = [(name, value.encode("latin-1")) for name, value in names.items() if value is not None]
        return Raw(self.body, (*kept, *added), self.method, self.path, self.query)

    def but(self, **changes: Any) -> Raw:
        """Return the request with other attributes."""
        return Raw(**{**self.__dict__, **changes})


def unsigned(body: bytes) -> Raw:
    """Return a request without a signature."""
    return Raw(body).having(content_type=FORM)


def signed(
    body: bytes, key: Key = KEY, *, region: str = "us-east-1", service: str = "ec2", path: str = "/", **headers: str
) -> Raw:
    """Return a request that botocore signed. `headers` are signed, too."""
    url = f"http://{HOST}{path}"
    given = {"Content-Type": FORM, **{name.replace("_", "-"): value for name, value in headers.items()}}
    request = AWSRequest("POST", url, headers=given, data=body)
    token = given.pop("X-Amz-Security-Token", None)
    SigV4Auth(Credentials(key.id, key.secret, token), service, region).add_auth(request)
    sent = [(name.lower().encode(), value.encode()) for name, value in request.headers.items()]
    return Raw(body, ((b"host", HOST.encode()), *sent), path=path)


async def deliver(application: Application, request: Raw, receive: Receive | None = None) -> Answer:
    """Pass a request to an ASGI application, and return its answer."""
    sent: list[Mapping[str, Any]] = []
    scope = {
        "type": "http",
        "method": request.method,
        "path": request.path,
        "raw_path": request.path.encode("utf-8", "surrogateescape"),
        "query_string": request.query,
        "headers": list(request.headers),
    }

    async def whole() -> dict[str, Any]:
        return {"type": "http.request", "body": request.body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await application(scope, receive or whole, send)
    start, body = sent
    headers = {name.decode(): value.decode("latin-1") for name, value in start["headers"]}
    return Answer(start["status"], headers, body["body"])

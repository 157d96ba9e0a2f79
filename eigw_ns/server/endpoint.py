"""EC2's endpoint: a checked HTTP request becomes a request to the worker, and its answer becomes XML."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

from eigw_ns.cloud.ec2.api import ACTIONS
from eigw_ns.cloud.ec2.settings import ACCOUNT_ID, REGION
from eigw_ns.cloud.words import shorten
from eigw_ns.errors import CloudError
from eigw_ns.frozen import frozen
from eigw_ns.lab.lifecycle.ec2 import mutates
from eigw_ns.server import sigv4
from eigw_ns.server.boundary import Log
from eigw_ns.server.channel import ChannelError, Message
from eigw_ns.server.guard import Gates
from eigw_ns.server.http import HttpRequest
from eigw_ns.server.keys import Key, account_of
from eigw_ns.server.wire import answer, fault, form, identity, request, services
from eigw_ns.server.wire.fault import Response
from eigw_ns.server.wire.form import Fields
from eigw_ns.server.wire.model import Model
from eigw_ns.server.wire.services import EC2, STS, Service

RESET = "/_eigw/reset"

Call = Callable[[Message], Awaitable[Message]]
"""Sends a request to the worker, and returns its answer."""


@frozen
class Caller:
    """The sender of a request, and its Region. `key_id` is "" without a signature."""

    account: str
    region: str
    key_id: str = ""


ANYBODY = Caller(ACCOUNT_ID, REGION)


@frozen
class Endpoint:
    """The endpoint of the labs. `keys` is None if requests need no signature. `resets`: a lab may be emptied."""

    model: Model
    keys: Mapping[str, Key] | None
    call: Call
    now: Callable[[], datetime]
    log: Log
    gates: Gates
    resets: bool = False

    async def respond(self, asked: HttpRequest, request_id: str) -> Response:
        """Return the response to a request that the guard has let in. An error has the form of its service."""
        service = Service(EC2, "query")
        caller = self._caller(asked)
        try:
            with self.gates.strangers if isinstance(caller, CloudError) else self.gates.clients:
                service = services.service_of(asked, _scope_of(asked), _lenient_fields(asked))
                return await self._answer(asked, service, caller, request_id)
        except CloudError as error:
            return refusal(error, service, request_id)

    async def _answer(
        self, asked: HttpRequest, service: Service, caller: Caller | CloudError, request_id: str
    ) -> Response:
        if service.name not in (EC2, STS):
            raise services.not_here(service)
        _check_form(asked, self.resets)
        if isinstance(caller, CloudError):
            raise caller
        sigv4.check_region(caller.region, self.model.regions)
        if asked.path == RESET:
            place = {"account": caller.account, "region": caller.region}
            return self._plain(await self._ask({"verb": "reset", "request_id": request_id, **place}))
        fields = form.fields(asked.body)
        action, version = fields.pop("Action", ""), fields.pop("Version", "")
        if not action:
            raise CloudError("MissingAction", "The request must contain the parameter Action")
        if service.name == STS:
            return _identify(action, service, caller, request_id)
        if version != self.model.version:
            message = f"The API version {shorten(version)} is not supported"
            raise CloudError("NoSuchVersion", message, hint=f"use {self.model.version}")
        return await self._perform(action, fields, caller, request_id)

    def _caller(self, asked: HttpRequest) -> Caller | CloudError:
        """Return who sent the request, or what is wrong with its signature."""
        if self.keys is None and not asked.all("authorization"):
            return ANYBODY
        try:
            given = sigv4.parse(asked)
            if self.keys is not None:  # else a client signs with any key
                sigv4.verify(asked, given, self.keys, self.now())
        except CloudError as error:
            return error
        return Caller(account_of(given.scope.key_id), given.scope.region, given.scope.key_id)

    async def _perform(self, action: str, fields: Fields, caller: Caller, request_id: str) -> Response:
        known = action in ACTIONS  # the worker refuses an unknown action
        asked = request.decode(self.model.request(action), fields) if known else {}
        message = {
            "verb": "ec2",
            "action": action,
            "request": asked,
            "account": caller.account,
            "region": caller.region,
            "key": caller.key_id,
            "request_id": request_id,
        }
        with self.gates.changes if mutates(action, asked) else contextlib.nullcontext():
            reply = await self._ask(message)
        given: Mapping[str, Any] = reply["answer"]
        content = answer.encode(action, self.model.answer(action), given, request_id, self._unknown)
        return Response(200, answer.CONTENT_TYPE, content)

    async def _ask(self, message: Message) -> Message:
        """Return the worker's answer. Raises CloudError if that is an error, or if the worker has ended."""
        try:
            reply = await self.call(message)
        except ChannelError as error:
            raise CloudError("Unavailable", error.message) from error
        if "error" in reply:
            raise CloudError(**reply["error"])
        return reply

    def _plain(self, _reply: Message) -> Response:
        return Response(200, "text/plain; charset=utf-8", b"the lab is empty again\n")

    def _unknown(self, path: str) -> None:
        self.log(f"internal error: EC2's model has no {path}; the answer lacks it")


def refusal(error: CloudError, service: Service, request_id: str) -> Response:
    """Return the error in the form that clients of the service read."""
    if service.name == EC2:
        return fault.ec2(error, request_id)
    return fault.FORMS[service.form](error, request_id)


def _scope_of(asked: HttpRequest) -> str:
    """Return the service that the signature names; "" if there is none, or it is not one."""
    try:
        return sigv4.parse(asked).scope.service
    except CloudError:
        return ""


def _lenient_fields(asked: HttpRequest) -> Fields:
    """Return the fields, to find out what the request is for. It is empty if the body is not a form."""
    try:
        return form.fields(asked.body) if asked.form() else {}
    except CloudError:
        return {}


def _check_form(asked: HttpRequest, resets: bool) -> None:
    """Raise CloudError if the request is not a POST of a form to the one path of the Query protocol."""
    if asked.path not in ("", "/", *((RESET,) if resets else ())):
        raise CloudError("NotFound", f"There is nothing at {shorten(asked.path)}.", hint="the path of EC2 is /")
    if asked.method != "POST":
        raise CloudError("MethodNotAllowed", f"The method {shorten(asked.method)} is not accepted; use POST.")
    if asked.query:
        message = "The query string must be empty: send the parameters as a form, and sign by the Authorization header."
        raise CloudError("InvalidQueryParameter", message)
    if asked.body and not asked.form():
        raise CloudError("InvalidRequest", "The body must be a form (application/x-www-form-urlencoded).")


def _identify(action: str, service: Service, caller: Caller, request_id: str) -> Response:
    if action != identity.ACTION:
        raise services.not_here(service)
    return identity.encode(caller.account, request_id)

"""botocore as the client: what it makes of our answers, and what we make of its requests."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from botocore.parsers import EC2QueryParser
from botocore.serialize import EC2Serializer
from botocore.utils import parse_timestamp

from eigw_ns.server.wire import answer, form, request
from tests.support.asgi import model
from tests.support.ec2_model import operation

REQUEST_ID = "00000000-0000-4000-8000-000000000000"


def received(action: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return the request that we read from what botocore sends."""
    sent = EC2Serializer().serialize_to_request(asked, operation(action))["body"]
    fields = form.fields(urlencode(sent).encode())
    assert (fields.pop("Action"), fields.pop("Version")) == (action, model().version)
    return request.decode(model().request(action), fields)


def encoded(asked: Mapping[str, Any], shape: Any) -> dict[str, Any]:
    """Return the request with data as base64, as botocore sends it and actions take it."""
    return {
        name: base64.b64encode(value.encode()).decode() if shape.members[name].type_name == "blob" else value
        for name, value in asked.items()
    }


def read(action: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what botocore reads from our answer. Fails if its model lacks a member."""
    unknown: list[str] = []
    body = answer.encode(action, model().answer(action), given, REQUEST_ID, unknown.append)
    assert not unknown, unknown
    found: dict[str, Any] = EC2QueryParser().parse(
        {"status_code": 200, "headers": {}, "body": body}, operation(action).output_shape
    )
    assert found.pop("ResponseMetadata")["RequestId"] == REQUEST_ID
    return found


def as_read(given: Any, shape: Any) -> Any:
    """Return an answer as botocore reads it: times are datetimes."""
    if shape is None or given is None:
        return given
    if shape.type_name == "structure":
        return {name: as_read(value, shape.members[name]) for name, value in given.items()}
    if shape.type_name == "list":
        return [as_read(value, shape.member) for value in given]
    return parse_timestamp(given) if shape.type_name == "timestamp" else given

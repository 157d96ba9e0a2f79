"""Errors in the forms of AWS's protocols: EC2's own, and those of services that are not here.

Source: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html, and the error forms of
https://smithy.io/2.0/aws/protocols/
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from eigw_ns.errors import CloudError
from eigw_ns.frozen import frozen
from eigw_ns.server.wire.xml import Element, add, document

XML = "text/xml;charset=UTF-8"

_STATUS = {
    "AccessDenied": 403,
    "AuthFailure": 401,
    "DryRunOperation": 412,
    "InternalError": 500,
    "MethodNotAllowed": 405,
    "OptInRequired": 403,
    "MissingAuthenticationToken": 403,
    "NotFound": 404,
    "RequestEntityTooLarge": 413,
    "RequestLimitExceeded": 503,
    "RequestTimeout": 408,
    "SignatureDoesNotMatch": 401,
    "Unavailable": 503,
}
"""The status of errors. It is 400 for all others. Clients try again after 500 and 503."""

_HINTED = {"AccessDenied", "InvalidAction", "NoSuchVersion", "NotFound", "OperationNotPermitted", "UnknownParameter",
           "RequestLimitExceeded", "Unavailable", "UnsupportedService"}  # fmt: skip
"""The errors whose message ends with the hint. AWS's clients compare the messages of others."""


@frozen
class Response:
    """What is sent: the status, the type of the content, the content, and further headers."""

    status: int
    content_type: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


def status(code: str) -> int:
    """Return the status of an error."""
    return _STATUS.get(code, 400)


def text(error: CloudError) -> str:
    """Return the message, with the hint if EC2's message has no fixed words."""
    return f"{error.message} ({error.hint})" if error.hint and error.code in _HINTED else error.message


def ec2(error: CloudError, request_id: str) -> Response:
    """Return the error in EC2's form."""
    root = Element("Response")
    inner = add(add(root, "Errors"), "Error")
    add(inner, "Code", error.code)
    add(inner, "Message", text(error))
    add(root, "RequestID", request_id)
    return Response(status(error.code), XML, document(root))


def query(error: CloudError, request_id: str) -> Response:
    """Return the error in the form of the Query protocol, as of STS, IAM and RDS, and of some REST services."""
    root = Element("ErrorResponse")
    inner = add(root, "Error")
    add(inner, "Type", "Sender")
    add(inner, "Code", error.code)
    add(inner, "Message", text(error))
    add(root, "RequestId", request_id)
    return Response(status(error.code), XML, document(root))


def s3(error: CloudError, request_id: str) -> Response:
    """Return the error in the form of S3."""
    root = Element("Error")
    add(root, "Code", error.code)
    add(root, "Message", text(error))
    add(root, "RequestId", request_id)
    return Response(status(error.code), "application/xml", document(root))


def amazon_json(error: CloudError, _request_id: str) -> Response:
    """Return the error in the form of the JSON protocols, with an action in X-Amz-Target or a REST path."""
    body = json.dumps({"__type": error.code, "code": error.code, "message": text(error)}).encode()
    return Response(status(error.code), "application/json", body, (("x-amzn-errortype", error.code),))


def cbor(error: CloudError, _request_id: str) -> Response:
    """Return the error in the form of Smithy's RPC v2: a CBOR map (RFC 8949) of two texts."""
    pairs = {"__type": error.code, "message": text(error)}
    words = (_cbor_text(word) for pair in pairs.items() for word in pair)
    body = bytes([0xA0 | len(pairs)]) + b"".join(words)
    return Response(status(error.code), "application/cbor", body, (("smithy-protocol", "rpc-v2-cbor"),))


def _cbor_text(word: str) -> bytes:
    encoded = word.encode()
    return b"\x79" + len(encoded).to_bytes(2, "big") + encoded


Form = Callable[[CloudError, str], Response]

FORMS: Mapping[str, Form] = {"query": query, "s3": s3, "json": amazon_json, "cbor": cbor}
"""The forms of services that are not here."""

"""sts:GetCallerIdentity, the one action of another service: Terraform and CDK ask it for the account.

Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
"""

from __future__ import annotations

from eigw_ns.server.wire.fault import XML, Response
from eigw_ns.server.wire.xml import Element, add, document

ACTION = "GetCallerIdentity"
_NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"


def encode(account: str, request_id: str) -> Response:
    """Return the answer: the caller is the account's root user."""
    root = Element(f"{ACTION}Response", xmlns=_NAMESPACE)
    result = add(root, f"{ACTION}Result")
    add(result, "Arn", f"arn:aws:iam::{account}:root")
    add(result, "UserId", account)
    add(result, "Account", account)
    add(add(root, "ResponseMetadata"), "RequestId", request_id)
    return Response(200, XML, document(root))

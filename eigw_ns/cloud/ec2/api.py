"""The entry point for all actions. It checks parameters, and handles dry runs and client tokens."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from eigw_ns.cloud.aws_words import lacking, similar_actions
from eigw_ns.cloud.client_tokens import ClientToken
from eigw_ns.cloud.ec2.actions import ACTIONS
from eigw_ns.cloud.ec2.checks import checked
from eigw_ns.cloud.ec2.owner import neutral, owned
from eigw_ns.cloud.ec2.schema import Reply, Request
from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.model import Cloud
from eigw_ns.cloud.words import shorten
from eigw_ns.errors import CloudError

__all__ = ["ACTIONS", "call"]

_DEFAULT = Settings()
_LONGEST_TOKEN = 64
_REMEMBERED = 500
"""Maximum number of client tokens that a lab stores; the oldest are deleted first.

AWS deletes a token after some time. A lab stores no times, so it limits the number instead.
"""


def call(cloud: Cloud, action: str, request: Mapping[str, Any], settings: Settings = _DEFAULT) -> Reply:
    """Carry out `action` (such as `CreateRoute`) on `cloud`. `request` has botocore's form (`{"RouteTableId": …}`).

    A request with a ClientToken that was used before returns the first answer again and changes nothing.
    Raises CloudError with AWS's code. A DryRun that succeeds raises it too, with the code DryRunOperation.
    Source: https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html
    """
    described = ACTIONS.get(action)
    if described is None:
        message = f"The action {shorten(action)} is not valid for this web service."
        raise CloudError("InvalidAction", message, hint=similar_actions(action, ACTIONS) or lacking(action))
    given = neutral(checked(described.parameters, request), settings)
    dry = given.pop("DryRun", False)
    token = given.pop("ClientToken", None)
    reply = _repeated(cloud, action, given, token) or _first(cloud, action, given, token, settings)
    if dry:
        raise CloudError("DryRunOperation", "Request would have succeeded, but DryRun flag is set.")
    return replace(reply, answer=owned(reply.answer, settings))


def _repeated(cloud: Cloud, action: str, request: Request, token: str | None) -> Reply | None:
    """Return the stored answer for the token, or None. Raises InvalidClientToken, IdempotentParameterMismatch."""
    if token is None:
        return None
    if not token or len(token) > _LONGEST_TOKEN or not (token.isascii() and token.isprintable()):
        message = f"A client token has 1 to {_LONGEST_TOKEN} ASCII characters (got '{shorten(token)}')"
        raise CloudError("InvalidClientToken", message)
    known = cloud.client_tokens.get(token)
    if known is None:
        return None
    if (known.action, known.request) != (action, _canonical(request)):
        message = f"The client token '{token}' was used before, with other parameters"
        raise CloudError("IdempotentParameterMismatch", message)
    return Reply(cloud, json.loads(known.answer))


def _first(cloud: Cloud, action: str, request: Request, token: str | None, settings: Settings) -> Reply:
    reply = ACTIONS[action].function(cloud, request, settings)
    if token is None:
        return reply
    answer = {**reply.answer, "ClientToken": token} if ACTIONS[action].echoes_token else reply.answer
    known = ClientToken(action, _canonical(request), json.dumps(answer))
    tokens = dict([*reply.cloud.client_tokens.items(), (token, known)][-_REMEMBERED:])
    return replace(reply, cloud=replace(reply.cloud, client_tokens=tokens), answer=answer)


def _canonical(value: Mapping[str, Any]) -> str:
    return json.dumps(value, sort_keys=True)

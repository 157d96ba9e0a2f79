"""AWS's Signature Version 4: who signed a request, and that nothing of it was changed.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta

from eigw_ns.cloud.words import shorten
from eigw_ns.errors import CloudError
from eigw_ns.frozen import frozen
from eigw_ns.server.http import HttpRequest
from eigw_ns.server.keys import Key

ALGORITHM = "AWS4-HMAC-SHA256"
_END = "aws4_request"
_TIME = "%Y%m%dT%H%M%SZ"
_SKEW = timedelta(minutes=5)
_SPACES = re.compile(r" +")
_MUST_BE_SIGNED = ("host", "x-amz-date")


@frozen
class Scope:
    """The scope of a credential: the key's id, and the date, the Region and the service that it signs for."""

    key_id: str
    date: str
    region: str
    service: str

    def __str__(self) -> str:
        return "/".join((self.date, self.region, self.service, _END))


@frozen
class Authorization:
    """The Authorization header of a request. `headers` are the names that are signed."""

    scope: Scope
    headers: tuple[str, ...]
    signature: str


def parse(request: HttpRequest) -> Authorization:
    """Return the Authorization header. Raises MissingAuthenticationToken or IncompleteSignature."""
    given = request.all("authorization")
    if not given:
        raise CloudError("MissingAuthenticationToken", "Request is missing Authentication Token")
    algorithm, _, rest = given[0].partition(" ")
    if len(given) > 1 or algorithm != ALGORITHM:
        raise _incomplete(f"The Authorization header must be one, with the algorithm {ALGORITHM}.")
    parts = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    for name in ("Credential", "SignedHeaders", "Signature"):
        if not parts.get(name):
            raise _incomplete(f"Authorization header requires '{name}' parameter.")
    return Authorization(_scope(parts["Credential"]), tuple(parts["SignedHeaders"].split(";")), parts["Signature"])


def _scope(credential: str) -> Scope:
    words = credential.split("/")
    if len(words) != 5 or words[4] != _END or not all(words) or not credential.isascii():
        raise _incomplete(f"Credential must have the form KEY/DATE/REGION/SERVICE/{_END} (got {shorten(credential)}).")
    return Scope(*words[:4])


def verify(request: HttpRequest, given: Authorization, keys: Mapping[str, Key], now: datetime) -> Key:
    """Return the key that signed the request.

    Raises AuthFailure for an unknown key; IncompleteSignature, RequestExpired, SignatureDoesNotMatch.
    """
    key = keys.get(given.scope.key_id)
    if key is None:
        raise CloudError("AuthFailure", "AWS was not able to validate the provided access credentials")
    _check_headers(request, given.headers)
    sent = request.one("x-amz-date")
    _check_time(sent, given.scope, now)
    _check_payload(request)
    expected = hmac.new(_signing_key(key, given.scope), _to_sign(request, given, sent), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), given.signature.encode("utf-8", "replace")):
        raise _mismatch(
            "The request signature we calculated does not match the signature you provided. "
            "Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
        )
    return key


def check_region(region: str, regions: Collection[str]) -> None:
    """Raise AuthFailure if AWS has no Region of that name."""
    if region not in regions:
        message = f"Credential should be scoped to a valid Region, not '{shorten(region)}'."
        raise CloudError("AuthFailure", message)


def _check_headers(request: HttpRequest, signed: tuple[str, ...]) -> None:
    """Check that what decides about the request is signed. A session token has no effect, but it must be signed."""
    if list(signed) != sorted(set(signed)):
        raise _incomplete("SignedHeaders must be sorted, each name once.")
    amazon = {name for name, _ in request.headers if name.startswith("x-amz-")}
    for name in sorted({*_MUST_BE_SIGNED, *amazon}):
        if name not in signed:
            raise _mismatch(f"'{shorten(name)}' must be a 'SignedHeader' in the AWS Authorization.")
    for name in signed:
        if not request.all(name):
            raise _mismatch(f"The signed header '{shorten(name)}' is not in the request.")
    for name in _MUST_BE_SIGNED:
        if len(request.all(name)) > 1:
            raise _incomplete(f"The header '{name}' is given more than once.")


def _check_time(sent: str, scope: Scope, now: datetime) -> None:
    try:
        moment = datetime.strptime(sent, _TIME).replace(tzinfo=UTC)
    except ValueError:
        raise _incomplete(
            f"Date must be in ISO-8601 'basic format'. Got '{shorten(sent)}'. See http://en.wikipedia.org/wiki/ISO_8601"
        ) from None
    if abs(now - moment) > _SKEW:
        minutes = int(_SKEW.total_seconds() // 60)
        raise CloudError("RequestExpired", f"Request has expired: {sent} is not within {minutes} min of {now:{_TIME}}.")
    if not sent.startswith(scope.date) or len(scope.date) != 8:
        raise _mismatch(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{shorten(scope.date)}' != '{sent[:8]}', from '{sent}'."
        )


def _check_payload(request: HttpRequest) -> None:
    """Check the hash of the body that the request names. The signature covers the body in any case."""
    for named in request.all("x-amz-content-sha256"):
        if named != _hash(request.body):
            raise _mismatch("The provided 'x-amz-content-sha256' header does not match what was computed.")


def _to_sign(request: HttpRequest, given: Authorization, sent: str) -> bytes:
    """Return the string to sign: the algorithm, the time, the scope, and the hash of the canonical request."""
    values = ((name, ",".join(map(_trimmed, request.all(name)))) for name in given.headers)
    canonical = "\n".join(
        (
            request.method,
            request.path,
            request.query,
            *(f"{name}:{value}" for name, value in values),
            "",
            ";".join(given.headers),
            _hash(request.body),
        )
    )
    return "\n".join((ALGORITHM, sent, str(given.scope), _hash(canonical.encode("latin-1")))).encode("latin-1")


def _trimmed(value: str) -> str:
    return _SPACES.sub(" ", value.strip(" "))


def _signing_key(key: Key, scope: Scope) -> bytes:
    made = f"AWS4{key.secret}".encode()
    for word in (scope.date, scope.region, scope.service, _END):
        made = hmac.new(made, word.encode(), hashlib.sha256).digest()
    return made


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _incomplete(message: str) -> CloudError:
    return CloudError("IncompleteSignature", message)


def _mismatch(message: str) -> CloudError:
    return CloudError("SignatureDoesNotMatch", message)

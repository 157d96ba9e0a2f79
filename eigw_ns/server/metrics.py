"""/metrics for Prometheus: a token of its own, so that a scraper cannot change anything.

Prometheus reads the token from a file (`authorization: credentials_file`). Source:
https://prometheus.io/docs/prometheus/latest/configuration/configuration/#scrape_config
"""

from __future__ import annotations

import hmac
import os
import secrets
from pathlib import Path

from eigw_ns.errors import CloudError, UsageError
from eigw_ns.frozen import frozen
from eigw_ns.server.endpoint import Call
from eigw_ns.server.guard import Gates
from eigw_ns.server.http import HttpRequest
from eigw_ns.server.wire.fault import Response

PATH = "/metrics"
_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_PLAIN = "text/plain; charset=utf-8"
_SHORTEST = 16


@frozen
class Metrics:
    """Answers requests for /metrics in the web process."""

    token: str
    call: Call
    gates: Gates

    async def respond(self, asked: HttpRequest) -> Response:
        """Return the metrics, or a refusal in plain text. Raises CloudError if too many requests come."""
        known = self._knows(asked)
        with self.gates.clients if known else self.gates.strangers:
            if not known:
                body = b"this needs the token of --metrics-token, as a bearer token\n"
                return Response(401, _PLAIN, body, (("www-authenticate", 'Bearer realm="eigw-ns"'),))
            if asked.method != "GET":
                return Response(405, _PLAIN, b"only GET is answered here\n", (("allow", "GET"),))
            reply = await self.call({"verb": "metrics"})
            if "error" in reply:
                raise CloudError(**reply["error"])
            return Response(200, _CONTENT_TYPE, str(reply["text"]).encode())

    def _knows(self, asked: HttpRequest) -> bool:
        scheme, _, given = asked.one("authorization").partition(" ")
        right = hmac.compare_digest(given.strip().encode("latin-1", "replace"), self.token.encode())
        return right and scheme.lower() == "bearer"


def token(file: Path) -> str:
    """Return the token in the file. If there is no such file, make one with a new token.

    Raises UsageError if other users can read the file, or if it has no token.
    """
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return _read(file)
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror}", hint="choose another file") from error
    made = secrets.token_urlsafe(32)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(f"{made}\n")
    return made


def _read(file: Path) -> str:
    try:
        with file.open(encoding="ascii") as stream:
            if os.fstat(stream.fileno()).st_mode & 0o077:
                raise UsageError(f"other users can read or change {file}", hint=f"chmod 0600 {file}")
            found = stream.read(4096).strip()
    except (OSError, UnicodeDecodeError) as error:
        words = error.strerror if isinstance(error, OSError) else "it is not ASCII"
        raise UsageError(f"cannot read {file}: {words}") from error
    if len(found) < _SHORTEST or not found.isprintable() or " " in found:
        hint = f"write one word of {_SHORTEST} characters or more, or remove the file to get a new token"
        raise UsageError(f"{file} has no token", hint=hint)
    return found

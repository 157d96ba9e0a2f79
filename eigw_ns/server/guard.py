"""What a request must be before anything looks at it: from a client of this machine that means us, and within limits.

Every web page in the user's browser can send a form to a loopback address without asking. So a request must name us as
its Host (a page that rebinds its name's address does not), and must not come from another site. `X-Forwarded-*` is
never read, and no answer has a CORS header. Source: https://www.w3.org/TR/fetch-metadata/
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any

from eigw_ns.cloud.words import shorten
from eigw_ns.errors import CloudError
from eigw_ns.frozen import frozen
from eigw_ns.server.http import HttpRequest

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

LARGEST_BODY = 1 << 20
MOST_CHANGES = 64
"""Changes that are open at a time, so that those that wait leave room for describes."""
_MOST_HEADERS = 100
_BROWSER = "sec-fetch-"


@frozen
class Origins:
    """Our own names: the values that Host may have. `browsers`: a page of ours may send requests, too."""

    hosts: frozenset[str]
    browsers: bool = True
    scheme: str = "http"

    def check(self, request: HttpRequest) -> None:
        """Raise CloudError if the request means another host, or comes from a page of another origin."""
        hosts = request.all("host")
        if len(hosts) != 1 or hosts[0].lower() not in self.hosts:
            raise _denied("Host", ", ".join(hosts), f"use one of {', '.join(sorted(self.hosts))}, or --allow-host")
        for origin in request.all("origin"):
            if not self.browsers or origin.lower() not in self._origins():
                raise _denied("Origin", origin, "web pages may not use this endpoint")
        for site in request.all("sec-fetch-site"):
            if site not in ("same-origin", "none"):
                raise _denied("Sec-Fetch-Site", site, "web pages of other sites may not use this endpoint")
        if not self.browsers and any(name.startswith(_BROWSER) for name, _ in request.headers):
            raise _denied("Sec-Fetch", "a browser", "browsers may not use an endpoint without signatures")

    def _origins(self) -> Collection[str]:
        return {f"{self.scheme}://{host}" for host in self.hosts}


def _denied(header: str, value: str, hint: str) -> CloudError:
    return CloudError("AccessDenied", f"The header {header} is not accepted (got {shorten(value)}).", hint=hint)


class Rate:
    """A token bucket: `burst` requests at once, and `per_second` more each second."""

    def __init__(self, per_second: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second, self._burst, self._clock = per_second, burst, clock
        self._left, self._then = burst, clock()

    def take(self) -> bool:
        """Return whether a request may pass now."""
        now = self._clock()
        self._left, self._then = min(self._burst, self._left + (now - self._then) * self._per_second), now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Limits:
    """How many requests are open at a time, and how many come in a second (None: any number)."""

    def __init__(self, rate: Rate | None, most_open: int = 2 * MOST_CHANGES) -> None:
        self._rate, self._most_open, self.open = rate, most_open, 0

    def __enter__(self) -> None:
        if self.open >= self._most_open:
            raise _exceeded(f"{self._most_open} requests are open")
        if self._rate is not None and not self._rate.take():
            raise _exceeded("too many requests in a second")
        self.open += 1

    def __exit__(self, *_: object) -> None:
        self.open -= 1


class Gates:
    """The limits of each sort of request: of clients; of strangers, whose signature is missing or wrong; of changes.

    A stranger cannot use up what clients may send.
    """

    def __init__(self, clients: Limits, strangers: Limits, most_changes: int = MOST_CHANGES) -> None:
        self.clients, self.strangers = clients, strangers
        self.changes = Limits(None, most_changes)


def _exceeded(why: str) -> CloudError:
    return CloudError("RequestLimitExceeded", f"Request limit exceeded: {why}.", hint="try again")


def head(scope: Scope) -> HttpRequest:
    """Return the request without its body. Raises CloudError if it has too many headers."""
    headers = tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"])
    path = scope.get("raw_path") or scope["path"].encode()
    made = HttpRequest(scope["method"], path.decode("latin-1"), scope["query_string"].decode("latin-1"), headers)
    if len(headers) > _MOST_HEADERS:
        raise CloudError("InvalidRequest", f"The request has more than {_MOST_HEADERS} headers.")
    return made


async def body(request: HttpRequest, receive: Receive, seconds: float) -> bytes:
    """Return the body. Raises CloudError if it is larger than 1 MiB, or does not come within `seconds`."""
    length = request.one("content-length")
    if length.isdecimal() and int(length[:20]) > LARGEST_BODY:
        raise _too_large()
    found = bytearray()
    try:
        async with asyncio.timeout(seconds):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    raise CloudError("InvalidRequest", "The connection ended before the body did.")
                found += message.get("body", b"")
                if len(found) > LARGEST_BODY:
                    raise _too_large()
                if not message.get("more_body"):
                    return bytes(found)
    except TimeoutError:
        raise CloudError("RequestTimeout", f"The body did not come within {seconds:.0f} s.") from None


def _too_large() -> CloudError:
    return CloudError("RequestEntityTooLarge", f"The body is larger than {LARGEST_BODY} bytes.")

"""A request as it arrived, read once. Header names are lower case; values are the bytes as Latin-1."""

from __future__ import annotations

from dataclasses import replace

from eigw_ns.frozen import frozen


@frozen
class HttpRequest:
    """A request: `path` and `query` are as sent, still encoded."""

    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""

    def all(self, name: str) -> list[str]:
        """Return the values of every header of that name."""
        return [value for key, value in self.headers if key == name]

    def one(self, name: str) -> str:
        """Return the value of the header; "" if it is missing or there are several."""
        values = self.all(name)
        return values[0] if len(values) == 1 else ""

    def with_body(self, body: bytes) -> HttpRequest:
        """Return the request with its body."""
        return replace(self, body=body)

    def form(self) -> bool:
        """Return whether the body is said to be a form."""
        return self.one("content-type").partition(";")[0].strip().lower() == "application/x-www-form-urlencoded"

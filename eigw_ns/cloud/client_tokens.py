"""Requests of EC2 clients that a lab remembers."""

from __future__ import annotations

from eigw_ns.frozen import frozen


@frozen
class ClientToken:
    """A request that must not be carried out twice: its action, its parameters and its answer (both JSON)."""

    action: str
    request: str
    answer: str

"""Where the agent's heartbeats enter and leave a replica."""

from __future__ import annotations

from eigw_ns.frozen import frozen


@frozen
class Leg:
    """One side of a replica: the port that leads to it, its MAC there, and the MAC that beats come from."""

    namespace: str
    link: str
    mac: str
    beats_from: str

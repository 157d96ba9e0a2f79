"""A namespace of the fake kernel."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from eigw_ns.dataplane.state import Forwarding, Key, Link, NetObject, Sysctls
from eigw_ns.kernel.protocol import Count


@dataclass(slots=True)
class FakeNamespace:
    """What one namespace holds. It is ours while `objects` has its `Namespace` (the mark), else foreign.

    `counts` are those of the named counters that have seen something; `flows` are the (source, destination)
    addresses of the connection table's entries, in the original direction; `taught` those of the taught flows.
    `stored_in` is the noted state folder.
    """

    objects: dict[Key, NetObject] = field(default_factory=dict)
    counts: dict[str, Count] = field(default_factory=dict)
    flows: list[tuple[str, str]] = field(default_factory=list)
    taught: list[tuple[str, str]] = field(default_factory=list)
    stored_in: str = ""

    def put(self, thing: NetObject) -> None:
        """Add or replace an object as Linux would list it: forwarding that is off is not listed, other sysctls stay."""
        if isinstance(thing, Forwarding) and not thing.enabled:
            self.objects.pop(thing.key, None)
            return
        before = self.objects.get(thing.key)
        if isinstance(thing, Sysctls) and isinstance(before, Sysctls):
            thing = replace(thing, values=tuple((dict(before.values) | dict(thing.values)).items()))
        self.objects[thing.key] = thing
        if isinstance(thing, Link):
            self.fit_bridge(thing.bridge)

    def ports(self, bridge: str) -> tuple[Link, ...]:
        """Return the ports of the bridge."""
        return tuple(thing for thing in self.objects.values() if isinstance(thing, Link) and thing.bridge == bridge)

    def fit_bridge(self, name: str | None) -> None:
        """Set the bridge's MTU to the smallest of its ports, as Linux does when these change (br_mtu_auto_adjust)."""
        bridge = next(
            (thing for thing in self.objects.values() if isinstance(thing, Link) and thing.name == name), None
        )
        if bridge is not None:
            mtu = min((port.mtu for port in self.ports(bridge.name)), default=1500)
            self.objects[bridge.key] = replace(bridge, mtu=mtu)

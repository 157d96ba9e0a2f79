"""A few namespaces around one router, for tests that send packets: the smallest network with a path."""

from __future__ import annotations

from eigw_ns.dataplane.compile import names
from eigw_ns.dataplane.state import Address, Forwarding, Link, Namespace, Neighbour, NetObject, NftChain, Route, Ruleset
from eigw_ns.kernel.linux import LinuxKernel
from eigw_ns.lab.verify.prober import Endpoint
from tests.support.small_states import namespace, sysctls

ROUTER_ID = "internet-00000000000000009"


class Star:
    """Nodes (id → IPv6 address), each with `eth0` to the router, which answers at `fe80::1` on every port."""

    def __init__(self, lab: str, nodes: dict[str, str]) -> None:
        self.kernel = LinuxKernel()
        self.lab = lab
        self.router = namespace(lab, ROUTER_ID)
        self.nodes = {
            node: Endpoint(names.namespace_name(lab, node), address, "eth0") for node, address in nodes.items()
        }
        spaces = [self.router, *(namespace(lab, node) for node in nodes)]
        self.kernel.create([*spaces, *(sysctls(space) for space in spaces)])
        wires = [self._wire(node) for node in nodes]
        for kind in (Link, Address, Neighbour, Route):
            self.kernel.create(thing for wire in wires for thing in wire if isinstance(thing, kind))
        self.kernel.create([Forwarding(self.router.namespace)])

    def _wire(self, node: str) -> list[NetObject]:
        end, port = self.nodes[node], names.port_name(node)
        inside, router = end.namespace, self.router.namespace
        here, there = (inside, "eth0"), (router, port)
        return [
            Link(*here, "veth", names.mac(*here), there),
            Link(*there, "veth", names.mac(*there), here),
            Address(inside, "eth0", f"{end.address}/128"),
            Address(router, port, "fe80::1/64"),
            Neighbour(inside, "eth0", "fe80::1", names.mac(*there)),
            Neighbour(router, port, end.address, names.mac(*here)),
            Route(inside, "::/0", "eth0", "fe80::1"),
            Route(router, f"{end.address}/128", port),
        ]

    def rule(self, owner: Namespace | Endpoint, hook: str, *rules: str) -> None:
        """Load rules in the router or a node, at the hook `forward`, `input` or `output`. The policy is accept."""
        base = f"type filter hook {hook} priority filter; policy accept;"
        self.kernel.create([Ruleset(owner.namespace, "inet", chains=(NftChain(hook, base, rules),))])

    def cut(self, node: str) -> None:
        """Remove the node's link."""
        link = next(thing for thing in self._wire(node) if isinstance(thing, Link))
        self.kernel.delete([link])

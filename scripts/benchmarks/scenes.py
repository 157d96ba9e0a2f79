"""Build the path from an instance to a host in the kernel: with all rules, with tracking only, or without rules."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from eigw_ns.cloud.model import Cloud
from eigw_ns.cloud.nodes import find, internet_id
from eigw_ns.dataplane.compile.compiler import compile_cloud
from eigw_ns.dataplane.compile.names import FABRIC_LINK, ROUTER_LINK_LOCAL, namespace_name
from eigw_ns.dataplane.planning.plan import make_plan
from eigw_ns.dataplane.state import Link, Neighbour, NetObject, NetState, NftChain, RoutingRule, Ruleset
from eigw_ns.kernel.linux import LinuxKernel
from eigw_ns.lab.lifecycle.execute import execute
from scripts.benchmarks.labs import Tree, Workshop, topology

Rules = Literal["all", "tracking", "none"]

_HOOK = "type filter hook prerouting priority filter; policy accept;"
_TRACKING = NftChain("tracking", _HOOK, ("ct state new accept",))


@dataclass(frozen=True, slots=True)
class Scene:
    """The namespaces at the two ends of a path that is in the kernel."""

    app: str
    web: str


@contextlib.contextmanager
def scene(place: Workshop, content: Tree, rules: Rules = "all") -> Iterator[Scene]:
    """Build the path between the instance `i000` and the host `web`, and remove it after the block.

    `rules` is `all`; `none`, as in bare routers; or `tracking`, with only one rule that matches the connection state.
    Of a large topology, only the namespaces on the path are built, with their complete rules, sets and routes.
    """
    lab = place.new_name()
    cloud = topology(lab, content).cloud
    state = _part(compile_cloud(cloud), _on_the_way(cloud))
    if rules != "all":
        state = _bare(state, cloud, tracking=rules == "tracking")
    kernel = LinuxKernel()
    try:
        execute(kernel, make_plan(state, NetState()))
        yield Scene(_namespace(cloud, "i000"), _namespace(cloud, "web"))
    finally:
        execute(kernel, make_plan(NetState(), kernel.observe(lab)))


def _namespace(cloud: Cloud, node: str) -> str:
    return namespace_name(cloud.lab, find(cloud, node).id)


def _on_the_way(cloud: Cloud) -> frozenset[str]:
    gateways = cloud.egress_only_internet_gateways
    routers = [internet_id(cloud.lab), *cloud.vpcs, *gateways]
    ends = [find(cloud, node).id for node in ("i000", "s000", "web")]
    return frozenset(namespace_name(cloud.lab, each) for each in (*routers, *ends))


def _part(state: NetState, namespaces: frozenset[str]) -> NetState:
    """Return the objects of these namespaces, without links to other namespaces and the objects on those links.

    The namespace of a replica has the name of its gateway's, followed by a dot and a number.
    """

    def on_the_way(namespace: str) -> bool:
        return namespace.partition(".")[0] in namespaces

    inside = [thing for thing in state if on_the_way(thing.namespace)]
    cut = {
        (thing.namespace, thing.name)
        for thing in inside
        if isinstance(thing, Link) and thing.peer is not None and not on_the_way(thing.peer[0])
    }
    return NetState.of(
        thing
        for thing in inside
        if (thing.namespace, thing.name if isinstance(thing, Link) else getattr(thing, "link", "")) not in cut
    )


def _bare(state: NetState, cloud: Cloud, *, tracking: bool) -> NetState:
    """Return the state without tables and policy routing: gateways forward every packet.

    With `tracking`, the subnet and the gateway have a table of one rule that matches the connection state. The fabric's
    rules implement the VPC's router. Without them, the gateway's neighbour entry has the MAC of the one subnet.
    """
    subnet = _namespace(cloud, "s000")
    mac = next(
        thing.mac
        for thing in state
        if isinstance(thing, Link) and thing.namespace == subnet and thing.name == FABRIC_LINK
    )

    def kept() -> Iterator[NetObject]:
        for thing in state:
            if isinstance(thing, Neighbour) and (thing.link, thing.address) == (FABRIC_LINK, ROUTER_LINK_LOCAL):
                yield replace(thing, mac=mac)
            elif isinstance(thing, Ruleset) and thing.family == "inet" and tracking:
                yield Ruleset(thing.namespace, "inet", chains=(_TRACKING,))
            elif not isinstance(thing, (Ruleset, RoutingRule)):
                yield thing

    return NetState.of(kept())

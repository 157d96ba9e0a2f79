"""What a diagram shows on top of a lab: what the internet reaches, where the kernel differs, the path of a packet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import field

from eigw_ns.cloud.model import Cloud
from eigw_ns.cloud.nodes import internet_id
from eigw_ns.dataplane.exposure import exposed
from eigw_ns.dataplane.state.naming import split_name
from eigw_ns.dataplane.trace.explanation import Explanation
from eigw_ns.dataplane.trace.model import AclRuleUsed, GroupRuleUsed, Hop, Outcome, RouteUsed
from eigw_ns.frozen import frozen


@frozen
class Path:
    """The components that a packet met on its way to the destination, by id, each once.

    `reason` says in words why the packet or its answer is dropped; "" if it is not. `dies_at` is the number of the node
    (from 0) that drops it; None if the answer arrives.
    `beyond` are the nodes that it would have reached.
    """

    nodes: tuple[str, ...]
    outcome: Outcome
    reason: str = ""
    dies_at: int | None = None
    beyond: tuple[str, ...] = ()


@frozen
class Marks:
    """Marks of nodes by id. `reachable`: the internet can begin a connection to it. `drift`: differing objects.

    An empty `reachable` and a `drift` or `path` of None mean that the user did not ask.
    """

    reachable: Mapping[str, bool] = field(default_factory=dict)
    drift: Mapping[str, int] | None = None
    path: Path | None = None


NO_MARKS = Marks()


def verdicts(cloud: Cloud) -> dict[str, bool]:
    """Return for each instance whether the internet can begin a flow to it, as the model says."""
    open_ones = {exposure.id for exposure in exposed(None, cloud)}
    return {instance.id: instance.id in open_ones for instance in cloud.instances.values()}


def drift(namespaces: Iterable[str]) -> dict[str, int]:
    """Return the number of differing objects of each node, from the namespace of each. A gateway has its replicas'."""
    return dict(Counter(split_name(name)[1].partition(".")[0] for name in namespaces))


def path(explanation: Explanation) -> Path:
    """Return the path of the packet of an explanation, by the nodes that a diagram draws."""
    trace, places = explanation.trace, _Places(explanation)
    there = [places.of(hop) for hop in trace.hops if hop.direction == "forward"]
    nodes = list(dict.fromkeys(there))
    if trace.outcome != "blocked":
        return Path(tuple(nodes), trace.outcome)
    last = places.of(trace.decisive)
    nodes += [last] if last not in nodes else []
    beyond = [each for each in (explanation.destination_id,) if each and each not in nodes]
    return Path(tuple(nodes), trace.outcome, trace.decisive.text, nodes.index(last), tuple(beyond))


class _Places:
    """Finds the node of a diagram in which a hop decides: rules of a subnet decide in its box."""

    def __init__(self, explanation: Explanation) -> None:
        self._cloud = explanation.cloud
        self._ends = explanation.source_id, explanation.destination_id

    def of(self, hop: Hop) -> str:
        if not isinstance(hop.rule, AclRuleUsed | GroupRuleUsed | RouteUsed) or hop.id == internet_id(self._cloud.lab):
            return hop.id
        first, last = self._ends if hop.direction == "forward" else reversed(self._ends)
        instance = self._cloud.instances.get(first if hop.outwards else last)
        if instance is None:
            return hop.id
        return instance.id if isinstance(hop.rule, GroupRuleUsed) else instance.subnet_id

"""Explain who reaches whom: resolve what the user named, and trace it; `lab.verify.probe` sends the packet."""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address, ip_address

from eigw_ns.cloud import ids, nodes
from eigw_ns.cloud.addressing import GLOBAL_UNICAST, is_reserved
from eigw_ns.cloud.model import Cloud, Instance, InternetHost
from eigw_ns.dataplane.trace import Protocol, Trace, Tracer
from eigw_ns.errors import UsageError

_HINT = "write an instance, an internet host or an IPv6 address"
_PORTS = range(1, 65536)


@dataclass(frozen=True, slots=True)
class Question:
    """What the user asks. Both ends are NODEs or IPv6 addresses; `source_port` None is any ephemeral port.

    `listening`: whether something answers at the destination's port.
    """

    source: str
    destination: str
    protocol: Protocol
    port: int | None
    source_port: int | None = None
    listening: bool = True


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer to a question: the trace for the source ports with the worst outcome, and those for all others.

    `destination_id` is empty where nobody has the address. `cloud` holds the sender, also where only the question
    knows it; `real` says that the lab knows both ends, so that packets can be sent.
    """

    question: Question
    cloud: Cloud
    source_id: str
    destination_id: str
    trace: Trace
    others: tuple[Trace, ...]
    real: bool

    def require_real(self) -> None:
        """Raise UsageError where no packet can be sent."""
        if not self.real:
            raise UsageError(
                "nobody in the lab has that address, so there is nothing to send a packet with, or to",
                hint="name a node, or add an internet host with the address",
            )


def explain(cloud: Cloud, question: Question) -> Explanation:
    """Trace what is asked. An address that no node has is on the internet; a sender there may have any.

    Raises UsageError where an end is neither a machine nor an IPv6 address in use on the internet, or a port is
    missing, out of place or none.
    """
    _check_ports(question)
    sender = _end(cloud, question.source)
    known = not isinstance(sender, IPv6Address)
    if isinstance(sender, IPv6Address):
        sender = InternetHost(ids.make_id(ids.INTERNET_HOST, cloud.lab, str(sender)), str(sender), sender)
        cloud = replace(cloud, hosts={**cloud.hosts, sender.id: sender})
    receiver = _end(cloud, question.destination)
    if isinstance(receiver, IPv6Address):
        _refuse_reserved(cloud, receiver)
    there = receiver if isinstance(receiver, IPv6Address) else receiver.id
    tracer, what = Tracer(cloud), (sender.id, there, question.protocol, question.port)
    if question.source_port is not None:
        one = tracer.trace(*what, source_port=question.source_port, listening=question.listening)
        found: tuple[Trace, ...] = (one,)
    else:
        found = tracer.by_source_port(*what, listening=question.listening)
    worst = next((trace for trace in found if trace.outcome == "blocked"), found[0])
    return Explanation(
        question,
        cloud,
        sender.id,
        "" if isinstance(there, IPv6Address) else there,
        worst,
        tuple(trace for trace in found if trace is not worst),
        real=known and not isinstance(there, IPv6Address),
    )


def _check_ports(question: Question) -> None:
    given = question.port is not None or question.source_port is not None
    if question.protocol == "icmpv6" and given:
        raise UsageError("icmpv6 has no ports", hint="leave --port and --source-port out, or write --protocol tcp")
    if question.protocol != "icmpv6" and question.port is None:
        raise UsageError(f"{question.protocol} needs a port", hint="write --port N")
    for port in (question.port, question.source_port):
        if port is not None and port not in _PORTS:
            raise UsageError(f"{port!r} is no port", hint=f"write one of {_PORTS[0]} to {_PORTS[-1]}")


def _end(cloud: Cloud, text: str) -> Instance | InternetHost | IPv6Address:
    """The machine that `text` names; the address itself where it is one that no machine has."""
    address = _address(text)
    if address is not None:
        machines: tuple[Instance | InternetHost, ...] = (*cloud.instances.values(), *cloud.hosts.values())
        return next((machine for machine in machines if machine.ipv6_address == address), address)
    node = nodes.find(cloud, text)
    if node.kind == "internet":
        raise UsageError("the internet is no single machine", hint="write an internet host or an IPv6 address")
    if node.kind not in ("instance", "host"):
        raise UsageError(f"packets neither begin nor end at {text}, which is no machine", hint=_HINT)
    return cloud.instances.get(node.id) or cloud.hosts[node.id]


def _refuse_reserved(cloud: Cloud, address: IPv6Address) -> None:
    """What AWS keeps to itself is no machine's, nor can become one's. The router of a subnet has the second of it."""
    for subnet in cloud.subnets.values():
        block = subnet.ipv6_cidr_block
        if address in block and is_reserved(block, address):
            name = f"{cloud.vpcs[subnet.vpc_id].name}/{subnet.name}"
            if address == block[1]:
                problem = f"{address} is the router of the subnet {name}: it answers pings, and is no machine"
            else:
                problem = f"{address} is an address of the subnet {name} that AWS keeps to itself: no machine has it"
            raise UsageError(problem, hint=_HINT)


def _address(text: str) -> IPv6Address | None:
    """The IPv6 address that `text` is, None where it is no address."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv4Address):
        raise UsageError(f"{text} is an IPv4 address, and the lab has IPv6 alone", hint=_HINT)
    if address not in GLOBAL_UNICAST or address.scope_id is not None:
        raise UsageError(
            f"{text} is no address that is routed on the internet", hint=f"write one of {GLOBAL_UNICAST}, or a node"
        )
    return address

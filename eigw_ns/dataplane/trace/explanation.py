"""Explain whether one node reaches another: resolve both ends and trace a packet.

`lab.verify.checks.probe` sends one.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, ip_address

from eigw_ns.cloud import ids, nodes
from eigw_ns.cloud.addressing import GLOBAL_UNICAST, is_reserved
from eigw_ns.cloud.model import Cloud, Instance, InternetHost
from eigw_ns.dataplane.trace import Protocol, Trace, Tracer
from eigw_ns.errors import Remedy, RemedyCode, UsageError
from eigw_ns.frozen import frozen

_HINT = "write an instance, an internet host or an IPv6 address"
_PORTS = range(1, 65536)


@frozen
class Question:
    """The question of the user. Both ends are NODEs or IPv6 addresses.

    `source_port` is None for any ephemeral port. `listening` says whether a service listens on the destination's port.
    """

    source: str
    destination: str
    protocol: Protocol
    port: int | None
    source_port: int | None = None
    listening: bool = True


@frozen
class Explanation:
    """The answer to a question. `trace` is for the source ports with the worst outcome, `others` for all other ports.

    `destination_id` is empty if no node has the address. `cloud` contains the sender, even if it is only an address in
    the question. `real` is True if both ends are nodes of the lab, so that packets can be sent.
    """

    question: Question
    cloud: Cloud
    source_id: str
    destination_id: str
    trace: Trace
    others: tuple[Trace, ...]
    real: bool

    def require_real(self) -> None:
        """Raise UsageError if no packet can be sent."""
        if not self.real:
            raise UsageError(
                "no node of the lab has that address, so no packet can be sent from it or to it",
                hint="name a node, or add an internet host with the address",
            )


def explain(cloud: Cloud, question: Question) -> Explanation:
    """Trace the packet that the question describes. An address that no node has is taken to be on the internet.

    Raises UsageError if an end is not a machine and not an IPv6 address that is routed on the internet. Raises it, too,
    if a port is missing, invalid or given for ICMPv6.
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
    speaking = {end.id: end for end in (receiver, sender) if isinstance(end, Instance)}
    cloud = replace(cloud, instances={**cloud.instances, **speaking})
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
        raise UsageError("icmpv6 has no ports", remedy=Remedy(RemedyCode.OMIT_PORTS))
    if question.protocol != "icmpv6" and question.port is None:
        raise UsageError(f"{question.protocol} needs a port", remedy=Remedy(RemedyCode.GIVE_PORT))
    for port in (question.port, question.source_port):
        if port is not None and port not in _PORTS:
            raise UsageError(f"{port!r} is not a valid port", hint=f"write a port from {_PORTS[0]} to {_PORTS[-1]}")


def _end(cloud: Cloud, text: str) -> Instance | InternetHost | IPv6Address:
    """Return the machine that `text` names, or the address itself if no machine has it.

    An instance that is named by a further address speaks by that one.
    """
    address = _address(text)
    if address is not None:
        for instance in cloud.instances.values():
            if address in instance.addresses:
                others = tuple(each for each in instance.addresses if each != address)
                return replace(instance, ipv6_address=address, ipv6_addresses=others)
        return next((host for host in cloud.hosts.values() if host.ipv6_address == address), address)
    node = nodes.find(cloud, text)
    if node.kind == "internet":
        raise UsageError("the internet is not a single machine", hint="write an internet host or an IPv6 address")
    if node.kind not in ("instance", "host"):
        raise UsageError(f"{text} is not a machine: it does not send or receive packets of its own", hint=_HINT)
    return cloud.instances.get(node.id) or cloud.hosts[node.id]


def _refuse_reserved(cloud: Cloud, address: IPv6Address) -> None:
    """Raise UsageError for an address that AWS reserves in a subnet: no machine can have one.

    The second address of a subnet is its router's.
    """
    for subnet in cloud.subnets.values():
        block = subnet.ipv6_cidr_block
        if address in block and is_reserved(block, address):
            name = f"{cloud.vpcs[subnet.vpc_id].name}/{subnet.name}"
            if address == block[1]:
                problem = f"{address} is the router of the subnet {name}: it answers pings, but is not a machine"
            else:
                problem = f"{address} is reserved by AWS in the subnet {name}: no machine can have it"
            raise UsageError(problem, hint=_HINT)


def _address(text: str) -> IPv6Address | None:
    """Return `text` as an IPv6 address; None if it is not an address.

    Raises UsageError for an IPv4 address, and for an IPv6 address that is not routed on the internet.
    """
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv4Address):
        raise UsageError(f"{text} is an IPv4 address; the lab has only IPv6", hint=_HINT)
    if address not in GLOBAL_UNICAST or address.scope_id is not None:
        raise UsageError(
            f"{text} is not routed on the internet", hint=f"write an address in {GLOBAL_UNICAST}, or a node"
        )
    return address

"""Explain whether one node reaches another: resolve both ends and trace a packet.

`lab.verify.checks.probe` sends one.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, ip_address

from eigw_ns.cloud import ids, nodes
from eigw_ns.cloud.filtering import ICMPV6
from eigw_ns.cloud.model import Cloud, Instance, InternetHost
from eigw_ns.cloud.protocols import WITH_PORTS, number
from eigw_ns.cloud.tag_names import named_by_tags
from eigw_ns.dataplane.compile.names import INSTANCE_LINK
from eigw_ns.dataplane.trace import Protocol, Trace, Tracer
from eigw_ns.errors import Remedy, RemedyCode, UsageError
from eigw_ns.frozen import frozen

_HINT = "write an instance, an internet host or an IPv6 address"
_PORTS = range(1, 65536)
_SENT: tuple[Protocol, ...] = ("tcp", "udp", "icmpv6")


@frozen
class Question:
    """The question of the user. Both ends are NODEs or IPv6 addresses.

    `protocol` is a name or a number. Only TCP and UDP have a `port`. `source_port` is None for any ephemeral port.
    `listening` says whether a service listens on the destination's port.
    """

    source: str
    destination: str
    protocol: str
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

    def require_real(self) -> Protocol:
        """Return the protocol of the packet that can be sent. Raises UsageError if none can."""
        if not self.real:
            raise UsageError(
                "no node of the lab has that address, so no packet can be sent from it or to it",
                hint="name a node, or add an internet host with the address",
            )
        for protocol in _SENT:
            if number(self.question.protocol) == number(protocol):
                return protocol
        raise UsageError(
            f"no packet of {self.question.protocol} can be sent", hint=f"only {', '.join(_SENT)} can be sent"
        )


def explain(cloud: Cloud, question: Question) -> Explanation:
    """Trace the packet that the question describes. A sender that no node is, is taken to be on the internet.

    Raises UsageError if an end is not a machine and not an IPv6 address. Raises it, too, if a port is missing, invalid
    or given for a protocol of which filters read no ports.
    """
    _check_ports(question)
    cloud = named_by_tags(cloud)
    sender = _end(cloud, question.source)
    known = not isinstance(sender, IPv6Address)
    if isinstance(sender, IPv6Address):
        sender = InternetHost(ids.make_id(ids.INTERNET_HOST, cloud.lab, str(sender)), str(sender), sender)
        cloud = replace(cloud, hosts={**cloud.hosts, sender.id: sender})
    receiver = _end(cloud, question.destination)
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
    ported = number(question.protocol) in WITH_PORTS
    if not ported and given:
        raise UsageError(_no_ports(question.protocol), remedy=Remedy(RemedyCode.OMIT_PORTS))
    if ported and question.port is None:
        raise UsageError(f"{question.protocol} needs a port", remedy=Remedy(RemedyCode.GIVE_PORT))
    for port in (question.port, question.source_port):
        if port is not None and port not in _PORTS:
            raise UsageError(f"{port!r} is not a valid port", hint=f"write a port from {_PORTS[0]} to {_PORTS[-1]}")


def _no_ports(protocol: str) -> str:
    if number(protocol) == ICMPV6:
        return "icmpv6 has no ports"
    return f"security groups and network ACLs read no ports of {protocol}, only those of tcp and udp"


def _end(cloud: Cloud, text: str) -> Instance | InternetHost | IPv6Address:
    """Return the machine that `text` names, or the address itself if no machine has it.

    An instance that is named by a further address, or by one in its prefix, speaks by that one.
    """
    address = _address(text)
    if address is not None:
        for instance in cloud.instances.values():
            if instance.owns(address):
                others = tuple(each for each in instance.addresses if each != address)
                return replace(instance, ipv6_address=address, ipv6_addresses=others)
        return next((host for host in cloud.hosts.values() if host.ipv6_address == address), address)
    node = nodes.find(cloud, text)
    if node.kind == "internet":
        raise UsageError("the internet is not a single machine", hint="write an internet host or an IPv6 address")
    if node.kind not in ("instance", "host"):
        raise UsageError(f"{text} is not a machine: it does not send or receive packets of its own", hint=_HINT)
    machine = cloud.instances.get(node.id) or cloud.hosts[node.id]
    if isinstance(machine, Instance) and machine.state != "running":
        raise UsageError(f"{text} is {machine.state}, so it sends and receives nothing", hint=_HINT)
    if machine.ipv6_address is None:
        raise UsageError(f"{text} has no IPv6 address, and the lab forwards no IPv4", hint=_HINT)
    return machine


def _address(text: str) -> IPv6Address | None:
    """Return `text` as an IPv6 address; None if it is not an address.

    Raises UsageError for an IPv4 address, and for a zone that is not that of a machine's link.
    """
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv4Address):
        raise UsageError(f"{text} is an IPv4 address; the lab has only IPv6", hint=_HINT)
    plain = IPv6Address(int(address))
    on_link = plain.is_link_local or plain.is_multicast
    if address.scope_id is not None and not (on_link and address.scope_id == INSTANCE_LINK):
        raise UsageError(
            f"the zone of {text} is not valid: only link-local and multicast addresses have one, {INSTANCE_LINK}",
            hint=f"write {plain}",
        )
    return plain

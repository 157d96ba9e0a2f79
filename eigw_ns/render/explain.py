"""An explanation for people: which rule decides at each hop, then the verdict and what to change.

`explain_aws` prints the same for programs.
"""

from __future__ import annotations

from eigw_ns.cloud import ids
from eigw_ns.cloud.protocols import WITH_PORTS, number
from eigw_ns.dataplane.trace import EPHEMERAL, Hop, Reason
from eigw_ns.dataplane.trace.explanation import Explanation, Question
from eigw_ns.dataplane.trace.model import AclRuleUsed, GroupRuleUsed, RouteUsed
from eigw_ns.dataplane.trace.words import protocol, way
from eigw_ns.lab.verify.checks import Check
from eigw_ns.render.table import Cell, Table

_KINDS = {
    ids.EGRESS_ONLY_INTERNET_GATEWAY: "egress-only internet gateway",
    ids.INSTANCE: "instance",
    ids.INTERNET: "the",
    ids.INTERNET_GATEWAY: "internet gateway",
    ids.INTERNET_HOST: "internet host",
    ids.NETWORK_ACL: "network ACL",
    ids.ROUTE_TABLE: "route table",
    ids.SECURITY_GROUP: "security group",
    ids.SUBNET: "subnet",
    ids.VPC: "VPC",
}


def tables(explanation: Explanation) -> list[Table]:
    """Return a table of the way there, and one of the way back if the packet arrives."""
    question = explanation.question
    hops = {way: [hop for hop in explanation.trace.hops if hop.direction == way] for way in ("forward", "return")}
    there = _table(f"{question.source} → {question.destination}, {what(question)}", hops["forward"])
    if not hops["return"]:
        return [there]
    return [there, _table(f"{question.destination} → {question.source}, the answer", hops["return"])]


def _table(title: str, hops: list[Hop]) -> Table:
    return Table(title, _COLUMNS, _rows(hops), optional=("Id",))


_COLUMNS = ("", "Component", "Id", "What decides")


def _rows(hops: list[Hop]) -> tuple[tuple[Cell, ...], ...]:
    return tuple(
        (
            ("✓", "bold green") if hop.passed else ("✗", "bold red"),
            component(hop),
            (hop.id, "dim"),
            hop.text if hop.passed else (hop.text, "bold red"),
        )
        for hop in hops
    )


def component(hop: Hop) -> str:
    """Return the kind and the name of a hop: `network ACL strict`."""
    return f"{_KINDS[ids.kind_of(hop.id) or '']} {hop.name}"


def verdict(explanation: Explanation) -> str:
    """Return the outcome in a sentence. If the packet or its answer is lost, a second line says what to change."""
    question, trace = explanation.question, explanation.trace
    source, destination, packet = question.source, question.destination, what(question)
    if trace.outcome == "allowed":
        return f"{source} reaches {destination} over {packet}, and the answer comes back."
    last = trace.decisive
    if trace.outcome == "refused":
        head = f"{source} reaches {destination} over {packet}, but {component(last)} refuses it."
        return f"{head}\n{remedy(explanation, last)}"
    if trace.delivered:
        head = f"{source} reaches {destination} over {packet}, but the answer is lost. It ends"
    else:
        head = f"{source} does not reach {destination} over {packet}. The packet ends"
    return f"{head} at {component(last)}: {last.text}.{_source_port_note(explanation)}\n{remedy(explanation, last)}"


def probed(check: Check) -> str:
    """Return what the packet did, and what was predicted."""
    why = check.reason.replace("_", " ").lower()
    if check.passed:
        return f"Probe: {check.observed}, as predicted."
    if check.inconclusive:
        return f"Probe: {check.observed}, as predicted. This proves nothing ({why})."
    return f"Probe: {check.observed}, but {check.predicted} was predicted ({why})."


def what(question: Question) -> str:
    """Return the packet of a question in words: `tcp 443`."""
    kind = protocol(number(question.protocol))
    return kind if question.port is None else f"{kind} {question.port}"


def _source_port_note(explanation: Explanation) -> str:
    """Return a sentence on the source ports if the outcome depends on them, else an empty text."""
    ports = explanation.trace.source_ports
    if ports is None or not explanation.others:
        return ""
    first, last = ports
    return f" This depends on the source port: it holds for {first} to {last}, but not for all other ephemeral ports."


def remedy(explanation: Explanation, hop: Hop) -> str:
    """Return what to change so that the component at this hop lets the packet pass."""
    match hop.rule:
        case AclRuleUsed(acl=acl, egress=egress, entry=entry):
            before = f" under a number below {entry.rule_number}" if entry else ""
            return f"Allow {way(egress)} {_traffic(explanation, hop)} in network ACL {acl.name}{before}."
        case GroupRuleUsed(groups=groups, egress=egress):
            names = " or ".join(group.name for group in groups)
            return f"Allow {way(egress)} {_traffic(explanation, hop)} in security group {names}."
        case RouteUsed(table=table) if hop.reason == Reason.BAD_STATE_ROUTE:
            return f"Point that route of route table {table.name} at a gateway that exists."
        case RouteUsed(table=table) if hop.reason == Reason.UNKNOWN_TARGET:
            return f"This proves nothing: name the target of that route of route table {table.name}."
        case RouteUsed(table=table, destination=None):
            return f"Add a route to route table {table.name}, such as ::/0 to a gateway."
        case _:
            return _REMEDIES[Reason(explanation.trace.reason)]


_REMEDIES = {
    Reason.DESTINATION_NOT_GLOBAL: "Choose a destination in 2000::/3: gateways forward to no other.",
    Reason.EGRESS_ONLY_GATEWAY_REFUSES_INBOUND: (
        "An egress-only gateway refuses this by design. To let the internet open connections, route the subnet through "
        "an internet gateway."
    ),
    Reason.GATEWAY_ANSWERS_NOBODY: "Send to a machine beyond the gateway: its own address is only a source of errors.",
    Reason.GATEWAY_REFUSES_PROTOCOL: "Use another protocol, or route the subnet through an internet gateway.",
    Reason.GATEWAY_REJECTS_SPOOFED_TRAFFIC: "Give the sender an address outside the VPC's block.",
    Reason.MULTICAST_NOT_FORWARDED: "Send to each machine by its own address: the lab forwards no multicast packets.",
    Reason.NO_LISTENER: "A router has no services: it answers only pings.",
    Reason.NO_ROUTE_TO_DESTINATION: "No node of the lab has that address: add an instance or an internet host with it.",
    Reason.NOT_IPV6: "Write the IPv6 address of the destination: the lab has no IPv4.",
    Reason.NOT_ON_LINK: "Send to a machine by its global address: only its router shares a link with it.",
    Reason.PROTOCOL_NOT_TRACKED: "Use another protocol: no security group or network ACL can allow this one.",
    Reason.RESERVED_ADDRESS: "Send to an instance: no machine can have that address.",
    Reason.ROUTER_ANSWERS_ITS_SUBNET_ONLY: "Ping it from an instance of that subnet, or send to an instance.",
    Reason.SOURCE_NOT_GLOBAL: "Give the sender an address in 2000::/3: gateways let no other in.",
}


def _traffic(explanation: Explanation, hop: Hop) -> str:
    """Return the packet in the words of a rule: `tcp 443 to 2001:db8::1`."""
    packet = hop.packet
    peer = f"to {packet.destination}" if hop.outwards else f"from {packet.source}"
    kind = protocol(packet.protocol)
    if packet.protocol not in WITH_PORTS and packet.icmp_type < 0:
        return f"{kind} {peer}"
    if packet.icmp_type >= 0:
        return f"{kind} type {packet.icmp_type} code {packet.icmp_code} {peer}"
    if hop.direction == "return" and explanation.question.source_port is None:
        return f"{kind} {EPHEMERAL[0]}-{EPHEMERAL[1]} (the ephemeral ports of Linux) {peer}"
    return f"{kind} {packet.destination_port} {peer}"

"""An explanation for programs, in the shape of EC2's DescribeNetworkInsightsAnalyses.

Source: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_NetworkInsightsAnalysis.html. Reachability Analyzer
supports no IPv6 and no egress-only internet gateways. These members are our own, because AWS has no name for what they
hold: `ReasonCode`, `Detail`, `Path`, `Remedy`, `SecurityGroupRuleId`, `Probe`.
"""

from __future__ import annotations

from typing import Any

from eigw_ns.cloud import ids
from eigw_ns.cloud.filtering import ICMPV6
from eigw_ns.cloud.model import BLACKHOLE, UNKNOWN, NetworkAclEntry, SecurityGroupRule
from eigw_ns.cloud.protocols import name, number
from eigw_ns.dataplane.compile.resolved_routes import LOCAL
from eigw_ns.dataplane.trace import EPHEMERAL, Direction, Hop
from eigw_ns.dataplane.trace.explanation import Explanation
from eigw_ns.dataplane.trace.model import AclRuleUsed, GroupRuleUsed, RouteUsed, Rule
from eigw_ns.dataplane.trace.words import protocol, way
from eigw_ns.lab.verify.checks import Check
from eigw_ns.render.explain import remedy

Shape = dict[str, Any]

_LAST_RULE = 32768
"""AWS's number for the last IPv6 entry of a network ACL, `*`."""


def document(explanation: Explanation, check: Check | None = None) -> Shape:
    """Return the whole document. `check` is the result of a probe, if one was sent."""
    trace = explanation.trace
    found = trace.outcome == "allowed"
    return {
        "NetworkPathFound": found,
        "Source": explanation.source_id,
        "Destination": explanation.destination_id or explanation.question.destination,
        "Protocol": name(number(explanation.question.protocol)),
        **({"DestinationPort": explanation.question.port} if explanation.question.port is not None else {}),
        "ForwardPathComponents": _components(explanation, "forward"),
        "ReturnPathComponents": _components(explanation, "return"),
        "Explanations": [] if found else [_explanation(explanation)],
        **({"Probe": _probe(check)} if check is not None else {}),
    }


def _probe(check: Check) -> Shape:
    return {
        "Predicted": check.predicted,
        "Observed": check.observed,
        "Agrees": check.passed,
        "ReasonCode": check.reason,
    }


def _components(explanation: Explanation, direction: Direction) -> list[Shape]:
    there = [hop for hop in explanation.trace.hops if hop.direction == direction]
    return [
        {
            "SequenceNumber": number,
            "Component": _component(hop.id, hop.name),
            **_rule(hop.rule),
            **({"OutboundHeader": _header(explanation, hop)} if number == 1 else {}),
            "ReasonCode": hop.reason,
            "Detail": hop.text,
        }
        for number, hop in enumerate(there, start=1)
    ]


def _explanation(explanation: Explanation) -> Shape:
    """Return why no path was found: the decision of the last component."""
    trace, hop = explanation.trace, explanation.trace.decisive
    ports = [_range(trace.source_ports)] if trace.source_ports is not None else []
    groups = hop.rule.groups if isinstance(hop.rule, GroupRuleUsed) else ()
    return {
        "ExplanationCode": trace.reason,
        "Direction": way(hop.outwards),
        "Component": _component(hop.id, hop.name),
        **_rule(hop.rule),
        **({"SecurityGroups": [_component(group.id, group.name) for group in groups]} if groups else {}),
        **({"PortRanges": ports} if ports else {}),
        "Path": hop.direction,
        "Detail": hop.text,
        "Remedy": remedy(explanation, hop),
    }


def _component(component_id: str, name: str) -> Shape:
    return {"Id": component_id, "Name": name}


def _rule(rule: Rule | None) -> Shape:
    match rule:
        case AclRuleUsed(entry=entry, egress=egress):
            return {"AclRule": _acl_rule(entry, egress)}
        case GroupRuleUsed(groups=groups, rule=used) if used is not None:
            owner = next(group for group in groups if used in group.rules)
            return {"SecurityGroupRule": _group_rule(used, owner.id)}
        case RouteUsed(table=table):
            return {"RouteTable": _component(table.id, table.name), **_route(rule)}
        case _:
            return {}


def _acl_rule(entry: NetworkAclEntry | None, egress: bool) -> Shape:
    if entry is None:
        return {"Cidr": "::/0", "Egress": egress, "Protocol": "all", "RuleAction": "deny", "RuleNumber": _LAST_RULE}
    return {
        "Cidr": str(entry.cidr_block),
        "Egress": egress,
        **({"PortRange": _range(entry.ports)} if entry.ports is not None else {}),
        "Protocol": protocol(entry.protocol),
        "RuleAction": entry.action,
        "RuleNumber": entry.rule_number,
    }


def _group_rule(rule: SecurityGroupRule, group_id: str) -> Shape:
    ports = {}
    if rule.from_port is not None and rule.to_port is not None and rule.protocol != ICMPV6:
        ports = {"PortRange": _range((rule.from_port, rule.to_port))}
    return {
        **({"ReferencedSecurityGroupId": rule.peer} if isinstance(rule.peer, str) else {"Cidr": str(rule.peer)}),
        **({"PrefixListId": rule.prefix_list_id} if rule.prefix_list_id else {}),
        "Direction": way(rule.egress),
        "SecurityGroupId": group_id,
        "SecurityGroupRuleId": rule.id,
        **ports,
        "Protocol": protocol(rule.protocol),
    }


def _route(used: RouteUsed) -> Shape:
    if used.destination is None:
        return {}
    egress_only = ids.kind_of(used.target_id) == ids.EGRESS_ONLY_INTERNET_GATEWAY
    target = {"EgressOnlyInternetGatewayId" if egress_only else "GatewayId": used.target_id}
    return {
        "RouteTableRoute": {
            "DestinationCidr": str(used.destination),
            **({"DestinationPrefixListId": used.prefix_list_id} if used.prefix_list_id else {}),
            **(target if used.target_id not in (BLACKHOLE, UNKNOWN) else {}),
            "Origin": "CreateRouteTable" if used.target_id == LOCAL else "CreateRoute",
            "State": used.state,
        }
    }


def _header(explanation: Explanation, hop: Hop) -> Shape:
    packet, port = hop.packet, explanation.question.port
    addresses = {
        "DestinationAddresses": [str(packet.destination)],
        "SourceAddresses": [str(packet.source)],
        "Protocol": protocol(packet.protocol),
    }
    if port is None:
        return addresses
    ends = [_range(explanation.trace.source_ports or EPHEMERAL)], [_range((port, port))]
    source, destination = ends if hop.direction == "forward" else ends[::-1]
    return {**addresses, "DestinationPortRanges": destination, "SourcePortRanges": source}


def _range(ports: tuple[int, int]) -> Shape:
    return {"From": ports[0], "To": ports[1]}

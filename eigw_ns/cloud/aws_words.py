"""Words of AWS that labs do not have, with what takes their place.

Such a word is not a misspelling: a suggestion would send the user to another thing. Words are compared by their parts,
so `nat_gateways`, `DescribeNatGateways`, `--nat-gateway-id` and the id `nat-0123456789abcdef0` are the same word. So is
`natgateways`, whose parts nothing separates.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from eigw_ns.frozen import frozen

_NO_OTHER_GATEWAYS = "routes lead to egress-only internet gateways, internet gateways or blackhole"
_NO_PRIVATE_PATHS = "VPCs reach each other and other networks through the internet of the lab"
_NO_MACHINES = "an instance is a network namespace of this machine, which has the machine's programs and files"
_ONE_MACHINE = "all of a lab is on this machine"

_FLOW_LOGS = "create flow log, describe flow log, delete flow log, flow log integration template"
_MARKET = "scheduled instance, instance market"
_INSTANCES = "instance topology, instance connect, instance event"


@frozen
class _Absent:
    """A thing that labs do not have: its plural, the words for it, what takes its place, and prefixes of its ids."""

    plural: str
    words: str
    instead: str
    prefixes: str = ""


_ABSENT = (
    _Absent("IPv4 prefixes", "ipv4 prefix, ipv4 prefixes", "a lab records single IPv4 addresses of an interface"),
    _Absent("transit gateways", "transit gateway", _NO_PRIVATE_PATHS, "tgw tgw-attach tgw-rtb"),
    _Absent("VPC peering", "vpc peering, peering connection", _NO_PRIVATE_PATHS, "pcx"),
    _Absent("VPN", "vpn, customer gateway, virtual private gateway, vgw", _NO_PRIVATE_PATHS, "vpn vgw cgw"),
    _Absent("core networks", "core network, odb network", _NO_PRIVATE_PATHS),
    _Absent("VPC endpoints", "vpc endpoint", _NO_PRIVATE_PATHS, "vpce vpce-svc"),
    _Absent("carrier gateways", "carrier gateway", _NO_OTHER_GATEWAYS, "cagw"),
    _Absent("local gateways", "local gateway, local target", _NO_OTHER_GATEWAYS, "lgw"),
    _Absent("route servers", "route server", _NO_OTHER_GATEWAYS, "rs"),
    _Absent("secondary interfaces", "secondary interface", "attach a network interface with a device index above 0"),
    _Absent("timeouts of interfaces", "connection tracking specification", "egress-only gateways have timeouts"),
    _Absent("permissions of network interfaces", "network interface permission", "a lab has one account"),
    _Absent("licenses", "license specification", _NO_MACHINES),
    _Absent("actions for flow logs", _FLOW_LOGS, "a VPC in a topology file has flow_logs"),
    _Absent("IPAM", "ipam, byoip, ipv4 pool", "give each VPC blocks of your choice, or ask for a block of Amazon"),
    _Absent("outposts", "outpost, customer owned", _ONE_MACHINE),
    _Absent("reserved capacity", f"capacity, reserved instance, {_MARKET}, spot, fleet", _ONE_MACHINE),
    _Absent("bandwidth settings", "network performance", _ONE_MACHINE),
    _Absent("network insights", "network insight", "explanations of packets name the hop that decides", "nip nia"),
    _Absent("types and events of instances", f"instance type, instance status, {_INSTANCES}", _NO_MACHINES),
    _Absent("accelerators", "elastic gpu, elastic inference accelerator", _NO_MACHINES),
    _Absent("secondary addresses of NAT gateways", "secondary allocation, secondary private ip", "create several"),
    _Absent("NAT gateways of a whole VPC", "availability zone address", "a NAT gateway is in one subnet"),
    _Absent("images and disks", "image, launch template, snapshot, volume", _NO_MACHINES, "ami lt snap vol"),
    _Absent("source security groups", "source security group", "name the group in UserIdGroupPairs"),
    _Absent("stale security groups", "stale security group", "a group that a rule refers to cannot be deleted"),
    _Absent("groups of several VPCs", "security group vpc, security group reference", "a group belongs to one VPC"),
)  # fmt: skip

_PARTS = re.compile(r"[A-Z]+(?![a-z])\d*|[A-Z]?[a-z]+\d*|\d+")
_PLURAL = re.compile(r"(?<=ss)es$|(?<=[a-z]{2}[a-rt-z])s$")
_ID = re.compile(r"([a-z]+(?:-[a-z]+)*)-(?:0[0-9a-f]*|[0-9a-f]{8}|[0-9a-f]{17})")
_DESTRUCTIVE = frozenset({"delete", "detach", "disassociate", "revoke"})
_CLOSE_VERB, _CLOSE_NOUN = 0.75, 0.85
"""Similarity (0 to 1) of misspelt parts of an action. No other action of EC2 is as close to one of ours."""


def lacking(word: str) -> str:
    """Return what to tell a user about a word that only AWS has. Returns "" for every other word."""
    phrase = f" {' '.join(_singular(word))} "
    joined = "".join(_singular(word))
    found = [
        (len(each), thing.plural, thing.instead)
        for thing in _ABSENT
        for each in thing.words.split(", ")
        if f" {' '.join(_singular(each))} " in phrase or "".join(_singular(each)) == joined
    ]
    return _sentence(*max(found)[1:]) if found else ""


def lacking_id(text: str) -> str:
    """Return what to tell a user about the id of a resource that only AWS has. Returns "" for every other text."""
    match = _ID.fullmatch(text)
    found = (thing for thing in _ABSENT if match and match[1] in thing.prefixes.split())
    return next((_sentence(thing.plural, thing.instead) for thing in found), "")


def _sentence(plural: str, instead: str) -> str:
    return f"a lab has no {plural}: {instead}"


def similar_actions(action: str, known: Iterable[str]) -> str:
    """Return a question that suggests the known actions of which `action` is a misspelling. Otherwise "".

    The verb and the noun must both be similar. An action that removes something is suggested only for the same verb.
    """
    from difflib import SequenceMatcher  # imported here because only a mistake needs it

    def close(one: str, other: str, least: float) -> bool:
        matcher = SequenceMatcher(None, one, other)
        return matcher.quick_ratio() >= least and matcher.ratio() >= least

    def is_meant(other: str) -> bool:
        other_verb, other_noun = _split(other)
        same = verb == other_verb if other_verb in _DESTRUCTIVE else close(verb, other_verb, _CLOSE_VERB)
        return same and close(noun, other_noun, _CLOSE_NOUN)

    verb, noun = _split(action)
    found = [each for each in known if is_meant(each)]
    found.sort(key=lambda each: -SequenceMatcher(None, action.lower(), each.lower()).ratio())
    return f"did you mean {' or '.join(found[:3])}?" if found else ""


def _split(action: str) -> tuple[str, str]:
    verb, *noun = _parts(action)
    return verb, " ".join(noun)


def _parts(word: str) -> list[str]:
    """Return the parts of a word in any spelling: `CreateNatGateway`, `create-nat-gateway`, `nat_gateways`."""
    return [part.lower() for part in _PARTS.findall(word)] or [""]


def _singular(word: str) -> list[str]:
    return [_PLURAL.sub("", part) for part in _parts(word)]

"""Network ACLs, their entries and associations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import ip_network
from typing import Literal

from eigw_ns.cloud.filtering import ICMP, ICMPV6
from eigw_ns.cloud.model import ALL_PROTOCOLS
from eigw_ns.cloud.protocols import WITH_PORTS
from eigw_ns.frozen import frozen
from eigw_ns.importing.design import DesignAcl, DesignAclEntry, DesignAssociation, Key, Link
from eigw_ns.importing.sources.terraform.body import Body
from eigw_ns.importing.sources.terraform.defaults import Default, Defaults, defaults, label_of
from eigw_ns.importing.sources.terraform.order import rank
from eigw_ns.importing.sources.terraform.protocols import protocol
from eigw_ns.importing.sources.terraform.resources import Resource
from eigw_ns.importing.sources.terraform.state import State

ACLS = ("aws_network_acl", "aws_default_network_acl")
_ALLOW_ALL = ((100, "0.0.0.0/0"), (101, "::/0"))
"""The entries that AWS gives to a default network ACL."""


@frozen
class Acls:
    """The network ACLs of a state with what belongs to them."""

    acls: tuple[DesignAcl, ...]
    entries: tuple[DesignAclEntry, ...]
    associations: tuple[DesignAssociation, ...]


def acls(state: State) -> Acls:
    """Return the network ACLs, with those default ones that no resource manages and that something names."""
    standard = defaults(state, "acl", "aws_default_network_acl", "default_network_acl_id")
    entries = tuple(_without_doubles([*_separate(state, standard), *_inline(state)]))
    associations = tuple(_associations(state, standard))
    named = {link for link in (*(each.acl for each in entries), *(each.to for each in associations))
             if isinstance(link, Key)}  # fmt: skip
    implicit = list(standard.used(named))
    own = (_acl(state, standard, each) for each in state.of(*ACLS))
    given = (entry for each in implicit for entry in _aws_entries(each))
    made = tuple(DesignAcl(label_of(each, "default"), each.vpc.key, default=True) for each in implicit)
    return Acls((*own, *made), (*entries, *given), associations)


def _acl(state: State, standard: Defaults, resource: Resource) -> DesignAcl:
    default = standard.vpc_of(resource.key)
    vpc = default or state.links.link("vpc", resource.body.text("vpc_id"))
    return DesignAcl(resource.label(), vpc, default is not None or resource.type == "aws_default_network_acl")


def _aws_entries(default: Default) -> Iterator[DesignAclEntry]:
    place = label_of(default, "").place
    for egress in (False, True):
        for number, block in _ALLOW_ALL:
            yield DesignAclEntry(place, default.key, number, egress, ALL_PROTOCOLS, "allow", ip_network(block))


def _separate(state: State, standard: Defaults) -> Iterator[DesignAclEntry]:
    for each in state.of("aws_network_acl_rule"):
        body, acl = each.body, standard.link(each.body.text("network_acl_id"))
        number, action = body.number("rule_number"), body.text("rule_action")
        yield from _entries(state, each, body, acl, body.flag("egress"), number, action)


def _inline(state: State) -> Iterator[DesignAclEntry]:
    for each in state.of(*ACLS):
        for name in ("ingress", "egress"):
            bodies = sorted(each.body.bodies(name), key=lambda body: body.number("rule_no") or 0)
            for body in bodies:
                number, action = body.number("rule_no"), body.text("action")
                yield from _entries(state, each, body, each.key, name == "egress", number, action)


def _entries(
    state: State, resource: Resource, body: Body, acl: Link, egress: bool, number: int | None, action: str
) -> Iterator[DesignAclEntry]:
    keys = [link for link in (acl,) if isinstance(link, Key)]
    known = protocol(body.text("ip_protocol") or body.text("protocol"))
    if number is None or known is None or action.lower() not in ("allow", "deny"):
        what = f"the number, protocol or action of entry {number} is not one of AWS's"
        state.say("refuse", resource, what, "correct the entry", *keys)
        return
    word: Literal["allow", "deny"] = "allow" if action.lower() == "allow" else "deny"
    for name in ("cidr_block", "ipv6_cidr_block"):
        block = body.block(name)
        placed = state.placed(resource, block) if block is not None else None
        if placed is not None:
            ports, icmp = _ports(body, known), _icmp(body, known)
            yield DesignAclEntry(resource.place, acl, number, egress, known, word, placed, ports, icmp)


def _ports(body: Body, known: int) -> tuple[int, int] | None:
    return (body.number("from_port") or 0, body.number("to_port") or 0) if known in WITH_PORTS else None


def _icmp(body: Body, known: int) -> tuple[int, int] | None:
    """Return type and code. The provider sends 0 for one that is not given."""
    return (body.number("icmp_type") or 0, body.number("icmp_code") or 0) if known in (ICMP, ICMPV6) else None


def _without_doubles(found: Iterable[DesignAclEntry]) -> Iterator[DesignAclEntry]:
    """Yield each entry once. After a refresh, an ACL lists entries that are resources of their own, too."""
    seen: set[tuple[Link, bool, int, int]] = set()
    for each in found:
        key = (each.acl, each.egress, each.rule_number, each.cidr_block.version)
        if key not in seen:
            seen.add(key)
            yield each


def _associations(state: State, standard: Defaults) -> Iterator[DesignAssociation]:
    """Yield the associations. The default ACL needs none, and a refreshed state lists them at both resources."""
    separate = [
        (each, each.body.text("subnet_id"), standard.link(each.body.text("network_acl_id")))
        for each in state.of("aws_network_acl_association")
    ]
    inline = [(each, text, each.key) for each in state.of("aws_network_acl") for text in _subnet_ids(state, each)]
    seen: set[tuple[Link, Link]] = set()
    for resource, text, acl in (*separate, *inline):
        subnet = state.links.link("subnet", text)
        if (subnet, acl) not in seen:
            seen.add((subnet, acl))
            yield DesignAssociation(resource.place, subnet, acl)


def _subnet_ids(state: State, resource: Resource) -> list[str]:
    """Return the ids of the subnets of an ACL, in a fixed order."""
    return sorted(resource.body.texts("subnet_ids"), key=lambda text: rank(state.links.link("subnet", text)))

"""Security groups and their rules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import ip_network
from itertools import chain

from eigw_ns.cloud.filtering import ICMP, ICMPV6
from eigw_ns.cloud.model import ALL_PROTOCOLS, Block
from eigw_ns.cloud.protocols import WITH_PORTS
from eigw_ns.frozen import frozen
from eigw_ns.importing.design import DesignGroup, DesignGroupRule, Key, Link
from eigw_ns.importing.sources.terraform.body import Body
from eigw_ns.importing.sources.terraform.defaults import Default, Defaults, defaults, label_of
from eigw_ns.importing.sources.terraform.order import rank_of_rule
from eigw_ns.importing.sources.terraform.prefix_lists import PrefixLists
from eigw_ns.importing.sources.terraform.protocols import protocol
from eigw_ns.importing.sources.terraform.resources import Resource
from eigw_ns.importing.sources.terraform.state import State

GROUPS = ("aws_security_group", "aws_default_security_group")
_NEW_RULES = ("aws_vpc_security_group_ingress_rule", "aws_vpc_security_group_egress_rule")
_USUAL_DESCRIPTION = "Managed by Terraform"
"""What the provider writes if the configuration gives no description. A mocked state lacks it."""

_GENERATED = "terraform-"


@frozen
class Groups:
    """The security groups of a state with their rules, and what resolves ids of groups."""

    groups: tuple[DesignGroup, ...]
    rules: tuple[DesignGroupRule, ...]
    ids: Defaults


def groups(state: State, lists: PrefixLists) -> Groups:
    """Return the groups, with those default ones that no resource manages and that a rule names."""
    standard = defaults(state, "group", "aws_default_security_group", "default_security_group_id")
    rules = tuple(_without_doubles([*_separate(state, standard, lists), *_inline(state, standard, lists)]))
    named = {link for each in rules for link in (each.group, each.peer) if isinstance(link, Key)}
    implicit = list(standard.used(named))
    own = (_group(state, standard, each) for each in state.of(*GROUPS))
    made = (DesignGroup(label_of(each, "default"), each.vpc.key, default=True) for each in implicit)
    given = (rule for each in implicit for rule in _aws_rules(each))
    return Groups((*own, *made), (*rules, *given), standard)


def _group(state: State, standard: Defaults, resource: Resource) -> DesignGroup:
    default = resource.type == "aws_default_security_group"
    vpc = standard.vpc_of(resource.key) or state.links.link("vpc", resource.body.text("vpc_id"))
    described = resource.body.text("description") or ("" if default else _USUAL_DESCRIPTION)
    label = resource.label("default" if default else group_name(resource))
    return DesignGroup(label, vpc, described, default)


def group_name(resource: Resource) -> str:
    """Return the name of a group; the last part of its address if terraform or a mock has made the name up."""
    name, prefix = resource.body.text("name"), resource.body.text("name_prefix")
    if name and not (prefix and name.startswith(prefix)):
        return name
    given = prefix.rstrip("-_. ")
    return given if given and prefix != _GENERATED else resource.local_name


def _aws_rules(default: Default) -> Iterator[DesignGroupRule]:
    """Yield the rules that AWS gives to a default group."""
    place = label_of(default, "").place
    yield DesignGroupRule(place, default.key, False, ALL_PROTOCOLS, None, None, default.key)
    for block in ("0.0.0.0/0", "::/0"):
        yield DesignGroupRule(place, default.key, True, ALL_PROTOCOLS, None, None, ip_network(block))


def _separate(state: State, standard: Defaults, lists: PrefixLists) -> Iterator[DesignGroupRule]:
    for each in state.of("aws_security_group_rule", *_NEW_RULES):
        group = standard.link(each.body.text("security_group_id"))
        egress = each.type == _NEW_RULES[1] or each.body.text("type") == "egress"
        yield from _rules(state, each, each.body, group, egress, standard, lists)


def _inline(state: State, standard: Defaults, lists: PrefixLists) -> Iterator[DesignGroupRule]:
    for each in state.of(*GROUPS):
        for name in ("ingress", "egress"):
            egress = name == "egress"
            found = (_rules(state, each, body, each.key, egress, standard, lists) for body in each.body.bodies(name))
            yield from sorted(chain.from_iterable(found), key=rank_of_rule)


def _rules(
    state: State, resource: Resource, body: Body, group: Link, egress: bool, standard: Defaults, lists: PrefixLists
) -> Iterator[DesignGroupRule]:
    text = body.text("ip_protocol") or body.text("protocol")
    known = protocol(text)
    if known is None:
        keys = [link for link in (group,) if isinstance(link, Key)]
        what = f"the protocol {text!r} of a rule is not one of AWS's"
        state.say("refuse", resource, what, "correct the rule", *keys)
        return
    ports = _ports(body, known)
    for peer in _peers(state, resource, body, group, standard, lists):
        yield DesignGroupRule(resource.place, group, egress, known, *ports, peer, body.text("description"))


def _ports(body: Body, known: int) -> tuple[int | None, int | None]:
    if known in WITH_PORTS:
        return body.number("from_port") or 0, body.number("to_port") or 0
    if known in (ICMP, ICMPV6):
        return _or_all(body.number("from_port")), _or_all(body.number("to_port"))
    return None, None


def _or_all(number: int | None) -> int:
    return -1 if number is None else number


def _peers(
    state: State, resource: Resource, body: Body, group: Link, standard: Defaults, lists: PrefixLists
) -> Iterator[Block | Link]:
    texts = [(name, text) for name in ("cidr_blocks", "ipv6_cidr_blocks") for text in body.texts(name)]
    texts += [(name, text) for name in ("cidr_ipv4", "cidr_ipv6") if (text := body.text(name))]
    for name, text in texts:
        placed = state.placed(resource, body.parsed(name, text))
        if placed is not None:
            yield placed
    for text in (*body.texts("prefix_list_ids"), *filter(None, [body.text("prefix_list_id")])):
        yield from lists.entries(state, resource, text)
    if body.flag("self"):
        yield group
    for text in _peer_groups(state, body, bool(texts)):
        yield standard.link(text.rpartition("/")[2])


def _peer_groups(state: State, body: Body, has_blocks: bool) -> Iterator[str]:
    """Yield the groups that a rule names, maybe after their owner (`123456789012/sg-…`).

    The rule of a mocked state with blocks or `self` names none: the mock invents the argument, which excludes those.
    """
    yield from body.texts("security_groups")
    yield from filter(None, [body.text("referenced_security_group_id")])
    source = body.text("source_security_group_id")
    others = has_blocks or body.flag("self") or body.texts("prefix_list_ids")
    if source and not (state.invented.mocked and others):
        yield source


def _without_doubles(found: Iterable[DesignGroupRule]) -> Iterator[DesignGroupRule]:
    """Yield each rule once. After a refresh, a group lists rules that are resources of their own, too."""
    seen: set[tuple[object, ...]] = set()
    for each in found:
        key = (each.group, each.egress, each.protocol, each.from_port, each.to_port, each.peer)
        if key not in seen:
            seen.add(key)
            yield each

"""The values of a policy file, and what they match. Patterns are globs: `*`, `?` and `[…]`, with letters as written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import date
from fnmatch import fnmatchcase

from eigw_ns.frozen import frozen
from eigw_ns.importing.design import DesignSubnet
from eigw_ns.importing.intent import POLICY, Intent, stated_intent
from eigw_ns.importing.messages import Place


@frozen
class Match:
    """What a rule is about: subnets with such a name, all of these tags, and such an address. None matches all."""

    name: str | None = None
    tags: tuple[tuple[str, str], ...] = ()
    source: str | None = None

    def matches(self, subnet: DesignSubnet, name: str) -> bool:
        """Return whether a subnet of the design matches. `name` is its name in the lab."""
        label = subnet.label
        tags = dict(label.tags)
        return (
            _any(self.name, (name, tags.get("Name", ""), label.name))
            and all(key in tags and fnmatchcase(tags[key], value) for key, value in self.tags)
            and _any(self.source, (label.place.address,))
        )


@frozen
class Rule:
    """What the subnets of a match are meant for."""

    place: Place
    match: Match
    inbound: bool
    outbound: bool

    @property
    def intent(self) -> Intent:
        """The intent of the subnets that this rule decides."""
        return Intent(self.inbound, self.outbound, POLICY)


@frozen
class Acceptance:
    """A finding that is accepted. `at` is the address or the file of its place, or the name of its subnet.

    It ends after the day `until`; None never ends.
    """

    place: Place
    finding: str
    at: str
    reason: str
    until: date | None = None

    def matches(self, code: str, where: Iterable[str]) -> bool:
        """Return whether the acceptance is of a finding of this code at one of these names and places."""
        return code == self.finding and _any(self.at, where)

    def expired(self, today: date) -> bool:
        """Return whether the acceptance has ended."""
        return self.until is not None and today > self.until


@frozen
class Policy:
    """A whole policy file. `ignore` are types and addresses of resources, `parameters` values by name."""

    file: str = ""
    rules: tuple[Rule, ...] = ()
    ignore: tuple[str, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)
    accept: tuple[Acceptance, ...] = ()

    def intent_of(self, subnet: DesignSubnet, name: str) -> Intent | None:
        """Return what a subnet is meant for: what the first rule that matches says, else what the design says."""
        rule = self.rule_for(subnet, name)
        return stated_intent(subnet) if rule is None else rule.intent

    def rule_for(self, subnet: DesignSubnet, name: str) -> Rule | None:
        """Return the first rule that matches the subnet."""
        return next((rule for rule in self.rules if rule.match.matches(subnet, name)), None)

    def idle(self, subnets: Iterable[tuple[DesignSubnet, str]]) -> tuple[Rule, ...]:
        """Return the rules that match none of the subnets, which are pairs with their names in the lab."""
        known = tuple(subnets)
        return tuple(rule for rule in self.rules if not any(rule.match.matches(*each) for each in known))


def _any(pattern: str | None, texts: Iterable[str]) -> bool:
    return pattern is None or any(fnmatchcase(text, pattern) for text in texts)

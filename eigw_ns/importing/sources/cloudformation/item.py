"""One resource as the builders read it: its properties as flags, blocks and links, with messages for the rest."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network

from eigw_ns.cloud.model import Block
from eigw_ns.cloud.words import printable, shorten
from eigw_ns.importing.design import Key, Label, Link, Outside
from eigw_ns.importing.messages import Level, Message
from eigw_ns.importing.sources.cloudformation.collected import Collected
from eigw_ns.importing.sources.cloudformation.evaluator import Scope
from eigw_ns.importing.sources.cloudformation.stack import Resource
from eigw_ns.importing.sources.cloudformation.tags import tags_of
from eigw_ns.importing.sources.cloudformation.values import (
    Composed,
    Reference,
    Unknown,
    Value,
    in_words,
    references_in,
    spelt,
    unknown_in,
)

MISSING = Outside("none is given")


class Item:
    """A resource that is made, or that may be made. `touches` are the keys that a refusal about it makes unknown."""

    def __init__(self, scope: Scope, resource: Resource, collected: Collected) -> None:
        self.scope = scope
        self.resource = resource
        self.collected = collected
        self.key = Key(resource.key)
        self.place = resource.place
        self._values: dict[str, Value] = {}
        self.touches: frozenset[str] = frozenset({resource.key})

    def label(self) -> Label:
        """Return its label."""
        return Label(self.key, self.place, self.resource.logical_id, tags_of(self.scope, self.resource))

    def value(self, name: str) -> Value:
        """Return the value of a property, None if it is left out. A dotted name leads into mappings."""
        first, *others = name.split(".")
        if first not in self._values:
            self._values[first] = self.scope.property(self.resource, first)
        value = self._values[first]
        for each in others:
            value = value.get(each) if isinstance(value, dict) else value if isinstance(value, Unknown) else None
        return value

    def say(self, level: Level, what: str, remedy: str = "", at: str = "", touches: Iterable[str] = ()) -> None:
        """Add a message with the place of the property `at`, or of the resource."""
        place = self.resource.place_of(at) if at else self.place
        self.collected.messages.append(Message(level, place, what, remedy, frozenset(touches) or self.touches))

    def refuse(self, name: str, value: Value, needed: str) -> None:
        """Say that the value of a property is not known, or is not what is needed."""
        for reference in references_in(value):
            self.use(reference)
        unknown = unknown_in(value)
        if unknown is not None:
            self.say("refuse", f"{name} is not known: {unknown.why}", unknown.remedy, name)
        elif isinstance(value, Reference | Composed):
            self.say("refuse", f"{name} is {shorten(in_words(value))}, which is not {needed}", f"give {needed}", name)
        elif value is None:
            self.say("refuse", f"{name} is left out", f"give {needed}")
        else:
            shown = shorten(spelt(value) or in_words(value))
            self.say("refuse", f"{name} {shown} is not {needed}", f"give {needed}", name)

    def use(self, reference: Reference) -> None:
        """Note that a property of the network is made from a resource."""
        self.collected.used.setdefault(reference.key, []).append(self.resource.logical_id)

    def link(self, name: str, *types: str) -> Link | None:
        """Return what a property refers to, None if it is left out."""
        value = self.value(name)
        return None if value is None else self.link_of(value, *types)

    def link_of(self, value: Value, *types: str) -> Link:
        """Return what a value refers to. `types` are those of the resources that can stand here.

        What is not known is outside the design, in words that say why: `resolve` refuses it if it decides.
        """
        if isinstance(value, Reference) and not value.attribute and (not types or value.type in types):
            return Key(value.key)
        for reference in references_in(value):
            self.use(reference)
        return outside(value)

    def known_link(self, name: str, *types: str) -> Link:
        """Return what a property refers to, as `link` does. Refuses what may be a resource of the design, or not."""
        value = self.value(name)
        link = MISSING if value is None else self.link_of(value, *types)
        if not isinstance(value, str) and not isinstance(link, Key):
            self.refuse(name, value, f"the id of {types[0]}")
        return link

    def keys(self, name: str, *types: str) -> tuple[Link, ...]:
        """Return what a list of ids refers to, without what is not known."""
        return keys_of(self.value(name), *types)

    def flag(self, name: str, default: bool = False) -> bool:
        """Return a property that is true or false. Refuses another value."""
        value = self.value(name)
        text = (spelt(value) or "").lower() if value is not None else str(default).lower()
        if text not in ("true", "false"):
            self.refuse(name, value, "true or false")
        return text == "true"

    def ipv4_block(self, name: str) -> IPv4Network | None:
        """Return a property as an IPv4 block, None if it is left out. Refuses another value."""
        block = self._block(name)
        if isinstance(block, IPv6Network):
            self.refuse(name, str(block), "an IPv4 block")
            return None
        return block

    def ipv6_block(self, name: str) -> IPv6Network | None:
        """Return a property as an IPv6 block, None if it is left out. Refuses another value."""
        block = self._block(name)
        if isinstance(block, IPv4Network):
            self.refuse(name, str(block), "an IPv6 block")
            return None
        return block

    def _block(self, name: str) -> Block | None:
        value = self.value(name)
        if value is None:
            return None
        block = block_of(value)
        if block is None:
            kind = "IPv6" if "Ipv6" in name else "IPv4"
            self.refuse(name, value, f"an {kind} block")
        return block


def outside(value: Value) -> Outside:
    """Return a value that is not a resource of the design, in words: an id, an expression, or why it is not known."""
    unknown = unknown_in(value)
    words = in_words(value) if unknown is None else f"{unknown.why}{unknown.remedy and f'; {unknown.remedy}'}"
    return Outside(shorten(words) if unknown is None else printable(words))


def keys_of(value: Value, *types: str) -> tuple[Link, ...]:
    """Return what a value, or each of a list of values, refers to, without what is not known."""
    found: list[Link] = []
    for each in value if isinstance(value, tuple) else (value,):
        if isinstance(each, str) and each:
            found.append(outside(each))
        elif isinstance(each, Reference) and not each.attribute and (not types or each.type in types):
            found.append(Key(each.key))
    return tuple(found)


def block_of(value: Value) -> Block | None:
    """Return a value as a block. Bits for hosts are cleared, as AWS does. None if the value is not a block."""
    text = spelt(value)
    if text is None or "/" not in text:
        return None
    try:
        return IPv6Network(text, strict=False) if ":" in text else IPv4Network(text, strict=False)
    except ValueError:
        return None

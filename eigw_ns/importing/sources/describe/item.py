"""A resource, or a part of one, in an answer: members by name, each of the type that its reader expects."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from eigw_ns.cloud.model import Block, Tags
from eigw_ns.frozen import frozen
from eigw_ns.importing.design import Key, Label
from eigw_ns.importing.messages import Place
from eigw_ns.importing.sources.describe.documents import unreadable


@frozen
class Item:
    """A mapping in a file. `id` is that of the resource that it is a part of, for messages.

    Every method raises DesignError if the member has another type. XML has text for numbers and truth values.
    """

    file: str
    id: str
    data: dict[str, Any]

    @property
    def place(self) -> Place:
        """The place of the resource."""
        return Place(self.id, self.file or None)

    def text(self, name: str) -> str:
        """Return a text, "" if the member is missing."""
        value = self.data.get(name)
        if value is None:
            return ""
        if isinstance(value, str):
            return value
        raise self.wrong(name, "a text")

    def flag(self, name: str) -> bool:
        """Return a truth value, False if the member is missing."""
        value = self.data.get(name, False)
        if value in (True, False, "true", "false", None, ""):
            return value in (True, "true")
        raise self.wrong(name, "true or false")

    def number(self, name: str) -> int | None:
        """Return a number, None if the member is missing."""
        value = self.data.get(name)
        if value is None or value == "":
            return None
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if isinstance(value, str) and value.removeprefix("-").isdecimal() and len(value) < _LONGEST_NUMBER:
            return int(value)
        raise self.wrong(name, "a number")

    def part(self, name: str) -> Item:
        """Return a mapping, an empty one if the member is missing."""
        value = self.data.get(name)
        if value is None or value == "":
            value = {}
        if not isinstance(value, dict):
            raise self.wrong(name, "an object")
        return Item(self.file, self.id, value)

    def values(self, *names: str) -> list[Any]:
        """Return the list of the first of `names` that is there, an empty one if none is."""
        value = next((self.data[name] for name in names if name in self.data), None)
        if value is None or value == "":
            return []
        if not isinstance(value, list):
            raise self.wrong(names[0], "a list")
        return value

    def parts(self, *names: str) -> list[Item]:
        """Return the mappings in a list."""
        found = self.values(*names)
        if not all(isinstance(each, dict) for each in found):
            raise self.wrong(names[0], "a list of objects")
        return [Item(self.file, self.id, each) for each in found]

    def block(self, name: str) -> Block | None:
        """Return a block, None if the member is missing."""
        text = self.text(name)
        try:
            return ip_network(text) if text else None
        except ValueError as error:
            raise self.wrong(name, f"a block, and {text[:60]!r} is not") from error

    def ipv4_block(self, name: str) -> IPv4Network | None:
        """Return an IPv4 block, None if the member is missing."""
        found = self.block(name)
        if found is None or isinstance(found, IPv4Network):
            return found
        raise self.wrong(name, "an IPv4 block")

    def ipv6_block(self, name: str) -> IPv6Network | None:
        """Return an IPv6 block, None if the member is missing."""
        found = self.block(name)
        if found is None or isinstance(found, IPv6Network):
            return found
        raise self.wrong(name, "an IPv6 block")

    def tags(self) -> Tags:
        """Return the tags. AWS Config has them as a mapping, too."""
        given = self.data.get("tags")
        if isinstance(given, dict):
            pairs = [*given.items()]
        else:
            pairs = [(each.text("key"), each.text("value")) for each in self.parts("tags")]
        if not all(isinstance(value, str) for _, value in pairs):
            raise self.wrong("tags", "a list of texts")
        return tuple(sorted(pairs))

    def label(self, name: str = "") -> Label:
        """Return what identifies the resource. `name` is what AWS itself calls it, such as the name of a group."""
        return Label(Key(self.id), self.place, name or self.id, self.tags())

    def wrong(self, name: str, wanted: str) -> Exception:
        """Return the error for a member of another type."""
        return unreadable(self.file, f"the member {name} is not {wanted}", "", path=self.id)


_LONGEST_NUMBER = 12

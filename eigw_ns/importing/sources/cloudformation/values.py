"""What an expression of a template can stand for.

A value is text, a number, a boolean, None (JSON's null), a list (a tuple) or a mapping (a dict); or one of the classes
below. A value that cannot be known is a value of its own, `Unknown`, which says why. It does no harm until a property
of the network needs it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from eigw_ns.frozen import frozen

MOST_TEXT = 16_384
"""The longest text that is computed (characters). Longer ones are unknown: no property of the network is that long."""


@frozen
class Unknown:
    """A value that the design does not decide. `text` is a short form of the expression, for messages and names.

    `remedy` is what makes it known. `keys` are the resources that it was computed from.
    """

    why: str
    remedy: str = ""
    text: str = ""
    keys: frozenset[str] = frozenset()


@frozen
class Reference:
    """The id of a resource, or an attribute of it that only AWS knows. `attribute` is "" for what Ref returns."""

    key: str
    type: str
    logical_id: str
    attribute: str = ""

    @property
    def text(self) -> str:
        """Its short form, as in GetAtt."""
        return f"{self.logical_id}.{self.attribute}" if self.attribute else self.logical_id


@frozen
class Composed:
    """Text with references or unknown values in it, such as the result of Join on the ids of subnets."""

    parts: tuple[str | Reference | Unknown, ...]


class NoValue:
    """The type of `NO_VALUE`, which `AWS::NoValue` returns: the property is left out."""


NO_VALUE = NoValue()


class Zones(tuple[str, ...]):
    """The zones of a Region. Their number is not known."""


Value = Any
"""One of the forms in the docstring of this module."""


def spelt(value: Value) -> str | None:
    """Return a scalar as CloudFormation writes it in text; None if the value is not a known scalar."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int):
        return str(value)
    return None


def parts_of(value: Value) -> tuple[str | Reference | Unknown, ...]:
    """Return what a value contributes to a text. A list or a mapping is an unknown part."""
    text = spelt(value)
    if text is not None:
        return (text,)
    if isinstance(value, Composed):
        return value.parts
    if isinstance(value, Reference | Unknown):
        return (value,)
    if isinstance(value, Zones):
        return (Unknown("the zones of the Region are not known"),)
    return (Unknown("a list or a mapping is where text belongs"),)


def composed(parts: tuple[str | Reference | Unknown, ...]) -> Value:
    """Return parts as one value: plain text if all of them are, or the only part itself."""
    if sum(len(part) if isinstance(part, str) else 1 for part in parts) > MOST_TEXT:
        return Unknown(f"the text has more than {MOST_TEXT:,} characters", keys=keys_in(parts))
    merged: list[str | Reference | Unknown] = []
    for part in parts:
        if isinstance(part, str) and merged and isinstance(merged[-1], str):
            merged[-1] += part
        elif part != "":
            merged.append(part)
    if not merged:
        return ""
    return merged[0] if len(merged) == 1 else Composed(tuple(merged))


def unknown_in(value: Value) -> Unknown | None:
    """Return the first thing in a value that is not known; None if all of it is. A reference is known to be an id."""
    return next((each for each in leaves(value) if isinstance(each, Unknown)), None)


def references_in(value: Value) -> tuple[Reference, ...]:
    """Return the references in a value, in their order."""
    return tuple(each for each in leaves(value) if isinstance(each, Reference))


def keys_in(value: Value) -> frozenset[str]:
    """Return the keys of the resources that a value refers to or was computed from."""
    found = {each.key for each in references_in(value)}
    return frozenset(found.union(*(each.keys for each in leaves(value) if isinstance(each, Unknown))))


def leaves(value: Value) -> Iterator[Value]:
    """Yield what is in a value that is not a list, a mapping or composed text, in its order."""
    if isinstance(value, Composed):
        yield from value.parts
    elif isinstance(value, tuple):
        for each in value:
            yield from leaves(each)
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from leaves(each)
    else:
        yield value


def in_words(value: Value) -> str:
    """Return a value as one text, with the short forms of what is not known. It is a name, not a value."""
    return "".join(part if isinstance(part, str) else part.text for part in parts_of(value))

"""The intrinsic functions that need nothing but their arguments: Join, Split, Select, Cidr, Base64 and so on.

Arguments are evaluated values. A wrong argument makes an unknown value, which says what is wrong.
Source: AWS, "Intrinsic function reference".
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from ipaddress import ip_network

from eigw_ns.cloud.words import shorten
from eigw_ns.importing.sources.cloudformation.values import (
    NO_VALUE,
    Composed,
    Reference,
    Unknown,
    Value,
    Zones,
    composed,
    in_words,
    keys_in,
    parts_of,
    spelt,
    unknown_in,
)

_ID = re.compile(r"[a-z]+-[0-9a-f]{8,}")
_ID_CHARACTERS = "-abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
"""What an id or an ARN of a resource may have in it, besides colons and slashes."""

_MOST_BLOCKS = 256


def join(delimiter: Value, values: Value) -> Value:
    """Return the values as one text (Fn::Join)."""
    between = spelt(delimiter)
    if between is None or isinstance(values, Zones):
        return _wrong("Fn::Join", "its delimiter or its values are not known", delimiter, values)
    if isinstance(values, Unknown | Composed | Reference) or not isinstance(values, tuple):
        return _wrong("Fn::Join", "its second argument is not a known list", values)
    parts: list[str | Reference | Unknown] = []
    for each in values:
        if each is not NO_VALUE:
            parts += [between, *parts_of(each)] if parts else parts_of(each) or ("",)
    return composed(tuple(parts))


def split(delimiter: Value, text: Value) -> Value:
    """Return the pieces of a text (Fn::Split). References stay whole if the delimiter cannot be in an id."""
    between = spelt(delimiter)
    if not between:
        return _wrong("Fn::Split", "its delimiter is not known", delimiter)
    if isinstance(text, tuple | Mapping):
        return _wrong("Fn::Split", "its second argument is not text", text)
    unknown = unknown_in(text)
    if unknown is not None:
        return unknown
    if isinstance(text, Reference | Composed) and (set(between) & set(_ID_CHARACTERS)):
        return _wrong("Fn::Split", "it would split the id of a resource", text)
    pieces: list[list[str | Reference | Unknown]] = [[]]
    for part in parts_of(text):
        first, *others = part.split(between) if isinstance(part, str) else (part,)
        pieces[-1].append(first)
        pieces += [[each] for each in others]
    return tuple(composed(tuple(piece)) for piece in pieces)


def select(index: Value, values: Value) -> Value:
    """Return one of the values (Fn::Select)."""
    text = spelt(index)
    if isinstance(values, Unknown):
        return values
    if isinstance(values, Reference):
        return _wrong("Fn::Select", f"AWS chooses {shorten(values.text)} at deployment", values)
    if text is None or not isinstance(values, tuple):
        return _wrong("Fn::Select", "its index or its list is not known", index, values)
    if not (text.isascii() and text.isdigit()) or len(text) > 6 or int(text) >= len(values):
        return _wrong("Fn::Select", f"it takes element {shorten(text)} of {len(values)}, counted from 0", values)
    return values[int(text)]


def cidr(block: Value, count: Value, bits: Value = None) -> Value:
    """Return the first blocks of a block (Fn::Cidr). `bits` are the bits for hosts: 64 makes a /64, 8 a /24."""
    unknown = unknown_in((block, count, bits))
    if unknown is not None:
        return unknown
    if keys_in((block, count, bits)):
        return _wrong("Fn::Cidr", f"AWS chooses {shorten(in_words(block))} at deployment", block)
    try:
        outer = ip_network(str(spelt(block)))
        number, host_bits = int(str(spelt(count))), int(str(spelt(bits)))
    except ValueError:
        return _wrong("Fn::Cidr", "its arguments are not a block and two numbers", block, count, bits)
    length = outer.max_prefixlen - host_bits
    if not (1 <= number <= _MOST_BLOCKS and host_bits > 0 and outer.prefixlen <= length):
        return _wrong("Fn::Cidr", f"{outer} has no {number} blocks with {host_bits} bits for hosts", block)
    if number > 1 << min(length - outer.prefixlen, 16):
        return _wrong("Fn::Cidr", f"{outer} has no {number} blocks with {host_bits} bits for hosts", block)
    step, kind = 1 << host_bits, type(outer)
    first = int(outer.network_address)
    return tuple(str(kind((first + each * step, length))) for each in range(number))


def equals(left: Value, right: Value) -> bool | Unknown:
    """Return whether two values are the same (Fn::Equals). Scalars are compared as text."""
    unknown = unknown_in((left, right))
    if unknown is not None:
        return unknown
    first, second = (spelt(each) if spelt(each) is not None else each for each in (left, right))
    if first == second:
        return True
    if keys_in((first, second)):
        if _cannot_be(first, second) or _cannot_be(second, first):
            return False
        return Unknown("it compares the id of a resource, which AWS chooses", keys=keys_in((left, right)))
    return False


def base64_of(value: Value) -> Value:
    """Return the value in Base64 (Fn::Base64)."""
    text = spelt(value)
    if text is None:
        return _wrong("Fn::Base64", "its argument is not known", value)
    return base64.b64encode(text.encode()).decode()


def length_of(value: Value) -> Value:
    """Return the number of elements of a list (Fn::Length)."""
    if isinstance(value, Unknown):
        return value
    if isinstance(value, Zones) or not isinstance(value, tuple):
        return _wrong("Fn::Length", "the number of elements is not known", value)
    return len(value)


def to_json(value: Value) -> Value:
    """Return the value as JSON (Fn::ToJsonString)."""
    if value is NO_VALUE or unknown_in(value) is not None or keys_in(value) or isinstance(value, Zones):
        return _wrong("Fn::ToJsonString", "its argument is not known", value)
    return composed((json.dumps(value, separators=(",", ":")),))


def _cannot_be(value: Value, text: Value) -> bool:
    """Return whether a value that AWS chooses is never this text: ids are not empty, and those of EC2 have a form."""
    if not isinstance(value, Reference | Composed) or not isinstance(text, str):
        return False
    is_id = isinstance(value, Reference) and not value.attribute and value.type.startswith("AWS::EC2::")
    return not text or (is_id and not _ID.fullmatch(text))


def _wrong(function: str, what: str, *values: Value) -> Unknown:
    """Return an unknown value. The reason is that of the first argument that is unknown, if there is one."""
    inner = unknown_in(values)
    if inner is not None:
        return inner
    return Unknown(f"{function}: {what}", "", function, keys_in(values))

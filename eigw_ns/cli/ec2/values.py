"""Decode typed values into a request: `file://`, JSON and shorthand, by the types of the parameters.

As in aws-cli, a value that is not valid raises an error (UsageError) before a request is made.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from eigw_ns.cli import streams
from eigw_ns.cli.ec2 import shorthand
from eigw_ns.cli.ec2.naming import kebab
from eigw_ns.cloud.aws_words import lacking
from eigw_ns.cloud.ec2.schema import Parameter, ParameterType
from eigw_ns.cloud.words import did_you_mean, shorten
from eigw_ns.errors import UsageError

_FILE = "file://"
_ITEMS: dict[str, ParameterType] = {"list<string>": "string", "list<structure>": "structure"}
_BOOLEANS = {"true": True, "false": False}
_HELP_COLUMN = 32

KINDS = {
    "string": "TEXT",
    "blob": "BASE64",
    "integer": "NUMBER",
    "boolean": "true|false",
    "structure": "STRUCTURE",
    "list<string>": "TEXT…",
    "list<structure>": "STRUCTURE…",
}
"""Placeholders in help for the values of each type."""

_MUST_BE = {
    "string": "a string",
    "blob": "base64",
    "integer": "a whole number",
    "boolean": "true or false",
    "structure": "a structure",
    "list<string>": "a list of strings",
    "list<structure>": "a list of structures",
}


def is_list(parameter: Parameter) -> bool:
    """Return True if several values may follow the parameter's flag."""
    return parameter.type in _ITEMS


def flag(parameter: Parameter) -> str:
    """Return the parameter's flag, such as `--vpc-id`."""
    return f"--{kebab(parameter.name)}"


def decode(parameter: Parameter, typed: Any) -> Any:
    """Return the request's value for the `typed` value of a flag: a text, a number, a boolean or a sequence of texts.

    Raises UsageError if the value does not fit the parameter.
    """
    if isinstance(typed, str):
        return _shaped(parameter, _parsed(parameter, _contents(typed), flag(parameter)), flag(parameter))
    if not is_list(parameter):
        return typed
    texts = [_contents(text) for text in typed]
    if len(texts) == 1 and texts[0].lstrip().startswith("["):
        return _shaped(parameter, _json(texts[0], flag(parameter)), flag(parameter))
    return _shaped(parameter, [_parsed(parameter, text, flag(parameter)) for text in texts], flag(parameter))


def decode_request(parameters: Sequence[Parameter], typed: str) -> dict[str, Any]:
    """Return the request in `--cli-input-json`. Raises UsageError if it is not valid."""
    place = "--cli-input-json"
    whole = Parameter("request", "structure", "", members=tuple(parameters))
    request = _shaped(whole, _json(_contents(typed), place), place)
    return dict(request)


def form(parameter: Parameter) -> str:
    """Return the shorthand of a structure: `Name=TEXT,Values=TEXT,…`. Empty if the parameter is not a structure."""
    return ",".join(f"{member.name}={_member_form(member)}" for member in parameter.members)


def _member_form(member: Parameter) -> str:
    if not member.members:
        return KINDS[member.type].replace("…", ",…")
    return f"[{{{form(member)}}}]" if is_list(member) else f"{{{form(member)}}}"


def outline(parameter: Parameter) -> Iterator[str]:
    """Yield help on a structure's members, one line per member, in shorthand."""
    yield f"  {flag(parameter)} {KINDS[parameter.type]}"
    yield from _outline(parameter.members, "    ")


def _outline(members: Sequence[Parameter], indent: str) -> Iterator[str]:
    for member in members:
        brackets = ("[{…}]" if is_list(member) else "{…}") if member.members else _member_form(member)
        yield f"{indent}{member.name}={brackets}".ljust(_HELP_COLUMN) + f" {member.help}"
        yield from _outline(member.members, indent + "  ")


def _contents(text: str) -> str:
    """Return the text, or the contents of the file if the text is a `file://` reference."""
    if not text.startswith(_FILE):
        return text
    path = Path(os.path.expandvars(text.removeprefix(_FILE))).expanduser()
    streams.announce_wait(str(path))
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 text") from error


def _json(text: str, place: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{place} is not valid JSON: {error}", hint=f"it is {shorten(text)}") from error


def _parsed(parameter: Parameter, text: str, place: str) -> Any:
    """Parse one value or one list item: a structure from JSON or shorthand; any other text stays as it is."""
    if not parameter.members:
        return text
    if text.lstrip().startswith("{"):
        return _json(text, place)
    try:
        return shorthand.parse(text, _contents)
    except shorthand.ShorthandError as error:
        raise UsageError(f"{place}: {error}", hint=f"write {form(parameter)}, or JSON") from error


def _shaped(parameter: Parameter, value: Any, place: str) -> Any:
    """Convert the value, and all values in it, to the types in the parameter's description."""
    match parameter.type:
        case "string" | "blob" if isinstance(value, str):
            return value
        case "integer" if isinstance(value, (int, str)) and not isinstance(value, bool):
            return _number(value, place)
        case "boolean" if isinstance(value, bool):
            return value
        case "boolean" if isinstance(value, str) and value.lower() in _BOOLEANS:
            return _BOOLEANS[value.lower()]
        case "structure" if isinstance(value, Mapping):
            return _structure(parameter, value, place)
        case "list<string>" | "list<structure>" if isinstance(value, (str, list, Mapping)):
            items = value if isinstance(value, list) else [value]
            item = replace(parameter, type=_ITEMS[parameter.type])
            return [_shaped(item, each, f"{place}[{index}]") for index, each in enumerate(items)]
        case kind:
            raise UsageError(f"{place} must be {_MUST_BE[kind]}, not {shorten(json.dumps(value, ensure_ascii=False))}")


def _number(value: int | str, place: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise UsageError(f"{place} must be a whole number, not {shorten(str(value))}") from None


def _structure(parameter: Parameter, value: Mapping[str, Any], place: str) -> dict[str, Any]:
    members = {member.name: member for member in parameter.members}
    for name in value:
        if name not in members:
            hint = lacking(name) or did_you_mean(name, members) or f"its members are {', '.join(members)}"
            raise UsageError(f"{place} has no member {shorten(name)}", hint=hint)
    return {name: _shaped(members[name], each, f"{place}.{name}") for name, each in value.items()}

"""The keys of a topology file as reference text, from the JSON Schema: for eigw-ns(5) and for the example `full`.

`python -m scripts._reference` writes the comments of eigw_ns/topology/examples/full.yaml again. The values in that file
stay as they are. So a new key of the schema is added there by hand, and gets its comment from here.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from eigw_ns.topology import json_schema

FULL = Path(__file__).parents[1] / "eigw_ns" / "topology" / "examples" / "full.yaml"
HEAD = (
    "Every key of a topology file, and its meaning. Leave out what you do not need: only keys that say Required\n"
    "must be there. `man 5 eigw-ns` lists the same keys."
)
NAME, ITEM = "NAME", "[]"
_WIDTH = 110
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_. -]*")
_WORDS = ("true", "false", "null", "yes", "no", "on", "off", "y", "n")
_INDENT = "  "

Schema = dict[str, Any]


@dataclass(frozen=True)
class Key:
    """A key of the file. `kind` names the values that it takes, `about` is a text of one or more sentences."""

    path: tuple[str, ...]
    kind: str
    about: str

    @property
    def section(self) -> str:
        """Return the place of the key in the file: `vpcs.NAME.subnets.NAME`."""
        return ".".join(self.path[:-1]).replace(f".{ITEM}", ITEM)


class Reference:
    """The schema, with its references resolved."""

    def __init__(self, schema: Schema) -> None:
        self.top = schema
        self._definitions: Schema = schema["$defs"]

    def every_key(self) -> Iterator[Key]:
        """Yield every key, parents before their children."""
        yield from self._keys(self.top, ())

    def _keys(self, mapping: Schema, place: tuple[str, ...]) -> Iterator[Key]:
        below: list[tuple[Schema, tuple[str, ...]]] = []
        for name, field in mapping["properties"].items():
            yield Key((*place, name), self.kind(field), self.about(mapping, name))
            inner, step = self.inside(field)
            if inner:
                below.append((inner, (*place, name, *step)))
        for inner, there in below:
            yield from self._keys(inner, there)

    def inside(self, field: Schema) -> tuple[Schema, tuple[str, ...]]:
        """Return the mapping that a field holds, or an empty one, and the step to it: a name, or none."""
        whole = self._whole(field)
        if "items" in whole:
            return self._mapping(whole["items"]), (ITEM,)
        if isinstance(whole.get("additionalProperties"), dict):
            return self._mapping(whole["additionalProperties"]), (NAME,)
        return self._mapping(whole), ()

    def _mapping(self, field: Schema) -> Schema:
        whole = self._whole(field)
        return whole if "properties" in whole else {}

    def _whole(self, field: Schema) -> Schema:
        """Follow a reference, and leave out null."""
        if "$ref" in field:
            return {**self._definitions[field["$ref"].rpartition("/")[2]], **field}
        others = [each for each in field.get("anyOf", ()) if each.get("type") != "null"]
        return self._whole({**others[0], **field, "anyOf": []}) if len(others) == 1 else field

    def kind(self, field: Schema) -> str:
        """Return the kind of value: `text`, `number`, `list`."""
        whole = self._whole(field)
        if whole.get("anyOf"):
            return "number or text"
        names = {"string": "text", "integer": "number", "boolean": "true or false", "array": "list"}
        if whole["type"] != "object":
            return names[whole["type"]]
        return "mapping" if "properties" in whole else "mapping of names"

    def about(self, mapping: Schema, name: str) -> str:
        """Return what a key means, whether it is required, its values and its default."""
        field = self._whole(mapping["properties"][name])
        inner, _ = self.inside(field)
        given = field.get("description") or inner.get("description") or ""
        parts = [" ".join(given.split()).rstrip(".")]
        if "enum" in field:
            parts.append(f"One of {', '.join(field['enum'])}")
        if "minimum" in field:
            parts.append(f"From {field['minimum']} to {field['maximum']}")
        if name in mapping.get("required", ()):
            parts.append("Required")
        elif isinstance(field.get("default"), bool | int) or (
            isinstance(field.get("default"), str) and field["default"]
        ):
            parts.append(f"Default: {json.dumps(field['default']).strip(chr(34))}")
        return ". ".join(part for part in parts if part) + "."


def sections(reference: Reference) -> dict[str, list[Key]]:
    """Return the keys by their place in the file, in its order. Places with the same keys share a section."""
    places: dict[str, list[Key]] = {}
    for key in reference.every_key():
        places.setdefault(key.section, []).append(key)
    found: dict[tuple[tuple[str, str], ...], tuple[list[str], list[Key]]] = {}
    for place, keys in places.items():
        same = tuple((key.path[-1], key.about) for key in keys)
        found.setdefault(same, ([], keys))[0].append(place)
    return {", ".join(titles): keys for titles, keys in found.values()}


def full(data: Any, reference: Reference) -> str:
    """Return the text of a file that has the values of `data`. Each key has its comment where it first occurs."""
    writer = _Writer(reference)
    lines = [f"# {line}" for line in HEAD.splitlines()]
    return "\n".join([*lines, "", *writer.mapping(data, reference.top, ""), ""])


class _Writer:
    """Writes YAML. It knows which keys of which mappings it has explained."""

    def __init__(self, reference: Reference) -> None:
        self._reference = reference
        self._told: set[tuple[str, str]] = set()

    def mapping(self, data: Schema, schema: Schema, indent: str) -> Iterator[str]:
        for name, value in data.items():
            yield from self._comment(schema, name, indent)
            inner, step = self._reference.inside(schema["properties"][name])
            yield from self._value(f"{indent}{name}:", value, inner, step, indent)

    def _comment(self, schema: Schema, name: str, indent: str) -> Iterator[str]:
        if (schema["title"], name) not in self._told:
            self._told.add((schema["title"], name))
            for line in textwrap.wrap(self._reference.about(schema, name), _WIDTH - len(indent)):
                yield f"{indent}# {line}"

    def _value(self, head: str, value: Any, inner: Schema, step: tuple[str, ...], indent: str) -> Iterator[str]:
        if not inner or not value or self._known(value, inner, step):
            yield f"{head} {flow(value)}"
        elif step == (NAME,):
            yield head
            for name, each in value.items():
                yield from self._value(f"{indent}{_INDENT}{name}:", each, inner, (), indent + _INDENT)
        elif step:
            yield head
            for each in value:
                yield from self._item(each, inner, indent + _INDENT)
        else:
            yield head
            yield from self.mapping(value, inner, indent + _INDENT)

    def _item(self, data: Schema, schema: Schema, indent: str) -> Iterator[str]:
        """Write an item of a list: its comments come before the key that they explain, below the dash."""
        if self._known(data, schema, ()):
            yield f"{indent}- {flow(data)}"
            return
        lines = list(self.mapping(data, schema, indent + _INDENT))
        yield f"{indent}-{lines[0][len(indent) + 1 :]}"
        yield from lines[1:]

    def _known(self, value: Any, schema: Schema, step: tuple[str, ...]) -> bool:
        """Return whether every key in the value has been explained. If so, it fits on one line."""
        if step:
            each = value.values() if step == (NAME,) else value
            return all(self._known(one, schema, ()) for one in each)
        return all((schema["title"], name) in self._told and self._below(value[name], schema, name) for name in value)

    def _below(self, value: Any, schema: Schema, name: str) -> bool:
        inner, step = self._reference.inside(schema["properties"][name])
        return not inner or self._known(value, inner, step)


def flow(value: Any) -> str:
    """Return a value as YAML on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {flow(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return json.dumps(value, ensure_ascii=False)


def written_again() -> str:
    """Return the text of the example `full` with the comments of the present schema."""
    data = YAML(typ="safe", pure=True).load(FULL.read_text(encoding="utf-8"))
    return full(data, Reference(json_schema()))


if __name__ == "__main__":
    FULL.write_text(written_again(), encoding="utf-8")

"""The file format: eigw-ns(5) and the example `full` have every key of the schema, with the schema's own words."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ruamel.yaml import YAML

from eigw_ns.lab.verify.contradictions import contradictions
from eigw_ns.topology import example, json_schema, load
from scripts import _man, _reference


def of_schema() -> set[str]:
    """Return every key of the schema, found without the walk that is tested."""
    schema = json_schema()
    kinds = {"LabFile": schema, **schema["$defs"]}
    return {f"{kind}.{key}" for kind, each in kinds.items() for key in each.get("properties", {})}


def test_each_key_of_the_schema_is_commented_in_the_example() -> None:
    """The file is what the generator writes, and the generator comments each key of the values once."""
    assert example("full") == _reference.written_again(), "run python -m scripts._reference"
    told: set[str] = set()

    class Noting(_reference._Writer):
        def _comment(self, schema: _reference.Schema, name: str, indent: str) -> Iterator[str]:
            lines = list(super()._comment(schema, name, indent))
            if lines:
                told.add(f"{schema['title'].replace('eigw-ns topology', 'LabFile')}.{name}")
            yield from lines

    data = YAML(typ="safe", pure=True).load(example("full"))
    writer = Noting(_reference.Reference(json_schema()))
    list(writer.mapping(data, json_schema(), ""))
    assert told == of_schema()


def test_each_key_of_the_schema_is_in_the_man_page() -> None:
    page = _man.pages()["eigw-ns.5"].replace("\\-", "-").replace("\\&", "")
    keys = list(_reference.Reference(json_schema()).every_key())
    assert {key.path[-1] for key in keys} == {key.partition(".")[2] for key in of_schema()}
    for key in keys:
        place = key.section or "TOP LEVEL"
        section = next(part for part in page.split(".SH ")[1:] if place in _titles(part))
        assert f".TP\n.B {key.path[-1]} ({key.kind})\n{key.about}\n" in section


def _titles(part: str) -> list[str]:
    return part.splitlines()[0].strip('"').split(", ")


def test_each_key_says_more_than_its_default() -> None:
    bare = [
        key.path
        for key in _reference.Reference(json_schema()).every_key()
        if not re.search(r"[a-z]{3}", _said(key.about))
    ]
    assert bare == []


def _said(about: str) -> str:
    return re.sub(r"(Default: [^ ]*|Required|One of [^.]*|From \d+ to \d+)\.", "", about)


def test_the_example_with_every_key_is_a_lab_that_does_what_it_expects() -> None:
    topology = load(example("full").encode(), file="full.yaml", default_lab="x")
    assert list(contradictions(topology)) == []
    assert len(topology.expectations) >= 6

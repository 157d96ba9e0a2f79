"""Answers of EC2 actions as text and as tables. The expected text is what aws-cli prints for the same answer."""

from __future__ import annotations

from typing import Any

import pytest

from eigw_ns.render.aws_tables import tables
from eigw_ns.render.aws_text import text


@pytest.mark.parametrize(
    ("value", "lines"),
    [
        ("a", ["a"]),
        (None, ["None"]),
        (True, ["True"]),
        (["a", "b"], ["a\tb"]),
        ([["a", "b"], ["c", None]], ["a\tb", "c\tNone"]),
        ([], []),
        ({"Return": True}, ["True"]),
        ({"B": 1, "A": "x"}, ["x\t1"]),
        ({"Things": [{"B": 1, "A": "x"}, {"B": 2}]}, ["THINGS\tx\t1", "THINGS\t\t2"]),
        ({"Ids": ["i-1", "i-2"]}, ["IDS\ti-1", "IDS\ti-2"]),
        (
            {"Vpcs": [{"VpcId": "v", "Tags": [{"Key": "k", "Value": "w"}], "State": {"Code": 16}}]},
            ["VPCS\tv", "STATE\t16", "TAGS\tk\tw"],
        ),
        ({"Vpcs": [{"Tags": []}]}, []),
        (["a", ["b"]], ["a", "b"]),
    ],
)
def test_text(value: Any, lines: list[str]) -> None:
    assert text(value) == "".join(f"{line}\n" for line in lines)


def test_tables_of_nested_structures() -> None:
    answer = {"Vpcs": [{"VpcId": "v", "Tags": [{"Key": "k", "Value": "w"}]}, {"VpcId": "u", "IsDefault": False}]}
    outer, inner = tables(answer)
    assert (outer.title, outer.columns, outer.rows) == ("Vpcs", ("IsDefault", "VpcId"), (("", "v"), ("False", "u")))
    assert (inner.title, inner.columns, inner.rows) == ("Vpcs.Tags", ("Key", "Value"), (("k", "w"),))


@pytest.mark.parametrize(
    ("value", "rows"),
    [("a", (("a",),)), (["a", "b"], (("a",), ("b",))), ([["a", 1], ["b"]], (("a", "1"), ("b", ""))), (None, (("",),))],
)
def test_tables_of_the_results_of_queries(value: Any, rows: tuple[tuple[str, ...], ...]) -> None:
    (table,) = tables(value)
    assert table.rows == rows


def test_nothing_is_no_table() -> None:
    assert list(tables([])) == list(tables({})) == []

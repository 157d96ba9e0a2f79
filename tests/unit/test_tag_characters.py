"""Tags take any character but controls, separators of lines and surrogates, in every version of Python."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest

from eigw_ns.cloud.tag_rules import forbidden
from eigw_ns.cloud.words import shorten
from eigw_ns.render.table import Table, draw
from eigw_ns.topology import load
from tests.support.small_cloud import VPC, Account

UNICODE_15 = "\U0001fae8"
"""An emoji that Python 3.11 takes for unassigned, so for unprintable."""

TEXTS = {
    "ideographic space": "本番\u3000踏み台",
    "no-break space": "prix\xa0net",
    "zero-width non-joiner": "می\u200cخواهم",
    "zero-width joiner": "\U0001f468\u200d\U0001f4bb",
    "soft hyphen": "Netz\xadwerk",
    "left-to-right mark": "abc\u200e",
    "right-to-left override": "a\u202eb",
    "emoji of Unicode 15": UNICODE_15,
    "private use": "\ue000",
    "noncharacter": "\ufffe",
    "unassigned": "\U0003fffd",
}
REFUSED = ("\n", "\t", "\x00", "\x1b", "\x7f", "\x85", "\x9b", "\u2028", "\u2029", "\ud800", "\udfff")


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in TEXTS.items()])
def test_a_tag_is_stored_as_it_was_given(text: str) -> None:
    account = Account()
    account.do("CreateTags", Resources=[VPC], Tags=[{"Key": text, "Value": text}])
    assert account.do("DescribeTags")["Tags"] == [
        {"ResourceId": VPC, "ResourceType": "vpc", "Key": text, "Value": text}
    ]
    name = text.encode("unicode_escape").decode()
    block = 'vpcs: {a: {ipv6_cidr_block: "2001:db8:1:200::/56", tags: {Name: "' + name + '"}}}'
    (vpc,) = load(block.encode(), file="lab.yaml", default_lab="demo").cloud.vpcs.values()
    assert vpc.tags == (("Name", text),)


@pytest.mark.parametrize("character", REFUSED, ids=ascii)
def test_a_character_that_is_not_text_on_one_line_is_refused(character: str) -> None:
    for tag in ({"Key": f"a{character}", "Value": ""}, {"Key": "a", "Value": f"{character}b"}):
        error = Account().refuse("CreateTags", Resources=[VPC], Tags=[tag])
        assert error.code == "InvalidParameterValue"
        assert f"U+{ord(character):04X}" in error.message


def test_the_forbidden_characters_are_categories_that_never_grow() -> None:
    """Unicode assigns no new character to these four categories, so the result is the same in every version."""
    found = {chr(number) for number in range(0x110000) if forbidden(chr(number))}
    categories = {"Cc", "Zl", "Zp", "Cs"}
    assert found == {chr(number) for number in range(0x110000) if unicodedata.category(chr(number)) in categories}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\n\x1b\x9b", r"\n\x1b\x9b"),
        ("a\xa0b\u200bc\u2028\u202e", r"a\xa0b\u200bc\u2028\u202e"),
        ("\ud800\ufeff\ue000", r"\ud800\ufeff\ue000"),
        (f"é 日 {UNICODE_15} \U0003fffd", f"é 日 {UNICODE_15} \U0003fffd"),
    ],
)
def test_messages_escape_what_cannot_be_seen_in_every_version_alike(text: str, shown: str) -> None:
    assert shorten(text) == shown


@pytest.mark.parametrize(
    ("text", "width"),
    [("本番\u3000踏み台", 12), ("e\u0301", 1), (UNICODE_15, 2), ("می\u200cخواهم", 7), ("Netz", 4)],
)
def test_columns_after_a_tag_are_aligned_by_cells(text: str, width: int) -> None:
    rows: tuple[Any, ...] = ((text, "x"), ("a" * 20, "y"))
    first, second = draw([Table("", ("Tag", "Next"), rows)], width=80, colour=False).splitlines()[2:]
    assert second == f"{'a' * 20}  y"
    assert first == f"{text}{' ' * (20 - width)}  x"


def test_wide_tags_leave_the_last_column_what_is_left_of_the_terminal() -> None:
    """Fifteen ideographs take thirty cells, so the last column is wrapped within the sixty of the terminal."""
    why = "because this is so and will be so for a while"
    lines = draw([Table("", ("Tag", "Why"), (("本" * 15, why),))], width=60, colour=False).splitlines()[2:]
    assert len(lines) == 2
    assert 15 + len(lines[0]) <= 60  # each ideograph is one character and two cells


def test_a_tag_does_not_turn_the_text_of_other_columns_around() -> None:
    table = Table("", ("Tag", "Next"), (("\u202eabc\u2066", "x"),))
    assert draw([table], width=80, colour=False).splitlines()[2] == r"\u202eabc\u2066  x"

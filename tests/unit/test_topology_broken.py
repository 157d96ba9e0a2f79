"""Every mistake that a topology file can have, with its message.

`tests/golden/broken/<case>.yaml` is a broken file, and `<case>.txt` has all messages about it. After a change of
messages, run `REGENERATE=1 pytest tests/unit/test_topology_broken.py` and review the difference.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from eigw_ns.errors import TopologyError
from eigw_ns.render import remedies
from eigw_ns.topology import load

BROKEN = Path(__file__).parent.parent / "golden" / "broken"
CASES = sorted(path.stem for path in BROKEN.glob("*.yaml"))


def messages(data: bytes, default_lab: str = "demo") -> str:
    with pytest.raises(TopologyError) as caught:
        load(data, file="lab.yaml", default_lab=default_lab)
    return remedies.message(caught.value)


def test_there_are_many_cases() -> None:
    assert len(CASES) >= 45
    assert sorted(path.stem for path in BROKEN.glob("*.txt")) == CASES or os.environ.get("REGENERATE")


@pytest.mark.parametrize("case", CASES)
def test_broken(case: str) -> None:
    said = messages((BROKEN / f"{case}.yaml").read_bytes()) + "\n"
    golden = BROKEN / f"{case}.txt"
    if os.environ.get("REGENERATE"):
        golden.write_text(said)
    assert said == golden.read_text()


def test_a_file_that_is_too_large_is_not_parsed() -> None:
    said = messages(b"\t" * (10 << 20))
    assert said == (
        "lab.yaml: the file has 10,485,760 bytes; a topology file can have at most 1,048,576;"
        " split it into several labs"
    )


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\x7fELF\x02\x01\x01\x00", "1: the file has a control character (got U+007F)"),
        (b"lab: demo\nvpcs: \x00\n", "2: the file has a control character (got U+0000)"),
        (b"lab: demo\n# caf\xe9\n", "2: this is not UTF-8 text (got byte 0xe9)"),
        ("lab: demo\n".encode("utf-16"), "1: this is not UTF-8 text (got byte 0xff)"),
    ],
)
def test_a_binary_file_is_refused(data: bytes, said: str) -> None:
    assert messages(data) == f"lab.yaml:{said}; save it as plain UTF-8 text"


def test_an_alias_bomb_is_refused() -> None:
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    said = messages("\n".join(levels).encode())
    assert said == "lab.yaml:6: this has more than 200,000 values with its aliases expanded; write fewer values"


def test_the_depth_of_aliases_counts() -> None:
    levels = ["a0: &a0 {x: y}"] + [f"a{n}: &a{n} {{x: *a{n - 1}}}" for n in range(1, 1000)]
    said = messages("\n".join(levels).encode())
    assert said.endswith("the file is nested more than 32 levels deep; check the brackets")


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_the_depth_of_nesting_is_limited(opening: str) -> None:
    assert "nested more than 32 levels deep" in messages(f"a:\n  {opening * 10_000}".encode())


def test_a_file_name_can_be_an_invalid_name_of_a_lab() -> None:
    assert messages(b"vpcs: {}\n", default_lab="My Lab") == (
        "lab.yaml: the file does not name the lab, and its own name is not a valid name of a lab (got My Lab);"
        " add lab: my-lab at the top"
    )


def test_all_mistakes_are_reported_in_file_order() -> None:
    with pytest.raises(TopologyError) as caught:
        load((BROKEN / "many-mistakes-at-once.yaml").read_bytes(), file="lab.yaml", default_lab="demo")
    lines = [mistake.line for mistake in caught.value.mistakes]
    assert lines == sorted(lines)
    assert len(lines) > 20

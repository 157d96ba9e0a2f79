"""Every mistake that a topology file can have, with the words that it is met with.

`tests/golden/broken/<case>.yaml` is a broken file, `<case>.txt` all that is said of it. After a change of words:
`REGENERATE=1 pytest tests/unit/test_topology_broken.py`, then read the difference.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from eigw_ns.errors import TopologyError
from eigw_ns.topology import load

BROKEN = Path(__file__).parent.parent / "golden" / "broken"
CASES = sorted(path.stem for path in BROKEN.glob("*.yaml"))


def complaints(data: bytes, default_lab: str = "demo") -> str:
    with pytest.raises(TopologyError) as caught:
        load(data, file="lab.yaml", default_lab=default_lab)
    return str(caught.value)


def test_there_are_many_cases() -> None:
    assert len(CASES) >= 45
    assert sorted(path.stem for path in BROKEN.glob("*.txt")) == CASES or os.environ.get("REGENERATE")


@pytest.mark.parametrize("case", CASES)
def test_broken(case: str) -> None:
    said = complaints((BROKEN / f"{case}.yaml").read_bytes()) + "\n"
    golden = BROKEN / f"{case}.txt"
    if os.environ.get("REGENERATE"):
        golden.write_text(said)
    assert said == golden.read_text()


def test_a_file_that_is_too_large_is_not_even_parsed() -> None:
    said = complaints(b"\t" * (10 << 20))
    assert said == (
        "lab.yaml: the file has 10,485,760 bytes; a topology file has 1,048,576 at most; split it into several labs"
    )


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\x7fELF\x02\x01\x01\x00", "1: this is not text: a control character (got U+007F)"),
        (b"lab: demo\nvpcs: \x00\n", "2: this is not text: a control character (got U+0000)"),
        (b"lab: demo\n# caf\xe9\n", "2: this is not UTF-8 text (got byte 0xe9)"),
        ("lab: demo\n".encode("utf-16"), "1: this is not UTF-8 text (got byte 0xff)"),
    ],
)
def test_what_is_not_text(data: bytes, said: str) -> None:
    assert complaints(data) == f"lab.yaml:{said}; save it as plain UTF-8 text"


def test_a_bomb_of_aliases_does_not_go_off() -> None:
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    said = complaints("\n".join(levels).encode())
    assert said == "lab.yaml:6: with its aliases written out this has more than 200,000 values; write less"


def test_a_chain_of_aliases_is_as_deep_as_it_would_be_written_out() -> None:
    levels = ["a0: &a0 {x: y}"] + [f"a{n}: &a{n} {{x: *a{n - 1}}}" for n in range(1, 1000)]
    said = complaints("\n".join(levels).encode())
    assert said.endswith("the file is nested more than 32 deep; check the brackets")


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_nesting_without_end(opening: str) -> None:
    assert "nested more than 32 deep" in complaints(f"a:\n  {opening * 10_000}".encode())


def test_a_lab_cannot_be_called_after_every_file() -> None:
    assert complaints(b"vpcs: {}\n", default_lab="My Lab") == (
        "lab.yaml: the file names no lab, and its own name cannot be one (got My Lab); write lab: my-lab on top"
    )


def test_mistakes_come_in_file_order_and_all_of_them() -> None:
    with pytest.raises(TopologyError) as caught:
        load((BROKEN / "many-mistakes-at-once.yaml").read_bytes(), file="lab.yaml", default_lab="demo")
    lines = [mistake.line for mistake in caught.value.mistakes]
    assert lines == sorted(lines)
    assert len(lines) > 20

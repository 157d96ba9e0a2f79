"""The guided lab shows what really happens: its commands run in order, and their output must match the guide.

They run unchanged, on the lab `demo`, in a mount namespace with an empty /run/netns. A lab of that name on this machine
is not touched, and nothing is left behind.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.command import SECONDS

TOP = Path(__file__).parents[2]
GUIDE = TOP / "scripts" / "vagrant" / "lab.md"
MARK = "\x1e"  # separates the outputs of two commands; no program prints it

_HIDE = 'mkdir -p /run/netns && mount -t tmpfs none /run/netns && exec "$@"'
_OWN_NAMES = ("unshare", "--mount", "--propagation", "private", "sh", "-c", _HIDE, "sh")


@dataclass(frozen=True)
class Command:
    """A command of the guide, and the lines that the guide shows below it, in order."""

    text: str
    shown: tuple[str, ...]


def exercises() -> dict[str, list[Command]]:
    """Return the commands of each exercise, by title."""
    parts = re.split(r"^## (.+)$", GUIDE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return {title: list(commands(text)) for title, text in zip(parts[::2], parts[1::2], strict=True)}


def commands(text: str) -> Iterator[Command]:
    blocks = [line.removeprefix("    ") for line in text.splitlines() if line.startswith("    ")]
    starts = [index for index, line in enumerate(blocks) if line.startswith("$ ")]
    for start, end in zip(starts, [*starts[1:], len(blocks)], strict=True):
        yield Command(blocks[start].removeprefix("$ "), tuple(blocks[start + 1 : end]))


def script(wanted: list[Command]) -> str:
    """Return a script of all commands. They share a shell and its variables; the first failure ends it."""
    lines = (f"{command.text}\nprintf '{MARK}'\n" for command in wanted)
    return (
        "set -eo pipefail; exec 2>&1; trap 'eigw-ns destroy -q || :' EXIT\neigw-ns init | eigw-ns apply -q -f -\n"
        + "".join(lines)
    )


@pytest.fixture
def environment(own_folders: Path) -> dict[str, str]:
    """Return an environment in which `eigw-ns` is a command. Its folders are those of the test."""
    program = own_folders / "bin" / "eigw-ns"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -P -m eigw_ns "$@"\n')
    program.chmod(0o755)
    return {**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}", "PYTHONPATH": str(TOP), "NO_COLOR": "1"}


def unseen(shown: tuple[str, ...], said: str) -> str | None:
    """Return the first line of `shown` that is missing in `said`, in order. `…` stands for any text or lines.

    The guide shows a terminal, and a pipe gets other spaces between columns.
    """
    lines = iter(said.splitlines())
    for wanted in shown:
        pattern = re.compile(".*".join(re.escape(" ".join(part.split())) for part in wanted.split("…")) + "$")
        if not any(pattern.match(" ".join(line.split())) for line in lines):
            return wanted
    return None


@pytest.mark.root
@pytest.mark.parametrize("title", exercises())
def test_an_exercise_prints_what_the_guide_shows(title: str, environment: dict[str, str]) -> None:
    wanted = exercises()[title]
    done = subprocess.run(
        [*_OWN_NAMES, "bash", "-c", script(wanted)],
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        timeout=SECONDS,
        check=False,
    )
    *said, rest = done.stdout.split(MARK)
    for command, text in zip(wanted, said, strict=False):
        missing = unseen(command.shown, text)
        assert missing is None, f"$ {command.text}\n{text}\nthe guide shows: {missing}"
    assert done.returncode == 0, f"$ {wanted[len(said)].text}\n{rest}"


def test_the_lab_command_prints_five_exercises() -> None:
    lab = TOP / "scripts" / "vagrant" / "lab"
    titles = list(exercises())
    assert [title[:2] for title in titles] == ["1.", "2.", "3.", "4.", "5."]
    overview = subprocess.run([lab], text=True, capture_output=True, check=True).stdout
    assert all(f"  {title}\n" in overview for title in titles)
    printed = [subprocess.run([lab, title[0]], text=True, capture_output=True, check=True).stdout for title in titles]
    assert GUIDE.read_text(encoding="utf-8").endswith("".join(printed))
    assert all(text.startswith(f"## {title}\n") for title, text in zip(titles, printed, strict=True))


@pytest.mark.parametrize(
    ("shown", "said", "missing"),
    [
        (("a … c", "…", "d"), "a b c\nx\nd", None),
        (("a … c", "d"), "d\na b c", "d"),
        (("a",), "a b", "a"),
        (("… b",), "a b c", "… b"),
    ],
)
def test_unseen_compares_in_order(shown: tuple[str, ...], said: str, missing: str | None) -> None:
    assert unseen(shown, said) == missing

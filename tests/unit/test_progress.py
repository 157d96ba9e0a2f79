"""The progress bar: it is drawn from the first phase on, and shows done and to do by different characters."""

from __future__ import annotations

import io

import pytest

from eigw_ns.cli.talk import Bar, draw_bar
from eigw_ns.lab.lifecycle.progress import Phase


@pytest.mark.parametrize(("done", "full"), [(0, 0), (1, 3), (5, 15), (10, 30)])
def test_done_and_to_do_differ_without_colour(done: int, full: int) -> None:
    line = draw_bar("apply", done, 10, 61.5, "create it")
    assert line == f"apply {'█' * full}{'░' * (30 - full)} {done}/10 1:01 create it"


def test_before_the_number_of_steps_is_known() -> None:
    assert draw_bar("apply", 0, 0, 3, "read the lab") == "apply: read the lab"


def test_phases_are_drawn_at_once_and_steps_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    terminal = io.StringIO()
    bar = Bar("apply", terminal)
    bar.show(0, 0, Phase("read the lab"))
    bar.show(0, 9, Phase("create \x1b[1m"))
    bar.show(1, 9, "a step")  # too soon
    now += 1
    bar.show(2, 9, "a step")
    bar.show(9, 9, "the last step")
    bar.clear()
    _, *drawn, last = terminal.getvalue().split("\r\x1b[K")
    assert [each.split()[2] if "/" in each else each for each in drawn] == ["apply: read the lab", "0/9", "2/9", "9/9"]
    assert drawn[1].endswith("create \\x1b[1m")
    assert last == ""


def test_the_line_is_never_wider_than_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    terminal = io.StringIO()
    Bar("apply", terminal).show(0, 9, Phase("x" * 100))
    assert len(terminal.getvalue().removeprefix("\r\x1b[K")) == 59

"""Topologies that work, for `init` and the tour. Each file's first line says what it shows."""

from __future__ import annotations

from pathlib import Path

from eigw_ns.cloud.words import did_you_mean
from eigw_ns.errors import UsageError

_FOLDER = Path(__file__).parent
_SUFFIX = ".yaml"


def example_names() -> tuple[str, ...]:
    """The names of the packaged examples, sorted."""
    return tuple(sorted(file.stem for file in _FOLDER.glob(f"*{_SUFFIX}")))


def example(name: str) -> str:
    """The text of an example. Raises UsageError where there is none of that name."""
    names = example_names()
    if name not in names:
        hint = did_you_mean(name, names) or f"there are {', '.join(names)}"
        raise UsageError(f"there is no example {name}", hint=hint)
    return (_FOLDER / f"{name}{_SUFFIX}").read_text(encoding="utf-8")

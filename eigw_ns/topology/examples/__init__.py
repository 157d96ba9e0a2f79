"""Example topologies for `init` and the tour. The first line of each file says what it shows."""

from __future__ import annotations

from pathlib import Path

from eigw_ns.cloud.words import did_you_mean
from eigw_ns.errors import UsageError

_FOLDER = Path(__file__).parent
_SUFFIX = ".yaml"


def example_names() -> tuple[str, ...]:
    """Return the names of the packaged examples, sorted."""
    return tuple(sorted(file.stem for file in _FOLDER.glob(f"*{_SUFFIX}")))


def example(name: str) -> str:
    """Return the text of an example. Raises UsageError if no example has that name."""
    names = example_names()
    if name not in names:
        hint = did_you_mean(name, names) or f"the examples are {', '.join(names)}"
        raise UsageError(f"no example is named {name}", hint=hint)
    return (_FOLDER / f"{name}{_SUFFIX}").read_text(encoding="utf-8")

"""Topologies that work, for `init` and the tour. Each file's first line says what it shows."""

from __future__ import annotations

from importlib import resources

from eigw_ns.cloud.words import did_you_mean
from eigw_ns.errors import UsageError

_SUFFIX = ".yaml"


def example_names() -> tuple[str, ...]:
    """The names of the packaged examples, sorted."""
    files = resources.files(__package__).iterdir()
    return tuple(sorted(file.name.removesuffix(_SUFFIX) for file in files if file.name.endswith(_SUFFIX)))


def example(name: str) -> str:
    """The text of an example. Raises UsageError where there is none of that name."""
    names = example_names()
    if name not in names:
        hint = did_you_mean(name, names) or f"there are {', '.join(names)}"
        raise UsageError(f"there is no example {name}", hint=hint)
    return (resources.files(__package__) / f"{name}{_SUFFIX}").read_text(encoding="utf-8")

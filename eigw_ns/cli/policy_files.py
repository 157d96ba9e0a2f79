"""The policy file of a check: the one that the user names, or one in a usual place."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from eigw_ns.cloud.words import printable
from eigw_ns.errors import UsageError
from eigw_ns.frozen import frozen
from eigw_ns.importing.policy.policy import Policy
from eigw_ns.importing.policy.reader import FILE_NAME, read_policy


@frozen
class FoundPolicy:
    """A policy. `named`: the user names the file, so each of its rules must match a subnet."""

    policy: Policy
    named: bool


def find_policy(file: Path | None, sources: Iterable[str]) -> FoundPolicy:
    """Return the policy in the file, else in the working folder, else beside the first source that has one.

    Raises UsageError if the file cannot be read, TopologyError with its mistakes.
    """
    if file is not None:
        return FoundPolicy(_read(file), named=True)
    beside = (Path(source) if Path(source).is_dir() else Path(source).parent for source in sources)
    places = (Path(), *beside)
    found = next((place / FILE_NAME for place in places if (place / FILE_NAME).is_file()), None)
    return FoundPolicy(Policy() if found is None else _read(found), named=False)


def _read(file: Path) -> Policy:
    name = printable(str(file))
    try:
        data = file.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {name}: {error.strerror}", hint="see README, section on policies") from error
    return read_policy(data, name)

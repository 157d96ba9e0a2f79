"""The versions of a managed prefix list: each change of its entries makes one, and the earlier ones are kept."""

from __future__ import annotations

from dataclasses import replace

from eigw_ns.cloud.ec2.checks import invalid
from eigw_ns.cloud.model import Cloud
from eigw_ns.cloud.prefix_lists import PrefixList, PrefixListEntry, PrefixListVersion
from eigw_ns.errors import CloudError

_KEPT, _KEPT_ENTRIES = 100, 10_000
"""How many earlier versions of a list a lab keeps, and how many entries all of them together can have.

AWS keeps 1,000 versions, and deletes the oldest ones too. A lab stores each in full.
"""


def check_current(found: PrefixList, version: int | None) -> None:
    """Raise CloudError if `version` is not the current one of the list. None means any."""
    if version is None:
        return
    _check_positive(version)
    if version != found.version:
        raise CloudError("PrefixListVersionMismatch", "The prefix list has the incorrect version number.")


def entries_of(cloud: Cloud, found: PrefixList, version: int | None) -> tuple[PrefixListEntry, ...]:
    """Return the entries of the list in a version; None means the current one. Raises CloudError if it is not kept."""
    if version is None or version == found.version:
        return found.entries
    _check_positive(version)
    former = cloud.prefix_list_versions.get(_key(found.id, version))
    if former is None:
        raise invalid(f"The version {version} of the prefix list '{found.id}' does not exist.")
    return former.entries


def with_entries(cloud: Cloud, changed: PrefixList, entries: tuple[PrefixListEntry, ...]) -> Cloud:
    """Return the cloud with a new version of the list that has these entries."""
    former = PrefixListVersion(changed.id, changed.version, changed.entries)
    known = {**cloud.prefix_list_versions, _key(former.prefix_list_id, former.number): former}
    kept = _newest([each for each in known.values() if each.prefix_list_id == changed.id])
    new = replace(changed, entries=entries, version=changed.version + 1)
    return replace(
        cloud,
        prefix_lists={**cloud.prefix_lists, new.id: new},
        prefix_list_versions={
            key: each for key, each in known.items() if each.prefix_list_id != changed.id or each.number in kept
        },
    )


def _newest(versions: list[PrefixListVersion]) -> set[int]:
    """Return the numbers of the versions to keep."""
    kept: set[int] = set()
    entries = 0
    for each in sorted(versions, key=lambda each: -each.number)[:_KEPT]:
        entries += len(each.entries)
        if entries > _KEPT_ENTRIES:
            break
        kept.add(each.number)
    return kept


def without(cloud: Cloud, list_id: str) -> Cloud:
    """Return the cloud without the earlier versions of a list."""
    kept = {key: each for key, each in cloud.prefix_list_versions.items() if each.prefix_list_id != list_id}
    return cloud if len(kept) == len(cloud.prefix_list_versions) else replace(cloud, prefix_list_versions=kept)


def _check_positive(version: int) -> None:
    if version < 1:
        raise invalid("The specified value for version is not valid. The value must be greater than (1).")


def _key(list_id: str, number: int) -> str:
    return f"{list_id}:{number}"

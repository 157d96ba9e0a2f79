"""After a reboot, labs are stored but not in the kernel. `apply --all` builds them, even if one of them fails."""

from __future__ import annotations

import configparser
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import eigw_ns
from eigw_ns.kernel.namespaces import netns
from eigw_ns.topology import Topology
from tests.support.command import Cli, process

UNIT = Path(eigw_ns.__file__).parent / "data" / "systemd" / "eigw-ns-restore.service"


@pytest.fixture
def labs(lab_name: str, stored: Callable[[str], Topology], cli: Cli) -> Iterator[tuple[str, str]]:
    """Store two labs as if they had been applied before a reboot. Yield their names in order."""
    names = (f"{lab_name}a", f"{lab_name}b")
    for name in names:
        stored(name)
    yield names
    for name in names:
        cli("destroy", "--lab", name)


@pytest.mark.root
def test_every_stored_lab_is_built(cli: Cli, labs: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert f"rebuild it with `eigw-ns apply --lab {labs[0]}`" in cli("status", "--lab", labs[0]).err
    assert f"`eigw-ns apply --lab {labs[0]}` rebuilds it" in cli("describe", "eigw", "--lab", labs[0]).err
    monkeypatch.setenv("EIGW_NS_LAB", labs[0])  # in the environment, it does not contradict --all
    built = cli("apply", "--all", "-o", "json")
    assert built.code == 0
    assert [lab["lab"] for lab in built.data["labs"]] == list(labs)
    assert all(lab["changes"] > 50 and lab["writes"] > 50 for lab in built.data["labs"])
    assert [cli("status", "--lab", lab).code for lab in labs] == [0, 0]
    again = cli("apply", "--all")
    assert (again.code, again.out) == (0, "")
    assert again.err.splitlines() == [f"nothing to do: the lab {lab} is what the topology says" for lab in labs]


@pytest.mark.root
@pytest.mark.parametrize("place", [0, 1])
def test_a_damaged_lab_does_not_stop_the_others(cli: Cli, labs: tuple[str, str], own_folders: Path, place: int) -> None:
    (own_folders / "state" / labs[place] / "topology.json").write_text("{")
    built = cli("apply", "--all", "-o", "json")
    assert built.code == 1
    assert f"error: the lab {labs[place]} is not up: the stored topology" in built.err
    assert ["error" in lab for lab in built.data["labs"]] == [place == 0, place == 1]
    assert cli("status", "--lab", labs[1 - place]).code == 0


@pytest.mark.root
def test_a_lab_with_a_foreign_namespace_does_not_stop_the_others(cli: Cli, labs: tuple[str, str]) -> None:
    assert cli("apply", "--all").code == 0
    ours = [name for name in netns.names() if name.startswith(f"eigw-{labs[0]}-")]
    assert cli("apply", "--all").code == 0
    for name in ours:
        netns.remove(name)
    with netns.creating(ours[0]):
        pass
    built = cli("apply", "--all")
    netns.remove(ours[0])
    assert built.code == 1
    assert f"the lab {labs[0]} is not up: these namespaces exist but were not made by eigw-ns" in built.err
    assert f"nothing to do: the lab {labs[1]}" in built.err


@pytest.mark.root
def test_apply_all_without_stored_labs_does_nothing(cli: Cli) -> None:
    empty = cli("apply", "--all", "-o", "json")
    assert (empty.code, empty.data) == (0, {"labs": []})
    assert empty.err == "nothing to do: no lab is stored\n"


@pytest.mark.parametrize("arguments", [("-f", "lab.yaml"), ("--lab", "demo")])
def test_all_excludes_a_file_and_a_lab(cli: Cli, arguments: tuple[str, str]) -> None:
    result = cli("apply", "--all", *arguments)
    assert (result.code, result.out) == (2, "")
    assert "means one lab, --all every one" in result.err


def test_all_needs_root(stored: Callable[[str], Topology]) -> None:
    stored("one")
    result = process("apply", "--all", powerless=True)
    assert result.code == 5
    assert result.err.count("error: ") == 1


def test_the_unit_builds_what_is_stored() -> None:
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read(UNIT)
    assert unit["Service"]["ExecStart"] == "/usr/bin/eigw-ns apply --all"

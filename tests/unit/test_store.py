"""Desired states on disk are written completely or not at all. A damaged one never causes a traceback."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from eigw_ns.errors import EigwError, NoSuchLabError, UsageError
from eigw_ns.topology import Topology, example, load
from tests.support.stored import folders, store


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EIGW_NS_STATE_DIR", str(tmp_path))
    return tmp_path


def topology(lab: str) -> Topology:
    return load(example("demo").replace("lab: demo", f"lab: {lab}").encode(), file="demo.yaml", default_lab=lab)


def test_what_is_saved_is_loaded() -> None:
    store().save(topology("one"))
    store().save(topology("two"))
    assert store().labs() == ("one", "two")
    assert store().load("one") == topology("one")
    assert store().exists("one")


def test_saving_replaces_and_leaves_no_other_file(state: Path) -> None:
    store().save(topology("one"))
    store().save(topology("one"))
    assert [path.name for path in (state / "one").iterdir()] == ["topology.json"]


def test_every_user_may_read_it(state: Path) -> None:
    store().save(topology("one"))
    assert (state / "one" / "topology.json").stat().st_mode & 0o777 == 0o644


def test_a_failed_save_keeps_the_old_one(state: Path) -> None:
    store().save(topology("one"))
    path = folders().topology_file("one")
    before = path.read_bytes()
    path.unlink()
    path.mkdir()  # nothing can be renamed over a folder
    with pytest.raises(EigwError, match=r"write .*topology\.json"):
        store().save(topology("one"))
    assert [left.name for left in (state / "one").iterdir()] == ["topology.json"]
    path.rmdir()
    path.write_bytes(before)
    assert store().load("one") == topology("one")


def test_an_unknown_lab() -> None:
    with pytest.raises(NoSuchLabError) as caught:
        store().load("none")
    assert "eigw-ns apply -f FILE" in caught.value.hint
    assert store().labs() == ()
    assert not store().exists("none")


def _vpc(**sections: object) -> bytes:
    """Return a stored topology of one VPC with a subnet and a main route table, changed by these sections."""
    whole = {
        "ipv6_cidr_block": "2600::/56",
        "route_tables": {"private": {"main": True}},
        "subnets": {"a": {"ipv6_cidr_block": "2600::/64"}},
    }
    return json.dumps({"lab": "one", "vpcs": {"m": whole | sections}}).encode()


def _subnet(**keys: str) -> dict[str, object]:
    return {"a": {"ipv6_cidr_block": "2600::/64", **keys}}


def _instance(**keys: object) -> dict[str, object]:
    return {"x": {"subnet": "a", "ipv6_address": "2600::10", **keys}}


DAMAGED = [
    b"",
    b"{",
    b"\xff\xfe",
    b"[]",
    b"null",
    b"{}",
    b'{"lab": 7}',
    b'{"lab": "one", "vpcs": 3}',
    b'{"lab": "other"}',
    b"[" * 100_000,
    _vpc(route_tables={}),
    _vpc(route_tables={"private": {"main": True}, "public": {"main": True}}),
    _vpc(subnets=_subnet(route_table="nowhere")),
    _vpc(subnets=_subnet(network_acl="nowhere")),
    _vpc(instances=_instance(subnet="nowhere")),
    _vpc(instances=_instance(security_groups=["nowhere"])),
]


def test_the_smallest_file_is_complete(state: Path) -> None:
    """The control of the damaged files below, each of which lacks something."""
    store().save(topology("one"))
    folders().topology_file("one").write_bytes(_vpc(subnets=_subnet(), instances=_instance()))
    assert len(store().load("one").cloud.instances) == 1


@pytest.mark.parametrize("content", DAMAGED, ids=lambda content: content[:60].decode(errors="replace"))
def test_a_damaged_file_says_what_to_do(state: Path, content: bytes) -> None:
    store().save(topology("one"))
    folders().topology_file("one").write_bytes(content)
    with pytest.raises(EigwError, match=r"topology\.json is damaged: ") as caught:
        store().load("one")
    assert "apply the topology file again" in caught.value.hint
    assert not store().holds(topology("one"))
    assert store().exists("one")  # it can still be listed and destroyed


def test_it_is_plain_json() -> None:
    store().save(topology("one"))
    assert json.loads(folders().topology_file("one").read_text())["lab"] == "one"


def test_removed_is_gone_with_its_folder(state: Path) -> None:
    store().save(topology("one"))
    (state / "one" / ".unfinished-killed").touch()  # what a kill in the middle of a write leaves
    assert store().remove("one")
    assert not (state / "one").exists()
    assert not store().remove("one")


def test_removing_keeps_files_of_users(state: Path) -> None:
    store().save(topology("one"))
    (state / "one" / "notes").touch()
    assert store().remove("one")
    assert (state / "one" / "notes").exists()
    assert store().labs() == ()


@pytest.mark.parametrize("name", ["..", "../etc", "a/b", "", ".hidden", "a b", "x" * 65, "lab\n"])
def test_a_lab_name_is_never_a_path(name: str) -> None:
    for path in (folders().topology_file, folders().lock_file, folders().journal_file):
        with pytest.raises(UsageError):
            path(name)


def test_folders_without_a_topology_are_ignored(state: Path) -> None:
    (state / "lost+found").mkdir()
    (state / "empty").mkdir()
    (state / "file").touch()
    assert store().labs() == ()


def test_a_version_stands_for_what_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read from the store need not be read and encoded again to see that it is stored."""
    store().save(topology("one"))
    read = store().read("one")
    assert read.topology == topology("one")
    with monkeypatch.context() as patch:
        patch.setattr("eigw_ns.lab.storage.store.to_data", _forbidden)
        assert store().holds(read.topology, read.version)
    assert store().holds(read.topology)


@pytest.mark.parametrize("change", ["save", "edit", "remove"])
def test_an_old_version_does_not_count(change: str) -> None:
    store().save(topology("one"))
    read = store().read("one")
    path = folders().topology_file("one")
    if change == "save":
        store().save(replace(topology("one"), expectations=()))
    elif change == "edit":
        path.write_text(path.read_text().replace("demo.yaml", "omed.yaml").replace('"tcp"', '"udp"'))
    else:
        store().remove("one")
    assert not store().holds(read.topology, read.version)


def test_the_same_topology_saved_again_is_held() -> None:
    store().save(topology("one"))
    read = store().read("one")
    store().save(topology("one"))
    assert store().read("one").version != read.version
    assert store().holds(read.topology, read.version)


def _forbidden(*_: object) -> None:
    raise AssertionError("the topology was encoded")

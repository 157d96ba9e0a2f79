"""Changes in a log beside a stored topology: after a crash at any byte, a reader finds what was before or after it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eigw_ns.cloud.model import Cloud
from eigw_ns.errors import EigwError, HostError
from eigw_ns.lab.storage import change_log
from eigw_ns.lab.storage.parse_cache import ParseCache, Source
from eigw_ns.lab.storage.protocols import Stored
from eigw_ns.lab.storage.store import FileStore
from eigw_ns.topology import Topology, example, load, to_data
from eigw_ns.topology.delta import delta, with_delta
from tests.support.changes import changed, same_lab
from tests.support.stored import folders, store
from tests.support.strategies import clouds

LAB = "one"


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EIGW_NS_STATE_DIR", str(tmp_path))
    return tmp_path


def topology(lab: str = LAB) -> Topology:
    return load(example("demo").replace("lab: demo", f"lab: {lab}").encode(), file="demo.yaml", default_lab=lab)


def tagged(given: Topology, value: str) -> Topology:
    """Return the topology with a tag of its first VPC."""
    key, vpc = next(iter(given.cloud.vpcs.items()))
    vpcs = {**given.cloud.vpcs, key: replace(vpc, tags=(("value", value),))}
    return replace(given, cloud=replace(given.cloud, vpcs=vpcs))


def change(known: Stored, value: str) -> Stored:
    """Store a change as a process does that serves the lab."""
    after = tagged(known.topology, value)
    return Stored(after, store().save_change(known, after))


def log() -> Path:
    return folders().changes_file(LAB)


def saved(*values: str) -> Stored:
    """Store a topology and changes of it, of which the log has the last ones."""
    store().save(topology())
    known = store().read(LAB)
    for value in values:
        known = change(known, value)
    return known


# ---- the data of a change --------------------------------------------------------------------------------------------


@given(clouds(), st.data())
@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
def test_the_data_of_a_change_leads_to_the_cloud_after_it(first: Cloud, draw: st.DataObject) -> None:
    before = Topology(same_lab(first))
    after = Topology(changed(before.cloud, draw))
    data = delta(before, after)
    if data is not None:
        found = with_delta(before, json.loads(json.dumps(data)))
        assert found == after
        assert list(found.cloud.subnets) == list(after.cloud.subnets)
        assert list(found.cloud.client_tokens) == list(after.cloud.client_tokens)


@given(clouds())
@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
def test_every_resource_can_be_data_of_a_change(cloud: Cloud) -> None:
    empty, whole = Topology(Cloud(cloud.lab)), Topology(cloud)
    data = delta(empty, whole)
    assert data is not None
    assert with_delta(empty, json.loads(json.dumps(data))) == whole
    assert delta(whole, whole) == {}


def test_what_is_no_resource_has_no_data() -> None:
    given = topology()
    assert delta(given, replace(given, expectations=())) is None
    subnets = dict(reversed(list(given.cloud.subnets.items())))
    assert len(subnets) > 1
    assert delta(given, replace(given, cloud=replace(given.cloud, subnets=subnets))) is None


@pytest.mark.parametrize("data", [{"nothing": {}}, {"vpcs": {"a": {"Once": {}}}}, {"vpcs": {"a": {"Cloud": []}}}])
def test_data_that_no_change_made_is_refused(data: Any) -> None:
    with pytest.raises((ValueError, KeyError, TypeError, AttributeError)):
        with_delta(topology(), data)


# ---- the log ---------------------------------------------------------------------------------------------------------


def test_a_change_is_appended_and_read_and_the_file_stays() -> None:
    store().save(topology())
    file = folders().topology_file(LAB).read_bytes()
    known = saved("a", "b")
    assert folders().topology_file(LAB).read_bytes() == file
    assert log().read_bytes().count(b"\n") == 3
    assert store().read(LAB) == known
    assert store().version(LAB) == known.version
    assert store().holds(known.topology)
    assert store().holds(known.topology, known.version)
    assert not store().holds(topology())
    assert log().stat().st_mode & 0o777 == 0o644


def test_the_whole_file_replaces_the_log() -> None:
    known = saved("a")
    assert store().save(known.topology) == store().version(LAB)
    assert not log().exists()
    assert to_data(store().load(LAB)) == to_data(known.topology)


def test_removed_with_the_lab(state: Path) -> None:
    saved("a")
    store().remove(LAB)
    assert not (state / LAB).exists()


def test_the_log_of_a_removed_lab_is_not_read_beside_the_same_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash in `remove` leaves the log. A second one, when the same topology is stored, must not bring it back."""
    saved("a")
    folders().topology_file(LAB).unlink()

    remove = FileStore._remove_log

    def crash(self: FileStore, lab: str) -> None:
        if self.exists(lab):
            raise KeyboardInterrupt
        remove(self, lab)

    monkeypatch.setattr(FileStore, "_remove_log", crash)
    with pytest.raises(KeyboardInterrupt):
        store().save(topology())
    assert store().load(LAB) == topology()


def test_a_crash_at_any_byte_leaves_the_topology_before_or_after() -> None:
    first, last = saved("a"), saved("a", "b")
    content = log().read_bytes()
    whole = [place + 1 for place, byte in enumerate(content) if byte == ord("\n")]
    ends = {end + more for end in (0, *whole) for more in (-1, 0, 1)}
    for size in sorted({*range(0, len(content), 7), *ends} & set(range(len(content)))):
        log().write_bytes(content[:size])
        found = store().read(LAB)
        done = sum(end <= size for end in whole)
        assert found.topology == (topology(), topology(), first.topology)[done]
        if size % 35 == 0:
            again = change(found, "c")
            assert store().load(LAB) == again.topology
            folders().topology_file(LAB).write_bytes(store_text())
    log().write_bytes(content)
    assert store().load(LAB) == last.topology


def store_text() -> bytes:
    store().save(topology())
    return folders().topology_file(LAB).read_bytes()


def crash_after_the_file(monkeypatch: pytest.MonkeyPatch, after: Topology) -> None:
    """Store a topology, and crash when the new file is written and the old log is still there."""

    def crash(_self: FileStore, _lab: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(FileStore, "_remove_log", crash)
        store().save(after)


def test_a_log_of_another_file_does_not_count_and_grows_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash between the new file and the end of the old log leaves both."""
    saved("a")
    crash_after_the_file(monkeypatch, tagged(topology(), "new"))
    assert log().exists()
    known = store().read(LAB)
    assert known.topology == tagged(topology(), "new")
    assert change(known, "b").topology == store().load(LAB)
    assert not log().exists()


def test_a_second_crash_leaves_the_second_file(monkeypatch: pytest.MonkeyPatch) -> None:
    saved("a")
    for value in ("b", "c"):
        crash_after_the_file(monkeypatch, tagged(topology(), value))
        assert store().load(LAB) == tagged(topology(), value)


def test_a_crash_before_the_new_file_leaves_the_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    known = saved("a", "b")
    log().write_bytes(log().read_bytes() + b"torn")

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("eigw_ns.lab.storage.store.write_atomically", crash)
        store().save(tagged(topology(), "c"))
    assert store().load(LAB) == known.topology
    assert change(store().read(LAB), "c").topology == store().load(LAB)
    assert not log().exists()


def test_a_file_that_was_edited_beside_a_log_is_refused_and_nothing_is_lost(state: Path) -> None:
    """Silently, either the edit or the changes would be lost."""
    known = saved("a", "b")
    file, changes = folders().topology_file(LAB), log().read_bytes()
    original = file.read_text()
    file.write_text(original.replace("2600:", "2601:"))
    with pytest.raises(EigwError, match=r"topology\.json was edited, and .* has 2 changes") as caught:
        store().read(LAB)
    assert "undo the edit; or apply a topology file" in (caught.value.hint or "")
    assert not store().holds(known.topology)
    file.write_text(original)
    assert store().load(LAB) == known.topology
    file.write_text(original.replace("2600:", "2601:"))
    store().save(topology())
    assert store().load(LAB) == topology()
    (kept,) = (state / LAB).glob("*.kept")
    assert kept.read_bytes() == changes and not log().exists()


@pytest.mark.parametrize("line", [1, 2])
def test_a_damaged_line_is_an_error(line: int) -> None:
    saved("a", "b")
    lines = log().read_bytes().splitlines(keepends=True)
    lines[line] = lines[line].replace(b"value", b"valve")
    log().write_bytes(b"".join(lines))
    with pytest.raises(EigwError, match="is damaged: line"):
        store().load(LAB)
    assert not store().holds(topology())


def test_a_line_cannot_be_lost_between_others() -> None:
    saved("a", "b", "c")
    lines = log().read_bytes().splitlines(keepends=True)
    log().write_bytes(b"".join(lines[:2] + lines[3:]))
    with pytest.raises(EigwError, match="is damaged"):
        store().load(LAB)


def test_a_change_that_cannot_be_appended_leaves_the_log_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    known = saved("a")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("eigw_ns.lab.storage.change_log.os.fsync", full)
        with pytest.raises(HostError, match="No space left"):
            change(known, "b")
    assert store().read(LAB).topology == known.topology
    assert change(store().read(LAB), "c").topology == store().load(LAB)


def test_a_change_of_what_is_not_stored_any_more_writes_the_whole_file() -> None:
    known = saved("a")
    store().save(tagged(topology(), "other"))
    assert change(known, "b").topology == store().load(LAB)
    assert not log().exists()


def test_a_large_log_is_written_into_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    known = saved("a")
    monkeypatch.setattr("eigw_ns.lab.storage.store._LOG_LIMIT", 0)
    monkeypatch.setattr("eigw_ns.lab.storage.store.max", lambda *_: 0, raising=False)
    known = change(known, "b")
    assert not log().exists()
    assert store().read(LAB) == Stored(known.topology, store().version(LAB))


def test_a_file_is_read_again_if_it_is_replaced_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader has no lock. It must not take a file for the newest because the log has just been removed."""
    from eigw_ns.lab.storage import store as module

    known, real = saved("a"), module.read_file

    def racing(path: Path) -> module.Content:
        found = real(path)
        monkeypatch.setattr("eigw_ns.lab.storage.store.read_file", real)
        store().save(known.topology)
        return found

    monkeypatch.setattr("eigw_ns.lab.storage.store.read_file", racing)
    assert to_data(store().load(LAB)) == to_data(known.topology)


def test_a_file_whose_lab_has_changed_is_read_and_not_recalled() -> None:
    text = example("demo").replace("lab: demo", f"lab: {LAB}").encode()
    store().save(topology())
    ParseCache(folders()).remember(Source(text, LAB), topology())
    assert ParseCache(folders()).recall(Source(text, LAB)) is not None
    change(store().read(LAB), "a")
    assert ParseCache(folders()).recall(Source(text, LAB)) is None


def test_nothing_is_appended_after_a_line_without_its_end(tmp_path: Path) -> None:
    path = tmp_path / "log"
    base = change_log.Base.of(b"content", "1 2 3")
    with path.open("w+b") as stream:
        change_log.append(stream.fileno(), base, {"a": {}})
        assert change_log.base_of(stream.fileno(), "1 2 3") == base
        assert change_log.base_of(stream.fileno(), "1 2 4") is None
        stream.truncate(path.stat().st_size - 1)
        assert change_log.base_of(stream.fileno(), "1 2 3") is None

"""An applied file is read again only if the file, the stored topology, or the code that reads it has changed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import eigw_ns
from eigw_ns.kernel.fake.fake_kernel import FakeKernel
from eigw_ns.kernel.host import trusted_folder
from eigw_ns.lab.lifecycle import operations
from eigw_ns.lab.storage.parse_cache import ParseCache, Source
from eigw_ns.topology import Topology, example, load
from tests.support.stored import folders, storage, store

TEXT = example("demo").encode()


def recalled(source: Source) -> Topology | None:
    """Return the topology of the source if the cache knows it."""
    found = ParseCache(folders()).recall(source)
    assert found is None or found == store().read(found.topology.cloud.lab)
    return found.topology if found else None


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EIGW_NS_STATE_DIR", str(tmp_path))
    return tmp_path


def applied(text: bytes = TEXT, default_lab: str = "mine") -> Topology:
    """Store and note a topology as `apply` does. Returns it."""
    found = load(text, file="demo.yaml", default_lab=default_lab)
    store().save(found)
    ParseCache(folders()).remember(Source(text, default_lab), found)
    return found


def test_what_was_applied_is_recalled() -> None:
    assert recalled(Source(TEXT, "mine")) is None
    found = applied()
    assert recalled(Source(TEXT, "mine")) == found


def test_a_file_among_several_labs() -> None:
    for lab in ("one", "two", "three"):
        applied(TEXT.replace(b"lab: demo", f"lab: {lab}".encode()))
    found = recalled(Source(TEXT.replace(b"lab: demo", b"lab: two"), "mine"))
    assert found is not None
    assert found.cloud.lab == "two"


@pytest.mark.parametrize("changed", [Source(TEXT + b"\n", "mine"), Source(TEXT, "yours"), Source(b"", "mine")])
def test_another_file_is_read(changed: Source) -> None:
    applied()
    assert recalled(changed) is None


def test_the_file_is_read_if_the_lab_has_changed() -> None:
    found = applied()
    store().save(replace(found, expectations=()))
    assert recalled(Source(TEXT, "mine")) is None
    store().save(found)  # and back
    assert recalled(Source(TEXT, "mine")) == found


def test_a_note_about_another_topology_does_not_count() -> None:
    """Another process may have stored another topology before the note is written."""
    found = load(TEXT, file="demo.yaml", default_lab="mine")
    store().save(replace(found, expectations=()))
    ParseCache(folders()).remember(Source(TEXT, "mine"), found)
    assert recalled(Source(TEXT, "mine")) is None


def test_other_code_reads_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    applied()
    monkeypatch.setattr(eigw_ns, "__version__", "999")
    assert recalled(Source(TEXT, "mine")) is None


def test_changed_code_reads_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = tmp_path / "eigw_ns"
    (code / "cloud").mkdir(parents=True)
    (code / "topology" / "rules").mkdir(parents=True)
    module = code / "topology" / "rules" / "routes.py"
    module.write_text("before")
    monkeypatch.setattr(eigw_ns, "__file__", str(code / "__init__.py"))
    monkeypatch.setenv("EIGW_NS_STATE_DIR", str(tmp_path / "state"))
    applied()
    assert recalled(Source(TEXT, "mine")) is not None
    module.write_text("behind")
    assert recalled(Source(TEXT, "mine")) is None


@pytest.mark.parametrize("note", [b"", b"\xff\xff", b"0" * 64])
def test_an_invalid_note_is_ignored(note: bytes) -> None:
    applied()
    folders().source_file("demo").write_bytes(note)
    assert recalled(Source(TEXT, "mine")) is None


def test_a_damaged_topology_is_not_recalled() -> None:
    applied()
    folders().topology_file("demo").write_text("{")
    assert recalled(Source(TEXT, "mine")) is None


def test_a_note_is_written_once_and_goes_with_the_lab(state: Path) -> None:
    found = applied()
    before = folders().source_file("demo").stat().st_mtime_ns
    ParseCache(folders()).remember(Source(TEXT, "mine"), found)
    assert folders().source_file("demo").stat().st_mtime_ns == before
    store().remove("demo")
    assert list(state.iterdir()) == []


def test_a_note_that_cannot_be_written_is_not_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_path: Path, _content: str) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("eigw_ns.lab.storage.store.write_atomically", full)
    ParseCache(folders()).remember(Source(TEXT, "mine"), load(TEXT, file="demo.yaml", default_lab="mine"))


def test_a_user_without_access_to_the_state_folder_reads_the_file(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(_directory: Path) -> tuple[str, ...]:
        raise PermissionError(13, "Permission denied", str(state))

    applied()
    monkeypatch.setattr("eigw_ns.lab.storage.folders.labs_in", forbidden)
    assert recalled(Source(TEXT, "mine")) is None


def test_a_second_apply_reads_the_stored_topology_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("EIGW_NS_RUN_DIR", str(tmp_path / "run"))
    kernel = FakeKernel()
    operations.apply(kernel, storage(), load(TEXT, file="demo.yaml", default_lab="mine"))
    applied()
    opened = opened_files(monkeypatch)
    found = ParseCache(folders()).recall(Source(TEXT, "mine"))
    assert found is not None
    assert operations.apply(kernel, storage(), found.topology, version=found.version).steps == 0
    assert opened.count("topology.json") == 1


def opened_files(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list to which the name of each file is added that is opened in the folders of labs."""
    opened: list[str] = []
    real = trusted_folder.open_file

    def noting(folder: int, name: str, flags: int, mode: int = 0o600) -> int:
        opened.append(name)
        return real(folder, name, flags, mode)

    monkeypatch.setattr(trusted_folder, "open_file", noting)
    return opened

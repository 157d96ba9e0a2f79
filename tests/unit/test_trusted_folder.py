"""A folder is used only if no other user can change what is in it, and never another one than was checked."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from eigw_ns.kernel.host import trusted_folder
from eigw_ns.kernel.host.trusted_folder import UntrustedFolderError


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    file = tmp_path / "elsewhere" / "precious"
    file.parent.mkdir()
    file.write_text("precious")
    return file


def accepted(folder: Path) -> bool:
    try:
        with trusted_folder.opened(folder):
            return True
    except UntrustedFolderError:
        return False


@pytest.mark.parametrize(
    ("mode", "as_parent", "as_folder"),
    [(0o755, True, True), (0o700, True, True), (0o777, False, False), (0o757, False, False), (0o1777, True, False)],
)
def test_only_a_parent_may_be_sticky_and_open_to_every_user(
    tmp_path: Path, mode: int, as_parent: bool, as_folder: bool
) -> None:
    parent = tmp_path / "parent"
    (parent / "lab").mkdir(parents=True)
    parent.chmod(mode)
    assert (accepted(parent / "lab"), accepted(parent)) == (as_parent, as_folder)


def test_a_refusal_names_the_place_that_is_nearest_to_the_folder(tmp_path: Path) -> None:
    outer, inner = tmp_path / "outer", tmp_path / "outer" / "inner"
    (inner / "lab").mkdir(parents=True)
    for folder in (outer, inner):
        folder.chmod(0o777)
    with pytest.raises(UntrustedFolderError, match=r"outer/inner, which belongs to .* may be written to by every user"):
        trusted_folder.require(inner / "lab")


def test_nothing_is_created_in_a_folder_that_is_not_trusted(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(UntrustedFolderError), trusted_folder.opened(tmp_path / "run" / "lab", create=True):
        raise AssertionError("it was opened")
    assert list(tmp_path.iterdir()) == []
    tmp_path.chmod(0o755)
    with trusted_folder.opened(tmp_path / "run" / "lab", create=True):  # the control
        assert (tmp_path / "run" / "lab").stat().st_mode & 0o777 == 0o755


def test_links_of_this_user_are_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a" / "real" / "lab").mkdir(parents=True)
    (tmp_path / "relative").symlink_to("a/../a/real")
    (tmp_path / "absolute").symlink_to(tmp_path / "relative")
    monkeypatch.chdir(tmp_path)
    for folder in (Path("absolute/lab"), tmp_path / "absolute" / ".." / "real" / "lab"):
        with trusted_folder.opened(folder) as descriptor:
            assert os.path.samestat(os.fstat(descriptor), (tmp_path / "a" / "real" / "lab").stat())


def test_links_that_never_end_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(OSError, match="symbolic links"), trusted_folder.opened(tmp_path / "loop"):
        raise AssertionError("it was opened")
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_folder_that_is_replaced_after_the_check_is_not_used(tmp_path: Path, precious: Path) -> None:
    folder = tmp_path / "lab"
    with trusted_folder.opened(folder, create=True) as descriptor:
        folder.rename(tmp_path / "moved")
        folder.symlink_to(precious.parent)
        os.close(trusted_folder.open_file(descriptor, precious.name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC))
    assert (tmp_path / "moved" / precious.name).read_text() == ""
    assert precious.read_text() == "precious"


def test_a_link_is_not_opened_as_a_file(tmp_path: Path, precious: Path) -> None:
    (tmp_path / "lock").symlink_to(precious)
    with trusted_folder.opened(tmp_path) as folder, pytest.raises(OSError, match="lock is a symbolic link"):
        trusted_folder.open_file(folder, "lock", os.O_WRONLY | os.O_TRUNC)
    assert precious.read_text() == "precious"

"""What versions before 0.2 left running is stopped, and nothing else, whatever looks like it."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from eigw_ns.kernel.namespaces import netns
from eigw_ns.kernel.replication import former
from tests.support.labs import until
from tests.support.ordinary_user import ordinary_user

pytestmark = pytest.mark.root

FILES = ("control", "lock", "log", "conntrackd.conf")
ID = "eigw-00000000000000001"


def _pretending(folder: Path) -> Path:
    """A program that waits, and that every list of processes shows as a conntrackd."""
    program = folder / "conntrackd"
    shutil.copy(shutil.which("tail") or "tail", program)
    program.chmod(0o755)
    return program


@contextlib.contextmanager
def _daemon(program: Path, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Start the program as versions before 0.2 started conntrackd: in its folder, its output its log there."""
    folder.mkdir(parents=True)
    for name in FILES:
        (folder / name).touch(0o600)
    command = [str(program), "-f", "/dev/null", str(folder / "conntrackd.conf")]
    with (folder / "log").open("w") as log, netns.nameless():
        started = subprocess.Popen(command, stdout=log, stderr=log, text=True)
    with started:
        yield started
        started.kill()


def test_a_daemon_in_the_labs_folder_is_stopped_and_its_folder_removed(tmp_path: Path) -> None:
    program, folder = _pretending(tmp_path), tmp_path / "run" / "lab"
    with _daemon(program, folder / ID) as one, _daemon(program, folder / f"{ID}.2") as two:
        assert former.stop_daemons(folder) == 2
        until(lambda: None not in (one.poll(), two.poll()), "both have ended")
        assert not folder.exists()
        assert former.stop_daemons(folder) == 0


def test_a_daemon_whose_program_was_replaced_is_found(tmp_path: Path) -> None:
    program, folder = _pretending(tmp_path), tmp_path / "run" / "lab"
    with _daemon(program, folder / ID) as started:
        program.unlink()
        program.touch()
        assert former.stop_daemons(folder) == 1
        until(lambda: started.poll() is not None, "it has ended")


def test_what_only_looks_like_a_daemon_is_left_alone(tmp_path: Path) -> None:
    """Of an ordinary user, of another lab, with this lab's folder in its command line. The control: ours is stopped."""
    program, folder = _pretending(tmp_path), tmp_path / "run" / "lab"
    with contextlib.ExitStack() as stack:
        ours = stack.enter_context(_daemon(program, folder / ID))
        others = [stack.enter_context(_daemon(program, tmp_path / "run" / "other" / ID))]
        user = stack.enter_context(ordinary_user())
        theirs = _pretending(user.home)
        others += [
            user.start(str(theirs), "-f", "/dev/null", str(last))
            for last in (folder / ID / "conntrackd.conf", folder / ID / "log", folder / "x")
        ]
        for each in others[1:]:
            stack.enter_context(each)
            stack.callback(each.kill)
        until(lambda: all(_comm(each.pid) == "conntrackd" for each in others), "all look like it")
        assert former.stop_daemons(folder) == 1
        until(lambda: ours.poll() is not None, "ours has ended")
        assert [each.args for each in others if each.poll() is not None] == []
        assert sorted(each.name for each in (tmp_path / "run" / "other" / ID).iterdir()) == sorted(FILES)


def test_a_folder_without_a_daemon_is_removed_and_others_stay(tmp_path: Path) -> None:
    folder = tmp_path / "lab"
    for name in (ID, f"{ID}.2"):
        (folder / name).mkdir(parents=True)
    for name in FILES:
        (folder / ID / name).touch()
    (folder / "journal").touch()
    assert former.stop_daemons(folder) == 0
    assert sorted(each.name for each in folder.iterdir()) == [f"{ID}.2", "journal"]
    assert former.stop_daemons(tmp_path / "nothing") == 0


def _comm(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip()

"""An ordinary user without an account: processes of root that give up root's privileges."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from eigw_ns.kernel.namespaces import pause_process
from tests.support import restrict
from tests.support.command import SECONDS, Result

REPO = Path(__file__).parents[2]
UID = 100_000 + os.getpid()
"""The user's id. It is unique, even among test runs at the same time."""
FALLBACK = Path(f"/tmp/eigw-ns-{UID}")
"""The user's run folder if XDG_RUNTIME_DIR is not set."""
RECORD = "keeper"
"""The record of the pause process, in the run folder."""


@dataclass(frozen=True)
class User:
    """A user with a home and without a name. `settings` is the environment of each of the user's processes."""

    home: Path
    settings: Mapping[str, str]

    def start(
        self, *command: str, env: Mapping[str, str] | None = None, prepare: Callable[[], None] = lambda: None
    ) -> subprocess.Popen[str]:
        """Start a process of the user in the repository. It calls `prepare` while it still is root."""

        def become() -> None:
            prepare()
            _become_ordinary()

        return subprocess.Popen(
            command,
            cwd=REPO,
            env={**self.settings, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=become,
        )

    def run(
        self,
        *command: str,
        env: Mapping[str, str] | None = None,
        prepare: Callable[[], None] = lambda: None,
        seconds: float = SECONDS,
    ) -> Result:
        """Run a process of the user to its end."""
        with self.start(*command, env=env, prepare=prepare) as process:
            try:
                out, err = process.communicate(timeout=seconds)
            except BaseException:
                process.kill()
                raise
        return Result(process.returncode, out, err)

    def eigw(
        self, *arguments: str, env: Mapping[str, str] | None = None, prepare: Callable[[], None] = lambda: None
    ) -> Result:
        """Run `eigw-ns` as the user."""
        return self.run(sys.executable, "-m", "eigw_ns", *arguments, env=env, prepare=prepare)

    @property
    def folder(self) -> Path:
        """The user's run folder."""
        return Path(self.settings["XDG_RUNTIME_DIR"]) / "eigw-ns"


@contextmanager
def ordinary_user() -> Iterator[User]:
    """Yield a user with a home; then end the pause process and remove the home. Fail if a pause process was left."""
    home = Path(tempfile.mkdtemp(prefix="eigw-ns-home-"))
    runtime = home / "runtime"
    try:
        runtime.mkdir()
        for folder in (home, runtime):
            folder.chmod(0o700)
            os.chown(folder, UID, UID)
        names = ("PATH", "LANG", "PYTHONPATH", "CI", "EIGW_NS_SLOWNESS")
        kept = {name: os.environ[name] for name in names if name in os.environ}
        yield User(home, {**kept, "HOME": str(home), "XDG_RUNTIME_DIR": str(runtime), "PYTHONDONTWRITEBYTECODE": "1"})
    finally:
        left = [found for folder in (runtime / "eigw-ns", FALLBACK) if (found := pause_process.find(folder / RECORD))]
        for each in left:
            pause_process.end(each)
        shutil.rmtree(home)
        shutil.rmtree(FALLBACK, ignore_errors=True)
    assert not left, "the pause process outlived its labs"


def _become_ordinary() -> None:
    _open_ways({REPO, Path(sys.prefix), Path(sys.base_prefix)})
    os.setgroups([])
    os.setresgid(UID, UID, UID)
    os.setresuid(UID, UID, UID)


def _open_ways(places: set[Path]) -> None:
    """Make the places readable in a private mount namespace if a parent, such as /root, is closed to other users."""
    ways = {place: folder for place in places for folder in place.parents if not folder.stat().st_mode & 0o001}
    if not ways:
        return
    restrict.private_mounts()
    held = {place: os.open(place, os.O_PATH) for place in ways}
    for folder in set(ways.values()):
        restrict.cover(folder)
    for place, descriptor in held.items():
        place.mkdir(parents=True, exist_ok=True)
        restrict.bind(Path(f"/proc/self/fd/{descriptor}"), place)

"""An ordinary user, who may be nobody: processes of root's that give up all that root has."""

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

from eigw_ns.kernel import keeper
from tests.cli import restrict
from tests.cli.command import SECONDS, Result

REPO = Path(__file__).parents[1]
UID = 100_000 + os.getpid()
"""The user's number. Nobody else has it, not even another run of the tests."""
FALLBACK = Path(f"/tmp/eigw-ns-{UID}")
"""His run folder where he has no XDG_RUNTIME_DIR."""
RECORD = "keeper"
"""In his run folder."""


@dataclass(frozen=True)
class User:
    """Who has a home, and no name. `settings` are of every process of his."""

    home: Path
    settings: Mapping[str, str]

    def start(
        self, *command: str, env: Mapping[str, str] | None = None, prepare: Callable[[], None] = lambda: None
    ) -> subprocess.Popen[str]:
        """Starts a process of the user's, in the repo; it calls `prepare` while it is root's still."""

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
        """Runs a process of the user's to its end."""
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
        """Runs `eigw-ns` as the user."""
        return self.run(sys.executable, "-m", "eigw_ns", *arguments, env=env, prepare=prepare)

    @property
    def folder(self) -> Path:
        """His run folder."""
        return Path(self.settings["XDG_RUNTIME_DIR"]) / "eigw-ns"


@contextmanager
def ordinary_user() -> Iterator[User]:
    """A user with a home, which is gone afterwards, as is his keeper; one that outlived its labs is a failure."""
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
        left = [found for folder in (runtime / "eigw-ns", FALLBACK) if (found := keeper.find(folder / RECORD))]
        for each in left:
            keeper.end(each)
        shutil.rmtree(home)
        shutil.rmtree(FALLBACK, ignore_errors=True)
    assert not left, "the keeper outlived its labs"


def _become_ordinary() -> None:
    _open_ways({REPO, Path(sys.prefix), Path(sys.base_prefix)})
    os.setgroups([])
    os.setresgid(UID, UID, UID)
    os.setresuid(UID, UID, UID)


def _open_ways(places: set[Path]) -> None:
    """Root's clone may stand in /root, where nobody else may look: then show it there in mounts of this process's."""
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

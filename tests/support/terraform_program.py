"""Terraform as a program: one that only notes how it was called, and the real one if its AWS provider is there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_MIRRORS = [
    Path.home() / ".terraform.d/plugins", *map(Path, ("/usr/local/share/terraform/plugins", "/opt/tf-plugins")),
]  # fmt: skip
_PROVIDER = "registry.terraform.io/hashicorp/aws"
MIRROR = next((mirror for mirror in _MIRRORS if (mirror / _PROVIDER).is_dir()), None)
"""A folder that holds Terraform's AWS provider."""

_PROGRAM = """#!{python} -I
import json, os, select, sys
here = os.path.dirname(os.path.abspath(__file__))
if sys.argv[1] == "version":
    print(open(here + "/version").read())
    sys.exit()
root = os.path.dirname(os.getcwd())
files = [os.path.relpath(os.path.join(folder, name)) for folder, _, names in os.walk(root) for name in names]
top = os.getcwd()
while os.path.basename(top) != "configuration":
    top = os.path.dirname(top)
call = {{
    "arguments": sys.argv[1:], "folder": os.getcwd(), "environment": dict(os.environ), "user": os.geteuid(),
    "files": files + os.listdir("."), "links": [name for name in files if os.path.islink(name)],
    "mode": os.stat(os.path.dirname(top)).st_mode & 0o777,
}}
with open(here + "/calls", "a") as log:
    log.write(json.dumps(call) + chr(10))
exec(open(here + "/answer").read())
"""


@dataclass(frozen=True)
class Fake:
    """A program named terraform, in a folder of its own."""

    folder: Path

    @classmethod
    def made(cls, folder: Path, state: str) -> Fake:
        """Make the program. It says version 1.11.4, and prints `state`."""
        folder.mkdir()
        program = folder / "terraform"
        program.write_text(_PROGRAM.format(python=sys._base_executable))  # type: ignore[attr-defined]
        program.chmod(0o755)
        (folder / "calls").touch()
        made = cls(folder)
        made.version("1.11.4")
        (folder / "state").write_text(state)
        made.answer("print(open(here + '/state').read())")
        return made

    def version(self, text: str) -> None:
        """Let it say another version."""
        (self.folder / "version").write_text(json.dumps({"terraform_version": text}))

    def answer(self, script: str) -> None:
        """Let `terraform test` run these Python statements."""
        (self.folder / "answer").write_text(script)

    def open_to_all(self) -> None:
        """Let other users write down how they called it."""
        (self.folder / "calls").chmod(0o666)

    def calls(self) -> list[dict[str, Any]]:
        """Return how `terraform test` was called, the last call last."""
        return [json.loads(line) for line in (self.folder / "calls").read_text().splitlines()]

    @property
    def environment(self) -> Mapping[str, str]:
        """An environment in which it is the only terraform."""
        return {"PATH": f"{self.folder}:/usr/bin:/bin"}


def initialised(source: Path, below: Path) -> Path:
    """Return a copy of a configuration that the real terraform has initialised."""
    folder = below / "infra"
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("*.json", "*.jsonl"))
    command = ("terraform", "init", "-backend=false", "-input=false", f"-plugin-dir={MIRROR}")
    environment = {"PATH": os.environ["PATH"], "HOME": str(below), "CHECKPOINT_DISABLE": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def tree(folder: Path) -> dict[str, tuple[int, int]]:
    """Return size and time of change of each file below the folder."""
    found = sorted(path for path in folder.rglob("*") if not path.is_dir())
    return {str(path): (path.lstat().st_size, path.lstat().st_mtime_ns) for path in found}

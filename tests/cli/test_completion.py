"""The completion scripts in the shells that are installed; scripts/try-deb tests all three."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from eigw_ns.topology import Topology
from tests.support.command import SECONDS

BASH = """
eval "$(eigw-ns completion bash)"
COMP_WORDS=(eigw-ns exec main/w) COMP_CWORD=2 && _eigw_ns_completion eigw-ns && echo "${COMPREPLY[@]}"
"""

IDS = """
eval "$(eigw-ns completion bash)"
COMP_WORDS=(eigw-ns ec2 describe-subnets --subnet-ids main/pub) COMP_CWORD=4
_eigw_ns_completion eigw-ns && echo "${COMPREPLY[@]}"
"""

FISH = """
eigw-ns completion fish | source
complete -C "eigw-ns exec main/w"
"""


@pytest.mark.parametrize(
    ("shell", "script", "offered"),
    [
        ("bash", BASH, "main/www"),
        ("bash", IDS, "main/public-a"),
        ("fish", FISH, "main/www\tinstance"),
    ],
)
def test_tab(shell: str, script: str, offered: str, stored: Callable[[str], Topology], tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    stored("tabbed")
    env = {**os.environ, "HOME": str(tmp_path), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run([shell, "-c", script], capture_output=True, text=True, env=env, timeout=SECONDS, check=True)
    assert done.stdout.strip() == offered

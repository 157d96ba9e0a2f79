"""The modules that a run of the program loads."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.support.command import SECONDS

HEAVY = (
    "pydantic",
    "ruamel",
    "rich",
    "nftables",
    "eigw_ns.lab",
    "eigw_ns.kernel",
    "eigw_ns.topology",
    "eigw_ns.cli.verbs",
)


def loaded_by(*arguments: str) -> set[str]:
    """Return the modules that are loaded after `eigw-ns` ran with these arguments."""
    code = (
        "import json, sys; from eigw_ns.cli.program import run; run(sys.argv[1:]); print(json.dumps(list(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=SECONDS, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))

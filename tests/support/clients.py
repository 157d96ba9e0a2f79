"""A lab behind `eigw-ns serve`, and the environment of clients that users have."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from eigw_ns.dataplane.state.naming import lab_of
from eigw_ns.kernel.namespaces import netns
from tests.support.command import Result, process
from tests.support.serving import Serving, serving

WEB = "2001:db8:80::1"
_TREE = {"vpcs": {}, "internet": {"hosts": {"web": {"ipv6_address": WEB}}}}
_PATIENCE = 110
"""Seconds that a client may take: the time limit of a test, less a little."""


@dataclass(frozen=True)
class Endpoint:
    """A served lab. `environment` is what a client needs, and nothing of the user's own AWS settings."""

    lab: str
    server: Serving
    environment: Mapping[str, str]

    def run(self, verb: str, *arguments: str) -> Result:
        """Run a verb of eigw-ns on the lab."""
        return process(verb, "--lab", self.lab, *arguments, env=self.environment)

    def pings(self, source: str, address: str) -> bool:
        """Return whether an echo request of the node is answered."""
        return self.run("exec", source, "--", "ping", "-6", "-c", "1", "-W", "1", address).code == 0

    def export_changes_nothing(self) -> bool:
        """Return whether `apply` finds no change in the file that `export` writes."""
        file = Path(self.environment["HOME"]) / "exported.yaml"
        exported = self.run("export")
        assert exported.code == 0, exported.err
        file.write_text(exported.out)
        applied = self.run("apply", "--take-over", "-f", str(file))
        assert applied.code == 0, applied.err
        return applied.err.startswith("nothing to do")

    def namespaces(self) -> set[str]:
        """Return the names of the lab's namespaces."""
        return {name for name in netns.names() if lab_of(name) == self.lab}

    def client(self, *command: str, cwd: Path | None = None, **variables: str) -> Result:
        """Run a client in its environment and `variables`."""
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            env={**self.environment, **variables},
            cwd=cwd,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)


@contextlib.contextmanager
def endpoint(lab: str, folder: Path) -> Iterator[Endpoint]:
    """Serve a new lab of one internet host, `web`. At the end the kernel must be as the store says."""
    folders = {"EIGW_NS_STATE_DIR": str(folder / "state"), "EIGW_NS_RUN_DIR": str(folder / "run")}
    tree = json.dumps({"lab": lab, **_TREE})
    assert process("apply", "-q", "-f", "-", stdin=tree, env=folders).code == 0
    with serving("--lab", lab, "--listen", "127.0.0.1:0", env=folders) as server:
        yield Endpoint(lab, server, {**folders, **_environment(server, folder)})
        code, _ = server.end()
    assert code == 0
    assert process("status", "--lab", lab, env=folders).code == 0, "the store and the kernel differ"
    assert process("destroy", "-q", "--lab", lab, env=folders).code == 0


def _environment(server: Serving, home: Path) -> dict[str, str]:
    """Return the variables that `serve` tells users to set. The client finds no other settings."""
    return {
        **{name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ},
        "HOME": str(home),
        "AWS_ENDPOINT_URL_EC2": server.url,
        "AWS_ENDPOINT_URL_STS": server.url,
        "AWS_ACCESS_KEY_ID": server.access["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": server.access["secret_access_key"],
        "AWS_REGION": server.access["region"],
        "AWS_DEFAULT_REGION": server.access["region"],
        "AWS_EC2_METADATA_DISABLED": "true",
    }

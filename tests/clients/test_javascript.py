"""The AWS SDK for JavaScript (version 3): waiters, pages, dates and errors are read as it expects.

Needs the Debian packages nodejs and npm. It installs @aws-sdk/client-ec2 (43 MB) from npm's registry, so it is nightly.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.clients import Endpoint

PROGRAM = Path(__file__).parent / "javascript.mjs"
PACKAGE = "@aws-sdk/client-ec2@3"

pytestmark = [pytest.mark.root, pytest.mark.nightly]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("javascript")
    shutil.copy(PROGRAM, folder)
    install = ["npm", "install", "--silent", "--no-audit", "--no-fund", PACKAGE]
    subprocess.run(install, cwd=folder, check=True, timeout=300)
    return folder


@pytest.mark.timeout(400)  # npm's registry may be slow
def test_a_vpc_from_first_to_last(endpoint: Endpoint, folder: Path) -> None:
    before = endpoint.namespaces()
    done = endpoint.client("node", "--no-warnings", PROGRAM.name, cwd=folder)
    assert done.code == 0, done.err
    assert done.out.splitlines() == [
        "vpcs 1 client ☃ undefined",
        "eigw attached",
        "route true",
        "instance true running",
        "error DependencyViolation 36 400",
        "state active,active,blackhole",
        "left 0",
    ]
    assert endpoint.namespaces() == before

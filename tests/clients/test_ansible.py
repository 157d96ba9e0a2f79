"""Ansible's modules for VPCs and egress-only internet gateways, by a playbook of our own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.clients import Endpoint

pytestmark = pytest.mark.root

PLAYBOOK = Path(__file__).with_name("egress_only.yaml")
_PREFIX = Path(sys.executable).parent.parent


def test_the_playbook_finds_what_it_made_and_leaves_nothing(endpoint: Endpoint) -> None:
    before = endpoint.namespaces()
    done = endpoint.client(
        str(_PREFIX / "bin/ansible-playbook"),
        "--connection=local",
        "--inventory=localhost,",
        f"--extra-vars=ansible_python_interpreter={sys.executable}",
        str(PLAYBOOK),
        ANSIBLE_COLLECTIONS_PATH=str(_PREFIX / "collections"),
        ANSIBLE_HOME=f"{endpoint.environment['HOME']}/.ansible",
        ANSIBLE_LOCALHOST_WARNING="false",
        ANSIBLE_INVENTORY_UNPARSED_WARNING="false",
        LC_ALL="C.UTF-8",
    )
    assert done.code == 0, done.out + done.err
    assert "failed=0" in done.out
    assert endpoint.namespaces() == before

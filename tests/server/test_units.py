"""The systemd units of the endpoint: what they start, and what they leave to it. No test talks to systemd."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import socket
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

import eigw_ns
from eigw_ns.kernel.namespaces import netns
from tests.support import restrict
from tests.support.command import process
from tests.support.serving import AS_SYSTEMD, serving
from tests.topologies.egress import TREE

UNITS = Path(eigw_ns.__file__).parent / "data" / "systemd"
KEYS = "/etc/eigw-ns/keys"


def settings(name: str) -> dict[str, list[str]]:
    """Return the values of each key of a unit."""
    found = defaultdict(list)
    for line in (UNITS / name).read_text(encoding="utf-8").splitlines():
        if match := re.fullmatch(r"(\w+)=(.*)", line):
            found[match[1]].append(match[2])
    return found


@pytest.mark.parametrize("name", sorted(path.name for path in UNITS.glob("eigw-ns*")))
def test_no_unit_hides_the_names_of_namespaces(name: str) -> None:
    """An option that gives the unit a mount namespace would hide the labs' names from other processes."""
    hiding = (
        "Private",
        "Protect",
        "ReadOnly",
        "ReadWrite",
        "Inaccessible",
        "Bind",
        "Temporary",
        "Root",
        "Mount",
        "Load",
    )
    assert not [key for key in settings(name) if key.startswith(hiding)]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze")
def test_systemd_understands_the_units(tmp_path: Path) -> None:
    for path in UNITS.glob("eigw-ns*"):
        text = path.read_text(encoding="utf-8").replace("/usr/bin/eigw-ns", sys.executable)
        (tmp_path / path.name).write_text(text, encoding="utf-8")
    files = [str(tmp_path / f"eigw-ns.{kind}") for kind in ("service", "socket")]
    done = subprocess.run(["systemd-analyze", "verify", *files], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_socket_is_of_the_loopback_interface_and_needs_keys() -> None:
    unit = settings("eigw-ns.socket")
    assert unit["ListenStream"] == ["127.0.0.1:8471"]
    assert unit["AssertPathExists"] == [KEYS]


def test_the_secret_is_not_in_the_journal() -> None:
    assert settings("eigw-ns.service")["StandardOutput"] == ["null"]


@pytest.mark.root
def test_the_service_serves_the_socket_with_the_capabilities_that_it_keeps(lab_name: str, tmp_path: Path) -> None:
    unit = settings("eigw-ns.service")
    program, *arguments = shlex.split(unit["ExecStart"][0])
    assert (program, arguments[0]) == ("/usr/bin/eigw-ns", "serve")
    keys = tmp_path / "keys"
    keys.write_text("[default]\naws_access_key_id = lab1\naws_secret_access_key = of-the-file\n")
    keys.chmod(0o600)
    environment = dict(each.split("=", 1) for each in unit["Environment"])
    assert environment == {"EIGW_NS_LAB": "default"}
    folders = {f"EIGW_NS_{name}_DIR": str(tmp_path / name) for name in ("STATE", "RUN")}
    env = {**folders, "EIGW_NS_ROOTLESS": "0", "EIGW_NS_LAB": lab_name}
    assert process("apply", "-q", "-f", "-", stdin=json.dumps({"lab": lab_name, **TREE}), env=env).code == 0
    restricted = restrict.only(*" ".join(unit["CapabilityBoundingSet"]).split())
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number = listener.fileno()
        command = (sys.executable, "-c", AS_SYSTEMD, str(number))
        given = [str(keys) if each == KEYS else each for each in arguments[1:]]
        with serving(*given, env=env, command=command, pass_fds=(number,), preexec_fn=restricted) as server:
            assert server.access["access_key_id"] == "lab1"
            ec2 = server.client()
            (found,) = ec2.describe_egress_only_internet_gateways()["EgressOnlyInternetGateways"]
            gateway = found["EgressOnlyInternetGatewayId"]
            assert any(gateway in name for name in netns.names())
            ec2.delete_egress_only_internet_gateway(EgressOnlyInternetGatewayId=gateway)
            assert not any(gateway in name for name in netns.names())
            assert server.end()[0] == 0
    assert process("destroy", "-q", env=env).code == 0

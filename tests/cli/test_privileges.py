"""Take away each privilege that a container may lack: `doctor` names it and its flag, and `apply` changes nothing.

The privileges that the flags give are enough for a lab.
"""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from eigw_ns.kernel.namespaces import netns
from tests.support import restrict
from tests.support.command import SECONDS, Result, process

pytestmark = pytest.mark.root

TAKEN = {
    **{
        name: (restrict.without(name), "privilege", f"--cap-add {name.removeprefix('CAP_')},")
        for name in restrict.CAPABILITIES
    },
    "seccomp": (restrict.forbidding("unshare"), "network namespaces", "--security-opt seccomp=unconfined"),
    "apparmor": (
        restrict.forbidding("mount", errno.EACCES),
        "names for namespaces",
        "--security-opt apparmor=unconfined",
    ),
    "proc": (restrict.read_only("/proc/sys"), "writable sysctls", "--security-opt unmask=/proc/sys"),
}
"""By the privilege: how to take it away, the check of `doctor` that fails, and the flag that provides it."""


@pytest.mark.parametrize("what", TAKEN)
def test_doctor_names_the_missing_privilege_and_its_flag(what: str) -> None:
    prepare, check, flag = TAKEN[what]
    result = process("doctor", "-o", "json", prepare=prepare)
    missing = {each["name"]: each["fix"] for each in result.data["checks"] if each["outcome"] == "missing"}
    assert result.code == 5
    assert list(missing) == [check]
    assert flag in missing[check]


@pytest.mark.parametrize("what", TAKEN)
def test_apply_without_the_privilege_builds_nothing(what: str, demo_file: Callable[[str], str], lab_name: str) -> None:
    result = process("apply", "-f", demo_file(lab_name), prepare=TAKEN[what][0])
    assert (result.code, result.out) == (5, "")
    assert "Traceback" not in result.err
    assert "eigw-ns doctor" in result.err or TAKEN[what][2].rstrip(",") in result.err
    assert not [name for name in netns.names() if name.startswith(f"eigw-{lab_name}-")]


def test_the_least_privileges_are_enough(demo_file: Callable[[str], str], lab_name: str) -> None:
    least = restrict.only(*restrict.CAPABILITIES)
    assert process("doctor", prepare=least).code == 0
    assert process("apply", "-f", demo_file(lab_name), prepare=least).code == 0
    verified = process("verify", "--lab", lab_name, prepare=least)
    assert verified.code == 0, verified.err
    assert process("destroy", "--lab", lab_name, prepare=least).code == 0


NAMES = {
    "read-only": "mount --bind /run/netns /run/netns && mount -o remount,bind,ro /run/netns",
    "not shared": "mount --bind /run/netns /run/netns && mount --make-private /run/netns",
    "not there": "mount -t tmpfs none /run",
}


def in_own_mounts(setting: str, *commands: str) -> Result:
    """Run shell commands in a mount namespace of their own. `eigw` runs the program."""
    script = " && ".join(("set -e", 'eigw() { "$python" -m eigw_ns "$@"; }', setting, *commands))
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script],
        env={**os.environ, "python": sys.executable},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("state", NAMES)
def test_a_lab_is_built_if_run_netns_can_be_made_usable(
    state: str, demo_file: Callable[[str], str], lab_name: str
) -> None:
    verbs = ("doctor -q >&2", f"apply -q -f {demo_file(lab_name)}", "exec app -- cat /proc/net/if_inet6", "destroy -q")
    count = f"ls /run/netns | grep -c eigw-{lab_name}- || true"
    result = in_own_mounts(NAMES[state], *(f"eigw {verb}" for verb in verbs), count)
    assert result.code == 0, result.err
    assert "26001f160aa055010000000000000010" in result.out
    assert result.out.endswith("\n0\n")


def test_apply_without_a_writable_run_builds_nothing(
    demo_file: Callable[[str], str], lab_name: str, own_folders: Path
) -> None:
    result = in_own_mounts("mount -t tmpfs -o ro none /run", f"eigw apply -f {demo_file(lab_name)}")
    assert (result.code, result.out) == (5, "")
    assert "/run/netns does not exist, and /run is not writable" in result.err
    assert "--tmpfs /run" in result.err
    assert not (own_folders / "state").exists()

"""Labs without root: the verbs of an ordinary user, and the life of the pause process that holds the namespaces."""

from __future__ import annotations

import os
import re
import shlex
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from eigw_ns.kernel.namespaces import netns, pause_process
from tests.support import restrict
from tests.support.command import SECONDS
from tests.support.labs import until
from tests.support.ordinary_user import FALLBACK, RECORD, REPO, UID, User, ordinary_user

pytestmark = pytest.mark.root
"""Only root can become another user."""

ADDRESS = "26001f160aa055010000000000000010"
"""The address of the demo's `app` in /proc/net/if_inet6. A bare Debian has no `ip`."""


CAPTURE = "import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0x300).bind(('eth0', 0x300))"
"""What a capture needs, so `tshark` works rootless. `tcpdump` also sets its groups, which is refused (README)."""


@pytest.fixture
def user() -> Iterator[User]:
    """Yield an ordinary user. Afterwards the pause process is ended; a test that left one fails."""
    with ordinary_user() as user:
        yield user


def topology(user: User, demo_file: Callable[[str], str], lab: str) -> str:
    """Write the demo topology to a file that the user can read. Return its path."""
    path = user.home / f"{lab}.yaml"
    path.write_bytes(Path(demo_file(lab)).read_bytes())
    path.chmod(0o644)
    return str(path)


def holder(user: User) -> pause_process.Keeper:
    found = pause_process.find(user.folder / RECORD)
    assert found is not None
    return found


def test_no_rootless_names_the_doctor_that_explains_what_is_missing(user: User) -> None:
    refused = user.eigw("--no-rootless", "status")
    assert refused.code == 5
    assert refused.err.rstrip().endswith("`eigw-ns --no-rootless doctor` names what is missing")
    assert user.eigw("doctor").code == 0
    assert user.eigw("--no-rootless", "doctor").code == 5


def test_every_verb_works_without_root(user: User, demo_file: Callable[[str], str], lab_name: str) -> None:
    file = topology(user, demo_file, lab_name)
    built = user.eigw("apply", "-f", file)  # without --rootless
    assert (built.code, built.out) == (0, "")
    said = built.err.splitlines()
    assert said[0].startswith("not root: working rootless")
    assert any(line.startswith(f"the lab {lab_name} is up") for line in said)
    assert said[-1].startswith(f"process {holder(user).pid} keeps your namespaces until the last lab is destroyed")

    assert not [name for name in netns.names() if name.startswith(f"eigw-{lab_name}-")], "not on the host"

    def rootless(*arguments: str, code: int = 0) -> str:
        result = user.eigw("--rootless", *arguments)
        assert result.code == code, result.err
        assert "rootless" not in result.err
        return result.out

    rootless("plan", "-f", file)
    rootless("verify")
    rootless("status")
    assert "app reaches web" in rootless("explain", "app", "web", "--port", "443")
    assert "nftables and the model agree at each hop" in rootless("trace", "app", "web")
    rootless("status")
    assert lab_name in rootless("export")
    assert "eigw-" in rootless("describe", "egress-only-internet-gateways")
    assert rootless("exec", "app", "--", "pwd").strip() == str(Path(__file__).parents[2])
    assert ADDRESS in rootless("exec", "app", "--", "cat", "/proc/net/if_inet6")
    rootless("exec", "app", "--", "sh", "-c", "exit 7", code=7)
    assert " 0% packet loss" in rootless("exec", "app", "--", "ping", "-c", "1", "2001:db8:80::1")
    assert "icmpv6" in rootless("flows", "--source", "app")
    rootless("exec", "app", "--", sys.executable, "-c", CAPTURE)
    rootless("exec", "app", "--", "setpriv", "--clear-groups", "true", code=127)
    assert "2001:db8:80::1" in rootless("exec", "app", "--", "getent", "hosts", "web")
    rootless("gc")
    assert rootless("events") == ""
    follower = user.start(sys.executable, "-m", "eigw_ns", "--rootless", "events", "--follow")
    assert follower.stderr is not None
    assert follower.stderr.readline() == f"following the lab {lab_name}\n"
    rootless("destroy")
    assert "lab.destroyed" in follower.communicate(timeout=SECONDS)[0]
    assert follower.returncode == 0
    assert pause_process.find(user.folder / RECORD) is None
    assert not user.folder.exists()


def test_the_demo_and_then_the_five_minutes_of_the_readme_work_without_root_and_sudo(user: User) -> None:
    tools = user.home / "bin"
    tools.mkdir()
    (tools / "sudo").write_text("#!/bin/sh\nexit 97\n")
    (tools / "sudo").chmod(0o755)
    path = {"PATH": f"{tools}:{user.settings['PATH']}"}
    shown = user.run("scripts/demo", env=path)
    assert shown.code == 0, shown.err
    assert "6 of 6 checks passed" in shown.err
    assert "the lab tour is gone" in shown.err
    assert "eigw-ns apply -f lab.yaml " in shown.out and "sudo" not in shown.out
    assert not user.folder.exists()

    rows = re.findall(r"^\| `(eigw-ns [^`]*)`", (REPO / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert rows[0] == "eigw-ns init > lab.yaml" and rows[-1] == "eigw-ns destroy"
    program = f'eigw-ns() {{ "{REPO}/scripts/eigw-ns" "$@"; }}; cd "$HOME"'
    typed = user.run("bash", "-ec", "\n".join([program, *rows]), env=path)
    assert typed.code == 0, typed.err
    assert "default via fe80::1" in typed.out
    assert not user.folder.exists()


def test_a_shell_runs_inside_the_node(user: User, demo_file: Callable[[str], str], lab_name: str) -> None:
    assert user.eigw("apply", "-q", "-f", topology(user, demo_file, lab_name)).err == ""
    script = user.home / "shell"
    script.write_text(f'#!/bin/sh\nid -u; cat /proc/net/if_inet6; exec "{sys.executable}" -m eigw_ns status\n')
    script.chmod(0o755)
    shell = user.eigw("--rootless", "shell", "app", env={"SHELL": str(script)})
    assert shell.code == 0
    assert shell.out.startswith("0\n")
    assert ADDRESS in shell.out
    assert "matches what was applied" in shell.err, "eigw-ns in the shell must see the same labs"
    assert user.eigw("destroy", "-q").code == 0


def test_destroying_the_last_lab_ends_the_pause_process(
    user: User, demo_file: Callable[[str], str], lab_name: str
) -> None:
    other = f"{lab_name}b"
    assert user.eigw("apply", "-q", "-f", topology(user, demo_file, lab_name)).code == 0
    first = holder(user)
    assert user.eigw("apply", "-q", "-f", topology(user, demo_file, other)).code == 0
    assert holder(user) == first
    assert user.eigw("destroy", "-q", "--lab", lab_name).code == 0
    assert holder(user) == first
    assert user.eigw("exec", "--lab", other, "app", "--", "true").code == 0
    assert user.eigw("destroy", "-q", "--lab", other).code == 0
    assert pause_process.find(user.folder / RECORD) is None
    assert not _runs(first.pid)


def test_a_verb_without_a_lab_leaves_no_pause_process(user: User) -> None:
    result = user.eigw("status")
    assert result.code == 1
    assert "no lab exists" in result.err
    assert "keeps your namespaces" not in result.err
    assert not user.folder.exists()


def test_a_dead_pause_process_is_replaced_and_the_lab_rebuilt(
    user: User, demo_file: Callable[[str], str], lab_name: str
) -> None:
    assert user.eigw("apply", "-q", "-f", topology(user, demo_file, lab_name)).code == 0
    dead = holder(user)
    os.kill(dead.pid, signal.SIGKILL)
    until(lambda: pause_process.find(user.folder / RECORD) is None, "its end is noticed")

    status = user.eigw("status")
    assert status.code == 3
    assert f"the lab {lab_name} is stored, but not in the kernel" in status.err
    assert user.eigw("apply", "-q").code == 0
    assert holder(user).pid != dead.pid
    assert user.eigw("status").code == 0
    assert user.eigw("destroy", "-q").code == 0


def test_first_verbs_at_once_share_one_pause_process(
    user: User, demo_file: Callable[[str], str], lab_name: str
) -> None:
    labs = [f"{lab_name}{letter}" for letter in "abc"]
    files = [topology(user, demo_file, lab) for lab in labs]
    program = (sys.executable, "-m", "eigw_ns")
    verbs = [user.start(*program, "--rootless", "apply", "-q", "-f", file) for file in files]
    said = [verb.communicate(timeout=SECONDS) for verb in verbs]
    assert [verb.returncode for verb in verbs] == [0, 0, 0], said
    inside = user.eigw("--rootless", "exec", "--lab", labs[0], "app", "--", "ls", "/run/netns")
    assert all(f"eigw-{lab}-" in inside.out for lab in labs), "all are in the same namespaces"

    ends = [user.start(*program, "--rootless", "destroy", "-q", "--lab", lab) for lab in labs]
    said = [verb.communicate(timeout=SECONDS) for verb in ends]
    assert [verb.returncode for verb in ends] == [0, 0, 0], said
    assert not user.folder.exists(), "the last verb must end the pause process"


def test_without_run_netns_and_without_xdg(user: User, demo_file: Callable[[str], str], lab_name: str) -> None:
    """On a host where root has never named a namespace. Other folders in /run stay visible."""

    def empty_run() -> None:
        restrict.private_mounts()
        restrict.cover(Path("/run"))
        Path("/run/seen").mkdir()
        Path("/run/link").symlink_to("seen")

    no_xdg = {"XDG_RUNTIME_DIR": "", "EIGW_NS_ROOTLESS": "1"}
    built = user.eigw("apply", "-q", "-f", topology(user, demo_file, lab_name), env=no_xdg, prepare=empty_run)
    assert (built.code, built.err) == (0, "")
    assert FALLBACK.stat().st_uid == UID
    assert FALLBACK.stat().st_mode & 0o777 == 0o700
    assert user.eigw("exec", "app", "--", "ls", "/run", env=no_xdg).out == "link\nnetns\nseen\n"
    assert user.eigw("destroy", "-q", env=no_xdg).code == 0
    assert not FALLBACK.exists()


def test_a_home_that_does_not_exist(user: User, demo_file: Callable[[str], str], lab_name: str) -> None:
    """Users of services often have no home. The hint must not suggest root: the lab is to be the user's."""
    homeless = {"HOME": "/nonexistent"}
    result = user.eigw("--rootless", "apply", "-f", topology(user, demo_file, lab_name), env=homeless)
    assert (result.code, result.out) == (5, "")
    folder = "/nonexistent/.local/state/eigw-ns"
    assert result.err.splitlines() == [
        f"error: write {folder}/{lab_name}/topology.json: Permission denied",
        f"hint: set EIGW_NS_STATE_DIR to a folder that you can write to (it is {folder} now)",
    ]
    assert not user.folder.exists(), "it must fail before any change"


@pytest.mark.parametrize("value", ["0", "false"])
def test_the_environment_can_switch_rootless_off(user: User, value: str) -> None:
    result = user.eigw("status", env={"EIGW_NS_ROOTLESS": value})
    assert result.code == 5
    assert "not enough privilege: this process lacks" in result.err
    assert not user.folder.exists()


def test_a_host_that_forbids_user_namespaces_gets_the_sysctl_and_the_fix(user: User) -> None:
    """Each user namespace has its own user.max_user_namespaces, so the host's is not changed here."""
    program = f"{shlex.quote(sys.executable)} -m eigw_ns --rootless"
    verbs = " ; ".join(f"{program} {verb}" for verb in ("status", "doctor -o json"))
    script = f"echo 0 > /proc/sys/user/max_user_namespaces; {verbs}"
    result = user.run("unshare", "--user", "--map-root-user", "sh", "-c", script)
    assert result.code == 5
    assert result.err == (
        "error: make a user namespace: user.max_user_namespaces is 0\n"
        "hint: sudo sysctl user.max_user_namespaces=15000; or run eigw-ns as root\n"
    )
    first = result.data["checks"][0]
    assert (first["name"], first["outcome"]) == ("user namespaces", "missing")
    assert "user.max_user_namespaces=15000" in first["fix"]
    assert not user.folder.exists()


def test_doctor_reports_what_does_not_work_and_leaves_nothing(user: User) -> None:
    result = user.eigw("doctor", "-o", "json")
    checks = {check["name"]: check for check in result.data["checks"]}
    assert (result.code, result.data["fit"]) == (0, True)
    assert {name for name, check in checks.items() if check["outcome"] != "ok"} == {"limits of the host", "other users"}
    assert "nf_conntrack_max" in checks["limits of the host"]["fix"]
    assert not user.folder.exists()


def test_a_run_folder_of_another_user_is_refused(user: User, tmp_path: Path) -> None:
    foreign = user.home / "foreign"
    foreign.mkdir()
    result = user.eigw("--rootless", "status", env={"EIGW_NS_RUN_DIR": str(foreign)})
    assert result.code == 5
    assert "belongs to another user" in result.err
    assert "EIGW_NS_RUN_DIR" in result.err
    assert list(foreign.iterdir()) == []


def _runs(process: int) -> bool:
    """Return True if the process runs. A zombie does not; in containers it may stay, with an empty command line."""
    try:
        return bool(Path(f"/proc/{process}/cmdline").read_bytes())
    except FileNotFoundError:
        return False

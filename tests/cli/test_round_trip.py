"""A lab from apply to destroy on the command line, with a real kernel: inspect, exec, drift, repair."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from eigw_ns.cli import context
from eigw_ns.cloud.nodes import find
from eigw_ns.dataplane.compile.names import namespace_name
from eigw_ns.errors import EigwError
from eigw_ns.kernel.namespaces import netns, sysctl
from eigw_ns.topology import Topology
from tests.support.command import SECONDS, Cli, process
from tests.support.loaded_modules import loaded_by
from tests.support.stored import lock, store

pytestmark = pytest.mark.root

UNCHANGED: dict[str, list[str]] = {"changes": [], "exposed": []}
CHECK_MEMBERS = "from to protocol port expected observed predicted reason passed"  # in this order: programs read them


@pytest.fixture
def lab(cli: Cli, demo_file: Callable[[str], str], lab_name: str) -> Iterator[str]:
    """The demo topology, applied."""
    applied = cli("apply", "-f", demo_file(lab_name), "-o", "json")
    assert applied.code == 0, applied.err
    assert applied.data["changes"] > 50
    assert applied.data["writes"] > 50
    yield lab_name
    if store().exists(lab_name):
        cli("destroy", "--lab", lab_name)


def namespace(lab: str, node: str) -> str:
    return namespace_name(lab, find(store().load(lab).cloud, node).id)


def own_namespace() -> str:
    """Return the network namespace of this thread."""
    return str(Path("/proc/thread-self/ns/net").readlink())


def ours(lab: str) -> list[str]:
    return [name for name in netns.names() if name.startswith(f"eigw-{lab}-")]


def test_plan_then_apply_then_nothing_to_do(cli: Cli, demo_file: Callable[[str], str], lab_name: str) -> None:
    file = demo_file(lab_name)
    planned = cli("plan", "-f", file, "-o", "json")
    assert planned.code == 3
    assert planned.data["changes"] == len(planned.data["steps"]) > 50
    assert set(planned.data["steps"][0]) == {"verb", "object", "reason"}
    assert not ours(lab_name)
    assert not store().exists(lab_name)

    assert cli("apply", "-f", file, "-o", "json").data["changes"] == planned.data["changes"]
    assert cli("apply", "-f", file, "-o", "json").data == {"changes": 0, "writes": 0}
    assert cli("apply", "--lab", lab_name, "-o", "json").data == {"changes": 0, "writes": 0}
    again = cli("plan", "-f", file, "-o", "json")
    assert (again.code, again.data) == (0, {"changes": 0, "steps": [], "cloud": UNCHANGED})
    assert cli("destroy", "--lab", lab_name).code == 0


def test_a_file_is_not_parsed_again_while_its_result_is_stored(
    cli: Cli, demo_file: Callable[[str], str], lab_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(data: bytes, *, file: str, default_lab: str) -> Topology:
        raise EigwError(f"{file} is read: {len(data)} bytes, {default_lab}")

    file = demo_file(lab_name)
    assert cli("apply", "-f", file).code == 0
    with monkeypatch.context() as patch:
        patch.setattr(context, "load", read)
        assert cli("apply", "-f", file, "-o", "json").data == {"changes": 0, "writes": 0}
        assert cli("plan", "-f", file).code == 0
        assert "is read" in cli("validate", "-f", file).err
    gateway = next(iter(store().load(lab_name).cloud.egress_only_internet_gateways))
    assert cli("ec2", "create-tags", "--lab", lab_name, "--resources", gateway, "--tags", "Key=of,Value=late").code == 0
    with monkeypatch.context() as patch:
        patch.setattr(context, "load", read)
        assert "is read" in cli("plan", "-f", file).err
    assert cli("apply", "-f", file).code == 0
    assert "late" not in cli("ec2", "describe-tags", "--lab", lab_name).out
    assert cli("destroy", "--lab", lab_name).code == 0


def test_an_apply_without_changes_loads_little(demo_file: Callable[[str], str], lab: str) -> None:
    """Start-up is most of a second apply, and nearly all of it is imports."""
    arguments = ("apply", "-q", "-f", demo_file(lab))
    loaded_by(*arguments)  # notes which file the stored topology was read from
    unneeded = (
        *("pydantic", "ruamel", "rich", "shutil", "subprocess", "tempfile", "secrets"),
        *("eigw_ns.cloud.aws_words", "eigw_ns.dataplane.planning.plan"),
    )
    modules = loaded_by(*arguments)
    assert "eigw_ns.dataplane.compile.compiler" in modules  # the control
    assert not [module for module in modules if module.startswith(unneeded)]


def test_plan_for_people_speaks_of_the_cloud_and_with_v_of_the_kernel(
    cli: Cli, demo_file: Callable[[str], str], lab_name: str
) -> None:
    short = cli("plan", "-f", demo_file(lab_name))
    every = cli("plan", "-f", demo_file(lab_name), "-v")
    changes = cli("plan", "-f", demo_file(lab_name), "-o", "json").data["changes"]
    assert short.err == f"in the kernel: {changes} changes in 9 namespaces; -v shows every step\n"
    assert "+ egress-only internet gateway main/outbound: tag Name: outbound" in short.out.splitlines()
    assert "eigw-" not in short.out
    assert every.out.startswith(short.out)
    assert len(every.out.splitlines()) > len(short.out.splitlines()) + changes
    assert "main (fabric)" in every.out


def test_drift_is_reported_and_repaired(cli: Cli, lab: str) -> None:
    assert cli("status", "--lab", lab).code == 0
    with netns.inside(namespace(lab, "main/outbound")):
        sysctl.write(sysctl.FORWARDING, "0")
    drifted = cli("status", "--lab", lab, "-o", "json")
    assert drifted.code == 3
    (step,) = drifted.data["steps"]
    assert step["object"] == f"forwarding of {namespace(lab, 'main/outbound')}"
    assert "repair it with `eigw-ns apply`" in cli("status", "--lab", lab).err
    repaired = cli("apply", "--lab", lab, "-o", "json")
    assert repaired.data == {"changes": 1, "writes": 1}
    assert repaired.err == f"the lab {lab} is up: 1 change, 1 kernel write\n"
    assert cli("status", "--lab", lab, "-o", "json").data == {"changes": 0, "steps": [], "additions": []}


def test_a_stored_lab_that_is_not_in_the_kernel(cli: Cli, lab: str) -> None:
    for name in ours(lab):
        netns.remove(name)
    status = cli("status", "--lab", lab)
    assert status.code == 3
    assert status.out == ""  # not the hundred steps that would rebuild it
    assert status.err == (
        f"the lab {lab} is stored, but not in the kernel (after a reboot?): rebuild it with `eigw-ns apply`\n"
    )
    described = cli("describe", "eigw", "--lab", lab, "-o", "json")
    assert described.code == 0
    assert "Counters" not in described.data
    inside = process("exec", "--lab", lab, "app", "--", "true")
    assert inside.code == 1
    assert "main/app is not running" in inside.err
    unproven = cli("verify", "--lab", lab)
    assert unproven.code == 1
    assert f"build it with `eigw-ns apply --lab {lab}`, then verify" in unproven.err
    assert cli("apply", "--lab", lab).code == 0
    assert cli("status", "--lab", lab).code == 0


def test_describe_counts_what_gateways_dropped(cli: Cli, standing: str) -> None:
    (gateway,) = cli("describe", "eigw", "--lab", standing, "-o", "json").data["EgressOnlyInternetGateways"]
    identity = gateway["EgressOnlyInternetGatewayId"]

    def dropped() -> int:
        counters = cli("describe", "eigw", "--lab", standing, "-o", "json").data["Counters"]
        return int(counters[identity]["drop_inbound"]["Packets"])

    before = dropped()
    assert process("exec", "--lab", standing, "web", "--", *python_connects("2600:1f16:aa0:5501::10")).code == 1
    assert dropped() > before
    assert "drop_inbound" in cli("describe", "eigw", "--lab", standing).out


def test_describe_subnets_counts_what_they_dropped(cli: Cli, standing: str) -> None:
    described = cli("describe", "subnets", "--lab", standing, "-o", "json").data
    assert described["Counters"].keys() == {subnet["SubnetId"] for subnet in described["Subnets"]}
    assert all("drop_source" in counters for counters in described["Counters"].values())
    assert "drop_source" in cli("describe", "subnets", "--lab", standing, "-v").out


def python_connects(address: str) -> tuple[str, ...]:
    """Return a command that tries a TCP connection for 0.3 s, with exit code 1 if no answer comes."""
    code = f"import socket; socket.create_connection(({address!r}, 22), timeout=0.3)"
    return sys.executable, "-c", code


def test_verify_passes_and_a_flipped_expectation_fails(
    cli: Cli, lab: str, demo_file: Callable[[str], str], tmp_path: Path
) -> None:
    report = cli("verify", "--lab", lab, "-o", "json", "--timeout", "0.3", "--junit", str(tmp_path / "report.xml"))
    assert report.code == 0
    assert report.data["passed"] is True
    assert " ".join(report.data["checks"][0]) == CHECK_MEMBERS
    suite = ElementTree.parse(tmp_path / "report.xml").getroot()
    times = [float(case.attrib["time"]) for case in suite.iter("testcase")]
    assert len(times) == len(report.data["checks"])
    assert min(times) < 0.3 <= max(times), "a blocked check takes the whole timeout, an answered one less"

    file = Path(demo_file(lab))
    file.write_text(file.read_text().replace("port: 22, result: blocked", "port: 22, result: allowed"))
    assert cli("apply", "-f", str(file), "-o", "json").data == {"changes": 0, "writes": 0}
    flipped = cli("verify", "--lab", lab, "--timeout", "0.3")
    assert flipped.code == 4
    assert [line.split()[:4] for line in flipped.out.splitlines() if "✗" in line] == [["✗", "web", "→", "app"]]
    assert f"{len(report.data['checks']) - 1} of {len(report.data['checks'])} checks passed" in flipped.err


def test_verify_with_a_report_that_cannot_be_written(cli: Cli, standing: str, tmp_path: Path) -> None:
    result = cli("verify", "--lab", standing, "--timeout", "0.2", "--junit", str(tmp_path / "no" / "report.xml"))
    assert (result.code, result.out) == (2, "")
    assert result.err.splitlines() == [
        f"error: cannot write {tmp_path}/no/report.xml: no such folder: {tmp_path}/no",
        f"hint: mkdir -p {tmp_path}/no",
    ]


_LOOK_UP = "import socket, sys; print(*{each[4][0] for name in sys.argv[1:] for each in socket.getaddrinfo(name, 443)})"


def test_names_of_nodes_resolve_inside(standing: str) -> None:
    hosts = Path("/etc/hosts").read_text()
    names = ("web", "web.internet", "internet/web")
    done = process("exec", "--lab", standing, "app", "--", sys.executable, "-c", _LOOK_UP, *names)
    assert (done.code, done.out, done.err) == (0, "2001:db8:80::1\n", "")
    inside = process("exec", "--lab", standing, "app", "--", "cat", "/etc/hosts")
    assert inside.out.startswith("2001:db8:80::1 web web.internet internet/web\n")
    assert inside.out.endswith(hosts)
    assert Path("/etc/hosts").read_text() == hosts
    assert "hosts" not in Path("/proc/self/mountinfo").read_text()


def test_a_lab_that_is_applied_inside_a_node_is_a_lab_of_the_host(
    cli: Cli, demo_file: Callable[[str], str], standing: str, lab_name: str
) -> None:
    inner = (sys.executable, "-m", "eigw_ns", "apply", "-q", "-f", demo_file(lab_name))
    assert process("exec", "--lab", standing, "app", "--", *inner).code == 0
    assert cli("status", "--lab", lab_name).code == 0
    assert cli("destroy", "--lab", lab_name).code == 0


def test_exec_passes_streams_signals_and_the_exit_code_through(standing: str) -> None:
    def inside(*command: str, stdin: str = "") -> tuple[int, str, str]:
        result = process("exec", "--lab", standing, "app", "--", *command, stdin=stdin)
        return result.code, result.out, result.err

    assert inside("sh", "-c", "cat; echo to stderr >&2; exit 7", stdin="through") == (7, "through", "to stderr\n")
    assert inside("sh", "-c", "kill -TERM $$")[0] == -signal.SIGTERM
    code, out, err = inside("no-such-command")
    assert (code, out, err.splitlines()[0]) == (127, "", "error: no-such-command: command not found")
    assert "check the spelling and PATH" in err
    assert inside("/etc/passwd") == (126, "", "error: /etc/passwd: Permission denied\n")
    assert inside("readlink", "/proc/self/ns/net")[1] != f"{own_namespace()}\n"
    with netns.inside(namespace(standing, "app")):
        there = own_namespace()
    assert inside("readlink", "/proc/self/ns/net")[1].strip() == there
    ignored = ("grep", "SigIgn", "/proc/self/status")  # Python ignores SIGPIPE; the command must not inherit that
    assert inside(*ignored)[1] == subprocess.run(ignored, capture_output=True, text=True).stdout


@pytest.mark.parametrize("node", ["main/app", "internet", "main/private-a", "main/outbound", "main/outbound#1", "web"])
def test_every_kind_of_node_can_be_entered(standing: str, node: str) -> None:
    assert process("exec", "--lab", standing, node, "true").code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (("ap", "--", "true"), 2, "did you mean app?"),
        (("app",), 2, "no command is given"),
        (("app", "--"), 2, "no command is given"),
        (("app", "--lab", "x", "--", "true"), 2, "write options before the node"),
    ],
)
def test_exec_usage_errors(standing: str, arguments: tuple[str, ...], code: int, complaint: str) -> None:
    result = process("exec", "--lab", standing, *arguments)
    assert (result.code, result.out) == (code, "")
    assert complaint in result.err


def test_shell_runs_the_users_shell_in_the_node(standing: str) -> None:
    script = 'readlink /proc/self/ns/net; echo "$PS1"; exit 5'
    result = process("shell", "--lab", standing, "main/app", stdin=script, env={"SHELL": "/bin/sh"})
    with netns.inside(namespace(standing, "app")):
        there = own_namespace()
    assert result.code == 5
    assert result.out.splitlines() == [there, "(main/app) # "]


def test_what_export_prints_changes_nothing(cli: Cli, lab: str) -> None:
    exported = cli("export", "--lab", lab)
    assert exported.code == 0
    applied = process("apply", "-f", "-", "-o", "json", stdin=exported.out)
    assert applied.data == {"changes": 0, "writes": 0}


def test_export_includes_quotas_above_the_defaults(cli: Cli, lab: str) -> None:
    """The file holds the quota that one `ec2` call raised, so `apply` needs no --quota."""
    (vpc_id,) = store().load(lab).cloud.vpcs
    create = ("ec2", "create-egress-only-internet-gateway", "--lab", lab, "--vpc-id", vpc_id)
    assert "maximum number" in cli(*create).err
    assert cli(*create, "--quota", "egress-only-internet-gateways-per-vpc=2").code == 0
    exported = cli("export", "--lab", lab).out
    assert exported.startswith(f"lab: {lab}\nquotas:\n  egress_only_internet_gateways_per_vpc: 2\n")
    planned = process("plan", "-f", "-", "-o", "json", stdin=exported)
    assert (planned.code, planned.data) == (0, {"changes": 0, "steps": [], "cloud": UNCHANGED})
    assert process("apply", "-f", "-", "-o", "json", stdin=exported).data == {"changes": 0, "writes": 0}


def test_destroy_of_a_lab_with_half_its_namespaces(cli: Cli, lab: str, own_folders: Path) -> None:
    for name in ours(lab)[::2]:
        netns.remove(name)
    assert cli("destroy", "--lab", lab).code == 0
    assert not ours(lab)
    assert not [path for path in own_folders.rglob("*") if path.name == lab]
    gone = cli("destroy", "--lab", lab)
    assert gone.code == 1
    assert f"no such lab: {lab}" in gone.err


def test_destroy_lists_the_processes_that_keep_running(cli: Cli, lab: str) -> None:
    """They belong to the user, who may wait for their output."""

    def started(node: str) -> int:
        script = "sleep 7532 > /dev/null 2>&1 & echo $!"
        return int(process("exec", "--lab", lab, node, "--", "sh", "-c", script).out)

    ended, web, private = started("app"), started("web"), started("main/private-a")
    os.kill(ended, signal.SIGKILL)
    try:
        assert cli("destroy", "--lab", lab).err.splitlines() == [
            *(
                f"warning: process {pid} (started in {node}) is still running: sleep 7532"
                for pid, node in sorted([(web, "internet/web"), (private, "main/private-a")])
            ),
            f"hint: end them with `kill {min(web, private)} {max(web, private)}`",
            f"the lab {lab} is gone",
        ]
    finally:
        for pid in (web, private):
            os.kill(pid, signal.SIGKILL)


def test_apply_adopts_a_lab_whose_stored_topology_is_lost(cli: Cli, lab: str, demo_file: Callable[[str], str]) -> None:
    store().remove(lab)
    status = cli("status", "--lab", lab)
    assert status.code == 1
    assert f"no topology of the lab {lab} is stored" in status.err
    assert cli("apply", "-f", demo_file(lab), "-o", "json").data == {"changes": 0, "writes": 0}
    assert cli("status", "--lab", lab).code == 0


def test_a_second_controller_is_told_which_process_is_first(lab: str) -> None:
    with lock().hold(lab, "eigw-ns apply -f other.yaml"):
        for verb in ("apply", "destroy"):
            result = process(verb, "--lab", lab, "--lock-timeout", "0")
            assert result.code == 1
            assert f"is locked by process {os.getpid()} (eigw-ns apply -f other.yaml) since 2" in result.err
    assert process("apply", "--lab", lab).code == 0


def test_a_foreign_namespace_is_left_alone(cli: Cli, demo_file: Callable[[str], str], lab_name: str) -> None:
    file = demo_file(lab_name)
    assert cli("apply", "-f", file).code == 0
    foreign = namespace(lab_name, "app")
    assert cli("destroy", "--lab", lab_name).code == 0
    with netns.creating(foreign):
        pass
    result = cli("apply", "-f", file)
    assert result.code == 1
    assert foreign in result.err
    assert ours(lab_name) == [foreign]
    netns.remove(foreign)


def test_progress_with_v_is_one_line_per_step(demo_file: Callable[[str], str], lab_name: str) -> None:
    result = process("apply", "-v", "-f", demo_file(lab_name), "-o", "json")
    assert result.code == 0
    steps = [line for line in result.err.splitlines() if line.startswith("apply ")]
    assert any("(missing)" in line for line in steps)
    assert len(steps) == result.data["changes"]
    quiet = process("destroy", "-q", "--lab", lab_name)
    assert (quiet.code, quiet.out, quiet.err) == (0, "", "")


def test_a_terminal_gets_a_progress_bar(demo_file: Callable[[str], str], lab_name: str) -> None:
    terminal, other = os.openpty()
    command = [sys.executable, "-m", "eigw_ns", "apply", "-f", demo_file(lab_name)]
    with subprocess.Popen(command, stderr=other, env={**os.environ, "TERM": "xterm", "COLUMNS": "100"}) as running:
        os.close(other)
        shown = b"".join(iter(lambda: _read(terminal), b"")).decode()
        assert running.wait(SECONDS) == 0
    os.close(terminal)
    assert "apply: read the lab" in shown
    assert f"apply {'░' * 30} 0/" in shown  # from the first step on
    assert f"apply {'█' * 30} " in shown
    assert f"the lab {lab_name} is up" in shown
    assert process("destroy", "--lab", lab_name).code == 0


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 1 << 16)
    except OSError:  # EIO: the other end is closed
        return b""

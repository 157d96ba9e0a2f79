"""Verbs on the fake kernel, without root: what they do needs only `Machine`."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import select
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from eigw_ns.cli.program import run
from eigw_ns.cloud.nodes import find
from eigw_ns.dataplane.compile.names import namespace_name
from eigw_ns.dataplane.state import ForeignObject, Ruleset
from eigw_ns.kernel.fake.fake_host import ProgramReplacedError
from eigw_ns.kernel.fake.fake_kernel import FakeKernel
from eigw_ns.kernel.protocol import Count, Occupant
from eigw_ns.lab.storage.lock import FileLock
from eigw_ns.lab.verify.checks import Report
from eigw_ns.topology import Topology
from tests.support.command import FAKE_LAB as LAB
from tests.support.command import Cli
from tests.support.stored import folders, journal, lock, store
from tests.topologies.egress import ALL
from tests.topologies.replicated import tree


def namespace(node: str) -> str:
    return namespace_name(LAB, find(store().load(LAB).cloud, node).id)


def occupant(pid: int, node: str) -> Occupant:
    return Occupant(pid, f"sleep {pid}", namespace(node), pid)


def test_destroy_removes_everything(applied: FakeKernel, cli: Cli) -> None:
    applied.make_foreign(f"eigw-{LAB}-other-0")
    done = cli("destroy")
    assert (done.code, done.err) == (0, f"the lab {LAB} is gone\n")
    assert applied.names() == (f"eigw-{LAB}-other-0",)
    assert cli("destroy").code != 0
    assert store().labs() == ()


def test_destroy_lists_processes_that_go_on(applied: FakeKernel, cli: Cli) -> None:
    applied.processes += [occupant(8, "web"), occupant(7, "app"), occupant(9, "web")]
    applied.before = lambda _verb, _thing: applied.ended.add(9)  # it ends during the destroy
    done = cli("destroy")
    assert done.code == 0
    assert done.err.splitlines() == [
        "warning: process 7 (started in main/app) is still running: sleep 7",
        "warning: process 8 (started in internet/web) is still running: sleep 8",
        "hint: end them with `kill 7 8`",
        f"the lab {LAB} is gone",
    ]


def replicas(cli: Cli) -> list[dict[str, object]]:
    (found,) = cli("describe", "eigw", "-o", "json").data["Replicas"].values()
    return list(found)


def test_describe_shows_counters_and_replicas(applied: FakeKernel, cli: Cli) -> None:
    first, second = sorted(name for name in applied.names() if "-eigw-" in name)
    applied.namespaces[first].counts["drop_invalid"] = Count(3, 180)
    applied.namespaces[second].counts["drop_invalid"] = Count(4, 240)
    applied.namespaces[second].flows.append(("2600:1f16:aa0:5501::10", "2001:db8:80::1"))
    described = cli("describe", "eigw", "-o", "json").data
    (counters,) = described["Counters"].values()
    assert counters["drop_invalid"] == {"Packets": 7, "Bytes": 420}
    assert [each["Flows"] for each in replicas(cli)] == [0, 1]


def test_describe_names_the_fault_of_a_replica(applied: FakeKernel, cli: Cli) -> None:
    healthy = replicas(cli)
    first, _ = sorted(name for name in applied.names() if "-eigw-" in name)
    applied.remove_namespace(first)
    assert "its namespace is gone" in json.dumps(replicas(cli))
    assert "its namespace is gone" not in json.dumps(healthy)


def test_exec_replaces_the_program(applied: FakeKernel, cli: Cli) -> None:
    with pytest.raises(ProgramReplacedError) as replaced:
        cli("exec", "app", "--", "ip", "-6", "route")
    assert (replaced.value.namespace, replaced.value.command) == (namespace("app"), ("ip", "-6", "route"))


def test_exec_names_the_nodes_or_says_why_not(
    applied: FakeKernel, cli: Cli, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ProgramReplacedError):
        cli("exec", "app", "--", "true")
    assert (capsys.readouterr().err, applied.named["web"]) == ("", "2001:db8:80::1")
    applied.nameless = "Operation not permitted"
    with pytest.raises(ProgramReplacedError):
        cli("exec", "app", "--", "true")
    assert "names of nodes do not work inside, use addresses: Operation not permitted" in capsys.readouterr().err


def test_exec_needs_a_namespace_of_ours(applied: FakeKernel, cli: Cli) -> None:
    app, web = namespace("app"), namespace("web")
    applied.make_foreign(app)
    applied.remove_namespace(web)
    assert "lacks our mark" in cli("exec", "app", "--", "id").err
    assert "is not running" in cli("exec", "web", "--", "id").err


@pytest.mark.usefixtures("own_signals")
def test_the_agent_once(applied: FakeKernel, cli: Cli) -> None:
    assert cli("agent", "--once").code == 0
    first, _ = sorted(name for name in applied.names() if "-eigw-" in name)
    applied.remove_namespace(first)
    done = cli("agent", "--once", "-o", "json")
    assert done.code == 3
    assert done.data["event"] == "replica dead"
    assert cli("agent", "--once", "--repair", "-q").code == 0
    assert cli("status").code == 0


@pytest.fixture
def verdicts(applied: FakeKernel, monkeypatch: pytest.MonkeyPatch) -> list[tuple[bool, bool]]:
    """Return a list: for each `verify`, whether a command changes the lab meanwhile, and whether all checks pass."""
    wanted: list[tuple[bool, bool]] = []

    def verify(topology: Topology, **_: object) -> Report:
        change, passed = wanted.pop(0)
        if change:
            with lock().hold(topology.cloud.lab, "eigw-ns apply"):
                pass
        return Report(passed, ())

    monkeypatch.setattr("eigw_ns.cli.verbs.verify.verify", verify)
    return wanted


def flush_rules(applied: FakeKernel, name: str) -> None:
    """Remove all rules of a namespace behind the back of eigw-ns, as `nft flush ruleset` does."""
    objects = applied.namespaces[name].objects
    for key in [key for key, thing in objects.items() if isinstance(thing, Ruleset)]:
        del objects[key]


def edited(folder: Path, **vpc: Any) -> str:
    """Write the lab of `applied` with other parts of its VPC. Return the path."""
    path = folder / f"{LAB}.json"  # as applied: another file would be another owner
    path.write_text(json.dumps({**json.loads(tree(2, **vpc)), "lab": LAB}))
    return str(path)


def groups(*ports: int) -> dict[str, Any]:
    """Return a security group for the instance that lets the internet in on these ports."""
    rules = [{"protocol": "tcp", "ports": port, "cidr": "::/0"} for port in ports]
    return {"open": {"ingress": rules, "egress": [ALL]}}


TAGGED = {"tags": {"Team": "web"}}


@pytest.mark.usefixtures("applied")
def test_plan_and_apply_speak_of_the_cloud(cli: Cli, tmp_path: Path) -> None:
    file = edited(tmp_path, security_groups=groups(22))
    group = "~ security group main/open"
    said = [f"{group}: - ingress all from ::/0", f"{group}: + ingress tcp 22 from ::/0"]
    planned = cli("plan", "-f", file)
    assert (planned.code, planned.out.splitlines()) == (3, said)
    assert planned.err.startswith("in the kernel: ")
    full = cli("plan", "-v", "-f", file)
    assert full.out.splitlines()[:2] == said
    assert "ruleset inet" in full.out
    found = cli("plan", "-f", file, "-o", "json").data
    assert [each["name"] for each in found["cloud"]["changes"]] == ["main/open"]
    assert found["changes"] == len(found["steps"]) > 0
    assert cli("apply", "-f", file).err.splitlines()[:2] == said
    assert cli("plan", "-f", file).code == 0


@pytest.mark.usefixtures("applied")
def test_what_changes_only_the_cloud_is_a_change(cli: Cli, tmp_path: Path) -> None:
    file = edited(tmp_path, **TAGGED)
    planned = cli("plan", "-f", file)
    assert (planned.code, planned.out) == (3, "~ VPC main: + tag Team: web\n")
    assert planned.err == "the kernel does not change\n"
    assert cli("apply", "-f", file).err.splitlines()[0] == "~ VPC main: + tag Team: web"


@pytest.mark.usefixtures("applied")
def test_a_quiet_apply_prints_no_changes(cli: Cli, tmp_path: Path) -> None:
    assert cli("apply", "-q", "-f", edited(tmp_path, **TAGGED)).err == ""


def test_apply_prints_the_first_changes_only(machine: FakeKernel, cli: Cli, tmp_path: Path) -> None:
    tables: dict[str, Any] = {f"spare-{number}": {} for number in range(40)}
    file = edited(tmp_path, route_tables=json.loads(tree(2))["vpcs"]["main"]["route_tables"] | tables)
    said = cli("apply", "-f", file).err.splitlines()
    assert machine.names()
    assert sum(line.startswith("+ ") for line in said) == 20
    assert [line for line in said if line.endswith("more; -v shows every line")]


def test_drift_alone_is_called_drift(applied: FakeKernel, cli: Cli, tmp_path: Path) -> None:
    flush_rules(applied, namespace("main/a"))
    planned = cli("plan", "-f", str(tmp_path / f"{LAB}.json"))
    assert planned.code == 3
    assert planned.err.startswith("drift: the topology does not change, but the kernel differs from what was applied\n")
    assert [line.split()[0] for line in planned.out.splitlines()][-1] == "main/a"


def test_drift_beside_a_change_is_told_apart(applied: FakeKernel, cli: Cli, tmp_path: Path) -> None:
    file = edited(tmp_path, **TAGGED)
    assert "drift" not in cli("plan", "-f", file).err
    flush_rules(applied, namespace("main/a"))
    planned = cli("plan", "-f", file)
    assert "drift in main/a (ruleset inet: missing): `apply` repairs it, too" in planned.err.splitlines()
    assert planned.out.splitlines()[0] == "~ VPC main: + tag Team: web"
    assert planned.out.splitlines()[-1].startswith("main/a")


def test_a_lab_that_is_stored_but_does_not_run_has_no_drift(applied: FakeKernel, cli: Cli, tmp_path: Path) -> None:
    for name in applied.names():
        applied.remove_namespace(name)
    planned = cli("plan", "-f", str(tmp_path / f"{LAB}.json"))
    assert planned.err.startswith(f"the lab {LAB} is stored, but not in the kernel (after a reboot?)\n")


def test_an_interrupted_change_is_no_drift(applied: FakeKernel, cli: Cli, tmp_path: Path) -> None:
    flush_rules(applied, namespace("main/a"))
    with contextlib.suppress(KeyboardInterrupt), journal().written(LAB, ()):
        raise KeyboardInterrupt
    assert cli("plan").err.startswith("a change was interrupted, or is in progress: the kernel has only a part")
    assert "drift" not in cli("plan", "-f", edited(tmp_path, **TAGGED)).err


@pytest.mark.usefixtures("applied")
def test_everything_is_new_if_the_stored_topology_is_damaged(cli: Cli, tmp_path: Path) -> None:
    folders().topology_file(LAB).write_text("{")
    planned = cli("plan", "-f", str(tmp_path / f"{LAB}.json"))
    assert (planned.code, {line[0] for line in planned.out.splitlines()}) == (3, {"+"})
    assert cli("apply", "-f", str(tmp_path / f"{LAB}.json")).code == 0
    assert cli("plan").code == 0


@pytest.fixture(params=[80, 100])
def columns(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Make stdout a terminal of this width without colours. Return the width."""
    monkeypatch.setattr(type(sys.stdout), "isatty", lambda _: True)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", str(request.param))
    return int(request.param)


@pytest.mark.parametrize(
    "verb", ["describe", "describe -v", "explain web app", "plan -v", "plan", "status", "status -v"]
)
def test_no_line_on_a_terminal_is_longer_than_it(
    applied: FakeKernel, cli: Cli, tmp_path: Path, columns: int, verb: str
) -> None:
    file = edited(tmp_path, security_groups=groups(*range(1, 30)))
    flush_rules(applied, namespace("main/a"))
    shown = cli(*verb.split(), *(["-f", file] if "plan" in verb else []))
    assert "\t" not in shown.out
    assert 20 < max(map(len, shown.out.splitlines())) <= columns


DRIFT = [
    "warning: drift in main/a (ruleset inet: missing): packets may do something else than predicted",
    f"hint: `eigw-ns status --lab {LAB}` shows it; `eigw-ns apply` repairs it",
]


@pytest.mark.parametrize("form", ["table", "json"])
def test_explain_warns_of_drift(applied: FakeKernel, cli: Cli, form: str) -> None:
    assert cli("explain", "app", "web", "-o", form).err == ""
    flush_rules(applied, namespace("main/a"))
    explained = cli("explain", "app", "web", "-o", form)
    assert (explained.code, explained.err.splitlines()) == (0, DRIFT)


def test_explain_of_a_lab_that_does_not_run_has_no_drift(applied: FakeKernel, cli: Cli) -> None:
    for name in applied.names():
        applied.remove_namespace(name)
    assert cli("explain", "app", "web").err == ""


def test_explain_of_a_file_is_not_about_the_kernel(applied: FakeKernel, cli: Cli, tmp_path: Path) -> None:
    flush_rules(applied, namespace("main/a"))
    assert cli("explain", "app", "web", "-f", str(tmp_path / f"{LAB}.json")).err == ""


def test_a_verify_that_fails_names_the_drift(applied: FakeKernel, verdicts: list[tuple[bool, bool]], cli: Cli) -> None:
    verdicts += [(False, False), (False, False)]
    assert "drift" not in cli("verify").err
    flush_rules(applied, namespace("main/a"))
    done = cli("verify")
    assert (done.code, done.err.splitlines()[-2:]) == (4, DRIFT)


def test_a_verify_that_fails_names_what_users_added(
    applied: FakeKernel, verdicts: list[tuple[bool, bool]], cli: Cli
) -> None:
    verdicts += [(True, True), (False, False)]
    applied.added = [ForeignObject(namespace("app"), "route unicast 2001:db8::/64 dev eth0 table 254 metric 1")]
    assert "added by users" not in cli("verify").err
    assert "added by users in main/app: route unicast 2001:db8::/64" in cli("verify").err


CHANGED = f"another command changed the lab {LAB} while packets were on their way"


def test_verify_fails_if_nothing_else_changed_the_lab(verdicts: list[tuple[bool, bool]], cli: Cli) -> None:
    verdicts += [(False, False)]
    done = cli("verify")
    assert (done.code, CHANGED in done.err) == (4, False)


def test_verify_beside_an_apply_tries_again(verdicts: list[tuple[bool, bool]], cli: Cli) -> None:
    verdicts += [(True, False), (False, True)]
    done = cli("verify")
    assert done.code == 0
    assert done.err.splitlines()[0] == f"{CHANGED}; trying again"


def test_verify_beside_an_apply_tries_again_only_once(verdicts: list[tuple[bool, bool]], cli: Cli) -> None:
    verdicts += [(True, False), (True, False)]
    done = cli("verify")
    assert done.code == 1
    assert f"error: {CHANGED}" in done.err
    assert "try again after the other command ends" in done.err


def test_a_change_does_not_matter_if_all_checks_pass(verdicts: list[tuple[bool, bool]], cli: Cli) -> None:
    verdicts += [(True, True)]
    assert cli("verify", "-q").code == 0


@pytest.mark.parametrize("folder", ["state", "run"])
def test_destroy_with_a_read_only_folder(applied: FakeKernel, cli: Cli, folder: str) -> None:
    unlink = os.unlink

    def refuse(path: str, *, dir_fd: int | None = None) -> None:
        if path == ("topology.json" if folder == "state" else "lock"):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)
        unlink(path, dir_fd=dir_fd)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "unlink", refuse)
        done = cli("destroy")
    assert done.code == 5
    assert applied.names() == ()
    if folder == "state":
        first, second = done.err.splitlines()
        gone = f"error: the namespaces of the lab {LAB} are gone, but its stored topology is not: remove "
        assert first.startswith(gone)
        assert first.endswith("topology.json: Read-only file system")
        assert second == f"hint: make the folder writable, then run `eigw-ns destroy --lab {LAB}` again"
        assert "finish it with `eigw-ns destroy`" in cli("status").err
        assert cli("destroy").code == 0
    else:
        assert "EIGW_NS_RUN_DIR" in done.err


def test_verbose_progress_names_phases_and_steps(applied: FakeKernel, cli: Cli) -> None:
    applied.remove_namespace(namespace("app"))
    lines = cli("apply", "-v").err.splitlines()
    assert lines[0] == "apply: read the lab"
    steps = [line for line in lines if line.startswith("apply ")]
    assert [int(line.split()[1].split("/")[0]) for line in steps] == list(range(1, len(steps) + 1))
    assert "apply: wait until links and addresses are ready" in lines
    assert "links" not in cli("destroy", "-v").err


@contextlib.contextmanager
def another_command(seconds: float = 60.0) -> Iterator[int]:
    """Hold the lab's lock in another process for some time. Yield its pid."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        with lock().hold(LAB, "eigw-ns apply -f lab.yaml"):
            os.write(writing, b"!")
            select.select([], [], [], seconds)
        os._exit(0)
    os.read(reading, 1)
    yield child
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(reading)
    os.close(writing)


def route_table(cli: Cli) -> str:
    return str(cli("ec2", "describe-route-tables").data["RouteTables"][0]["RouteTableId"])


def test_an_attribute_is_set_by_its_flag_alone_or_with_a_value(applied: FakeKernel, cli: Cli) -> None:
    """As in aws-cli: `--enable-dns-hostnames`, `--no-enable-dns-hostnames`, and the structure of the API."""
    vpc = ("--vpc-id", cli("ec2", "describe-vpcs").data["Vpcs"][0]["VpcId"])

    def names(*flags: str) -> bool:
        assert cli("ec2", "modify-vpc-attribute", *flags, *vpc).code == 0
        shown = cli("ec2", "describe-vpc-attribute", *vpc, "--attribute", "enableDnsHostnames").data
        return bool(shown["EnableDnsHostnames"]["Value"])

    assert names("--enable-dns-hostnames") and not names("--no-enable-dns-hostnames")
    assert names("--enable-dns-hostnames", "Value=true") and not names("--enable-dns-hostnames", '{"Value": false}')
    both = cli("ec2", "modify-vpc-attribute", *vpc, "--enable-dns-hostnames", "--no-enable-dns-hostnames")
    assert both.code == 2 and "exclude each other" in both.err


def test_changes_wait_for_another_command(applied: FakeKernel, cli: Cli) -> None:
    tags = ("ec2", "create-tags", "--resources", route_table(cli), "--tags", "Key=a,Value=b")
    for arguments in (tags, ("apply",), ("destroy",)):
        with another_command(0.1) as holder:
            result = cli(*arguments)
        assert result.code == 0, result.err
        first = result.err.splitlines()[0]
        assert first.startswith(f"the lab {LAB} is locked by process {holder} (eigw-ns apply -f lab.yaml) since 2")
        assert first.endswith("; waiting")


def test_ten_changes_at_once_all_succeed(applied: FakeKernel, cli: Cli) -> None:
    """Each is a process with a copy of the fake kernel, which tags do not change."""
    table = route_table(cli)
    children = []
    for number in range(10):
        children.append(os.fork())
        if children[-1] == 0:
            code = 9
            with contextlib.suppress(BaseException):
                code = run(("ec2", "create-tags", "--resources", table, "--tags", f"Key=k{number},Value=1"))
            os._exit(code)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * 10
    tags = cli("ec2", "describe-route-tables", "--route-table-ids", table).data["RouteTables"][0]["Tags"]
    assert {tag["Key"] for tag in tags} >= {f"k{number}" for number in range(10)}


def test_after_the_deadline_the_holder_is_named(applied: FakeKernel, cli: Cli) -> None:
    route = ("--destination-ipv6-cidr-block", "2001:db8:90::/48", "--gateway-id", "igw-0123456789abcdef0")
    request = ("ec2", "create-route", "--route-table-id", route_table(cli), *route)
    with another_command() as holder:
        refused = cli(*request, "--lock-timeout", "0.05")
        verbs = [cli(verb, "--lock-timeout", "0") for verb in ("apply", "destroy")]
    locked = f"the lab {LAB} is locked by process {holder} (eigw-ns apply -f lab.yaml) since 2"
    assert refused.code == 1
    assert f"An error occurred (Unavailable) when calling the CreateRoute operation: {locked}" in refused.err
    assert [(each.code, f"error: {locked}" in each.err) for each in verbs] == [(1, True), (1, True)]


def test_apply_keeps_the_change_that_it_waited_for(applied: FakeKernel, cli: Cli) -> None:
    """`apply` without a file applies what is stored when it has the lock, not what was stored when it began."""
    table, hold = route_table(cli), FileLock.hold

    @contextlib.contextmanager
    def hold_later(self: FileLock, lab: str, command: str, **patience: Any) -> Iterator[None]:
        if command.startswith("eigw-ns apply"):
            assert cli("ec2", "create-tags", "--resources", table, "--tags", "Key=a,Value=b").code == 0
        with hold(self, lab, command, **patience):
            yield

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FileLock, "hold", hold_later)
        assert cli("apply").code == 0
    assert {"Key": "a", "Value": "b"} in cli("ec2", "describe-route-tables").data["RouteTables"][0]["Tags"]


def test_gc_leaves_needed_labs_alone(applied: FakeKernel, cli: Cli) -> None:
    store().remove(LAB)
    with applied.show_need(LAB):
        assert cli("gc", "-o", "json").data["leftovers"] == []
    left = cli("gc", "-o", "json").data["leftovers"]
    assert [each["name"] for each in left] == list(applied.names())
    assert cli("gc", "--yes").code == 0
    assert applied.names() == ()


def test_a_small_table_is_told(machine: FakeKernel, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The host has 1 GB of memory: Linux gives each namespace 7,680 flows."""
    machine.table = 7_680
    file = tmp_path / f"{LAB}.json"
    file.write_text(tree(2))
    for words in (("apply", "-f", str(file)), ("apply",), ("describe",)):
        assert "7,680 entries: an instance may have 960 connections" in cli(*words).err
    assert cli("status").code == 0
    monkeypatch.setattr("eigw_ns.kernel.host.features.connection_table", lambda: 7_680)
    checks = {each["name"]: each for each in json.loads(cli("doctor", "-o", "json").out)["checks"]}
    assert checks["connection tables"]["outcome"] == "warn"
    assert "960" in checks["connection tables"]["detail"]
    assert "nf_conntrack_max=" in checks["connection tables"]["fix"]
    machine.table = 262_144  # the limits follow
    assert cli("status").code == 3
    assert "entries" not in cli("apply").err
    assert cli("status").code == 0


def test_status_shows_what_users_added_and_calls_it_no_drift(applied: FakeKernel, cli: Cli) -> None:
    applied.added = [ForeignObject(namespace("app"), f"address 2001:db8::{number}/128 on eth0") for number in range(5)]
    done = cli("status")
    first = ", ".join(f"address 2001:db8::{number}/128 on eth0" for number in range(3))
    assert done.code == 0
    assert f"added by users in main/app: {first}; 2 more\n" in done.err
    assert "2001:db8::4/128" in cli("status", "-v").err
    found = json.loads(cli("status", "-o", "json").out)
    assert (found["changes"], len(found["additions"])) == (0, 5)
    assert found["additions"][0] == {"node": "main/app", "object": "address 2001:db8::0/128 on eth0"}


def test_flows_are_listed_filtered_and_limited(applied: FakeKernel, cli: Cli) -> None:
    gateway = next(name for name in applied.namespaces if "-eigw-" in name)
    applied.namespaces[gateway].flows = [("2001:db8::1", "2001:db8::2"), ("2001:db8::1", "2001:db8::3")]
    rows = [json.loads(line) for line in cli("flows", "-o", "json").out.splitlines()]
    assert [row["destination"] for row in rows] == ["2001:db8::2", "2001:db8::3"]
    assert rows[0]["bytes_out"] is None
    limited = cli("flows", "--source", "2001:db8::/32", "-n", "1")
    assert "2001:db8::2 7" in limited.out
    assert "1 more; --limit 2 shows all" in limited.err
    assert "there is no such flow" in cli("flows", "--protocol", "tcp").err
    wrong = cli("flows", "--state", "opened")
    assert (wrong.code, wrong.out) == (2, "")
    assert "opened is not a state of a flow" in wrong.err


def test_flows_of_a_replica_that_is_gone(applied: FakeKernel, cli: Cli) -> None:
    gateway = next(name for name in applied.namespaces if "-eigw-" in name)
    del applied.namespaces[gateway]
    shown = cli("flows")
    assert shown.code == 0
    assert "is not alive" in shown.err

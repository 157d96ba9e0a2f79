"""The pytest plugin with real labs: an inner pytest runs tests and leaves nothing behind, however it ends."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from eigw_ns.errors import ForeignError
from eigw_ns.kernel.linux import LinuxKernel
from eigw_ns.kernel.namespaces import netns
from eigw_ns.lab.lifecycle import gc
from eigw_ns.testing.lab import Lab, read
from eigw_ns.topology import example
from tests.support.command import SECONDS, heed_interrupts
from tests.support.labs import until
from tests.support.ordinary_user import ordinary_user
from tests.support.slowness import SLOWNESS
from tests.support.stored import storage

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.root

DEMO = example("demo")
README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")

PASSING = """
import os, subprocess, sys
import pytest

pytestmark = pytest.mark.eigw_topology("topologies/demo.yaml")

def test_the_example_in_the_readme(lab):
    lab.verify()
    app = lab.node("app")
    assert app.connect("web", 443).allowed
    assert app.connect("2001:db8:80::1", 53, "udp").allowed
    assert app.ping("web").allowed
    assert app.connect("web", 443, listen=False).refused
    assert "default" in lab.exec("app", ["ip", "-6", "route"]).out
    assert app.exec(["cat"], stdin="x").out == "x"
    assert "2001:db8:80::1" in app.exec(["getent", "hosts", "web"]).out
    assert app.exec(["sh", "-c", "exit 3"], check=False).code == 3

def test_inbound_is_blocked(lab):
    seen = lab.node("web").connect("app", 22)
    assert seen.blocked and not seen.arrived
    assert seen.reason == "EGRESS_ONLY_GATEWAY_REFUSES_INBOUND"

def test_eigw_ns_works_on_this_lab(lab):
    eigw = [sys.executable, "-m", "eigw_ns"]
    subprocess.run([*eigw, "status"], check=True)
    (gateway,) = (node for node in [lab.node("main/outbound")])
    delete = "delete-egress-only-internet-gateway", "--egress-only-internet-gateway-id", gateway.id
    subprocess.run([*eigw, "ec2", *delete], check=True)
    seen = lab.node("app").connect("web", 443)
    assert seen.blocked and seen.predicted == "blocked"  # the model uses the changed topology

@pytest.mark.eigw_topology('''
vpcs:
  main: {ipv6_cidr_block: 2600:1f16:aa0:5500::/56}
''')
def test_yaml_of_its_own(lab):
    assert list(lab.topology.cloud.instances) == []

def test_a_daemon_ends_with_the_lab(lab):
    lab.exec("app", ["sh", "-c", "sleep 7531 > /dev/null 2>&1 & echo $!"])
"""

FAILING = """
import pytest
pytestmark = pytest.mark.eigw_topology("topologies/demo.yaml")

def test_assertion(lab):
    assert lab.node("web").connect("app", 22).allowed

def test_command(lab):
    lab.exec("app", ["ls", "/nowhere"])

def test_too_long(lab):
    lab.exec("app", ["sleep", "1000"], timeout=0.1)

def test_one_text(lab):
    lab.exec("app", "ip route")

def test_no_node(lab):
    lab.exec("appp", ["true"])

def test_no_port(lab):
    lab.node("app").connect("web", 443000)

def test_verify(lab):
    lab.exec("main/outbound", ["ip", "link", "set", "down", "dev", "up"])
    assert not lab.node("app").connect("web", 443).allowed
    lab.verify()
"""

ROOTLESS = """
import os
import pytest

@pytest.mark.eigw_topology("topologies/minimal.yaml")
def test_it(lab):
    assert os.geteuid() == 0
    lab.verify(timeout=0.3)
    assert "default" in lab.exec("app", ["ip", "-6", "route"]).out

@pytest.mark.eigw_topology("topologies/minimal.yaml")
def test_ec2(ec2):
    assert len(ec2.client().describe_subnets()["Subnets"]) == 1
"""

OF_EC2 = """

import subprocess
import sys

import botocore.session

CLIENT = "import botocore.session; print(botocore.session.Session().create_client('ec2').describe_vpcs()['Vpcs'])"

def test_an_empty_lab(ec2, monkeypatch):
    gateway = ec2.client().create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    assert list(ec2.lab.topology.cloud.internet_gateways) == [gateway]
    of_the_variables = botocore.session.Session().create_client("ec2")
    assert len(of_the_variables.describe_internet_gateways()["InternetGateways"]) == 1
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of the user")
    done = subprocess.run([sys.executable, "-c", CLIENT], env=ec2.environment(), capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\\n", "")

def test_that_fails(ec2):
    assert ec2.client().describe_vpcs()["Vpcs"]
"""

SHARED = """
import pytest

pytestmark = pytest.mark.eigw_topology("topologies/demo.yaml", scope="module")
seen = []
HOP_LIMIT = ["cat", "/proc/sys/net/ipv6/conf/lo/hop_limit"]

def test_first(lab):
    lab.exec("app", ["sh", "-c", "echo 7 > /proc/sys/net/ipv6/conf/lo/hop_limit"])
    seen.append(lab.name)

class TestSecond:
    def test_it(self, lab):
        assert lab.exec("app", HOP_LIMIT).out == "7\\n"
        seen.append(lab.name)

@pytest.mark.eigw_topology("topologies/demo.yaml")
def test_alone(lab):
    assert lab.name not in seen
    assert lab.exec("app", HOP_LIMIT).out == "64\\n"

@pytest.mark.eigw_topology(scope="module")
@pytest.mark.parametrize("lab", ["topologies/demo.yaml", "topologies/minimal.yaml"], indirect=True)
def test_parameters(lab, request):
    assert len(lab.topology.cloud.instances) == (2 if "demo" in request.node.name else 1)
    seen.append(lab.name)

def test_names():
    assert len(seen) == 4 and len(set(seen)) == 2
"""

WAITING = """
import os, pathlib, threading
import pytest

@pytest.mark.eigw_topology("topologies/demo.yaml")
@pytest.mark.parametrize("number", [1, 2])
def test_it(lab, number, request):
    if "EC2" in os.environ:
        request.getfixturevalue("ec2")
    part = pathlib.Path(f"name-{number}.part")
    part.write_text(lab.name)
    part.rename(f"name-{number}")
    threading.Event().wait(600)
"""


@pytest.fixture
def inner(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Return a folder for inner tests, with the demo topology in a subfolder."""
    monkeypatch.setenv("PYTHONPATH", "")
    (pytester.path / "topologies").mkdir()
    (pytester.path / "topologies" / "demo.yaml").write_text(DEMO)
    (pytester.path / "topologies" / "minimal.yaml").write_text(example("minimal"))
    return pytester


_LEFT = """
def _left():
    return [name for name in os.listdir("/run/netns") if name.startswith("eigw-pytest-")]
"""


def left() -> list[str]:
    """Return the namespaces that labs of the plugin left."""
    return [name for name in netns.names() if name.startswith("eigw-pytest-")]


def test_passing_tests(inner: pytest.Pytester) -> None:
    inner.makepyfile(PASSING)
    inner.runpytest_subprocess("-p", "no:cacheprovider", "--strict-markers", "-W", "error").assert_outcomes(passed=5)
    assert not left()
    assert "sleep\x007531\x00" not in {line.read_text() for line in Path("/proc").glob("[0-9]*/cmdline")}


def test_a_module_shares_a_lab_and_a_topology_may_be_a_parameter(inner: pytest.Pytester) -> None:
    inner.makepyfile(SHARED, test_other="import os\ndef test_gone(): assert not [*_left()]\n" + _LEFT)
    result = inner.runpytest_subprocess("-p", "no:cacheprovider", "--strict-markers", "-W", "error", "-p", "no:xdist")
    result.assert_outcomes(passed=7)
    assert not left()


def servers() -> list[str]:
    """Return the command lines of endpoints that the fixture `ec2` left."""
    lines = (each.read_bytes().decode(errors="replace") for each in Path("/proc").glob("[0-9]*/cmdline"))
    return [line for line in lines if "serve" in line and "pytest-" in line.rpartition("--lab")[2]]


def test_ec2_endpoints(inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    (example_of_readme,) = (
        block for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "(ec2)" in block
    )
    monkeypatch.setenv("AWS_PROFILE", "of-the-user")
    shutil.copy(inner.path / "topologies" / "demo.yaml", inner.path / "lab.yaml")
    inner.makepyfile(f"import pytest\n\n{example_of_readme}{OF_EC2}")
    result = inner.runpytest_subprocess("-p", "no:cacheprovider", "-W", "error", "-p", "no:xdist")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.no_fnmatch_line("*eigw_ns/*.py:*")
    assert not left() and not servers()


def test_rootless_labs(inner: pytest.Pytester) -> None:
    """The option is for the whole run, so that the workers of xdist are inside, too."""
    inner.makepyfile(ROOTLESS)
    with ordinary_user() as user:
        shutil.copytree(inner.path, user.home / "tests")
        (user.home / "tests").chmod(0o755)
        command = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--eigw-rootless", "-n", "1")
        where = (f"--rootdir={user.home}", f"--basetemp={user.home / 'base'}", str(user.home / "tests"))
        passed = user.run(*command, *where)
    assert passed.code == 0, passed.out
    assert "2 passed" in passed.out


def test_failing_tests_explain_themselves_and_leave_nothing(inner: pytest.Pytester) -> None:
    inner.makepyfile(FAILING)
    result = inner.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(failed=7)
    result.stdout.fnmatch_lines(
        [
            "E *where False = <web → app tcp 22: blocked (nothing arrived, the destination is alive, *",
            "E *: app: `ls /nowhere` exited with 2",
            "E *ls: cannot access*",
            "E *sleep was killed: it had not ended after 0.1 s",
            "E *the command 'ip route' is a string*",
            "E *no node is called appp",
            "E *hint: did you mean app?",
            "E *443000 is not a valid port",
            "E *hint: write a port from 1 to 65535",
            "E *: 2 of 6 checks passed",
            "E *✗  app → web *443 *allowed *blocked *(allowed was predicted)",
        ]
    )
    result.stdout.no_fnmatch_line("*eigw_ns/*.py:*")  # no traceback through our code
    assert not left()


@pytest.mark.parametrize(("number", "workers"), [(signal.SIGTERM, 0), (signal.SIGINT, 2)])
def test_an_interrupted_run_leaves_nothing(
    inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, workers: int
) -> None:
    """Ctrl-C, timeout(1) and systemd send their signal to all processes of the run."""
    inner.makepyfile(WAITING)
    monkeypatch.setenv("EC2", "1")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-n", str(workers)]
    running = inner.popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=heed_interrupts,
    )
    with running:
        try:
            names = [inner.path / f"name-{each}" for each in range(1, max(workers, 1) + 1)]
            until(lambda: all(name.exists() for name in names), "the labs of all workers", 30 * SLOWNESS)
            labs = {name.read_text() for name in names}
            assert len(labs) == len(names)
            assert all(any(lab in name for name in left()) for lab in labs)
            os.killpg(running.pid, number)
            output, _ = running.communicate(timeout=SECONDS)
        except BaseException:
            os.killpg(running.pid, signal.SIGKILL)
            raise
    assert b"KeyboardInterrupt" in output
    until(lambda: not left() and not servers(), "nothing left", 30 * SLOWNESS)


def test_gc_keeps_the_lab_of_a_running_pytest(inner: pytest.Pytester) -> None:
    inner.makepyfile(WAITING)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider"]
    running = inner.popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
    with running:
        try:
            name = inner.path / "name-1"
            until(name.exists, "its lab", 30 * SLOWNESS)
            lab = name.read_text()
            made = [each for each in left() if lab in each]
            assert made
            assert gc.remove(LinuxKernel(), storage(), lab) == ()
            assert [each for each in left() if lab in each] == made
        finally:
            running.kill()
    assert {each.name for each in gc.remove(LinuxKernel(), storage(), lab)} == set(made)  # the control
    assert not [each for each in left() if lab in each]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupted_build_leaves_nothing(tmp_path: Path) -> None:
    """Interrupt a build at many moments, as by Ctrl-C. A few have no effect: Python cannot raise in a destructor."""
    before = signal.signal(signal.SIGUSR1, signal.default_int_handler)
    interrupted = 0
    try:
        for moment in range(10):
            lab = Lab(read(DEMO.encode(), "demo.yaml"), tmp_path / str(moment))
            timer = threading.Timer(0.01 * moment, os.kill, (os.getpid(), signal.SIGUSR1))
            built = False
            with contextlib.suppress(KeyboardInterrupt):
                timer.start()
                lab.build()
                built = True
                timer.join()
            if built:
                lab.destroy()
            interrupted += not built
            assert not left()
    finally:
        timer.join()
        signal.signal(signal.SIGUSR1, before)
    assert interrupted


def test_a_refused_build_keeps_the_foreign_namespace(tmp_path: Path) -> None:
    lab = Lab(read(DEMO.encode(), "demo.yaml"), tmp_path)
    name = f"eigw-{lab.name}-{next(iter(lab.built_from.cloud.instances))}"
    with netns.creating(name):
        pass
    try:
        with pytest.raises(ForeignError):
            lab.build()
        assert left() == [name]
    finally:
        netns.remove(name)

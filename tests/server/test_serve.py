"""`eigw-ns serve` as a user runs it: start, clients, privileges, ends, and mistakes on the command line."""

from __future__ import annotations

import contextlib
import fcntl
import http.client
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from eigw_ns.cli.program import run
from eigw_ns.cli.verbs.serve import idle_seconds
from eigw_ns.kernel.namespaces import netns
from eigw_ns.kernel.processes.process import alive, network
from eigw_ns.lab.storage.folders import LabFolders
from eigw_ns.lab.storage.lock import FileLock
from eigw_ns.server.protocol import MOST_CONNECTIONS
from tests.support.command import SECONDS, process
from tests.support.labs import until
from tests.support.ordinary_user import ordinary_user
from tests.support.serving import AS_SYSTEMD, Serving, paused, serving, text_of
from tests.support.slowness import SLOWNESS
from tests.topologies.egress import TREE

FREE = ("--listen", "127.0.0.1:0")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the environment that gives folders of their own to a server."""
    parent = tmp_path_factory.mktemp("served")
    return {
        "EIGW_NS_STATE_DIR": str(parent / "state"),
        "EIGW_NS_RUN_DIR": str(parent / "run"),
        "EIGW_NS_ROOTLESS": "0",
    }


@pytest.fixture(scope="module")
def served(module_lab_name: str, folders: dict[str, str]) -> Iterator[Serving]:
    """Yield a server of a lab with one instance, which all tests of the module share."""
    topology = json.dumps({"lab": module_lab_name, **TREE})
    assert process("apply", "-q", "-f", "-", stdin=topology, env=folders).code == 0
    with serving("--lab", module_lab_name, *FREE, env=folders) as server:
        yield server
        code, _ = server.end()
    assert code == 0
    assert process("status", "--lab", module_lab_name, env=folders).code == 0, "the store and the kernel differ"
    assert process("destroy", "-q", "--lab", module_lab_name, env=folders).code == 0


def gateway_of(ec2: Any) -> str:
    found = ec2.describe_egress_only_internet_gateways()["EgressOnlyInternetGateways"]
    return str(found[0]["EgressOnlyInternetGatewayId"])


@pytest.mark.root
def test_a_change_is_in_the_kernel_when_it_is_answered(served: Serving) -> None:
    ec2 = served.client()
    old = gateway_of(ec2)
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    assert any(old in name for name in netns.names())
    ec2.delete_egress_only_internet_gateway(EgressOnlyInternetGatewayId=old)
    assert not any(old in name for name in netns.names())
    table = ec2.describe_route_tables()["RouteTables"][0]
    assert [route["State"] for route in table["Routes"]] == ["active", "blackhole"]
    new = ec2.create_egress_only_internet_gateway(VpcId=vpc, ClientToken="once")["EgressOnlyInternetGateway"]
    assert any(new["EgressOnlyInternetGatewayId"] in name for name in netns.names())
    ec2.replace_route(
        RouteTableId=table["RouteTableId"],
        DestinationIpv6CidrBlock="::/0",
        EgressOnlyInternetGatewayId=new["EgressOnlyInternetGatewayId"],
    )


@pytest.mark.root
def test_the_web_process_has_no_privilege(served: Serving) -> None:
    (web,) = served.children()
    status = dict(line.split(":", 1) for line in Path(f"/proc/{web}/status").read_text().splitlines() if ":" in line)
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(status[name], 16) == 0, name
    assert status["NoNewPrivs"].strip() == "1"
    assert set(status["Uid"].split()) == set(status["Gid"].split()) == {"65534"}
    assert status["Groups"].strip() == ""
    _, _, session, terminal = Path(f"/proc/{web}/stat").read_text().rpartition(") ")[2].split()[1:5]
    assert (int(session), int(terminal)) == (web, 0), "it could type into the user's terminal"


@pytest.mark.root
def test_the_worker_has_no_network_socket(served: Serving) -> None:
    """Only the web process listens. The worker keeps its end of the channel, and nothing that strangers can reach."""
    worker = served.process.pid
    links = [str(each.readlink()) for each in Path(f"/proc/{worker}/fd").iterdir()]
    inodes = {link[8:-1] for link in links if link.startswith("socket:")}
    listening = Path("/proc/net/tcp").read_text()
    assert len(inodes) == 1
    assert not [line for line in listening.splitlines() if line.split()[9] in inodes]


@pytest.mark.root
def test_clients_at_the_same_time_lose_no_change(served: Serving) -> None:
    ec2 = served.client()
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]

    def work(number: int) -> str:
        ec2.describe_subnets()
        made = ec2.create_security_group(GroupName=f"n{number}", Description="d", VpcId=vpc)["GroupId"]
        ec2.create_tags(Resources=[made], Tags=[{"Key": "n", "Value": str(number)}])
        return str(made)

    with ThreadPoolExecutor(10) as pool:
        made = list(pool.map(work, range(20)))
    found = ec2.describe_security_groups(GroupIds=made)["SecurityGroups"]
    assert {group["GroupName"]: group["Tags"][0]["Value"] for group in found} == {f"n{n}": str(n) for n in range(20)}
    for group in made:
        ec2.delete_security_group(GroupId=group)


@pytest.mark.root
def test_a_describe_does_not_wait_for_the_lock_and_a_change_waits_so_long(
    lab_name: str, folders: dict[str, str]
) -> None:
    lock = FileLock(LabFolders(Path(folders["EIGW_NS_STATE_DIR"]), Path(folders["EIGW_NS_RUN_DIR"])))
    with serving("--ephemeral", "--lab", lab_name, "--lock-timeout", "0.2", *FREE, env=folders) as server:
        ec2 = server.client()
        with lock.hold(lab_name, "a test"):
            assert ec2.describe_vpcs()["Vpcs"] == []
            with pytest.raises(ClientError) as caught:
                ec2.create_internet_gateway()
        assert caught.value.response["Error"]["Code"] == "RequestLimitExceeded"
        assert f"process {os.getpid()} (a test)" in caught.value.response["Error"]["Message"]
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
        ec2.create_internet_gateway()


@pytest.mark.root
def test_a_stranger_changes_nothing(served: Serving) -> None:
    for secret, region, code in (("guess", "us-east-1", "SignatureDoesNotMatch"), (None, "local-1", "AuthFailure")):
        with pytest.raises(ClientError) as caught:
            served.client(secret=secret, region=region).create_internet_gateway()
        assert caught.value.response["Error"]["Code"] == code
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 401


@pytest.mark.root
@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
        b"GET\r\n\r\n",
        b"POST / HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
        b"POST / HTTP/1.0\r\n\r\n",
    ],
)
def test_what_is_not_http_is_refused_in_xml(served: Serving, data: bytes) -> None:
    with socket.create_connection(served.address, timeout=10) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 4")
    assert b"<RequestID>" in answer and b"x-amzn-requestid" in answer.lower()
    assert served.client().describe_vpcs()["Vpcs"]


def idle(number: int) -> bytes:
    """Return what a program sends on a connection whose request never comes, or is never whole."""
    head = b"POST / HTTP/1.1\r\nHost: "
    return (b"", head, head + b"127.0.0.1:8471\r\nContent-Length: 9\r\n\r\n")[number % 3]


@pytest.mark.root
def test_connections_that_send_nothing_keep_nobody_out(served: Serving) -> None:
    ec2 = served.client()
    said = text_of(served.log)
    with contextlib.ExitStack() as stack:
        for number in range(MOST_CONNECTIONS + 30):
            connection = stack.enter_context(socket.create_connection(served.address, timeout=SECONDS))
            connection.sendall(idle(number))
        assert ec2.describe_vpcs()["Vpcs"]
        (web,) = served.children()
        until(lambda: len([*Path(f"/proc/{web}/fd").iterdir()]) < MOST_CONNECTIONS + 30, "the oldest are closed")
        assert served.client().describe_vpcs()["Vpcs"]
    assert text_of(served.log) == said


@pytest.mark.root
def test_a_stranger_cannot_fill_the_log(served: Serving) -> None:
    said = text_of(served.log)
    upgrade = b"POST / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
    for data in (b"\x00\r\n\r\n", upgrade):
        with socket.create_connection(served.address, timeout=SECONDS) as connection:
            connection.sendall(data)
            assert connection.recv(100).startswith(b"HTTP/1.1 4")
    assert text_of(served.log) == said


@pytest.mark.root
def test_a_log_that_no_program_reads_stops_nothing(lab_name: str, folders: dict[str, str]) -> None:
    ours, theirs = os.pipe()
    fcntl.fcntl(theirs, fcntl.F_SETPIPE_SZ, 4096)

    def start(command: list[str], **settings: Any) -> Any:
        return subprocess.Popen(command, **{**settings, "stderr": theirs})

    with serving("--ephemeral", "--lab", lab_name, *FREE, env=folders, start=start) as server:
        os.close(theirs)
        ec2 = server.client()
        made = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        for number in range(15):
            ec2.create_tags(Resources=[made], Tags=[{"Key": f"{number}-{n}", "Value": "x" * 256} for n in range(2)])
        assert len(ec2.describe_internet_gateways()["InternetGateways"][0]["Tags"]) == 30
        assert len(os.read(ours, 1 << 16)) > 3000, "the pipe was not full"
        assert server.end()[0] == 0
    os.close(ours)


@pytest.mark.root
@pytest.mark.alone
def test_answers_are_sent_at_once(served: Serving) -> None:
    """With Nagle's algorithm each answer waits 40 ms for an acknowledgement."""
    ec2 = served.client()
    ec2.describe_vpcs()
    began = time.monotonic()
    for _ in range(20):
        ec2.describe_vpcs()
    assert time.monotonic() - began < 0.4 * SLOWNESS


@pytest.mark.root
def test_an_ephemeral_lab_is_made_reset_and_destroyed(lab_name: str, folders: dict[str, str]) -> None:
    stored = Path(folders["EIGW_NS_STATE_DIR"]) / lab_name
    with serving("--ephemeral", "--lab", lab_name, "--no-sigv4", *FREE, env=folders) as server:
        ec2 = server.client(secret="any")
        ec2.create_internet_gateway()
        assert stored.exists()
        _reset(server)
        assert ec2.describe_internet_gateways()["InternetGateways"] == []
        web = server.children()
        assert server.end(signal.SIGINT)[0] == 130
    assert not stored.exists()
    assert not any(alive(each) for each in web)


def _reset(server: Serving) -> None:
    connection = http.client.HTTPConnection(*server.address)
    connection.request("POST", "/_eigw/reset")
    assert connection.getresponse().status == 200
    connection.close()


@pytest.mark.root
def test_a_default_vpc_and_raised_quotas(lab_name: str, folders: dict[str, str]) -> None:
    flags = ("--default-vpc", "--quota", "vpcs-per-region=7", "--no-sigv4")
    with serving("--ephemeral", "--lab", lab_name, *flags, *FREE, env=folders) as server:
        ec2 = server.client(secret="any")
        for _ in range(2):
            (vpc,) = ec2.describe_vpcs()["Vpcs"]
            assert (vpc["IsDefault"], vpc["CidrBlock"]) == (True, "172.31.0.0/16")
            assert len(ec2.describe_subnets()["Subnets"]) == 3
            _reset(server)
        for number in range(6):
            ec2.create_vpc(CidrBlock=f"10.{number}.0.0/16")
        with pytest.raises(ClientError) as caught:
            ec2.create_vpc(CidrBlock="10.6.0.0/16")
        assert caught.value.response["Error"]["Code"] == "VpcLimitExceeded"
        ec2.create_dhcp_options(DhcpConfigurations=[{"Key": "domain-name", "Values": ["example.org"]}])
        notes = [line for line in server.end()[1].splitlines() if "moves no packet" in line]
        start = f"the lab {lab_name}: recorded only, and moves no packet: "
        assert notes == [f"{start}IPv4 blocks, IPv4 routes", f"{start}DHCP options"]


@pytest.mark.root
@pytest.mark.parametrize(("number", "place"), [("SIGTERM", "."), ("SIGHUP", "topology.json")])
def test_an_ephemeral_lab_that_is_half_built_is_destroyed(
    lab_name: str, folders: dict[str, str], number: str, place: str
) -> None:
    stored, run = (Path(folders[f"EIGW_NS_{name}_DIR"]) / lab_name for name in ("STATE", "RUN"))
    with paused("--ephemeral", "--lab", lab_name, *FREE, env=folders, when=(stored / place).exists) as server:
        server.send_signal(signal.Signals[number])
        server.send_signal(signal.SIGCONT)
        assert server.wait(SECONDS) == 0
    assert not stored.exists() and not run.exists()
    assert not [name for name in netns.names() if lab_name in name]


@pytest.mark.root
def test_the_processes_end_together_and_a_restart_loses_nothing(lab_name: str, folders: dict[str, str]) -> None:
    with serving("--lab", lab_name, *FREE, env=folders) as server:
        made = server.client().create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        (web,) = server.children()
        server.process.kill()
        server.wait()
        until(lambda: not alive(web), "the web process ends")
    with serving("--lab", lab_name, *FREE, env=folders) as server:
        found = server.client().describe_internet_gateways()["InternetGateways"]
        assert [each["InternetGatewayId"] for each in found] == [made]
        os.kill(server.children()[0], signal.SIGKILL)
        code, err = server.wait()
        assert code == 1 and "error: the web process ended: killed by SIGKILL" in err
    assert process("destroy", "-q", "--lab", lab_name, env=folders).code == 0


class UnixConnection(http.client.HTTPConnection):
    """A connection to a unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost")
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(self.path)


@pytest.mark.root
def test_a_unix_socket_is_open_to_its_owner_alone(lab_name: str, folders: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "closed" / "socket"
    path.parent.mkdir(mode=0o700)
    stale = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    stale.bind(str(path))
    stale.close()
    with serving("--ephemeral", "--lab", lab_name, "--no-sigv4", "--socket", str(path), env=folders) as server:
        assert server.access["endpoint"] == "http://localhost" and server.access["socket"] == str(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        connection = UnixConnection(str(path))
        body = "Action=DescribeVpcs&Version=2016-11-15"
        connection.request("POST", "/", body, {"Content-Type": "application/x-www-form-urlencoded"})
        answer = connection.getresponse()
        assert answer.status == 200 and b"DescribeVpcsResponse" in answer.read()
        connection.close()
        busy = process("serve", "--ephemeral", "--socket", str(path), env=folders)
        assert busy.code == 2 and "Address already in use" in busy.err
    assert not path.exists()


@pytest.mark.root
def test_systemd_passes_the_socket_on(lab_name: str, folders: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number = listener.fileno()
        command = (sys.executable, "-c", AS_SYSTEMD, str(number))
        with serving("--ephemeral", "--lab", lab_name, env=folders, command=command, pass_fds=(number,)) as server:
            assert server.address == listener.getsockname()
            assert server.client().describe_vpcs()["Vpcs"] == []


@pytest.mark.root
def test_an_ordinary_user_serves_a_lab_of_its_own(lab_name: str) -> None:
    with ordinary_user() as user:

        def start(command: list[str], **_: Any) -> Any:
            return user.start(*command)

        with serving("--ephemeral", "--lab", lab_name, *FREE, start=start) as server:
            server.client().create_internet_gateway()
            (web,) = server.children()
            assert "CapEff:\t0000000000000000" in Path(f"/proc/{web}/status").read_text()
            assert network(web) == network(os.getpid()) != network(server.process.pid)
            assert server.end()[0] == 0


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the commands of this test folders of their own, and return their parent."""
    for name, value in (("STATE_DIR", str(tmp_path / "s")), ("RUN_DIR", str(tmp_path / "r")), ("ROOTLESS", "0")):
        monkeypatch.setenv(f"EIGW_NS_{name}", value)
    tmp_path.chmod(0o700)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--listen", "0.0.0.0:0"], "not an address of the loopback interface"),
        (["--listen", "192.0.2.1:80"], "not an address of the loopback interface"),
        (["--listen", "[::]:80"], "not an address of the loopback interface"),
        (["--listen", "example.com:80"], "is not an address and a port"),
        (["--listen", "127.0.0.1:70000"], "is not an address and a port"),
        (["--listen", "127.0.0.999:0"], "is not an address"),
        (["--idle", "soon"], "is not a time"),
        (["--lab", "a", "--lab", "b"], "several labs are served, and a has no Region"),
        (["--lab", "../etc@us-east-1"], "not a valid lab name"),
        (["--lab", "../etc"], "not a valid lab name"),
        (["--listen", "127.0.0.1:0", "--socket", "x"], "several sockets"),
        (["--keys", "/nonexistent"], "cannot read /nonexistent"),
        (["--socket", "/tmp/socket"], "closed to other users"),
        (["--socket", f"{'x' * 200}"], "cannot listen"),
    ],
)
def test_a_mistake_is_a_usage_error(
    arguments: list[str], words: str, own: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(own)
    assert run(["serve", *arguments]) == 2
    found = capsys.readouterr()
    assert found.out == "" and words in found.err


def test_a_port_in_use_is_named(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert run(["serve", "--listen", f"127.0.0.1:{taken.getsockname()[1]}"]) == 2
    found = capsys.readouterr().err
    assert "Address already in use" in found and "--listen 127.0.0.1:0" in found


def test_the_packages_of_the_extra_are_named_if_they_are_missing(
    own: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eigw_ns.lab.host.extras.find_spec", lambda name: None if name == "uvicorn" else name)
    assert run(["serve"]) == 5
    found = capsys.readouterr().err
    assert "serve needs uvicorn" in found and "pip install 'eigw-ns[server]'" in found


@pytest.mark.parametrize(
    ("text", "mode", "words"),
    [
        ("[default]\naws_access_key_id=a1b2\naws_secret_access_key=s\n", 0o644, "chmod 0600"),
        ("[default]\naws_access_key_id=a1b2\n", 0o600, "no valid access key"),
        ("[default]\naws_access_key_id=a/b\naws_secret_access_key=s\n", 0o600, "no valid access key"),
        ("", 0o600, "has no access key"),
        ("AKIA secret\n", 0o600, "is not a credentials file"),
        ("\ufffe\x00", 0o600, "is not a credentials file"),
    ],
)
def test_a_wrong_file_of_keys_is_refused(
    text: str, mode: int, words: str, own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = own / "keys"
    file.write_text(text)
    file.chmod(mode)
    assert run(["serve", "--keys", str(file)]) == 2
    assert words in capsys.readouterr().err


def test_times_are_read() -> None:
    assert [idle_seconds(text) for text in ("90s", "1.5m", "8h", "0", "0h")] == [90, 90, 28_800, None, None]


@pytest.mark.root
def test_keys_are_read_and_an_idle_server_ends(lab_name: str, folders: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("[default]\naws_access_key_id = 123456789012\naws_secret_access_key = a%b\n")
    file.chmod(0o600)
    arguments = ("--ephemeral", "--lab", lab_name, "--keys", str(file), "--idle", "0.5s", *FREE)
    with serving(*arguments, env=folders) as server:
        assert (server.access["access_key_id"], server.access["secret_access_key"]) == ("123456789012", "a%b")
        assert server.wait()[0] == 0

"""An instance that `ec2` verbs launch, stop, start and terminate. Packets show each state."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from eigw_ns.dataplane.state import Link
from tests.support.command import Cli
from tests.support.labs import PATIENCE, SILENCE, Lab
from tests.support.stored import store

pytestmark = pytest.mark.root

WEB = "2001:db8:80::1"
IMAGE = "ami-0123456789abcdef0"


@pytest.fixture
def lab(cli: Cli, demo_file: Callable[[str], str], lab_name: str, monkeypatch: pytest.MonkeyPatch) -> Lab:
    monkeypatch.setenv("EIGW_NS_LAB", lab_name)
    assert cli("apply", "-f", demo_file(lab_name)).code == 0
    return Lab(lab_name)


def _ec2(cli: Cli, lab: Lab, *words: str) -> object:
    """Carry out an `ec2` verb, and let the lab know what exists now."""
    done = cli("ec2", *words)
    assert done.code == 0, done.err
    lab.current = store().load(lab.name)
    return done.data


def _launched(cli: Cli, lab: Lab) -> tuple[str, str]:
    """Launch an instance beside `app`. Return its id and its address."""
    words = ("--image-id", IMAGE, "--subnet-id", "private-a", "--security-group-ids", "open", "--count", "1")
    answer = _ec2(cli, lab, "run-instances", *words)
    assert isinstance(answer, dict)
    (instance,) = answer["Instances"]
    assert instance["State"] == {"Code": 16, "Name": "running"}
    return instance["InstanceId"], instance["Ipv6Address"]


def _links(lab: Lab, node: str) -> list[Link]:
    state = lab.kernel.observe(lab.name)
    return [thing for thing in state if isinstance(thing, Link) and thing.namespace == lab.namespace(node)]


def test_a_stopped_instance_has_no_link_and_a_started_one_has_its_address_again(cli: Cli, lab: Lab) -> None:
    made, address = _launched(cli, lab)
    with lab.stream("app", "web", WEB, 4444) as beside, lab.stream(made, "web", WEB) as stream:
        with (
            lab.open_socket(made, kind=socket.SOCK_DGRAM) as server,
            lab.open_socket("app", kind=socket.SOCK_DGRAM) as client,
        ):
            server.bind((address, 9))
            server.settimeout(PATIENCE)
            client.sendto(b"before", (address, 9))
            assert server.recv(16) == b"before"
            assert stream.works() and beside.works()
            tracked = lab.connections("outbound")

            _ec2(cli, lab, "stop-instances", "--instance-ids", made)
            assert _links(lab, made) == []
            assert lab.connections("outbound") < tracked  # its flow is gone, and the other one is not
            client.sendto(b"meanwhile", (address, 9))
            server.settimeout(SILENCE)
            with pytest.raises(TimeoutError):
                server.recv(16)
            with pytest.raises(OSError) as caught:
                server.sendto(b"x", (WEB, 9))
            assert caught.value.errno in (errno.ENETUNREACH, errno.EADDRNOTAVAIL)
            assert stream.silent() and beside.works()
            assert cli("status").code == 0

            _ec2(cli, lab, "start-instances", "--instance-ids", made)
            server.settimeout(PATIENCE)
            client.sendto(b"after", (address, 9))
            assert server.recv(16) == b"after"
        with lab.stream(made, "web", WEB, 4445) as again:
            assert again.works() and beside.works()
        assert beside.retransmissions() == 0


def test_a_terminated_instance_leaves_nothing_and_its_address_inherits_no_flow(
    cli: Cli, lab: Lab, tmp_path: Path
) -> None:
    made, address = _launched(cli, lab)
    with lab.stream("app", "web", WEB, 4444) as beside, lab.stream(made, "web", WEB) as stream:
        assert stream.works() and beside.works()
        namespace = lab.namespace(made)
        _ec2(cli, lab, "terminate-instances", "--instance-ids", made)
        assert stream.silent() and beside.works()
        assert namespace not in {owner.namespace for owner in lab.kernel.observe(lab.name).namespaces()}
        successor, again = _launched(cli, lab)
        assert again == address and successor != made
        assert stream.silent() and beside.works()
        assert beside.retransmissions() == 0
    shown = _ec2(cli, lab, "describe-instances", "--instance-ids", made)
    assert '"Name": "terminated"' in str(shown).replace("'", '"')
    assert cli("status").code == 0
    exported = tmp_path / "exported.yaml"
    exported.write_text(cli("export").out, encoding="utf-8")
    assert made not in exported.read_text(encoding="utf-8")
    assert cli("plan", "-f", str(exported)).code == 0

"""`eigw-ns capture` on a real lab: tshark reads every file and shows where a refused packet was last seen."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from eigw_ns.errors import MissingError, UsageError
from eigw_ns.kernel.traffic.capture_socket import Frame
from eigw_ns.kernel.traffic.pcap_filter import compiled
from eigw_ns.lab.capture import points, sinks
from eigw_ns.lab.capture.points import Point
from eigw_ns.lab.capture.session import SNAP_LENGTH, Capture, Limits
from tests.support.labs import Lab
from tests.topologies.egress import APP, WEB
from tests.topologies.replicated import tree

pytestmark = pytest.mark.root

ACCEPT_NOTHING_WRONG = ("-o", "tcp.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE")
FIELDS = ("frame.interface_name", "ipv6.src", "tcp.flags", "tcp.checksum.status", "_ws.malformed")


@pytest.fixture(scope="module")
def lab(module_lab_name: str) -> Lab:
    built = Lab(module_lab_name)
    built.apply(tree(2))
    return built


def read(file: Path) -> list[dict[str, str]]:
    """Return the fields of each frame as tshark reads them."""
    wanted = [word for field in FIELDS for word in ("-e", field)]
    command = ["tshark", "-r", str(file), *ACCEPT_NOTHING_WRONG, "-T", "fields", *wanted]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return [dict(zip(FIELDS, line.split("\t"), strict=True)) for line in done.stdout.splitlines()]


@contextlib.contextmanager
def capturing(lab: Lab, ends: tuple[str, str], text: str, file: Path) -> Iterator[None]:
    """Capture what passes during the block at every hop between two machines."""
    assert lab.current
    cloud = lab.current.cloud
    found = points.of_path(cloud, *ends)
    program = compiled(points.with_addresses(cloud, text), SNAP_LENGTH)
    with Capture(found, program) as capture:
        yield
        capture.run(sinks.Pcapng(found, lambda _: file.open("wb")), Limits(seconds=0.2), lambda: False)


def test_a_flow_is_seen_at_each_hop_and_a_refused_packet_up_to_the_gateway(lab: Lab, tmp_path: Path) -> None:
    file = tmp_path / "hops.pcapng"
    with (
        capturing(lab, ("app", "web"), "tcp", file),
        lab.stream("app", "web", WEB, 4001) as through,
        lab.open_socket("web") as attacker,
    ):
        assert through.works()
        attacker.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            attacker.connect((APP, 22))
        assert through.works()
    rows = read(file)
    assert not [row for row in rows if row["_ws.malformed"]]
    assert {row["tcp.checksum.status"] for row in rows} == {"1"}  # good
    syn = [row["frame.interface_name"] for row in rows if row["tcp.flags"] == "0x0002" and row["ipv6.src"] == APP]
    assert [syn[0], syn[-1]] == ["app", "web"]
    assert len(syn) == 5
    refused = [row["frame.interface_name"] for row in rows if row["tcp.flags"] == "0x0002" and row["ipv6.src"] == WEB]
    assert refused[0] == "web"
    assert refused[-1].startswith("outbound#")
    assert refused[-1].endswith(" up")
    assert not {"app", "a fabric"} & set(refused)


def test_a_filter_keeps_only_what_it_selects(lab: Lab, tmp_path: Path) -> None:
    file = tmp_path / "none.pcapng"
    with capturing(lab, ("app", "web"), "host @app and tcp port 9", file), lab.stream("app", "web", WEB, 4002) as other:
        assert other.works()
    assert read(file) == []


def test_a_snap_length_keeps_the_length_on_the_wire(lab: Lab) -> None:
    taken: list[Frame] = []
    assert lab.current
    found = points.of_path(lab.current.cloud, "app", "web")[:1]
    sink = sinks.Lines(found, lambda _point, frame, _fields: taken.append(frame))
    with Capture(found, compiled("udp", 64), 64) as capture:
        lab.begin_flows("app", WEB, 3)
        outcome = capture.run(sink, Limits(packets=2, seconds=5), lambda: False)
    assert outcome.frames == len(taken) == 2
    assert all(frame.length == len(frame.data) == 63 for frame in taken)  # 14 + 40 + 8 + 1
    assert all(frame.direction == "out" for frame in taken)


@pytest.mark.parametrize("text", ["tcp prt 4", "port 70000", "host 300.1.1.1", "(" * 50])
def test_a_wrong_filter_is_refused_with_the_words_of_libpcap(text: str) -> None:
    with pytest.raises(UsageError, match="is not valid"):
        compiled(text, SNAP_LENGTH)


def test_nothing_stays_open_if_a_point_is_gone(lab: Lab) -> None:
    assert lab.current
    whole = points.of_path(lab.current.cloud, "app", "web")
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(MissingError):
        Capture((*whole, Point(whole[0].namespace, "eth9", "gone")), None)
    assert len(list(Path("/proc/self/fd").iterdir())) == before

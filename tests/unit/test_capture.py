"""Captures without a kernel: pcapng as another reader sees it, checksums, points, filters and lines."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from ipaddress import IPv6Address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eigw_ns.errors import UsageError
from eigw_ns.kernel.traffic.capture_socket import Frame
from eigw_ns.lab.capture import points, sinks, summary
from eigw_ns.lab.capture.checksums import completed
from eigw_ns.lab.capture.points import Point
from eigw_ns.lab.capture.session import Loss
from eigw_ns.topology import load
from tests.topologies.replicated import tree

POINTS = (Point("eigw-x-i-1", "eth0", "app"), Point("eigw-x-eigw-1.2", "up", "outbound#2 up"))


def blocks(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the type and the body of each block. Both lengths of a block must agree."""
    while data:
        kind, size = struct.unpack_from("=II", data)
        assert size % 4 == 0
        assert struct.unpack_from("=I", data, size - 4) == (size,)
        yield kind, data[8 : size - 4]
        data = data[size:]


class Kept(io.BytesIO):
    """A file whose bytes can be read after it was closed."""

    def close(self) -> None:
        self.kept = self.getvalue()
        super().close()


def frame(data: bytes = b"x" * 61, time: int = 1_700_000_000_123_456_789) -> Frame:
    return Frame(time, data, 1500, "out", False)


def test_a_file_has_an_interface_for_each_point_and_nanoseconds() -> None:
    file = Kept()
    sink = sinks.Pcapng(POINTS, lambda _number: file, packet_filter="tcp")
    sink.take(1, frame())
    sink.end([Loss(3, 0), Loss(5, 2)])
    found = list(blocks(file.kept))
    assert [kind for kind, _ in found] == [0x0A0D0D0A, 1, 1, 6, 5, 5]
    assert b"outbound#2 up" in found[2][1]
    assert b"\x09\x00\x01\x00\x09\x00\x00\x00" in found[2][1]  # if_tsresol: 10^-9
    number, high, low, kept, length = struct.unpack_from("=IIIII", found[3][1])
    assert (number, high << 32 | low, kept, length) == (1, 1_700_000_000_123_456_789, 61, 1500)
    assert struct.pack("=HHI", 2, 4, 2) in found[3][1]  # epb_flags: outbound
    assert struct.pack("=HHQ", 5, 8, 2) in found[5][1]  # isb_ifdrop


def test_a_ring_overwrites_its_oldest_file_and_each_file_is_whole() -> None:
    opened: list[tuple[int, Kept]] = []

    def another(number: int) -> Kept:
        opened.append((number, Kept()))
        return opened[-1][1]

    sink = sinks.Pcapng(POINTS, another, ring=sinks.Ring(2, 700))
    for _ in range(12):
        sink.take(0, frame())
    sink.end([])
    assert [number for number, _ in opened][:4] == [0, 1, 0, 1]
    assert all([kind for kind, _ in blocks(file.kept)][:3] == [0x0A0D0D0A, 1, 1] for _, file in opened)
    assert all(len(file.kept) <= 700 for _, file in opened)
    assert sinks.ring_file(Path("a/app.pcapng"), 1) == Path("a/app.1.pcapng")


def packet(protocol: int, payload: bytes) -> bytes:
    addresses = IPv6Address("2001:db8::1").packed + IPv6Address("2001:db8::2").packed
    header = struct.pack("!IHBB", 6 << 28, len(payload), protocol, 64)
    return bytes(12) + b"\x86\xdd" + header + addresses + payload


def total(protocol: int, whole: bytes) -> int:
    """Return the sum over pseudo-header and payload: 0xffff if the checksum is right (RFC 1071)."""
    payload = whole[54:]
    data = whole[22:54] + struct.pack("!II", len(payload), protocol) + payload + b"\0" * (len(payload) % 2)
    found = sum(int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2))
    while found >> 16:
        found = (found & 0xFFFF) + (found >> 16)
    return found


@given(st.sampled_from([6, 17, 58]), st.binary(min_size=20, max_size=200))
def test_checksums_are_completed(protocol: int, payload: bytes) -> None:
    whole = completed(packet(protocol, payload))
    assert total(protocol, whole) == 0xFFFF
    assert len(whole) == 54 + len(payload)


@given(st.binary(max_size=80))
def test_other_frames_stay_as_they_are(data: bytes) -> None:
    if data[12:14] != b"\x86\xdd":
        assert completed(data) == data
    summary.line(summary.summary(data.ljust(14, b"\0")), len(data))


def test_a_frame_in_words() -> None:
    syn = packet(6, struct.pack("!HH", 41000, 443) + bytes(8) + bytes([0x50, 0x12]) + bytes(6))
    fields = summary.summary(syn)
    assert fields == {
        "source": "2001:db8::1",
        "destination": "2001:db8::2",
        "protocol": "tcp",
        "source_port": 41000,
        "port": 443,
        "flags": "SA",
    }
    assert summary.line(fields, 74) == "2001:db8::1 41000 > 2001:db8::2 443 tcp SA, 74 bytes"
    ping = summary.summary(packet(58, bytes([128, 0, 0, 0])))
    assert summary.line(ping, 62) == "2001:db8::1 > 2001:db8::2 icmpv6 echo request, 62 bytes"


CLOUD = load(tree(2).encode(), file="x.json", default_lab="lab").cloud


def test_a_path_has_one_interface_for_each_wire_in_the_order_of_the_way() -> None:
    gateway = ["outbound#1 fabric", "outbound#1 up", "outbound#2 fabric", "outbound#2 up"]
    there = [point.name for point in points.of_path(CLOUD, "app", "web")]
    subnet = there[1]
    assert there == ["app", subnet, *gateway, "web"]
    assert subnet.endswith(" fabric")
    assert [point.name for point in points.of_path(CLOUD, "web", "app")] == there[::-1]


def test_names_in_a_filter_become_addresses() -> None:
    app = next(each for each in CLOUD.instances.values() if each.name == "app").ipv6_address
    assert points.with_addresses(CLOUD, "host @app and (tcp or src @web)").startswith(f"host {app} and (tcp or src ")
    with pytest.raises(UsageError, match="nobody"):
        points.with_addresses(CLOUD, "host @nobody")
    with pytest.raises(UsageError, match="no address of its own"):
        points.with_addresses(CLOUD, "host @outbound")

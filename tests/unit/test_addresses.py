"""`dataplane.state.addresses`: the family follows from the value, in text and in octets, and stands in one module."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path
from socket import AF_INET, AF_INET6

import pytest

import eigw_ns
from eigw_ns.dataplane.compile.notation import address_text, block_text
from eigw_ns.dataplane.state import Address, Neighbour, Route
from eigw_ns.dataplane.state.addresses import family_of, to_octets, to_text, unspecified
from eigw_ns.kernel.netlink import rtnetlink

ADDRESSES = [("192.0.2.1", AF_INET), ("0.0.0.0", AF_INET), ("::", AF_INET6), ("2001:db8::1", AF_INET6),
             ("::ffff:192.0.2.1", AF_INET6), ("::1.2.3.4", AF_INET6)]  # fmt: skip
HOSTS: dict[int, str] = {AF_INET: "192.0.2.1", AF_INET6: "2001:db8::1"}


@pytest.mark.parametrize(("text", "family"), ADDRESSES)
def test_octets_come_back_as_the_same_text(text: str, family: int) -> None:
    assert family_of(text) == family
    assert family_of(f"{text}/24") == family
    assert to_text(to_octets(text)) == text


@pytest.mark.parametrize(("family", "text"), [(AF_INET, "0.0.0.0"), (AF_INET6, "::")])
def test_the_unspecified_address_is_all_zeros(family: int, text: str) -> None:
    assert to_text(unspecified(family)) == text


def test_objects_and_numbers_are_written_as_text() -> None:
    assert address_text(IPv4Address("192.0.2.1")) == "192.0.2.1"
    assert address_text(IPv6Address("2001:db8::1")) == address_text(0x20010DB8 << 96 | 1) == "2001:db8::1"
    assert block_text(IPv4Network("192.0.2.0/24")) == "192.0.2.0/24"
    assert block_text(IPv6Network("2001:db8::1")) == "2001:db8::1/128"


@pytest.mark.parametrize("family", HOSTS)
def test_messages_have_the_family_of_their_address(family: int) -> None:
    host = HOSTS[family]
    messages = (
        rtnetlink.address_message(Address("x", "eth0", f"{host}/24"), 1),
        rtnetlink.neighbour_message(Neighbour("x", "eth0", host, "06:00:00:00:00:01"), 1),
        rtnetlink.route_message(Route("x", f"{host}/24", "eth0", host), {"eth0": 1}),
    )
    assert {message.payload[0] for message in messages} == {family}


def test_no_other_module_that_encodes_names_a_family() -> None:
    rooms = ("dataplane", "kernel/netlink", "kernel/reading", "kernel/writing")
    root = Path(eigw_ns.__file__).parent
    found = [path.name for room in rooms for path in (root / room).rglob("*.py") if "AF_INET" in path.read_text()]
    assert found == ["addresses.py"]

"""Prefix lists in the kernel: their entries are peers of group rules and destinations of routes, and follow changes."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from tests.support.labs import PATIENCE, SILENCE, Lab, inward, until

pytestmark = pytest.mark.root

APP, MATE, WEB, FAR = "2600:1f16:aa0:5501::10", "2600:1f16:aa0:5502::10", "2001:db8:80::1", "2001:db8:90::1"
PORT = 4443
LAB = """
vpcs:
  main:
    ipv6_cidr_block: 2600:1f16:aa0:5500::/56
    egress_only_internet_gateways: {outbound: {}}
    route_tables: {main: {main: true, routes: [{destination: outside, target: outbound}]}}
    security_groups:
      listed: {ingress: [{protocol: tcp, ports: 4443, prefix_list: peers}, {protocol: tcp, ports: 4444, cidr: "::/0"}]}
      open: {ingress: [{protocol: all, cidr: "::/0"}]}
    subnets:
      one: {ipv6_cidr_block: "2600:1f16:aa0:5501::/64"}
      two: {ipv6_cidr_block: "2600:1f16:aa0:5502::/64"}
    instances:
      app: {subnet: one, ipv6_address: "2600:1f16:aa0:5501::10", security_groups: [listed]}
      mate: {subnet: two, ipv6_address: "2600:1f16:aa0:5502::10", security_groups: [open]}
prefix_lists:
  peers: {max_entries: 5, entries: [%s]}
  outside: {max_entries: 5, entries: [%s]}
internet: {hosts: {web: {ipv6_address: "2001:db8:80::1"}, far: {ipv6_address: "2001:db8:90::1"}}}
"""


def text(peers: tuple[str, ...] = (), outside: tuple[str, ...] = ()) -> str:
    """Return the lab with these blocks in its two lists."""
    return LAB % tuple(", ".join(f'{{cidr: "{block}"}}' for block in blocks) for blocks in (peers, outside))


@pytest.fixture(scope="module")
def lab(module_lab_name: str) -> Iterator[Lab]:
    lab = Lab(module_lab_name)
    lab.apply(text())
    yield lab


def connects(lab: Lab, source: str, destination: str, address: str, port: int, patience: float = SILENCE) -> bool:
    """Return whether a TCP connection opens in time. The listener is heard in its own namespace (the canary)."""
    with lab.listening(destination, address, port):
        with lab.open_socket(destination) as canary:
            canary.settimeout(PATIENCE)
            canary.connect((address, port))
        with lab.open_socket(source) as client:
            client.settimeout(patience)
            try:
                client.connect((address, port))
            except OSError:
                return False
            return True


def test_a_rule_lets_in_what_is_in_the_list_and_nothing_after_the_entry_is_removed(lab: Lab) -> None:
    lab.apply(text(peers=("2600:1f16:aa0:5502::/64",)))
    assert connects(lab, "mate", "app", APP, PORT, PATIENCE)
    other = text(peers=("2600:1f16:aa0:5503::/64",))
    lab.apply(other)
    before = lab.counter("one", "drop_group_ingress")
    assert not connects(lab, "mate", "app", APP, PORT)
    assert lab.counter("one", "drop_group_ingress") > before
    assert connects(lab, "mate", "app", APP, PORT + 1, PATIENCE)  # the control: another rule on the same path
    assert lab.plan(other) == ()


def test_an_empty_list_lets_nothing_in(lab: Lab) -> None:
    lab.apply(text())
    assert not connects(lab, "mate", "app", APP, PORT)
    assert connects(lab, "mate", "app", APP, PORT + 1, PATIENCE)


def test_a_route_leads_to_what_is_in_the_list_and_no_further(lab: Lab) -> None:
    lab.apply(text(outside=("2001:db8:80::/48", "2001:db8:90::/48")))
    for host, address in (("web", WEB), ("far", FAR)):
        assert connects(lab, "app", host, address, PORT, PATIENCE)
    with lab.stream("app", "far", FAR) as flow:
        assert flow.works()
        lab.apply(text(outside=("2001:db8:80::/48",)))
        assert flow.silent()  # a flow ends with its route
    assert not connects(lab, "app", "far", FAR, PORT)
    assert connects(lab, "app", "web", WEB, PORT, PATIENCE)  # the control


@pytest.mark.parametrize("entries", [("2001:db8:80::/48",), ("::/0",)])
def test_the_internet_gets_in_by_no_list(lab: Lab, entries: tuple[str, ...]) -> None:
    lab.apply(text(peers=("::/0",), outside=entries))
    before = lab.counter("outbound", "drop_inbound")
    with lab.sniffer("mate") as inside, lab.open_socket("web", kind=socket.SOCK_DGRAM) as sender:
        sender.sendto(b"x", (MATE, 9))
        until(lambda: lab.counter("outbound", "drop_inbound") == before + 1, "counted")
        assert inward(inside) == []
        with lab.stream("mate", "web", WEB) as control:
            assert control.works()
        assert inward(inside)

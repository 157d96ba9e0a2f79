"""Two processes read and build the same as one, for any expected state and any drift of a lab."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pyroute2 import IPRoute

from eigw_ns.dataplane.compile.compiler import compile_cloud
from eigw_ns.dataplane.state import NOTHING, Link, NetState
from eigw_ns.kernel.namespaces import netns, sysctl
from eigw_ns.kernel.nft.library import Nft
from eigw_ns.kernel.processes import parallel
from tests.support.labs import Lab, until

pytestmark = pytest.mark.root

TEXT = """
vpcs:
  main:
    ipv6_cidr_block: 2600:1f16:aa0:5500::/56
    egress_only_internet_gateways: {outbound: {}}
    route_tables: {private: {main: true, routes: [{destination: "::/0", target: outbound}]}}
    subnets: {a: {}, b: {}}
    instances: {app: {subnet: a}, box: {subnet: b}, third: {subnet: b}}
internet: {hosts: {web: {ipv6_address: "2001:db8:80::1"}}}
"""


def _route(lab: Lab, node: str) -> None:
    with netns.inside(lab.namespace(node)), IPRoute() as netlink:
        netlink.route("add", dst="2001:db8:bad::/48", type="blackhole")


def _alias(lab: Lab, node: str, alias: str) -> None:
    with netns.inside(lab.namespace(node)), IPRoute() as netlink:
        netlink.link("set", index=netlink.link_lookup(ifname="eth0")[0], ifalias=alias)


def _sysctl(lab: Lab, node: str, key: str, value: str) -> None:
    with netns.inside(lab.namespace(node)):
        sysctl.write(key, value)


def _rules(lab: Lab, *nodes: str) -> None:
    for node in nodes:
        with netns.inside(lab.namespace(node)):
            Nft().run("add rule inet eigw_ns prerouting accept", "add a rule")


def _remove(lab: Lab, node: str) -> None:
    """Remove the namespace, and wait until the far ends of its links are gone."""
    netns.remove(lab.namespace(node))
    until(lambda: all(link.peer for link in _links(lab) if link.kind == "veth"), "the far ends of its links are gone")


CHANGES: dict[str, Callable[[Lab], object]] = {
    "nothing": lambda _lab: None,
    "a route more": lambda lab: _route(lab, "a"),
    "other sysctls": lambda lab: _sysctl(lab, "box", "net.ipv6.conf.default.accept_ra", "2"),
    "IPv4 forwarded": lambda lab: _sysctl(lab, "a", sysctl.IPV4_FORWARDING, "1"),
    "an alias that says nothing": lambda lab: _alias(lab, "app", "mine"),
    "an alias that names another's end": lambda lab: _alias(lab, "app", f"{lab.namespace('b')}/eth0"),
    "an end that claims its neighbour's peer": lambda lab: _alias(lab, "box", _peer(lab, "third")),
    "other rules": lambda lab: _rules(lab, "a", "b"),
    "no gateway": lambda lab: _remove(lab, "outbound"),
    "no instance": lambda lab: _remove(lab, "box"),
}


def _peer(lab: Lab, node: str) -> str:
    return next("/".join(link.peer) for link in _links(lab) if link.namespace == lab.namespace(node) and link.peer)


def _links(lab: Lab) -> list[Link]:
    return [thing for thing in lab.kernel.observe(lab.name) if isinstance(thing, Link)]


@pytest.fixture
def divide(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], list[int]]:
    """Return a function that lets one or two processes do the work; its result has an element for each fork."""

    def choose(two: bool) -> list[int]:
        times: list[int] = []

        def may_fork() -> bool:
            times.append(1)
            return True

        monkeypatch.setattr(parallel, "WORTH", 1 if two else 1000)
        monkeypatch.setattr(parallel, "_may_fork", may_fork)
        return times

    return choose


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_two_processes_read_what_one_reads(
    lab_name: str, divide: Callable[[bool], list[int]], change: Callable[[Lab], object]
) -> None:
    lab = Lab(lab_name)
    lab.apply(TEXT)
    assert lab.current is not None
    wanted = compile_cloud(lab.current.cloud)
    change(lab)
    seen: list[NetState] = []
    for two in (False, True):
        times = divide(two)
        seen += (lab.kernel.observe(lab_name, believed) for believed in (NOTHING, wanted))
        assert len(times) == 2 * two
    assert all(each == seen[0] for each in seen)
    assert (seen[0] == wanted) == (change is CHANGES["nothing"])


def test_two_processes_build_what_one_builds(lab_name: str, divide: Callable[[bool], list[int]]) -> None:
    made: list[tuple[NetState, int]] = []
    for two in (False, True):
        times = divide(two)
        lab = Lab(lab_name)
        lab.apply(TEXT)
        assert bool(times) == two
        made.append((lab.kernel.observe(lab_name), lab.kernel.writes))
        lab.destroy()
    assert made[0] == made[1]

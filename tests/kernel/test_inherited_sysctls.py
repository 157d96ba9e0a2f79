"""Hosts whose namespaces inherit the host's sysctls, as with k3s: net.core.devconf_inherit_init_net=1.

That sysctl is the host's own, so these tests do not set it. They set the values themselves in each new namespace,
between unshare(2) and the first line of our code.
"""

from __future__ import annotations

import pytest

from eigw_ns.kernel.host import features
from eigw_ns.kernel.namespaces import netns, sysctl
from tests.support.labs import Lab
from tests.topologies.egress import WEB

pytestmark = pytest.mark.root

KEYS = ("forwarding", "disable_ipv6", "proxy_ndp", "seg6_enabled", "ignore_routes_with_linkdown")
SCOPES = ("all", "default")
LAB = """
vpcs:
  main:
    ipv6_cidr_block: 2600:1f16:aa0:5500::/56
    egress_only_internet_gateways: {outbound: {}}
    route_tables: {private: {main: true, routes: [{destination: "::/0", target: outbound}]}}
    subnets: {a: {ipv6_cidr_block: "2600:1f16:aa0:5501::/64"}}
    instances: {app: {subnet: a, ipv6_address: "2600:1f16:aa0:5501::10"}}
internet: {hosts: {web: {ipv6_address: "2001:db8:80::1"}}}
"""


@pytest.fixture(params=[("forwarding",), ("disable_ipv6",), KEYS], ids=["forwarding", "disabled", "all"])
def inherited(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str | None]]:
    """Give each new namespace the value 1 for these keys. Returns the values that each has when it gets its name."""
    named: list[dict[str, str | None]] = []
    unshare, name = netns._unshare, netns._name

    def unshared(doing: str) -> None:
        unshare(doing)
        for key in _keys(request.param):
            sysctl.write(key, "1")

    def given_a_name(path: str, doing: str) -> None:
        named.append({key: sysctl.read(key) for key in _keys(KEYS)})
        name(path, doing)

    monkeypatch.setattr(netns, "_unshare", unshared)
    monkeypatch.setattr(netns, "_name", given_a_name)
    monkeypatch.setattr(sysctl, "new_namespaces_inherit", lambda: True)
    return named


def _keys(names: tuple[str, ...]) -> list[str]:
    return [f"net.ipv6.conf.{scope}.{name}" for scope in SCOPES for name in names]


def test_a_namespace_has_linuxs_own_values_before_it_gets_its_name(
    inherited: list[dict[str, str | None]], lab_name: str
) -> None:
    with netns.creating(f"eigw-{lab_name}-test"):
        assert {sysctl.read(key) for key in _keys(KEYS)} == {"0"}
    netns.remove(f"eigw-{lab_name}-test")
    assert [set(values.values()) for values in inherited] == [{"0"}]


@pytest.mark.usefixtures("inherited")
def test_a_lab_is_what_was_applied_and_nothing_but_routers_forwards(lab_name: str) -> None:
    lab = Lab(lab_name)
    lab.apply(LAB)
    assert lab.plan(LAB) == ()
    for node in ("app", "web"):
        with netns.inside(lab.namespace(node)):
            assert [sysctl.read(f"net.ipv6.conf.{scope}.forwarding") for scope in (*SCOPES, "eth0")] == ["0"] * 3
    with lab.stream("app", "web", WEB) as stream:
        assert stream.works()


@pytest.mark.usefixtures("inherited")
def test_doctor_does_not_call_ipv6_missing() -> None:
    assert features.ipv6() == ""
    assert features.source_routes() == ""


@pytest.mark.skipif(sysctl.read("net.core.devconf_inherit_init_net") in ("1", "3"), reason="namespaces inherit here")
def test_every_value_that_is_reset_is_linuxs_own() -> None:
    """`reset_ipv6` changes nothing on a host whose namespaces do not inherit."""
    with netns.nameless():
        before = {key: sysctl.read(key) for key in _keys((*sysctl._FRESH, *sysctl._FRESH_IF_KNOWN))}
        sysctl.reset_ipv6()
        assert {key: sysctl.read(key) for key in before} == before


@pytest.mark.parametrize(("value", "inherits"), [("0", False), ("1", True), ("2", False), ("3", True), (None, True)])
def test_only_two_values_let_namespaces_inherit_nothing(
    value: str | None, inherits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None: a container does not see the host's value."""
    monkeypatch.setattr(sysctl, "read", lambda key: value)
    assert sysctl.new_namespaces_inherit() is inherits

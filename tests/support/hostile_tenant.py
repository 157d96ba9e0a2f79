"""What an instance with root can do in its namespace, one function for each act."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pyroute2 import IPRoute

from eigw_ns.dataplane.state import PROTOCOL
from eigw_ns.kernel.namespaces import netns, sysctl
from eigw_ns.kernel.nft.library import Nft
from tests.support.labs import Lab
from tests.topologies.egress import APP

FOREIGN = 3  # RTPROT_BOOT, linux/rtnetlink.h, the protocol that `ip` gives its routes


@dataclass(frozen=True)
class Tenant:
    """An instance with root in its namespace. What it keeps doing ends with the stack `lasting`."""

    namespace: str
    netlink: IPRoute
    lasting: contextlib.ExitStack

    @property
    def link(self) -> int:
        """Return the index of its interface."""
        return self.index("eth0")

    def index(self, name: str) -> int:
        """Return the index of the interface with this name."""
        return int(self.netlink.link_lookup(ifname=name)[0])

    def rename(self, index: int, name: str) -> None:
        """Give a link another name."""
        self.netlink.link("set", index=index, state="down")
        self.netlink.link("set", index=index, ifname=name)

    def another(self, name: str) -> int:
        """Create another link with this name, and return its index."""
        self.netlink.link("add", ifname=name, kind="bridge")
        return self.index(name)


Act = Callable[[Tenant], None]
"""An act of a tenant."""


# ---- the acts --------------------------------------------------------------------------------------------------------


def replaces_its_default_route(tenant: Tenant) -> None:
    tenant.netlink.route("replace", dst="::/0", gateway="fe80::1", oif=tenant.link, priority=1024, proto=FOREIGN)


def makes_its_default_route_a_blackhole(tenant: Tenant) -> None:
    tenant.netlink.route("del", dst="::/0", family=socket.AF_INET6, priority=1024)
    tenant.netlink.route("add", dst="::/0", type="blackhole", family=socket.AF_INET6, priority=1024, proto=FOREIGN)


def puts_another_route_beside_its_default_route(tenant: Tenant) -> None:
    tenant.netlink.route("append", dst="::/0", gateway="fe80::77", oif=tenant.link, priority=1024, proto=FOREIGN)
    tenant.netlink.route("append", dst="::/0", oif=tenant.link, priority=1024, proto=PROTOCOL, family=socket.AF_INET6)


def adds_its_address_again(tenant: Tenant) -> None:
    tenant.netlink.addr("del", index=tenant.link, address=APP, prefixlen=128)
    tenant.netlink.addr("add", index=tenant.link, address=APP, prefixlen=128)


def adds_its_address_again_with_another_prefix(tenant: Tenant) -> None:
    tenant.netlink.addr("del", index=tenant.link, address=APP, prefixlen=128)
    tenant.netlink.addr("add", index=tenant.link, address=APP, prefixlen=64, proto=PROTOCOL)


def adds_its_address_again_with_a_peer(tenant: Tenant) -> None:
    tenant.netlink.addr("del", index=tenant.link, address=APP, prefixlen=128)
    tenant.netlink.addr("add", index=tenant.link, local=APP, address="2001:db8::77", prefixlen=128, proto=PROTOCOL)


def takes_its_address_away(tenant: Tenant) -> None:
    tenant.netlink.addr("del", index=tenant.link, address=APP, prefixlen=128)


def makes_a_neighbour_of_its_own(tenant: Tenant) -> None:
    tenant.netlink.neigh("del", dst="fe80::1", ifindex=tenant.link, family=socket.AF_INET6)
    tenant.netlink.neigh(
        "add", dst="fe80::1", lladdr="02:bb:bb:bb:bb:bb", ifindex=tenant.link, state=0x80, family=socket.AF_INET6
    )


def renames_its_link(tenant: Tenant) -> None:
    tenant.rename(tenant.link, "mine")


def renames_its_link_and_takes_the_name_for_another(tenant: Tenant) -> None:
    tenant.rename(tenant.link, "mine")
    tenant.another("eth0")


def takes_the_name_for_a_pair_of_its_own(tenant: Tenant) -> None:
    tenant.rename(tenant.link, "mine")
    tenant.netlink.link("add", ifname="eth0", kind="veth", peer="other")


def deletes_its_link(tenant: Tenant) -> None:
    tenant.netlink.link("del", index=tenant.link)


def deletes_its_link_and_calls_the_loopback_so(tenant: Tenant) -> None:
    tenant.netlink.link("del", index=tenant.link)
    tenant.rename(1, "eth0")
    tenant.another("lo")


def deletes_its_link_and_has_another_answer_to_its_name(tenant: Tenant) -> None:
    tenant.netlink.link("del", index=tenant.link)
    tenant.netlink.link("property_add", index=tenant.another("mine"), altname=["eth0"])


def moves_its_link_elsewhere(tenant: Tenant) -> None:
    with netns.nameless():
        there = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    tenant.lasting.callback(os.close, there)
    tenant.netlink.link("set", index=tenant.link, net_ns_fd=there)


def takes_its_link_down(tenant: Tenant) -> None:
    tenant.netlink.link("set", index=tenant.link, state="down")


def takes_the_alias_of_its_link_away(tenant: Tenant) -> None:
    tenant.netlink.link("set", index=tenant.link, ifalias="")


def changes_its_mac_and_mtu(tenant: Tenant) -> None:
    tenant.netlink.link("set", index=tenant.link, address="02:aa:aa:aa:aa:aa", mtu=1000)  # too small for IPv6


def makes_its_link_a_port_of_a_bridge(tenant: Tenant) -> None:
    tenant.netlink.link("add", ifname="br0", kind="bridge")
    tenant.netlink.link("set", index=tenant.link, master=tenant.index("br0"))
    tenant.netlink.link("del", index=tenant.link)


def switches_ipv6_off_on_its_link(tenant: Tenant) -> None:
    sysctl.write("net.ipv6.conf.eth0.disable_ipv6", "1")


def switches_ipv6_off_everywhere(tenant: Tenant) -> None:
    sysctl.write("net.ipv6.conf.all.disable_ipv6", "1")
    tenant.netlink.link("del", index=tenant.link)


def changes_our_sysctls(tenant: Tenant) -> None:
    sysctl.write("net.ipv6.conf.all.accept_source_route", "1")
    sysctl.write("net.ipv6.conf.all.forwarding", "1")


def wipes_the_mark(tenant: Tenant) -> None:
    tenant.netlink.link("set", index=1, ifalias="")


def forges_the_mark(tenant: Tenant) -> None:
    tenant.netlink.link("set", index=1, ifalias="eigw-ns:other:subnet-0123456789abcdef0")


def wipes_the_mark_and_deletes_its_link(tenant: Tenant) -> None:
    tenant.netlink.link("set", index=1, ifalias="nobody's")
    tenant.netlink.link("del", index=tenant.link)


def takes_the_loopback_down(tenant: Tenant) -> None:
    tenant.netlink.link("set", index=1, state="down")


def owns_a_table_of_our_name(tenant: Tenant) -> None:
    library = Nft()  # while the socket is open, no other process may delete the table
    tenant.lasting.callback(library.listing, "inet")
    library.run("table inet eigw_ns { flags owner; }", "own a table")


def leaves_links_that_never_come_up(tenant: Tenant) -> None:
    for name in ("one", "two"):
        tenant.netlink.addr("add", index=tenant.another(name), address=f"2001:db8:77::{len(name)}", prefixlen=64)
    tenant.netlink.link("add", ifname="left", kind="veth", peer="right")
    for name in ("left", "right"):
        tenant.netlink.link("set", index=tenant.index(name), state="up", link_mode=1)  # dormant
    tenant.netlink.addr(
        "del", index=tenant.link, address=APP, prefixlen=128
    )  # so that apply has an address to wait for


def forges_things_of_ours(tenant: Tenant) -> None:
    link = tenant.link
    tenant.netlink.route("add", dst="2001:db8:78::/48", oif=link, proto=PROTOCOL)
    tenant.netlink.route(
        "add",
        dst="2001:db8:79::/48",
        family=socket.AF_INET6,
        proto=PROTOCOL,
        multipath=[{"gateway": "fe80::1", "oif": link}, {"gateway": "fe80::77", "oif": link}],
    )
    tenant.netlink.route("add", dst="2001:db8:7a::/48", type="blackhole", proto=PROTOCOL, family=socket.AF_INET6)
    forged = {"local": "2001:db8:7b::1", "address": "2001:db8:7b::2", "prefixlen": 128, "proto": PROTOCOL}
    # not preferred: otherwise the tenant would send from it after DAD, and its port drops other sources
    tenant.netlink.addr("add", index=link, **forged, preferred_lft=0, valid_lft=3600)
    tenant.netlink.addr("add", index=1, address="2001:db8:7c::1", prefixlen=128, proto=PROTOCOL)
    rule = {"priority": 50, "table": 254, "fwmark": 1, "fwmask": 3, "src": "2001:db8::/32", "protocol": PROTOCOL}
    tenant.netlink.rule("add", family=socket.AF_INET6, **rule)
    tenant.netlink.link("set", index=tenant.another("mine"), ifalias="eigw-forged/eth0")
    tenant.netlink.link("add", ifname="veiled", kind="veth", peer="peer")
    tenant.netlink.link("set", index=tenant.index("veiled"), ifalias="eigw-forged/eth0")


def has_a_thousand_routes_and_never_rests(tenant: Tenant) -> None:
    """A dump of the routes needs several messages, and is interrupted again and again."""
    link = tenant.link
    for number in range(1000):
        tenant.netlink.route("add", dst=f"2001:0:{number:x}::/48", oif=link, proto=FOREIGN)
    flapping = subprocess.Popen([sys.executable, "-c", _FLAPPING, str(link), str(FOREIGN)], stdout=subprocess.PIPE)
    assert flapping.stdout is not None
    assert flapping.stdout.readline() == b"flaps\n"
    tenant.lasting.enter_context(flapping)
    tenant.lasting.callback(flapping.kill)


_FLAPPING = """
import contextlib, sys
from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError
route = {"dst": "2001:1::/48", "oif": int(sys.argv[1]), "proto": int(sys.argv[2])}
with IPRoute() as netlink:
    print("flaps", flush=True)
    while True:
        with contextlib.suppress(NetlinkError):  # its line was taken away for a moment, or for good
            netlink.route("add", **route)
            netlink.route("del", **route)
"""
"""This runs in a separate process: a thread would slow down our own code, which is measured."""


def holds_its_namespace(tenant: Tenant) -> None:
    read, write = os.pipe()
    child = os.fork()  # starts in the namespace of this thread
    if child == 0:
        os.close(write)
        os.read(read, 1)
        os._exit(0)
    os.close(read)
    tenant.lasting.callback(os.waitpid, child, 0)
    tenant.lasting.callback(os.close, write)


ACTS: tuple[Act, ...] = (
    replaces_its_default_route,
    makes_its_default_route_a_blackhole,
    puts_another_route_beside_its_default_route,
    adds_its_address_again,
    adds_its_address_again_with_another_prefix,
    adds_its_address_again_with_a_peer,
    takes_its_address_away,
    makes_a_neighbour_of_its_own,
    renames_its_link,
    renames_its_link_and_takes_the_name_for_another,
    takes_the_name_for_a_pair_of_its_own,
    deletes_its_link,
    deletes_its_link_and_calls_the_loopback_so,
    deletes_its_link_and_has_another_answer_to_its_name,
    moves_its_link_elsewhere,
    takes_its_link_down,
    takes_the_alias_of_its_link_away,
    changes_its_mac_and_mtu,
    makes_its_link_a_port_of_a_bridge,
    switches_ipv6_off_on_its_link,
    switches_ipv6_off_everywhere,
    changes_our_sysctls,
    wipes_the_mark,
    forges_the_mark,
    wipes_the_mark_and_deletes_its_link,
    takes_the_loopback_down,
    owns_a_table_of_our_name,
    leaves_links_that_never_come_up,
    forges_things_of_ours,
    has_a_thousand_routes_and_never_rests,
    holds_its_namespace,
)
ONLY_ITS_OWN = (
    owns_a_table_of_our_name,
    has_a_thousand_routes_and_never_rests,
    holds_its_namespace,
)
"""Acts that change no object of ours."""


@contextlib.contextmanager
def done(lab: Lab, act: Act) -> Iterator[None]:
    """Let `app` act. What the act keeps doing goes on while the block runs."""
    namespace = lab.namespace("app")
    with contextlib.ExitStack() as lasting:
        with netns.inside(namespace), IPRoute() as netlink:
            act(Tenant(namespace, netlink, lasting))
        yield

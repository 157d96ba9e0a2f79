"""What others may do to a namespace of ours without our seeing less of it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from pyroute2 import IPRoute

from eigw_ns.dataplane.state import Namespace, NftChain, Ruleset
from eigw_ns.kernel import netns
from eigw_ns.kernel.linux import LinuxKernel
from eigw_ns.kernel.nft import Nft

pytestmark = pytest.mark.root

LAB = f"drift{os.getpid()}"
ROUTER = Namespace(f"eigw-{LAB}-subnet-00000000000000001", LAB, "subnet-00000000000000001")
CHAIN = NftChain("prerouting", "type filter hook prerouting priority filter; policy drop;", ("accept",))
RULES = Ruleset(ROUTER.namespace, "inet", chains=(CHAIN,))


@pytest.fixture
def kernel() -> Iterator[LinuxKernel]:
    kernel = LinuxKernel()
    kernel.create([ROUTER, RULES])
    yield kernel
    kernel.delete([ROUTER])


def test_a_loopback_that_was_renamed_still_says_whose_the_namespace_is(kernel: LinuxKernel) -> None:
    with netns.inside(ROUTER.namespace), IPRoute() as netlink:
        netlink.link("set", index=1, state="down")
        netlink.link("set", index=1, ifname="other")
    down = Namespace(ROUTER.namespace, LAB, ROUTER.id, loopback_up=False)
    assert tuple(kernel.observe(LAB).namespaces()) == (down,)
    kernel.update(down, ROUTER)
    assert tuple(kernel.observe(LAB).namespaces()) == (ROUTER,)


def test_a_dormant_table_is_drift_and_is_woken(kernel: LinuxKernel) -> None:
    """Its rules are listed as ever, and no packet meets them."""
    with netns.inside(ROUTER.namespace):
        Nft().run("add table inet eigw_ns { flags dormant; }", "put the table to sleep")
    asleep = kernel.observe(LAB).objects[RULES.key]
    assert asleep != RULES
    kernel.update(asleep, RULES)
    assert kernel.observe(LAB).objects[RULES.key] == RULES

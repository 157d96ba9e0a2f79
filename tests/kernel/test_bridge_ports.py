"""Entries that a bridge learnt from a port before learning was disabled."""

from __future__ import annotations

import socket
from dataclasses import replace

import pytest
from pyroute2 import IPRoute

from eigw_ns.dataplane.state import NetState
from eigw_ns.kernel.linux import LinuxKernel
from eigw_ns.kernel.namespaces import netns
from tests.support.labs import until
from tests.support.small_states import Fabric

pytestmark = pytest.mark.root

_FORWARDING = 3  # BR_STATE_FORWARDING, linux/if_bridge.h
_AF_BRIDGE = 7


def test_a_learnt_entry_is_replaced_by_a_static_one(lab_name: str) -> None:
    """If a gateway gets a second replica, the first one's link becomes a bridge port while packets pass through it."""
    fabric, kernel = Fabric(lab_name), LinuxKernel()
    port, end = fabric.ports[0], fabric.ends[0]
    alone = replace(port, bridge=None)
    kernel.create([*fabric.unwired, alone, end])
    with netns.inside(fabric.here), IPRoute() as netlink:
        index = netlink.link_lookup(ifname=port.name)[0]
        netlink.link("set", index=index, master=netlink.link_lookup(ifname=fabric.bridge.name)[0])

        def learns() -> bool:
            told = netlink.get_links(index)[0].get_nested("IFLA_LINKINFO", "IFLA_INFO_SLAVE_DATA")
            return bool(told.get_attr("IFLA_BRPORT_STATE") == _FORWARDING)

        def learnt() -> bool:
            dump = netlink.get_neighbours(family=_AF_BRIDGE, ifindex=index)
            return end.mac in {entry.get_attr("NDA_LLADDR") for entry in dump}

        until(learns, "the port forwards")
        with netns.inside(end.namespace):
            sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        with sender:
            sender.bind((end.name, 0))
            macs = bytes.fromhex(f"02:00:00:00:00:aa:{end.mac}".replace(":", ""))
            sender.send(macs + b"\x88\xb5" + bytes(46))  # an experimental EtherType (IEEE 802)
        until(learnt, "the bridge has learnt")
        kernel.update([(alone, port)])
        assert not learnt()
    kernel.create([fabric.entry(0)])
    assert kernel.observe(lab_name) == NetState.of([*fabric.unwired, port, end, fabric.entry(0)])

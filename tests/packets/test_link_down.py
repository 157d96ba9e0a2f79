"""A user sets the link of an instance down and up. Linux removes what was on it, and the next apply restores it."""

from __future__ import annotations

import json
import socket

import pytest
from pyroute2 import IPRoute

from eigw_ns.dataplane.state import Configuration
from eigw_ns.kernel.namespaces import netns
from tests.support.labs import Lab
from tests.topologies.egress import TREE, WEB

pytestmark = pytest.mark.root


def test_a_link_that_was_down_gets_its_addresses_and_routes_back_with_the_next_apply(lab_name: str) -> None:
    lab, text = Lab(lab_name), json.dumps(TREE)
    lab.apply(text)
    with lab.stream("app", "web", WEB) as stream:
        assert stream.works()
        _set("down", lab)
        _set("up", lab)
        missing = lab.plan(text)
        assert {(step.verb, step.object.namespace) for step in missing if isinstance(step.object, Configuration)} == {
            ("create", lab.namespace("app"))
        }
        assert all(isinstance(step.object, Configuration) for step in missing)
        with lab.open_socket("app", kind=socket.SOCK_DGRAM) as client, pytest.raises(OSError, match="unreachable"):
            client.sendto(b"x", (WEB, 53))
        lab.apply(text)
        assert stream.works()


def _set(state: str, lab: Lab) -> None:
    with netns.inside(lab.namespace("app")), IPRoute() as netlink:
        (index,) = netlink.link_lookup(ifname="eth0")
        netlink.link("set", index=index, state=state)

"""A lab whose gateway has several replicas, and which of them a flow went through."""

from __future__ import annotations

import copy
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from eigw_ns.cloud.ids import replica_id
from eigw_ns.cloud.nodes import find
from eigw_ns.dataplane import spread
from eigw_ns.dataplane.names import namespace_name
from eigw_ns.dataplane.state import Flow
from eigw_ns.kernel import netns
from eigw_ns.kernel.linux import LinuxKernel
from tests.labs import PATIENCE, Lab
from tests.packets.test_under_load import APP, TREE, WEB


def tree(replicas: int, **vpc: Any) -> str:
    """The lab of `test_under_load` with so many replicas; `vpc` replaces parts of the VPC."""
    made = copy.deepcopy(TREE)
    main = made["vpcs"]["main"]
    main["egress_only_internet_gateways"] = {"outbound": {"replicas": replicas}}
    main.update(vpc)
    return json.dumps(made)


@contextmanager
def replicated(name: str, folder: Path, replicas: int, *, shared: bool = True) -> Iterator[Lab]:
    """The lab while the block runs; where nothing is `shared`, as on a host without conntrackd."""
    lab = Lab(name, LinuxKernel(folder), shared=shared)
    lab.apply(tree(replicas))
    yield lab
    lab.destroy()
    assert not list(folder.iterdir()), "daemons left files behind"


def replicas(lab: Lab) -> list[str]:
    """The namespaces of the gateway's replicas."""
    assert lab.current is not None
    (gateway,) = lab.current.cloud.egress_only_internet_gateways.values()
    return [namespace_name(lab.name, replica_id(gateway.id, number)) for number in range(1, gateway.replicas + 1)]


def owner(lab: Lab, flow: Flow) -> str:
    """The namespace of the replica that a flow should go through, while all are alive."""
    number = len(replicas(lab))
    shares = spread.shares([str(each) for each in range(number)], {str(each) for each in range(number)})
    bucket = spread.bucket_of(flow, spread.seed(lab.name))
    return replicas(lab)[next(int(mac) for first, last, mac in shares if first <= bucket <= last)]


def carriers(lab: Lab, flow: Flow) -> list[str]:
    """The replicas that know the flow."""
    return [name for name in replicas(lab) if flow in lab.kernel.flows(name)]


def count(lab: Lab, counter: str) -> list[int]:
    """The packets that each replica has counted."""
    return [lab.kernel.counters(name)[counter].packets for name in replicas(lab)]


def gateway_id(lab: Lab) -> str:
    """The gateway's id."""
    assert lab.current is not None
    return find(lab.current.cloud, "outbound").id


@contextmanager
def datagrams(lab: Lab, port: int = 0, peer_port: int = 5353) -> Iterator[tuple[socket.socket, socket.socket, Flow]]:
    """A UDP socket in the instance and one in the host, each connected to the other, and their flow."""
    with netns.inside(lab.namespace("app")):
        near = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    with netns.inside(lab.namespace("web")):
        far = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    with near, far:
        near.bind((APP, port))
        far.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        far.bind((WEB, peer_port))
        near.connect((WEB, peer_port))
        far.connect(near.getsockname())
        for end in (near, far):
            end.settimeout(PATIENCE)
        yield near, far, Flow(APP, WEB, socket.IPPROTO_UDP, (near.getsockname()[1], peer_port))


def carries(near: socket.socket, far: socket.socket, size: int = 16) -> bool:
    """Whether a datagram goes out and one comes back."""
    near.send(b"q" * size)
    if far.recv(65535) != b"q" * size:
        return False
    far.send(b"a" * size)
    return near.recv(65535) == b"a" * size

"""A running lab whose gateway has several replicas, and which of them a flow went through."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from pyroute2 import IPRoute

from eigw_ns.cloud.ids import replica_id
from eigw_ns.cloud.nodes import find
from eigw_ns.dataplane.compile.names import namespace_name, port_name
from eigw_ns.dataplane.replication import spread
from eigw_ns.dataplane.replication.watched_gateways import gateways
from eigw_ns.dataplane.state import Flow, bucket_of, seed
from eigw_ns.kernel.namespaces import netns
from eigw_ns.kernel.netlink import conntrack
from tests.support.labs import PATIENCE, Lab
from tests.topologies.egress import APP, WEB
from tests.topologies.replicated import far_hosts, tree


@contextmanager
def replicated(name: str, replicas: int) -> Iterator[Lab]:
    """Build the lab, and destroy it when the block ends."""
    lab = Lab(name)
    lab.apply(tree(replicas, name))
    yield lab
    lab.destroy()


def replicas(lab: Lab) -> list[str]:
    """Return the namespaces of the gateway's replicas, or an empty list if there is no gateway."""
    assert lab.current is not None
    return [
        namespace_name(lab.name, replica_id(gateway.id, number))
        for gateway in lab.current.cloud.egress_only_internet_gateways.values()
        for number in range(1, gateway.replicas + 1)
    ]


def owner(lab: Lab, flow: Flow) -> str:
    """Return the namespace of the replica that a flow goes through if all replicas are alive."""
    number = len(replicas(lab))
    shares = spread.shares([str(each) for each in range(number)], {str(each) for each in range(number)})
    bucket = bucket_of(flow, seed(lab.name))
    return replicas(lab)[next(int(mac) for first, last, mac in shares if first <= bucket <= last)]


def carriers(lab: Lab, flow: Flow) -> list[str]:
    """Return the replicas whose conntrack has the flow."""
    return [name for name in replicas(lab) if flow in lab.kernel.flows(name)]


def known_to(lab: Lab, flow: Flow) -> set[str]:
    """Return the namespaces whose conntrack has the flow, or that were taught it."""
    places = [*replicas(lab), lab.namespace("main/a")]
    return {name for name in places if flow in {*lab.kernel.flows(name), *lab.kernel.taught(name)}}


def count(lab: Lab, counter: str) -> list[int]:
    """Return the packets that each replica has counted."""
    return [lab.kernel.counters(name)[counter].packets for name in replicas(lab)]


def gateway_id(lab: Lab) -> str:
    """Return the gateway's id."""
    assert lab.current is not None
    return find(lab.current.cloud, "outbound").id


def take_over(lab: Lab) -> None:
    """Teach each replica all flows that the subnet has, and delete its own conntrack entries.

    This is the state of a successor, whichever replica a packet goes to.
    """
    assert lab.current is not None
    for gateway in gateways(lab.current.cloud):
        for replica in gateway.replicas:
            lab.kernel.flush_flows(replica.namespace, ())
            lab.kernel.teach([replace(gateway.lesson, namespace=replica.namespace)])
            with netns.inside(replica.namespace):
                conntrack.delete(lambda _: True)  # entries that packets have created meanwhile


@contextmanager
def narrow(lab: Lab, node: str, beyond: str) -> Iterator[None]:
    """Set the MTU of the link between a node and its router `beyond` to 1,280 bytes while the block runs."""
    host = lab.namespace(node).removeprefix(f"eigw-{lab.name}-")
    ends = ((lab.namespace(node), "eth0"), (lab.namespace(beyond), port_name(host)))
    try:
        _set_mtu(1280, ends)
        yield
    finally:
        _set_mtu(1500, ends)


def _set_mtu(mtu: int, ends: Iterable[tuple[str, str]]) -> None:
    for namespace, link in ends:
        with netns.inside(namespace), IPRoute() as netlink:
            netlink.link("set", index=netlink.link_lookup(ifname=link)[0], mtu=mtu)


def transfer(sender: socket.socket, receiver: socket.socket, size: int = 50_000) -> None:
    """Send this number of octets, and return when all have arrived. They must fit into the sender's buffer."""
    sender.sendall(b"x" * size)
    received = 0
    while received < size:
        received += len(receiver.recv(size))


@contextmanager
def datagrams(
    lab: Lab, port: int = 0, peer_port: int = 5353, host: str = "web"
) -> Iterator[tuple[socket.socket, socket.socket, Flow]]:
    """Return a UDP socket in the instance and one in the host, connected to each other, and their flow."""
    address = WEB if host == "web" else far_hosts(lab.name)[host]
    with (
        lab.open_socket("app", kind=socket.SOCK_DGRAM) as near,
        lab.open_socket(host, kind=socket.SOCK_DGRAM) as far,
    ):
        near.bind((APP, port))
        far.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        far.bind((address, peer_port))
        near.connect((address, peer_port))
        far.connect(near.getsockname())
        for end in (near, far):
            end.settimeout(PATIENCE)
        yield near, far, Flow(APP, address, socket.IPPROTO_UDP, (near.getsockname()[1], peer_port))


def carries(near: socket.socket, far: socket.socket, size: int = 16) -> bool:
    """Return whether a datagram goes out and one comes back."""
    near.send(b"q" * size)
    if far.recv(65535) != b"q" * size:
        return False
    far.send(b"a" * size)
    return near.recv(65535) == b"a" * size

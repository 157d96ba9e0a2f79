"""What it takes to tell a replica the flows that it takes over, and what these flows cost afterwards."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, product
from pathlib import Path

from eigw_ns.cloud.nodes import find
from eigw_ns.dataplane.compile.compiler import compile_cloud
from eigw_ns.dataplane.compile.names import namespace_name
from eigw_ns.dataplane.planning.flows import subnets_by_gateway
from eigw_ns.dataplane.planning.plan import make_plan
from eigw_ns.dataplane.replication import handover
from eigw_ns.dataplane.state import TAUGHT, TAUGHT_ERRORS, Forget, NetState, Teach
from eigw_ns.errors import EigwError
from eigw_ns.kernel.linux import LinuxKernel
from eigw_ns.kernel.namespaces import netns
from eigw_ns.kernel.netlink import set_elements
from eigw_ns.kernel.netlink.socket import CREATE, NETFILTER, Message, Netlink, attribute, nested
from eigw_ns.lab.lifecycle.execute import execute
from scripts.benchmarks import traffic
from scripts.benchmarks.benchmark import Benchmark, Job
from scripts.benchmarks.labs import APP, WEB, Tree, Workshop, topology, tree
from scripts.benchmarks.rows import Row, Target, alternate, compare, seconds
from scripts.benchmarks.traffic import Slice

_FLOWS, _ALLOWED = 20_000, 0.3  # seconds
_SUBNETS = 8
_FULL, _MEMORY = 131_072, 64  # elements, MiB
_SLICE, _SLICES = 0.04, 10  # seconds; a round
_OTHER = "2001:db8:81::1"
_LONG = 400_000  # seconds
_TCP, _ESTABLISHED, _ASSURED = 6, 3, 0xE  # and confirmed, and answered: linux/netfilter/nf_conntrack_common.h
_NEW = 1 << 8  # IPCTNL_MSG_CT_NEW, linux/netfilter/nfnetlink_conntrack.h
_INET6 = struct.pack("=BBH", socket.AF_INET6, 0, 0)
_MEMINFO = ("Slab", "VmallocUsed", "Percpu")


@dataclass(frozen=True, slots=True)
class _Lab:
    """A gateway of one replica in the kernel: its lesson, the namespaces of subnets by address, and of other nodes."""

    lesson: Teach
    subnets: Mapping[str, str]
    nodes: Mapping[str, str]

    def empty(self) -> None:
        """Take all flows out of the sets."""
        with netns.inside(self.lesson.namespace), Netlink(NETFILTER) as netfilter:
            empty = [message for name in (TAUGHT, TAUGHT_ERRORS) for message in set_elements.replace(name, {})]
            netfilter.commit(empty)


@contextlib.contextmanager
def _built(place: Workshop, content: Tree) -> Iterator[_Lab]:
    lab = place.new_name()
    cloud = topology(lab, content).cloud
    state, kernel = compile_cloud(cloud), LinuxKernel()
    (gateway,) = cloud.egress_only_internet_gateways
    try:
        execute(kernel, make_plan(state, NetState()))
        yield _Lab(
            handover.lesson(gateway, state, subnets_by_gateway(state, state)[gateway]),
            {str(each.ipv6_address): namespace_name(lab, each.subnet_id) for each in cloud.instances.values()},
            {name: namespace_name(lab, find(cloud, name).id) for name in ("i000", *content["internet"]["hosts"])},
        )
    finally:
        execute(kernel, make_plan(NetState(), kernel.observe(lab)))


def _two_hosts() -> Tree:
    content = tree(1)
    content["internet"]["hosts"]["other"] = {"ipv6_address": _OTHER}
    return content


# ---- telling ---------------------------------------------------------------------------------------------------------


def _remember(made: _Lab, flows: int) -> None:
    """Put so many TCP flows to the host into the tables of the subnets, as if they had begun there."""
    each = flows // len(made.subnets)
    for address, namespace in made.subnets.items():
        ports = islice(product(range(1024, 65536), (443, 8443)), each)
        with netns.inside(namespace), Netlink(NETFILTER) as netlink:
            netlink.send([_flow(address, near, far) for near, far in ports])


def _flow(address: str, near: int, far: int) -> Message:
    state = nested(4, nested(1, attribute(1, bytes([_ESTABLISHED]))))  # CTA_PROTOINFO, of TCP, its state
    known = attribute(3, struct.pack("!I", _ASSURED)) + attribute(7, struct.pack("!I", _LONG))  # CTA_STATUS, TIMEOUT
    tuples = _tuple(1, (address, near), (WEB, far)) + _tuple(2, (WEB, far), (address, near))
    return Message(_NEW, CREATE, _INET6 + tuples + known + state, f"add the flow of port {near}")


def _tuple(kind: int, source: tuple[str, int], destination: tuple[str, int]) -> bytes:
    """Return CTA_TUPLE_ORIG (1) or CTA_TUPLE_REPLY (2)."""
    ends = (source, destination)
    addresses = [attribute(3 + at, socket.inet_pton(socket.AF_INET6, address)) for at, (address, _) in enumerate(ends)]
    ports = [attribute(2 + at, struct.pack("!H", port)) for at, (_, port) in enumerate(ends)]
    return nested(kind, nested(1, *addresses), nested(2, attribute(1, bytes([_TCP])), *ports))


def _told(job: Job, subnets: int, flows: int) -> Row:
    kernel, figures = LinuxKernel(), list[float]()
    with _built(job.place, tree(subnets)) as made:
        _remember(made, flows)
        for _ in range(job.rounds):
            begin = time.perf_counter()
            told = kernel.teach([made.lesson])
            figures.append(time.perf_counter() - begin)
            if told != flows:
                raise EigwError(f"the gateway was told {told} flows of {flows}")
            made.empty()
            job.step()
    name = f"{flows:,} flows told, {subnets} subnet{'s' if subnets > 1 else ''}"
    allowed = [_ALLOWED * flows / _FLOWS] * len(figures)
    return compare(name, seconds(allowed), figures, allowed, Target("most", 1), seconds(figures))


# ---- memory ----------------------------------------------------------------------------------------------------------


def _memory(job: Job, elements: int) -> Row:
    """Fill the sets of one replica. What other programs do meanwhile is in the figures, so the median counts."""
    figures = list[float]()
    inside, outside = (socket.inet_pton(socket.AF_INET6, each) for each in (APP, WEB))
    keys = [struct.pack("!B3x16sH2x16sH2x", _TCP, inside, at % 65536, outside, at // 65536) for at in range(elements)]
    tuples = dict.fromkeys(keys, _LONG)
    tags = {struct.pack("=I", at): _LONG for at in range(elements)}
    with _built(job.place, tree(1)) as made, netns.inside(made.lesson.namespace):
        for _ in range(job.rounds):
            before = _used()
            with Netlink(NETFILTER) as netfilter:
                netfilter.commit([*set_elements.add(TAUGHT, tuples), *set_elements.add(TAUGHT_ERRORS, tags)])
            figures.append((_used() - before) / 1024)
            made.empty()
            job.step()
    allowed = [_MEMORY * elements / _FULL] * len(figures)
    middle = sorted(figures)[len(figures) // 2]
    name, against = f"memory of {elements:,} taught flows", f"{allowed[0]:.0f} MiB"
    return compare(name, against, figures, allowed, Target("most", 1), f"{middle:.0f} MiB a replica")


def _used() -> int:
    """Return the memory (KiB) that the kernel uses for itself."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.partition(":")[0] in _MEMINFO)


# ---- afterwards ------------------------------------------------------------------------------------------------------


def _afterwards(job: Job) -> Row:
    """A taught connection against one that the same gateway saw begin."""
    kernel = LinuxKernel()
    with traffic.pinned(), _built(job.place, _two_hosts()) as made:
        app, web, other = (made.nodes[name] for name in ("i000", "web", "other"))
        with traffic.bulk(app, web, WEB) as one:
            one(_SLICE)
            kernel.forget(Forget(made.lesson.namespace, made.lesson.seed, made.lesson.buckets))
            kernel.teach([made.lesson])
            with traffic.bulk(app, other, _OTHER) as two:
                figures, others = _alternated(job, one, two)
        if not kernel.counters(made.lesson.namespace)["allowed_taught"].packets:
            raise EigwError("the connection was not a taught one")
    rates = [8e-9 * sorted(each)[len(each) // 2] for each in (figures, others)]
    return compare("bulk TCP, taught", "established", figures, others, None, f"{rates[0]:.1f} : {rates[1]:.1f} Gbit/s")


def _alternated(job: Job, one: Slice, two: Slice) -> list[list[float]]:
    one(_SLICE), two(_SLICE)
    found = alternate(_SLICES * job.rounds, lambda: None, lambda: one(_SLICE), lambda: two(_SLICE))
    job.step()
    return found


def _rows(job: Job) -> Iterator[Row]:
    part = 10 if job.quick else 1
    for subnets in (1, _SUBNETS):
        yield _told(job, subnets, _FLOWS // part)
    yield _memory(job, _FULL // part)
    yield _afterwards(job)


BENCHMARK = Benchmark(
    summary="Tell a replica the flows that it takes over.",
    explain={
        "N flows told, M subnets": "Time to read the flows in the tables of the instances' subnets and to add their "
        "tuples to the sets of one replica, which takes all of them over.",
        "memory of N taught flows": "Memory that the kernel needs for the sets of one replica if they are full, "
        "against what is allowed. It is returned when the flows end.",
        "bulk TCP, taught": "One connection that a replica was told of, against one that it saw begin. Each segment "
        "of the former is looked up in a set.",
    },
    rows=_rows,
    steps=lambda job: 3 * job.rounds + 1,
)

"""Killed after any step, the next apply reaches the desired state, and nothing inbound has passed."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from pathlib import Path

import pytest

from eigw_ns.dataplane.compile.compiler import compile_cloud
from eigw_ns.dataplane.planning.plan import Plan, make_plan
from eigw_ns.dataplane.state import Forget, Namespace, NetObject, NetState, ReplicaMap, Ruleset, Teach
from eigw_ns.errors import EigwError
from eigw_ns.kernel.linux import LinuxKernel
from eigw_ns.kernel.namespaces import netns
from eigw_ns.kernel.netlink.socket import NETFILTER, Netlink
from eigw_ns.kernel.nft import fingerprint
from eigw_ns.kernel.processes.parallel import WORTH
from eigw_ns.lab.lifecycle.execute import execute
from tests.support.labs import Lab, inward, topology, until

pytestmark = pytest.mark.root

SMALL = """
vpcs:
  main:
    ipv6_cidr_block: 2600:1f16:aa0:5500::/56
    egress_only_internet_gateways: {outbound: {}}
    route_tables:
      private: {main: true, routes: [{destination: "::/0", target: outbound}]}
    security_groups: {default: {ingress: [{protocol: all, cidr: "::/0"}]}}
    subnets:
      a: {ipv6_cidr_block: "2600:1f16:aa0:5501::/64"}
    instances:
      app: {subnet: a, ipv6_address: "2600:1f16:aa0:5501::10"}
internet:
  hosts:
    web: {ipv6_address: "2001:db8:80::1"}
"""
ATTACK = b"the internet starts this"
APP, WEB = "2600:1f16:aa0:5501::10", "2001:db8:80::1"


def _killed_after(plan: Plan, steps: int) -> None:
    """Carry out the first steps in a process that then dies as by `kill -9`."""
    child = os.fork()
    if child == 0:
        execute(LinuxKernel(), plan[:steps])
        os.kill(os.getpid(), signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), f"the child failed before step {steps}"


class Attacker:
    """Sends from the internet host to the instance as soon as both exist, and captures what gets in."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._sender: socket.socket | None = None
        self._sniffer: socket.socket | None = None
        self.sent = 0

    def strike(self) -> list[bytes]:
        """Send a datagram if that is possible. Returns our datagrams that the instance has received."""
        if self._sender is None and self._ready("web"):
            self._sender = self._lab.open_socket("web", kind=socket.SOCK_DGRAM)
        if self._sniffer is None and self._ready("app"):
            self._sniffer = self._lab.sniffer("app")
        if self._sender is not None:
            try:
                self._sender.sendto(ATTACK, (APP, 9))
                self.sent += 1
            except OSError:  # the address or the route does not exist yet, or any more
                pass
        return [packet for packet in self.heard() if packet.endswith(ATTACK)]

    def heard(self) -> list[bytes]:
        """Return all packets that the instance has received since the last call."""
        return inward(self._sniffer) if self._sniffer is not None else []

    def _ready(self, node: str) -> bool:
        try:
            with netns.inside(self._lab.namespace(node)):
                return "eth0" in Path("/proc/thread-self/net/dev").read_text()
        except EigwError:
            return False

    def close(self) -> None:
        for opened in (self._sender, self._sniffer):
            if opened is not None:
                opened.close()


@pytest.mark.timeout(240)
def test_killed_after_any_step_of_the_build(lab_name: str) -> None:
    lab = Lab(lab_name, current=topology(SMALL, lab_name))
    desired = compile_cloud(topology(SMALL, lab_name).cloud)
    plan = make_plan(desired, NetState())
    sent = 0
    for steps in range(len(plan) + 1):
        _killed_after(plan, steps)
        with contextlib.closing(Attacker(lab)) as attacker:
            assert attacker.strike() == [], f"killed after {steps} steps"
            lab.apply(SMALL)
            assert attacker.strike() == [], f"mended after {steps} steps"
            sent += attacker.sent
        assert lab.kernel.observe(lab_name) == desired, f"after {steps} steps"
        lab.destroy()
        assert not [name for name in netns.names() if name.startswith(f"eigw-{lab_name}-")]
    assert netns.stale_names(f"eigw-{lab_name}-") == ()
    assert sent > len(plan)


def _wide(subnets: int) -> str:
    """Return a topology with so many subnets that two processes build it."""
    blocks = [f"2600:1f16:aa0:55{number:02x}::/64" for number in range(subnets)]
    lines = [f'      s{number}: {{ipv6_cidr_block: "{block}"}}' for number, block in enumerate(blocks)]
    return SMALL.replace('      a: {ipv6_cidr_block: "2600:1f16:aa0:5501::/64"}', "\n".join(lines)).replace(
        "subnet: a", "subnet: s1"
    )


@pytest.mark.parametrize("kind", [Namespace, Ruleset], ids=["namespaces", "rules"])
def test_killed_while_two_processes_build(lab_name: str, kind: type[NetObject]) -> None:
    """Both halves stop at once, at any point, and the next apply continues from there."""
    text = _wide(4 * WORTH)
    desired = compile_cloud(topology(text, lab_name).cloud)
    plan = make_plan(desired, NetState())
    lab = Lab(lab_name, current=topology(text, lab_name))
    things = [step.object for step in plan if isinstance(step.object, kind)]
    halves = things[::2], things[1::2]
    alive, held = os.pipe()
    child = os.fork()
    if child == 0:
        execute(LinuxKernel(), plan)
        os._exit(0)
    os.close(held)
    for half in halves:  # both have started
        until(lambda half=half: _is_there(half[0]), "the first of a half")  # type: ignore[misc]
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "it ended before it was killed"
    assert os.read(alive, 1) == b"", "no process holds the pipe any more"
    os.close(alive)
    assert not all(_is_there(half[-1]) for half in halves), "it was done before it was killed"
    with contextlib.closing(Attacker(lab)) as attacker:
        assert attacker.strike() == []
        lab.apply(text)
        assert attacker.strike() == []
        assert attacker.sent > 0
    assert lab.kernel.observe(lab_name) == desired
    lab.destroy()
    assert netns.stale_names(f"eigw-{lab_name}-") == ()


def _is_there(thing: NetObject) -> bool:
    """Return whether the namespace exists, or the rules in it."""
    if not netns.exists(thing.namespace):
        return False
    if isinstance(thing, Namespace):
        return True
    with netns.inside(thing.namespace), Netlink(NETFILTER) as netfilter:
        return bool(fingerprint.tables(netfilter))


def _of(replicas: int) -> str:
    return SMALL.replace("{outbound: {}}", f"{{outbound: {{replicas: {replicas}}}}}")


@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 1), (0, 2)], ids=["grows", "shrinks", "is built"])
def test_killed_while_replicas_come_or_go(lab_name: str, before: int, after: int) -> None:
    """Kill after every third of the plan and after each step that hands flows over: open flows go on, none gets in."""
    lab = Lab(lab_name, current=topology(_of(after), lab_name))
    desired = compile_cloud(topology(_of(after), lab_name).cloud)
    plan = make_plan(desired, compile_cloud(topology(_of(before), lab_name).cloud) if before else NetState())
    late = [index for index, step in enumerate(plan) if isinstance(step.object, (ReplicaMap, Teach, Forget))]
    for steps in sorted({*range(0, len(plan), max(1, len(plan) // 3)), *(index + 1 for index in late)}):
        if before:
            lab.apply(_of(before))
        with contextlib.closing(Attacker(lab)) as attacker, contextlib.ExitStack() as stack:
            streams = [stack.enter_context(lab.stream("app", "web", WEB, port)) for port in range(4001, 4007) if before]
            attacker.strike()
            _killed_after(plan, steps)
            assert attacker.strike() == [], f"killed after {steps} steps"
            lab.apply(_of(after))
            assert attacker.strike() == [], f"mended after {steps} steps"
            assert all(stream.works() for stream in streams), f"a flow was lost after {steps} steps"
            assert attacker.sent > 0
        assert lab.kernel.observe(lab_name) == desired, f"after {steps} steps"
        if not before:
            lab.destroy()
    lab.destroy()


def test_nothing_gets_in_after_any_step_of_building_and_destroying(lab_name: str) -> None:
    lab = Lab(lab_name, current=topology(SMALL, lab_name))
    desired = compile_cloud(topology(SMALL, lab_name).cloud)
    attacker = Attacker(lab)
    for target in (desired, NetState()):
        for step in make_plan(target, lab.kernel.observe(lab_name)):
            execute(lab.kernel, (step,))
            assert attacker.strike() == [], f"after: {step}"
        if target is desired:
            assert lab.plan(SMALL) == ()  # the same result as in one go
            with lab.stream("app", "web", WEB) as stream:  # the control: the path and the sniffer work
                assert stream.works()
                assert attacker.heard()
    assert attacker.sent > 20
    attacker.close()


def test_nothing_gets_in_while_the_namespace_of_the_gateway_is_torn_away(lab_name: str) -> None:
    """Remove it by hand, not in our order: the kernel drops the rules of a dying namespace before its interfaces."""
    for _ in range(20):
        lab = Lab(lab_name)
        lab.apply(SMALL)
        with lab.sniffer("app") as inside, lab.open_socket("web", kind=socket.SOCK_DGRAM) as sender:
            with lab.stream("app", "web", WEB) as stream:
                assert stream.works()
            inward(inside)
            netns.remove(lab.namespace("outbound"))
            for _ in range(2000):
                sender.sendto(b"attack", (APP, 9))
            assert inward(inside) == []
        lab.destroy()

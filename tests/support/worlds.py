"""The fake kernel and Linux, and changes that a test makes in each without our code."""

from __future__ import annotations

import socket
import subprocess
from dataclasses import replace
from typing import Protocol

from eigw_ns.dataplane.state import ForeignObject, Link, Namespace
from eigw_ns.kernel.fake.fake_kernel import FakeKernel
from eigw_ns.kernel.namespaces import netns
from eigw_ns.kernel.nft.library import Nft
from eigw_ns.kernel.protocol import Count, Machine, Occupant
from tests.support.small_states import unknown_sysctls
from tests.support.witness import Witness

UDP_PORT = 7  # the rules of `small_states` count packets to this port as `seen`


class World(Protocol):
    """A kernel, and changes in it that another program would make."""

    @property
    def kernel(self) -> Machine: ...

    def make_foreign(self, name: str) -> None:
        """Create a namespace without our mark."""

    def remove_namespace(self, name: str) -> None:
        """Delete a namespace without our kernel code."""

    def leave_stale_name(self, name: str) -> None:
        """Leave a namespace name that has no namespace."""

    def exists(self, name: str) -> bool:
        """Return whether a namespace of that name exists, ours or foreign."""

    def set_down(self, thing: Link | Namespace) -> None:
        """Set a link down, or the loopback of a namespace."""

    def add_foreign_object(self, namespace: str) -> ForeignObject:
        """Add a foreign object to a router."""

    def send(self, source: tuple[str, str], destination: tuple[str, str]) -> None:
        """Send one UDP packet between two ends, each a namespace and an address."""

    def start(self, namespace: str) -> int:
        """Start a process in the namespace. Returns its pid. It ends with the test, or by `end`."""

    def end(self, pid: int) -> None:
        """End a process that `start` started, and wait for that."""


class FakeWorld:
    def __init__(self) -> None:
        self.kernel = FakeKernel(unknown=unknown_sysctls())
        self.make_foreign = self.kernel.make_foreign
        self.leave_stale_name = self.kernel.make_stale_name
        self.remove_namespace = self.kernel.remove_namespace

    def exists(self, name: str) -> bool:
        return name in self.kernel.namespaces

    def set_down(self, thing: Link | Namespace) -> None:
        down = replace(thing, up=False) if isinstance(thing, Link) else replace(thing, loopback_up=False)
        self.kernel.update([(thing, down)])

    def add_foreign_object(self, namespace: str) -> ForeignObject:
        foreign = ForeignObject(namespace, "table ip6 other")
        self.kernel.namespaces[namespace].put(foreign)
        return foreign

    def send(self, source: tuple[str, str], destination: tuple[str, str]) -> None:
        """Record what a packet would leave behind: a flow and a count at its destination."""
        space = self.kernel.namespaces[destination[0]]
        seen = space.counts.get("seen", Count(0, 0))
        space.counts["seen"] = Count(seen.packets + 1, seen.bytes + 49)
        space.flows.append((source[1], destination[1]))

    def start(self, namespace: str) -> int:
        pid = len(self.kernel.processes) + 1
        self.kernel.processes.append(Occupant(pid, "cat", namespace, pid))
        return pid

    def end(self, pid: int) -> None:
        self.kernel.ended.add(pid)


class LinuxWorld:
    def __init__(self, kernel: Machine) -> None:
        self.kernel = kernel
        self.exists = netns.exists
        self.started: dict[int, subprocess.Popen[bytes]] = {}

    def make_foreign(self, name: str) -> None:
        with netns.creating(name):
            pass

    def leave_stale_name(self, name: str) -> None:
        (netns.DIRECTORY / name).touch()

    def remove_namespace(self, name: str) -> None:
        netns.remove(name)

    def set_down(self, thing: Link | Namespace) -> None:
        Witness(thing.namespace).set_down(thing.name if isinstance(thing, Link) else "lo")

    def add_foreign_object(self, namespace: str) -> ForeignObject:
        with netns.inside(namespace):
            Nft().run("add table ip6 other", "interfere")
        return ForeignObject(namespace, "table ip6 other")

    def send(self, source: tuple[str, str], destination: tuple[str, str]) -> None:
        with netns.inside(source[0]), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sender:
            sender.bind((source[1], UDP_PORT))
            sender.sendto(b"x", (destination[1], UDP_PORT))

    def start(self, namespace: str) -> int:
        with netns.inside(namespace):
            started = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
        self.started[started.pid] = started
        return started.pid

    def end(self, pid: int) -> None:
        self.started.pop(pid).communicate()  # it ends at the end of its input

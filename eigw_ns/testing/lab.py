"""A lab for one test. It has a unique name, is checked with packets, and is removed afterwards."""

from __future__ import annotations

import contextlib
import os
import secrets
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from eigw_ns.cloud import hosts_file, nodes
from eigw_ns.cloud.nodes import NodeKind
from eigw_ns.dataplane.compile.names import is_name_of, namespace_name
from eigw_ns.dataplane.trace.explanation import Question, explain
from eigw_ns.errors import EigwError, NoSuchLabError, UsageError
from eigw_ns.frozen import frozen
from eigw_ns.kernel.host import features
from eigw_ns.kernel.linux import LinuxKernel
from eigw_ns.kernel.namespaces import netns
from eigw_ns.kernel.namespaces.hosts_file import cover
from eigw_ns.kernel.processes import liveness, process
from eigw_ns.kernel.processes.process import Completed
from eigw_ns.lab.lifecycle import operations
from eigw_ns.lab.storage.folders import LabFolders
from eigw_ns.lab.storage.storage import Storage
from eigw_ns.lab.verify import checks as prover
from eigw_ns.lab.verify.checks import Report
from eigw_ns.lab.verify.prober import Protocol
from eigw_ns.render import remedies, verdicts
from eigw_ns.render.table import draw
from eigw_ns.testing.connection import Connection
from eigw_ns.topology import Expectation, Topology, load, renamed

COMMAND_SECONDS = 60
"""Default timeout of `exec`, in seconds."""

_REPORT_WIDTH = 120
"""Width of the table in the message of a failed test (characters)."""


class CommandFailedError(AssertionError):
    """A command that `exec` ran exited with a code other than 0."""


class NotPassedError(AssertionError):
    """Packets did not do what the topology expects or the model predicts."""


class Lab:
    """A lab of one test. It is in the kernel between `build` and `destroy`.

    `name` is unique; tests that run at the same time would share the name in the file. `environment` makes `eigw-ns`
    choose this lab, in a subprocess, too. The fixture sets it during the test.
    """

    def __init__(self, topology: Topology, folder: Path) -> None:
        """Take a `topology` as `read` returns it, and an empty `folder` for the state of the lab."""
        self.name = topology.cloud.lab
        folders = LabFolders(folder / "state", folder / "run", temporary=True)
        self.environment = {"EIGW_NS_LAB": self.name, **folders.environment()}
        self._storage = Storage.in_folders(folders)
        self.built_from = topology
        self._told = False
        self._life = contextlib.ExitStack()

    def __repr__(self) -> str:
        return f"<lab {self.name}>"

    @property
    def topology(self) -> Topology:
        """Return the topology applied now. `eigw-ns apply` and `eigw-ns ec2` may change it during the test."""
        return self._storage.store.load(self.name)

    def build(self) -> None:
        """Build the lab in the kernel. After an error or an interrupt, nothing of it is left.

        Raises HostError if this host cannot hold a lab.
        """
        features.require()
        self._life.enter_context(liveness.shown(self.name))
        try:
            operations.apply(self._kernel(), self._storage, self.built_from)
        except BaseException:
            self.destroy()
            raise

    def destroy(self) -> None:
        """Kill every process in the lab and remove the lab. Do nothing if the lab does not exist."""
        try:
            process.end_all(name for name in netns.names() if is_name_of(self.name, name))
        finally:
            with self._life, contextlib.suppress(NoSuchLabError):
                operations.destroy(self._kernel(), self._storage, self.name)

    def node(self, name: str) -> Node:
        """Return the instance, internet host, subnet, gateway or `internet` of this name. Raises UsageError."""
        __tracebackhide__ = True
        with _ShortTraceback():
            found = nodes.find(self.topology.cloud, name)
        return Node(self, name, found.id, found.kind, namespace_name(self.name, found.id))

    def exec(
        self,
        node: str,
        command: Sequence[str],
        *,
        check: bool = True,
        stdin: str = "",
        timeout: float = COMMAND_SECONDS,
    ) -> Completed:
        """Run a command in a node and return its exit code, stdout and stderr.

        Raises CommandFailedError with the output if the exit code is not 0 and `check` is True, EigwError if the
        command does not exist, UsageError if the command is a string. A command that runs longer than `timeout`
        seconds is killed; this raises EigwError, too.
        """
        __tracebackhide__ = True
        if isinstance(command, str):
            raise UsageError(f"the command {command!r} is a string", hint="pass a list; shlex.split makes one")
        namespace = self.node(node).namespace
        with _ShortTraceback(), self._named_nodes() as prepare:
            done = process.run(
                command, namespace=namespace, environment=os.environ, stdin=stdin, timeout=timeout, prepare=prepare
            )
        if check and done.code != 0:
            said = "\n".join(text.strip() for text in (done.out, done.err) if text.strip())
            raise CommandFailedError(f"{node}: `{shlex.join(command)}` exited with {done.code}\n{said}")
        return done

    @contextlib.contextmanager
    def _named_nodes(self) -> Iterator[Callable[[], object]]:
        """Yield what a new process calls so that it can use the names of nodes. If it cannot, say so once."""
        names = hosts_file.names(self.topology.cloud)
        reading, writing = os.pipe2(os.O_CLOEXEC)
        with os.fdopen(reading, "rb") as answer:
            try:
                yield lambda: os.write(writing, cover(names).encode())
            finally:
                os.close(writing)
            unnamed = answer.read().decode()
        if unnamed and not self._told:
            self._told = True
            sys.stderr.write(f"names of nodes do not work in {self!r}, use addresses: {unnamed}\n")

    def verify(self, *, timeout: float = 1.0) -> Report:
        """Prove what the topology expects, or every pair if it expects nothing, as `eigw-ns verify` does.

        `timeout` is the time without an answer that counts as blocked, in seconds. Raises NotPassedError with a table
        of all checks if one does not pass.
        """
        __tracebackhide__ = True
        with _ShortTraceback():
            report = prover.verify(self.topology, timeout=timeout)
        if not report.passed:
            table = draw([verdicts.table(report)], width=_REPORT_WIDTH, colour=False)
            raise NotPassedError(f"{verdicts.summary(report)}\n{table}")
        return report

    def _kernel(self) -> LinuxKernel:
        return LinuxKernel(self._storage.folders.run)


@frozen
class Node:
    """A node of a lab. `id` has the form of AWS; `namespace` is its name in `ip netns`."""

    lab: Lab
    name: str
    id: str
    kind: NodeKind
    namespace: str

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name} of {self.lab!r}>"

    def exec(
        self, command: Sequence[str], *, check: bool = True, stdin: str = "", timeout: float = COMMAND_SECONDS
    ) -> Completed:
        """See `Lab.exec`."""
        __tracebackhide__ = True
        return self.lab.exec(self.name, command, check=check, stdin=stdin, timeout=timeout)

    def connect(
        self,
        destination: str,
        port: int | None = None,
        protocol: Protocol = "tcp",
        *,
        listen: bool = True,
        source_port: int | None = None,
        timeout: float = 1.0,
    ) -> Connection:
        """Try to reach another machine, and return the outcome. A listener is started if the port has none.

        With `listen=False`, only a listener of the test's own answers. Without `source_port`, a port with the worst
        predicted outcome is used. `timeout` is the time without an answer that counts as blocked, in seconds. Raises
        UsageError if the machine does not exist.
        """
        __tracebackhide__ = True
        cloud = self.lab.topology.cloud
        with _ShortTraceback():
            asked = explain(cloud, Question(self.id, destination, protocol, port, source_port, listen))
            asked.require_real()
            # "blocked", so that canary and controls run in any case
            wanted = Expectation(self.id, asked.destination_id, protocol, port, "blocked")
            seen = prover.evidence(cloud, wanted, asked.trace, listening=listen, timeout=timeout)
        check = prover.judge(wanted, asked.trace, seen)
        return Connection(self.name, destination, protocol, port, seen, check.predicted, check.reason)

    def ping(self, destination: str, *, timeout: float = 1.0) -> Connection:
        """Do what `connect` does, with an ICMPv6 echo request."""
        __tracebackhide__ = True
        return self.connect(destination, protocol="icmpv6", timeout=timeout)


class _ShortTraceback:
    """Add the hint to errors of the block, and cut their traceback, which then ends at the test's own line.

    Callers set `__tracebackhide__`, with which pytest leaves a function out of a traceback.
    """

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        __tracebackhide__ = True
        if isinstance(error, EigwError):
            hint = remedies.hint(error)
            if hint:
                error.add_note(f"hint: {hint}")
            raise error.with_traceback(None) from None


def read(data: bytes, file: str) -> Topology:
    """Return the topology in `data` under a random lab name. Raises TopologyError with every mistake."""
    name = f"pytest-{secrets.token_hex(4)}"
    return renamed(load(data, file=file, default_lab=name), name)

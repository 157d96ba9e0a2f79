"""A lab as a test has it: under a name of its own, asked with packets, and gone without a trace afterwards."""

from __future__ import annotations

import contextlib
import os
import secrets
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from eigw_ns.cloud import nodes
from eigw_ns.cloud.nodes import NodeKind
from eigw_ns.dataplane.names import is_name_of, namespace_name
from eigw_ns.errors import EigwError, NoSuchLabError, UsageError
from eigw_ns.kernel import life, netns, probe, process
from eigw_ns.kernel.linux import LinuxKernel
from eigw_ns.kernel.process import Completed
from eigw_ns.lab import operations, store
from eigw_ns.lab import verify as prover
from eigw_ns.lab.explain import Question, explain
from eigw_ns.lab.prober import Protocol
from eigw_ns.lab.verify import Report
from eigw_ns.render import verdicts
from eigw_ns.render.table import draw
from eigw_ns.testing.connection import Connection
from eigw_ns.topology import Expectation, Topology, from_data, load, to_data

COMMAND_SECONDS = 60
"""How long `exec` lets a command run, unless told otherwise."""


class CommandFailedError(AssertionError):
    """A command that `exec` ran ended with another code than 0."""


class NotPassedError(AssertionError):
    """Packets did not do what the topology expects, or the model predicts."""


class Lab:
    """A lab that only this test has. It is in the kernel between `build` and `destroy`.

    `name` is not the one in the file, which tests that run at the same time would share. `environment` is what makes
    `eigw-ns` mean this lab, in a subprocess too; the fixture sets it during the test.
    """

    def __init__(self, topology: Topology, folder: Path) -> None:
        """`topology` as `read` gives it; `folder` is empty, and holds what is stored of the lab."""
        self.name = topology.cloud.lab
        self.environment = {
            "EIGW_NS_LAB": self.name,
            "EIGW_NS_STATE_DIR": str(folder / "state"),
            "EIGW_NS_RUN_DIR": str(folder / "run"),
        }
        self.built_from = topology
        self._life = contextlib.ExitStack()

    def __repr__(self) -> str:
        return f"<lab {self.name}>"

    @property
    def topology(self) -> Topology:
        """What is applied now: `eigw-ns apply` and `eigw-ns ec2` may have changed it during the test."""
        with self._settings():
            return store.load(self.name)

    def build(self) -> None:
        """Put the lab into the kernel; all of it or, after any error or interrupt, nothing.

        Raises HostError where this host cannot hold a lab.
        """
        probe.require()
        self._life.enter_context(life.shown(self.name))
        try:
            with self._settings():
                operations.apply(LinuxKernel(), self.built_from)
        except BaseException:
            self.destroy()
            raise

    def destroy(self) -> None:
        """Remove the lab, with every process that runs in it. One that is gone already is no error."""
        try:
            process.end_all(name for name in netns.names() if is_name_of(self.name, name))
        finally:
            with self._life, self._settings(), contextlib.suppress(NoSuchLabError):
                operations.destroy(LinuxKernel(), self.name)

    def node(self, name: str) -> Node:
        """The instance, internet host, subnet, gateway or `internet` of that NODE. Raises UsageError."""
        __tracebackhide__ = True
        with _Briefly():
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
        """Run a command in a node; its code, stdout and stderr.

        Raises CommandFailedError, with what it said, where it does not end with 0, unless `check` is False; EigwError
        where there is no such command, or where it still runs after `timeout` seconds: it is killed then; UsageError
        where the command is one text.
        """
        __tracebackhide__ = True
        if isinstance(command, str):
            raise UsageError(f"the command {command!r} is one text", hint="give a list; shlex.split makes one")
        namespace = self.node(node).namespace
        with _Briefly():
            done = process.run(command, namespace=namespace, environment=os.environ, stdin=stdin, timeout=timeout)
        if check and done.code != 0:
            said = "\n".join(text.strip() for text in (done.out, done.err) if text.strip())
            raise CommandFailedError(f"{node}: `{shlex.join(command)}` ended with {done.code}\n{said}")
        return done

    def verify(self, *, timeout: float = 1.0) -> Report:
        """Prove what the topology expects, or every pair where it expects nothing, as `eigw-ns verify` does.

        Raises NotPassedError with the table of all checks where one does not pass.
        """
        __tracebackhide__ = True
        with _Briefly():
            report = prover.verify(self.topology, timeout=timeout)
        if not report.passed:
            table = draw([verdicts.table(report)], width=None, colour=False)
            raise NotPassedError(f"{verdicts.summary(report)}\n{table}")
        return report

    @contextlib.contextmanager
    def _settings(self) -> Iterator[None]:
        """Whatever the test has done to the environment: here it is what this lab was built with."""
        before = {name: os.environ.get(name) for name in self.environment}
        os.environ.update(self.environment)
        try:
            yield
        finally:
            for name, value in before.items():
                os.environ.pop(name)
                if value is not None:
                    os.environ[name] = value


@dataclass(frozen=True, slots=True, repr=False)
class Node:
    """A node of a lab. `id` is AWS-shaped, `namespace` is what `ip netns` calls it."""

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
        """Try to talk to another machine, and see what becomes of it; where nobody listens there, we do.

        `listen=False`: only what listens there by itself answers. Without `source_port` it is the one with the worst
        outlook. `timeout`: seconds of silence that count as blocked. Raises UsageError where there is no such machine.
        """
        __tracebackhide__ = True
        cloud = self.lab.topology.cloud
        with _Briefly():
            asked = explain(cloud, Question(self.id, destination, protocol, port, source_port, listen))
            asked.require_real()
            # "blocked": what makes silence mean something shall be looked at in any case
            wanted = Expectation(self.id, asked.destination_id, protocol, port, "blocked")
            seen = prover.evidence(cloud, wanted, asked.trace, listening=listen, timeout=timeout)
        check = prover.judge(wanted, asked.trace, seen)
        return Connection(self.name, destination, protocol, port, seen, check.predicted, check.reason)

    def ping(self, destination: str, *, timeout: float = 1.0) -> Connection:
        """`connect` with an ICMPv6 echo request."""
        __tracebackhide__ = True
        return self.connect(destination, protocol="icmpv6", timeout=timeout)


class _Briefly:
    """Errors of the block say their hint too, and end at the test's own line: the way through our code tells nothing.

    Whoever uses it sets `__tracebackhide__`, which is pytest's word for leaving a function out of a traceback.
    """

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        __tracebackhide__ = True
        if isinstance(error, EigwError):
            if error.hint:
                error.add_note(f"hint: {error.hint}")
            raise error.with_traceback(None) from None


def read(data: bytes, file: str) -> Topology:
    """The topology in `data`, as a lab with a name that nothing else has. Raises TopologyError with every mistake."""
    name = f"pytest-{secrets.token_hex(4)}"
    topology = load(data, file=file, default_lab=name)
    return from_data({**to_data(topology), "lab": name}, file=file)


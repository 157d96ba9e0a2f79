"""Where verbs get what they work on: the kernel, the lab that is meant, its topology, a node of it."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from eigw_ns.cli import rootless
from eigw_ns.cloud import nodes
from eigw_ns.cloud.model import Cloud
from eigw_ns.cloud.nodes import Node
from eigw_ns.cloud.words import did_you_mean
from eigw_ns.dataplane.names import namespace_name
from eigw_ns.errors import NoSuchLabError, UsageError
from eigw_ns.kernel import probe
from eigw_ns.kernel.linux import LinuxKernel
from eigw_ns.lab import paths, sources, store
from eigw_ns.lab.sources import Source
from eigw_ns.topology import Topology, load

STDIN = "-"
STDIN_NAME = "stdin"
_LARGEST_FILE = 32 << 20  # bytes; more than the loader takes, so that it is the one who refuses


def open_kernel() -> LinuxKernel:
    """The kernel we run on, as root or rootless. Raises HostError, before anything is changed, where it is no use."""
    rootless.enter()
    probe.require()
    return LinuxKernel(paths.run_dir())


def choose_lab(given: str | None, kernel: LinuxKernel | None = None) -> str:
    """The lab that is meant: the one given, else the only one there is, stored or (if a kernel is at hand) alive.

    Raises NoSuchLabError where there is none or not that one, UsageError where several could be meant.
    """
    rootless.choose()  # whose labs are meant
    stored = store.labs()
    if given is not None and given in stored:  # no look at what is alive: that is one at each namespace
        return given
    labs = sorted({*stored, *(kernel.labs() if kernel else ())})
    if given is not None:
        if given not in labs:
            hint = did_you_mean(given, labs) or (_which(labs) if labs else _HOW_TO_BEGIN)
            raise NoSuchLabError(f"there is no lab {given}", hint=hint)
        return given
    if not labs:
        raise NoSuchLabError("there is no lab", hint=_HOW_TO_BEGIN)
    if len(labs) > 1:
        raise UsageError(f"there are {len(labs)} labs: {', '.join(labs)}", hint="say which: --lab NAME, or EIGW_NS_LAB")
    return labs[0]


def _which(labs: Sequence[str]) -> str:
    return f"there are {', '.join(labs)}" if len(labs) > 1 else f"the only lab is {labs[0]}"


def apply_again(lab: str) -> str:
    """The command that makes a stored lab what it shall be."""
    return "eigw-ns apply" if store.labs() == (lab,) else f"eigw-ns apply --lab {lab}"


_HOW_TO_BEGIN = "begin with `eigw-ns init > lab.yaml` and `eigw-ns apply -f lab.yaml`"


def open_source(file: str, lab: str | None) -> Source:
    """The bytes of `file` (`-`: stdin), whose lab is called `lab` where they do not name it, else like the file.

    Raises UsageError where it cannot be read.
    """
    return Source(_read(file), lab or Path(STDIN_NAME if file == STDIN else file).stem)


def read_topology(file: str, lab: str | None, source: Source) -> Topology:
    """The topology in `file`, which is `source`. `lab` must not contradict it.

    Raises TopologyError with every mistake in it, UsageError where it has no name.
    """
    name = STDIN_NAME if file == STDIN else file
    return _checked(load(source.content, file=name, default_lab=source.default_lab), file, lab)


def recall_topology(file: str, lab: str | None, source: Source) -> Topology:
    """The same, without reading what is known of these bytes."""
    rootless.choose()  # whose labs are stored
    known = sources.recall(source)
    return _checked(known, file, lab) if known is not None else read_topology(file, lab, source)


def _checked(found: Topology, file: str, lab: str | None) -> Topology:
    name = found.cloud.lab
    if lab is None and file == STDIN and name == STDIN_NAME:
        raise UsageError("what comes from stdin has no file name to call the lab after", hint="write `lab: NAME` in it")
    if lab is not None and name != lab:
        raise UsageError(f"{file} describes the lab {name}, not {lab}", hint="leave out --lab and EIGW_NS_LAB")
    return found


def topology_of(file: str | None, lab: str | None, kernel: LinuxKernel | None = None) -> Topology:
    """The topology in `file`; without one, what was applied last to the lab that is meant."""
    if file is not None:
        return recall_topology(file, lab, open_source(file, lab))
    return store.load(choose_lab(lab, kernel))


def find_node(cloud: Cloud, text: str) -> tuple[Node, str]:
    """The node that `text` means, and its namespace. Raises UsageError where it means none or several."""
    node = nodes.find(cloud, text)
    return node, namespace_name(cloud.lab, node.id)


def labels(cloud: Cloud) -> dict[str, str]:
    """What people call each namespace of `cloud`: the qualified name of its node."""
    fabrics = {vpc.id: f"{vpc.name} (fabric)" for vpc in cloud.vpcs.values()}
    named = {node.id: node.qualified for node in nodes.nodes(cloud)}
    return {namespace_name(cloud.lab, resource_id): label for resource_id, label in {**fabrics, **named}.items()}


def _read(file: str) -> bytes:
    try:
        if file == STDIN:
            return sys.stdin.buffer.read(_LARGEST_FILE)
        with Path(file).open("rb") as stream:
            return stream.read(_LARGEST_FILE)
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        hint = f"`eigw-ns init > {shlex.quote(file)}` writes one to start from" if missing else ""
        name = STDIN_NAME if file == STDIN else file
        raise UsageError(f"cannot read {name}: {error.strerror}", hint=hint) from error

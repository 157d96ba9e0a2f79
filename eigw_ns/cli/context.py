"""What verbs work on: the kernel, the chosen lab, its topology, a node in it."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from eigw_ns.cli import rootless, streams
from eigw_ns.cloud import nodes
from eigw_ns.cloud.model import Cloud
from eigw_ns.cloud.nodes import Node
from eigw_ns.cloud.words import did_you_mean, printable
from eigw_ns.dataplane.compile.names import namespace_name
from eigw_ns.errors import HostError, NoSuchLabError, UsageError
from eigw_ns.kernel.host import features
from eigw_ns.kernel.linux import LinuxKernel
from eigw_ns.kernel.protocol import Kernel, Machine
from eigw_ns.lab.storage import origin
from eigw_ns.lab.storage.origin import Origin
from eigw_ns.lab.storage.parse_cache import ParseCache, Source
from eigw_ns.lab.storage.protocols import Store, Stored
from eigw_ns.lab.storage.storage import Storage
from eigw_ns.topology import Topology, load, renamed

STDIN = "-"
STDIN_NAME = "stdin"
_LARGEST_FILE = 32 << 20  # bytes; more than the loader accepts, so that the loader reports the error


def open_storage() -> Storage:
    """Return the storage that this run works on. Raises HostError if another user could change its folders."""
    folders = rootless.folders()
    folders.require_trusted()
    return Storage.in_folders(folders)


def open_store() -> Store:
    """Return the stored topologies of `open_storage`."""
    return open_storage().store


def this_machine(run: Path) -> Machine:
    """Return this host, unchecked, with the namespaces that this process sees now. `run` is the run folder."""
    return LinuxKernel(run)


def open_kernel() -> Machine:
    """Return this host's kernel, as root or rootless.

    Raises HostError, before any change, if it cannot hold a lab, or if another user could change the folders of labs.
    """
    folders = open_storage().folders
    rootless.enter()
    features.require()
    return this_machine(folders.run)


def running_kernel() -> Machine | None:
    """Return this host's kernel if labs may run here and this process may look. Starts nothing and prints nothing."""
    if not rootless.ready():
        return None
    try:
        rootless.enter(silent=True)
        features.require()
    except HostError:
        return None
    return this_machine(rootless.folders().run)


def choose_lab(given: str | None, kernel: Kernel | None = None) -> str:
    """Return the lab to work on: `given`, stored or (if `kernel` is passed) alive, or else the only lab.

    The only lab is that of this state folder. If none is stored there, live labs that name the folder count. Raises
    NoSuchLabError if no lab exists or `given` does not exist, UsageError if there are several and none is given.
    """
    stored = open_store().labs()
    if given is not None and given in stored:  # skip kernel.labs(), which looks into every namespace
        return given
    alive = kernel.labs() if kernel and (given is not None or not stored) else ()
    if given is not None:
        labs = sorted({*stored, *alive})
        if given not in labs:
            hint = did_you_mean(given, labs) or (_which(labs) if labs else _HOW_TO_BEGIN)
            raise NoSuchLabError(f"no such lab: {given}", hint=hint)
        return given
    return _only(stored or _of_this_folder(kernel, alive), alive)


def _only(labs: Sequence[str], alive: Sequence[str]) -> str:
    """Return the only one of `labs`. `alive` are those that run, here or for other state folders."""
    if len(labs) == 1:
        return labs[0]
    if labs:
        raise UsageError(f"there are {len(labs)} labs: {', '.join(labs)}", hint="choose one: --lab NAME or EIGW_NS_LAB")
    elsewhere = f"--lab NAME chooses one that runs and is not stored here: {', '.join(alive)}"
    raise NoSuchLabError("no lab exists", hint=elsewhere if alive else _HOW_TO_BEGIN)


def _of_this_folder(kernel: Kernel | None, alive: Sequence[str]) -> tuple[str, ...]:
    if kernel is None or not alive:
        return ()
    from eigw_ns.lab.lifecycle import ownership

    return tuple(lab for lab in alive if ownership.is_of(kernel, rootless.folders(), lab))


def _which(labs: Sequence[str]) -> str:
    return f"the labs are {', '.join(labs)}" if len(labs) > 1 else f"the only lab is {labs[0]}"


def apply_again(lab: str) -> str:
    """Return the command that applies a stored lab again."""
    return "eigw-ns apply" if open_store().labs() == (lab,) else f"eigw-ns apply --lab {lab}"


_HOW_TO_BEGIN = "begin with `eigw-ns init > lab.yaml` and `eigw-ns apply -f lab.yaml`"


def open_source(file: str, lab: str | None) -> Source:
    """Return the bytes of `file` (`-` is stdin), with the lab's name if they give none: `lab`, or the file's stem.

    Raises UsageError if the file cannot be read.
    """
    return Source(_read(file), lab or Path(STDIN_NAME if file == STDIN else file).stem)


def read_topology(file: str, lab: str | None, source: Source) -> Topology:
    """Return the topology in `file`, whose bytes are `source`.

    Its lab is called `lab`, whatever the file says. Raises TopologyError with every mistake in it, UsageError if it has
    no name.
    """
    name = STDIN_NAME if file == STDIN else printable(file)
    return _named(load(source.content, file=name, default_lab=source.default_lab), file, lab)


def recall_topology(file: str, lab: str | None, source: Source) -> Stored:
    """Return what `read_topology` returns, but do not parse bytes whose topology is stored already."""
    known = ParseCache(rootless.folders()).recall(source)
    if known is None:
        return Stored(read_topology(file, lab, source))
    found = _named(known.topology, file, lab)
    return known if found is known.topology else Stored(found)


def _named(found: Topology, file: str, lab: str | None) -> Topology:
    name = found.cloud.lab
    if lab is None and file == STDIN and name == STDIN_NAME:
        raise UsageError("the topology from stdin does not name its lab", hint="add the line `lab: NAME` to it")
    if lab is None or lab == name:
        return found
    rootless.folders().topology_file(lab)  # raises UsageError if the name is not valid
    return renamed(found, lab)


def origin_of(file: str) -> Origin:
    """Return the origin of a topology that this user reads from `file` now.

    Call it before a user namespace is entered: the user is root there.
    """
    return origin.now(STDIN_NAME if file == STDIN else os.path.normpath(Path(file).absolute()), os.environ)


def topology_of(file: str | None, lab: str | None, kernel: Kernel | None = None) -> Topology:
    """Return the topology in `file`. Without a file, return the topology applied last to the chosen lab."""
    if file is not None:
        return recall_topology(file, lab, open_source(file, lab)).topology
    return open_store().load(choose_lab(lab, kernel))


def find_node(cloud: Cloud, text: str) -> tuple[Node, str]:
    """Return the node that `text` names, and its namespace. Raises UsageError if it names none or several."""
    node = nodes.find(cloud, text)
    return node, namespace_name(cloud.lab, node.id)


def labels(cloud: Cloud) -> dict[str, str]:
    """Return a name for people for each namespace of `cloud`: the qualified name of its node."""
    from eigw_ns.cloud.tag_names import named_by_tags  # late: a second apply needs no names

    fabrics = {vpc.id: f"{vpc.name} (fabric)" for vpc in named_by_tags(cloud).vpcs.values()}
    named = {node.id: node.qualified for node in nodes.nodes(cloud)}
    return {namespace_name(cloud.lab, resource_id): label for resource_id, label in {**fabrics, **named}.items()}


def _read(file: str) -> bytes:
    streams.announce_wait(file)
    try:
        if file == STDIN:
            return sys.stdin.buffer.read(_LARGEST_FILE)
        with Path(file).open("rb") as stream:
            return stream.read(_LARGEST_FILE)
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        hint = f"`eigw-ns init > {shlex.quote(printable(file))}` writes an example" if missing else ""
        name = STDIN_NAME if file == STDIN else printable(file)
        raise UsageError(f"cannot read {name}: {error.strerror}", hint=hint) from error

"""The desired state of each lab, stored as JSON for `status`, `export`, and `apply` after a reboot."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from pathlib import Path

from eigw_ns.errors import EigwError, NoSuchLabError
from eigw_ns.lab.storage import paths
from eigw_ns.topology import Topology, from_data, to_data

_TEMPORARY = ".unfinished-"  # left behind only by a power cut or a kill in the middle of a write


def labs() -> tuple[str, ...]:
    """Return the labs that have a stored topology, sorted. Raises HostError if the state folder cannot be read."""
    folder = paths.state_dir()
    with paths.state_errors(f"look into {folder}"):
        return tuple(lab for lab in paths.labs_in(folder) if paths.topology_file(lab).exists())


def exists(lab: str) -> bool:
    """Return whether a topology of `lab` is stored, readable or not."""
    return paths.topology_file(lab).exists()


def save(topology: Topology) -> None:
    """Store the topology under its lab's name. A crash leaves the old file or the new one, never half a file.

    Raises HostError if the state folder cannot be written.
    """
    path = paths.topology_file(topology.cloud.lab)
    with paths.state_errors(f"write {path}"):
        write_atomically(path, text(topology))


def require_writable(lab: str) -> None:
    """Raise HostError if `save` would because of the folder. To be called before the first change."""
    path = paths.topology_file(lab)
    with paths.state_errors(f"write {path}"):
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=_TEMPORARY)
        os.close(descriptor)
        Path(name).unlink()


def text(topology: Topology) -> str:
    """Return the text that `save` writes."""
    return json.dumps(to_data(topology), indent=1) + "\n"


def holds(topology: Topology) -> bool:
    """Return whether this topology is stored for its lab.

    Compares data, not objects: a resource that was moved to another VPC loses its name when it is stored.
    """
    try:
        return bool(json.loads(paths.topology_file(topology.cloud.lab).read_bytes()) == to_data(topology))
    except (OSError, ValueError, RecursionError):  # no stored topology, or a damaged one
        return False


def load(lab: str) -> Topology:
    """Return the stored topology of `lab`.

    Raises NoSuchLabError if none is stored, EigwError if the file is damaged, HostError if it may not be read.
    """
    path = paths.topology_file(lab)
    with paths.state_errors(f"read {path}"):
        try:
            data = json.loads(path.read_bytes())
        except FileNotFoundError:
            hint = "store one with `eigw-ns apply -f FILE`; `eigw-ns gc` lists what is left of the lab"
            raise NoSuchLabError(f"no topology of the lab {lab} is stored", hint=hint) from None
        except (ValueError, RecursionError) as error:  # RecursionError: thousands of nested brackets
            raise _damaged(path, str(error)) from error
    try:
        topology = from_data(data)
    except EigwError as error:
        raise _damaged(path, error.message) from error
    if topology.cloud.lab != lab:
        raise _damaged(path, f"it is the topology of the lab {topology.cloud.lab}")
    return topology


def remove(lab: str) -> bool:
    """Remove the stored topology of `lab`. Returns False if none was stored."""
    path = paths.topology_file(lab)
    with paths.state_errors(f"remove {path}"):
        stored = path.exists()
        paths.source_file(lab).unlink(missing_ok=True)
        path.unlink(missing_ok=True)
        for unfinished in path.parent.glob(f"{_TEMPORARY}*"):
            unfinished.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # not empty: a user keeps a file there
            path.parent.rmdir()
    return stored


def _damaged(path: Path, reason: str) -> EigwError:
    return EigwError(
        f"the stored topology {path} is damaged: {reason}",
        hint="apply the topology file again (`eigw-ns apply -f FILE`); the running lab is not affected",
    )


def write_atomically(path: Path, content: str) -> None:
    """Write a file of the state folder. A crash leaves the old file or the new one. Raises OSError."""
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=_TEMPORARY)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            os.fchmod(stream.fileno(), 0o644)  # `export` and `describe` need no root
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_directory(path.parent)


def _sync_directory(directory: Path) -> None:
    """Sync a directory: without that, a power cut may undo a rename in it. See fsync(2)."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

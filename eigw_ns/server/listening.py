"""The socket that clients connect to: of the loopback interface, a unix socket, or one that systemd passes on.

It is bound before the web process is forked, so a port that is in use is an error of the command. Only the web process
listens on it.
"""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import os
import re
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

from eigw_ns.errors import EigwError, UsageError
from eigw_ns.frozen import frozen
from eigw_ns.kernel.processes.privileges import User, acting_as
from eigw_ns.server.tls import Tls

_ADDRESS = re.compile(r"(?:(?P<host>[0-9.]+|localhost|\[[0-9a-fA-F:.]+\]):)?(?P<port>[0-9]{1,5})")
_LOCAL = "localhost"


@frozen
class Listener:
    """A bound socket. `url` is what clients connect to; of a unix socket, clients need its `path`, too."""

    socket: socket.socket
    url: str
    hosts: frozenset[str]
    path: Path | None = None


def tcp(text: str, tls: Tls | None = None) -> Listener:
    """Return a socket of an address, given as ADDRESS:PORT. Port 0 is a free one.

    Raises UsageError if the address is not one, or if the port is in use. An address that is not of the loopback
    interface needs TLS that is open to others.
    """
    found = _ADDRESS.fullmatch(text)
    if found is None or int(found["port"]) > 65535:
        raise UsageError(f"{text!r} is not an address and a port", hint="write it as 127.0.0.1:8471 or [::1]:8471")
    host = (found["host"] or "127.0.0.1").strip("[]").replace(_LOCAL, "127.0.0.1")
    if tls is None or not tls.open_to_others:
        _require_loopback(host)
    elif ipaddress.ip_address(host).is_unspecified:
        raise UsageError(f"clients cannot name {host}", hint="give the address that they connect to")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # asyncio sets TCP_NODELAY only if it is named
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, int(found["port"])))
    except OSError as error:
        made.close()
        raise UsageError(f"cannot listen on {text}: {error.strerror}", hint=_bind_hint(error.errno)) from error
    return _bound_to(made, "https" if tls else "http")


def _bind_hint(code: int | None) -> str:
    if code == errno.EADDRINUSE:
        return "another program has that port; choose one, or 0 for a free one: --listen 127.0.0.1:0"
    return "choose another address and port: --listen 127.0.0.1:0"


def _require_loopback(host: str) -> None:
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        raise UsageError(f"{host!r} is not an address", hint="write it as 127.0.0.1:8471 or [::1]:8471") from None
    if not loopback:
        raise UsageError(
            f"{host} is not an address of the loopback interface, so other machines could reach the endpoint",
            hint="listen on 127.0.0.1, and reach it from elsewhere by `ssh -L 8471:127.0.0.1:8471 HOST`; or give "
            "--i-know, --tls-cert FILE and --tls-key FILE",
        )


def _bound_to(bound: socket.socket, scheme: str) -> Listener:
    host, port = bound.getsockname()[:2]
    name = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    names = _NAMES if ipaddress.ip_address(host).is_loopback else ()
    return Listener(bound, f"{scheme}://{name}", frozenset({name, *(f"{each}:{port}" for each in names)}))


_NAMES = ("127.0.0.1", _LOCAL, "[::1]")


def unix(path: Path, owner: User | None) -> Listener:
    """Return a unix socket that only one user may connect to: `owner`, or the user of this process.

    Raises UsageError if other users could open the folder, or if another program listens there.
    """
    path = path.absolute()
    with acting_as(owner), _refusals(path):
        path.parent.mkdir(mode=0o700, exist_ok=True)
        _require_private(path.parent)
        _remove_stale(path)
        made = _bound(path)
    return Listener(made, f"http://{_LOCAL}", frozenset({_LOCAL}), path)


def _bound(path: Path) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        made.bind(str(path))
    except OSError:
        made.close()
        raise
    finally:
        os.umask(mask)
    return made


@contextlib.contextmanager
def _refusals(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        words = error.strerror or str(error)  # a path that is too long has no errno
        raise UsageError(f"cannot listen on {path}: {words}", hint="choose another path: --socket PATH") from error


def _require_private(folder: Path) -> None:
    status = folder.stat()
    if status.st_uid != os.geteuid() or status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UsageError(
            f"the folder {folder} of the socket must belong to you, and be closed to other users",
            hint=f"chmod 0700 {folder}; or choose another path: --socket PATH",
        )


def _remove_stale(path: Path) -> None:
    """Remove a socket on which no process listens, as a killed server leaves it. Another file is an error."""
    if not path.is_socket():
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        if probe.connect_ex(str(path)) == errno.ECONNREFUSED:
            path.unlink()


def remove(listener: Listener, owner: User | None) -> None:
    """Remove the file of a unix socket."""
    if listener.path is not None:
        with acting_as(owner):
            listener.path.unlink(missing_ok=True)


def inherited(descriptor: int) -> Listener:
    """Return the socket that systemd listens on. Raises UsageError if other machines could reach it."""
    try:
        found = socket.socket(fileno=descriptor)
        if found.type != socket.SOCK_STREAM:
            raise UsageError("the socket that systemd passed on is not a stream socket", hint=_UNIT)
    except OSError as error:
        raise EigwError(f"systemd passed on no socket: {error.strerror}", hint=_UNIT) from error
    if found.family == socket.AF_UNIX:
        return Listener(found, f"http://{_LOCAL}", frozenset({_LOCAL}), None)
    _require_loopback(found.getsockname()[0])
    return _bound_to(found, "http")


_UNIT = "in the unit of the socket, write one line: ListenStream=127.0.0.1:8471"

"""`eigw-ns serve`: an EC2 endpoint for a lab."""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from eigw_ns.cli import complete, options, streams
from eigw_ns.cli.context import choose_lab, open_kernel, open_storage
from eigw_ns.cli.ec2 import limits
from eigw_ns.cli.talk import Talk
from eigw_ns.cloud.ec2 import new_vpcs
from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.model import Cloud
from eigw_ns.errors import NoSuchLabError, UsageError
from eigw_ns.frozen import frozen
from eigw_ns.lab.host.extras import require_metrics, require_server
from eigw_ns.lab.lifecycle import operations
from eigw_ns.lab.live.live_lab import LiveLab
from eigw_ns.lab.storage.protocols import Patience
from eigw_ns.topology import Topology

if TYPE_CHECKING:
    from eigw_ns.kernel.processes.privileges import User
    from eigw_ns.kernel.protocol import Machine
    from eigw_ns.lab.storage.storage import Storage
    from eigw_ns.server.boundary import Log
    from eigw_ns.server.instructions import Access
    from eigw_ns.server.keys import Key
    from eigw_ns.server.labs import Place
    from eigw_ns.server.listening import Listener
    from eigw_ns.server.process import Session
    from eigw_ns.server.scraping import ScrapedLab
    from eigw_ns.server.tls import Tls
    from eigw_ns.server.verbs import Verb

_DEFAULT_LAB, _DEFAULT_LISTEN = "default", "127.0.0.1:8471"
_IDLE = re.compile(r"(?P<number>[0-9]+(?:\.[0-9]+)?)(?P<unit>[smh])")
_UNITS = {"s": 1, "m": 60, "h": 3600}
_LARGEST_KEYS = 1 << 16
_RESET_SECONDS = 30.0
_FIRST_PASSED_DESCRIPTOR = 3  # sd_listen_fds(3)


@click.command("serve")
@click.option(
    "--lab",
    "labs",
    metavar="NAME[@[ACCOUNT/]REGION]",
    multiple=True,
    envvar="EIGW_NS_LAB",
    show_envvar=True,
    shell_complete=complete.labs,
    help="Name of a lab; it is created, empty, if it does not exist. Give several labs with a Region each. "
    "Default: the only lab, or a new one, `default`.",
)
@click.option(
    "--listen",
    metavar="ADDRESS:PORT",
    help=f"Loopback address and port; port 0 is a free one. Default: {_DEFAULT_LISTEN}. An address that other machines "
    "reach needs --i-know and TLS.",
)
@click.option(
    "--i-know", is_flag=True, help="Let other machines connect: who has the key changes networks of this one."
)
@click.option("--tls-cert", metavar="FILE", type=click.Path(path_type=Path), help="Certificate of the endpoint (PEM).")
@click.option("--tls-key", metavar="FILE", type=click.Path(path_type=Path), help="Key of the certificate (PEM).")
@click.option(
    "--socket", metavar="PATH", type=click.Path(path_type=Path), help="Listen on a unix socket that only you can open."
)
@click.option(
    "--keys",
    "keys_file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Credentials file with the access keys, as ~/.aws/credentials. Default: a new key at each start.",
)
@click.option(
    "--metrics-token",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Answer Prometheus at /metrics, with the bearer token in this file. A new file gets a new token.",
)
@click.option("--no-sigv4", is_flag=True, help="Accept requests without a signature, from clients that cannot sign.")
@click.option("--allow-host", "hosts", metavar="HOST", multiple=True, help="Also accept this Host header.")
@click.option("--idle", metavar="TIME", default="8h", show_default=True, help="End after a time without requests: 30m.")
@click.option("--ephemeral", is_flag=True, help="Make a new lab, and destroy it at the end. Allows to reset it.")
@click.option("--default-vpc", is_flag=True, help="Give the lab a default VPC, 172.31.0.0/16, as a new account has.")
@limits.quota
@options.lock_timeout
@options.output
@options.quiet
def command(
    labs: tuple[str, ...],
    listen: str | None,
    i_know: bool,
    tls_cert: Path | None,
    tls_key: Path | None,
    socket: Path | None,
    keys_file: Path | None,
    metrics_token: Path | None,
    no_sigv4: bool,
    hosts: tuple[str, ...],
    idle: str,
    ephemeral: bool,
    default_vpc: bool,
    quotas: tuple[str, ...],
    lock_timeout: float,
    output: str,
    quiet: bool,
) -> int:
    """Answer EC2's API over HTTP: aws-cli, boto3, Terraform and other clients change the lab unchanged.

    A request is answered after its change is in the kernel. Prints what clients need: the address, a Region and an
    access key. With `-o json`, the first line on stdout is these as JSON, when the endpoint is ready. Logs every
    request that can change the lab on stderr. Runs until Ctrl-C (exit code 130), SIGTERM, or --idle.

    A single lab answers in every Region and for every account. To serve several, say where each answers: NAME@REGION,
    or NAME@ACCOUNT/REGION. A request for a Region without a lab is refused. An access key id of twelve digits is its
    account.

    The process that talks to clients has no privilege. Only programs on this machine can connect, unless --i-know and
    a certificate are given. Requests must be signed with the key. Web pages are refused.

    With --ephemeral, `POST /_eigw/reset` empties the lab.

    \b
    sudo eigw-ns serve --lab demo
    sudo eigw-ns serve --lab prod@us-east-1 --lab spare@eu-west-1
    eigw-ns serve --ephemeral --listen 127.0.0.1:0 -o json
    """
    require_server("serve")
    from eigw_ns.kernel.processes.privileges import NOBODY
    from eigw_ns.server import process, tls
    from eigw_ns.server.instructions import Access
    from eigw_ns.server.web import Web

    talk, user, seconds = Talk(quiet=quiet, verbose=False), _sudo_user(os.environ), idle_seconds(idle)
    settings = limits.settings(strict=False, quotas=quotas)
    start = _Start(settings, Patience(lock_timeout, talk.note), ephemeral, default_vpc, metrics_token is not None)
    storage = open_storage()
    places = _places(labs, storage, ephemeral=ephemeral)
    keys, token = _keys(keys_file, user, places), _metrics_token(metrics_token)
    secure = tls.checked(tls_cert, tls_key, i_know=i_know, signed=not no_sigv4)
    bound = _listening(listen, socket, user, secure)
    with contextlib.suppress(process.Terminated), process.terminable(), bound as listener:
        known = None if no_sigv4 else {key.id: key for key in keys}
        web = Web(listener.hosts | frozenset(map(str.lower, hosts)), known, seconds, ephemeral, secure, token)
        access = Access(listener.url, tuple((place, _key_of(place, keys)) for place in places), listener.path)
        with process.started(listener, web, user or NOBODY) as session:
            return _answer(session, storage, places, start, lambda: _announce(access, output))
    return 0


def idle_seconds(text: str) -> float | None:
    """Return the seconds of a time such as `8h`, `30m` or `90s`; None if it is 0, which means never."""
    found = _IDLE.fullmatch(text)
    if found is None and text != "0":
        raise UsageError(f"{text!r} is not a time", hint="write it as 90s, 30m or 8h; 0 means never")
    seconds = float(found["number"]) * _UNITS[found["unit"]] if found else 0.0
    return seconds if seconds and math.isfinite(seconds) else None


def _sudo_user(environment: Mapping[str, str]) -> User | None:
    """Return the user that called sudo; None without sudo."""
    from eigw_ns.kernel.processes.privileges import User

    ids = [environment.get(name, "") for name in ("SUDO_UID", "SUDO_GID")]
    return User(*map(int, ids)) if all(text.isascii() and text.isdecimal() and int(text) for text in ids) else None


def _keys(file: Path | None, user: User | None, places: tuple[Place, ...]) -> tuple[Key, ...]:
    """Return the access keys: those of the file, or a new one for each account.

    Raises UsageError if users other than this one and `user` can read the file.
    """
    from eigw_ns.server import keys

    if file is None:
        return tuple(map(keys.make, dict.fromkeys(place.account for place in places)))
    try:
        with file.open(encoding="utf-8") as stream:
            status = os.fstat(stream.fileno())
            owners = {0, os.geteuid(), *((user.uid,) if user else ())}
            if status.st_mode & 0o077 or status.st_uid not in owners:
                raise UsageError(f"other users can read or change {file}", hint=f"chmod 0600 {file}")
            return keys.read(stream.read(_LARGEST_KEYS), str(file))
    except (OSError, UnicodeDecodeError) as error:
        words = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(f"cannot read {file}: {words}") from error


def _metrics_token(file: Path | None) -> str | None:
    """Return the token for /metrics; None if nobody asks for it. Raises HostError without the extra `metrics`."""
    if file is None:
        return None
    require_metrics("--metrics-token")
    from eigw_ns.server import metrics

    return metrics.token(file)


def _key_of(place: Place, keys: tuple[Key, ...]) -> Key:
    """Return a key that may use the lab. Raises UsageError if no key is of its account."""
    for key in keys:
        if place.account in (None, key.account):
            return key
    raise UsageError(
        f"no access key is of the account {place.account}, for which the lab {place.lab} answers",
        hint=f"add a profile with aws_access_key_id = {place.account} to the file of --keys",
    )


def _places(given: tuple[str, ...], storage: Storage, *, ephemeral: bool) -> tuple[Place, ...]:
    """Return the labs to serve, and where. Raises UsageError if they contradict, or if an ephemeral one exists."""
    from eigw_ns.server import labs

    default = f"ephemeral-{os.getpid()}" if ephemeral else _DEFAULT_LAB
    if not given and not ephemeral and storage.store.labs():
        default = choose_lab(None)
    places = tuple(labs.parse(text) for text in given or (default,))
    labs.require_distinct(places)
    for place in places:
        storage.folders.topology_file(place.lab)  # raises UsageError if the name is not valid
        if ephemeral and storage.store.exists(place.lab):
            raise UsageError(f"the lab {place.lab} exists, and an ephemeral one is destroyed at the end",
                             hint="choose another name")  # fmt: skip
    return places


@contextlib.contextmanager
def _listening(listen: str | None, path: Path | None, owner: User | None, tls: Tls | None) -> Iterator[Listener]:
    """Yield the socket: systemd's, a unix socket, or one of an address."""
    from eigw_ns.server import listening

    passed = _passed_descriptors(os.environ)
    if sum((listen is not None, path is not None, bool(passed))) > 1:
        raise UsageError("there are several sockets to listen on", hint="give one: --listen, --socket or systemd's")
    if tls is not None and (path is not None or passed):
        raise UsageError("TLS is for an address", hint="give --listen, or leave out --tls-cert and --tls-key")
    if passed > 1:
        raise UsageError(f"systemd passed on {passed} sockets", hint="write one ListenStream= in the unit")
    if passed:
        listener = listening.inherited(_FIRST_PASSED_DESCRIPTOR)
    elif path is not None:
        listener = listening.unix(path, owner)
    else:
        listener = listening.tcp(listen or _DEFAULT_LISTEN, tls)
    try:
        yield listener
    finally:
        listening.remove(listener, owner)


def _passed_descriptors(environment: Mapping[str, str]) -> int:
    """Return the number of sockets that systemd passed to this process. See sd_listen_fds(3)."""
    count = environment.get("LISTEN_FDS", "")
    return int(count) if environment.get("LISTEN_PID") == str(os.getpid()) and count.isdecimal() else 0


@contextlib.contextmanager
def _built(storage: Storage, lab: str, patience: Patience, *, ephemeral: bool) -> Iterator[Machine]:
    """Yield the kernel with the lab in it: made if it does not exist, brought up if it is not running."""
    kernel = open_kernel()
    try:
        if storage.store.exists(lab):
            operations.apply_stored(kernel, storage, lab, patience=patience)
        else:
            operations.apply(kernel, storage, Topology(Cloud(lab)), patience=patience)
        yield kernel
    finally:
        if ephemeral:
            _remove(kernel, storage, lab, patience)


def _remove(kernel: Machine, storage: Storage, lab: str, patience: Patience) -> None:
    """Destroy the lab, however much of it was built."""
    try:
        operations.destroy(kernel, storage, lab, patience=patience)
    except NoSuchLabError:  # the build ended before it stored the lab; its folders may be there
        with storage.lock.hold(lab, f"eigw-ns serve ({lab})", wait=patience.seconds, tell=patience.tell):
            storage.store.remove(lab)
            storage.lock.remove_run_files(lab)


@frozen
class _Start:
    """How each lab begins. `patience` says how long a change waits, and tells the user why."""

    settings: Settings
    patience: Patience
    ephemeral: bool
    default_vpc: bool
    metrics: bool


def _answer(
    session: Session, storage: Storage, places: tuple[Place, ...], start: _Start, announce: Callable[[], None]
) -> int:
    """Build the labs, answer requests until the web process ends, and return the exit code."""
    from eigw_ns.server.log_writer import LogWriter

    with contextlib.ExitStack() as stack:
        served = tuple(stack.enter_context(_serving(storage, place.lab, start)) for place in places)
        for place in places:
            start.patience.tell(str(place))
        start.patience.tell("Ctrl-C ends this")
        log = stack.enter_context(LogWriter())
        verbs = _verbs(places, served, start, announce, log)
        return session.serve(verbs, log, start.patience.seconds, len(places))


@contextlib.contextmanager
def _serving(storage: Storage, lab: str, start: _Start) -> Iterator[_Served]:
    """Yield a lab that is in the kernel and in memory."""
    with (
        _built(storage, lab, start.patience, ephemeral=start.ephemeral) as kernel,
        contextlib.closing(LiveLab(lambda: kernel, storage, lab)) as live,
    ):
        served = _Served(kernel, storage, live, start.settings, start.default_vpc)
        served.begin(start.patience)
        yield served


@frozen
class _Served:
    """A lab that is served, and what it has at the start and after a reset."""

    kernel: Machine
    storage: Storage
    live: LiveLab
    settings: Settings
    default_vpc: bool

    def begin(self, patience: Patience) -> None:
        """Read the lab, and give it a default VPC if one is wanted and it has none."""
        self.live.prepare()
        if self.default_vpc and new_vpcs.default_vpc(self.live.stored().topology.cloud) is None:
            self.live.perform("CreateDefaultVpc", {}, self.settings, patience)

    def scraped(self) -> ScrapedLab:
        """Return what its metrics are read from."""
        from eigw_ns.server.scraping import ScrapedLab

        store, lab = self.storage.store, self.live.lab
        return ScrapedLab(self.kernel, lambda: self.live.stored().topology.cloud, lambda: store.origin(lab))

    def empty(self) -> None:
        """Remove everything of the lab, and begin again."""
        patience = Patience(_RESET_SECONDS)
        operations.destroy(self.kernel, self.storage, self.live.lab, patience=patience)
        operations.apply(self.kernel, self.storage, Topology(Cloud(self.live.lab)))
        self.begin(patience)


def _verbs(
    places: tuple[Place, ...], labs: tuple[_Served, ...], start: _Start, announce: Callable[[], None], log: Log
) -> Mapping[str, Verb]:
    """Return the verbs that the web process may use."""
    from eigw_ns.server import scraping
    from eigw_ns.server.labs import Labs
    from eigw_ns.server.performer import ServedLab
    from eigw_ns.server.recorded import RecordedNotes
    from eigw_ns.server.verbs import Ec2, Served, ready, reset

    notes = tuple(RecordedNotes(log, each.live.lab) for each in labs)
    for each, note in zip(labs, notes, strict=True):
        note.note(each.live.stored().topology.cloud)
    served = Served(Labs(places), tuple(ServedLab(each.live, each.empty) for each in labs), notes)
    ec2 = Ec2(served, start.settings, log, lambda: datetime.now().astimezone())
    more = {"metrics": scraping.verb(each.scraped() for each in labs)} if start.metrics else {}
    return {"ec2": ec2.verb(), "reset": reset(served), "ready": ready(announce), **more}


def _announce(access: Access, output: str) -> None:
    """Print how to reach the endpoint. It goes on if no program reads that."""
    try:
        if output == "json":
            click.echo(json.dumps(access.document()))
        else:
            for line in access.lines():
                click.echo(line)
        sys.stdout.flush()
    except BrokenPipeError:
        streams.let_go(sys.stdout)

"""Check whether this host can hold a lab: try each thing that a lab needs, and give a fix for what is missing."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

from eigw_ns.cloud.model import ConnectionTracking
from eigw_ns.dataplane.compile.limits import lowered
from eigw_ns.errors import FILES_FIX, HostError
from eigw_ns.frozen import frozen
from eigw_ns.kernel.host import capabilities, features, trusted_folder
from eigw_ns.kernel.host.trusted_folder import UntrustedFolderError
from eigw_ns.kernel.namespaces import limits, sysctl, userns
from eigw_ns.lab.host import extras
from eigw_ns.lab.storage.folders import RUN_VARIABLE, STATE_VARIABLE, LabFolders

Outcome = Literal["ok", "missing", "warn"]

_OLDEST_NFT = (1, 0, 6)
"""1.0.6, 1.0.9, 1.1.3 and 1.1.7 list all rules as they are read here; 1.0.2, 1.0.4 and 1.0.5 do not."""

_NEWER_NFT = "install libnftables1 1.0.6 or later, as Debian 12 and Ubuntu 24.04 have it"

_FEW_NAMESPACES = 256
"""A lab has a network namespace for each instance, subnet, VPC, gateway and host. Linux allows thousands."""

_MODULE = "load the module ({}) on the host, or boot a kernel that has it"


@frozen
class Check:
    """One thing a lab needs. `detail` says what was found, `fix` what to do if it is not ok."""

    name: str
    outcome: Outcome
    detail: str = ""
    fix: str = ""


@frozen
class _Need:
    name: str
    probe: Callable[[], features.Reason]
    fix: str | Callable[[str], str]
    in_a_namespace: bool = True


def _refused(reason: features.Reason) -> str:
    """Return the fix if a privileged process is refused: seccomp answers EPERM, AppArmor and SELinux EACCES."""
    if limits.NETWORK in reason:
        return limits.fix(limits.NETWORK)
    return capabilities.MOUNT_FIX if os.strerror(errno.EACCES) in reason else capabilities.SECCOMP_FIX


def _unnamed(reason: features.Reason) -> str:
    return capabilities.RUN_FIX if "writable" in reason else _refused(reason)


_NEEDS = (
    _Need("Linux", features.linux, "use a Linux machine, a VM or the Vagrant lab", in_a_namespace=False),
    _Need("privilege", features.privilege, lambda _reason: capabilities.fix(), in_a_namespace=False),
    _Need("open files", features.files, FILES_FIX, in_a_namespace=False),
    _Need("nftables for Python", features.nft_binding, features.NFT_FIX, in_a_namespace=False),
    _Need("network namespaces", features.namespace, _refused),
    _Need("names for namespaces", features.names, _unnamed),
    _Need("writable sysctls", features.sysctls, capabilities.SYSCTL_FIX),
    _Need("IPv6", features.ipv6, "boot without ipv6.disable=1"),
    _Need("IPv6 routes by source", features.source_routes, "boot a kernel with CONFIG_IPV6_SUBTREES=y, as Debian's"),
    _Need("veth links", features.veth, _MODULE.format("modprobe veth")),
    _Need("bridges", features.bridge, _MODULE.format("modprobe bridge")),
    _Need("nftables, family inet", features.nft_inet, _MODULE.format("modprobe nf_tables")),
    _Need("nftables, family bridge", features.nft_bridge, _MODULE.format("modprobe nf_tables")),
    _Need("connection tracking", features.conntrack, _MODULE.format("modprobe nf_conntrack nft_ct")),
)


def examine(folders: LabFolders) -> tuple[Check, ...]:
    """Try everything and leave the host as it was."""
    lacking = "privilege" if features.privilege() else "network namespaces" if features.namespace() else ""
    needs = (_check(need, lacking) for need in _NEEDS)
    rest = (*_nft_version(), *_replicas(lacking), *_few_namespaces(), *_table(), *_folders(folders))
    return (*needs, *rest, _endpoint())


def _endpoint() -> Check:
    """Check what only the EC2 endpoint needs."""
    missing = ", ".join(extras.lacking_for_server())
    if missing:
        detail = f"`eigw-ns serve` needs {missing}; labs do not"
        return Check("EC2 endpoint", "warn", detail, extras.SERVER_FIX)
    return Check("EC2 endpoint", "ok")


def _few_namespaces() -> Iterator[Check]:
    """Warn about a limit that a lab of some instances would reach. A lab has one for each node."""
    most = sysctl.read(limits.NETWORK)
    if most is not None and int(most) < _FEW_NAMESPACES:
        yield Check("number of namespaces", "warn", f"{limits.NETWORK} is {most}", limits.fix(limits.NETWORK))


def _nft_version() -> Iterator[Check]:
    """Check the version. Yield nothing if it is unknown: a missing binding has a check of its own."""
    version = features.nft_version()
    if not version:
        return
    if tuple(map(int, re.findall(r"\d+", version))) >= _OLDEST_NFT:
        yield Check("nftables version", "ok", version)
    else:
        harm = "status and plan may take rules for drift that it lists in other words; before 1.0.4, no replicas"
        yield Check("nftables version", "warn", f"{version}: {harm}", _NEWER_NFT)


def _replicas(lacking: str) -> Iterator[Check]:
    """Check what only gateways with several replicas need."""
    need = _Need("nftables, hook egress", features.nft_egress, "boot Linux 5.16 or later, as Debian 12's")
    egress = _check(need, lacking)
    if egress.outcome == "missing":
        egress = replace(egress, outcome="warn", detail=f"no replicas: {egress.detail}")
    yield egress


def _table() -> Iterator[Check]:
    """Yield the size of connection tables, and what it makes of the limits. Nothing if conntrack is missing."""
    table = features.connection_table()
    limits = lowered((ConnectionTracking(),), table)
    if limits is not None:
        yield Check("connection tables", "warn", str(limits), "sudo sysctl net.netfilter.nf_conntrack_max=262144")
    elif table is not None:
        yield Check("connection tables", "ok", f"{table:,} entries")


def examine_rootless(folders: LabFolders) -> tuple[Check, ...]:
    """Do what `examine` does, in namespaces of this user. This process must have one thread, and stays in them."""
    try:
        userns.create()
    except HostError as error:
        return Check("user namespaces", "missing", error.message, error.hint), *_folders(folders)
    return Check("user namespaces", "ok"), *examine(folders), *_limits()


def _limits() -> tuple[Check, ...]:
    """Return what does not work without root. A lab does not need it."""
    tracked = sysctl.read("net.netfilter.nf_conntrack_max")
    return (
        Check(
            "limits of the host",
            "warn",
            f"they stay: at most {tracked} flows a namespace, neighbour tables, buffers, open files, priorities",
            "should a lab need more: sudo sysctl net.netfilter.nf_conntrack_max=…, net.ipv6.neigh.default.gc_thresh3=…",
        ),
        Check(
            "other users",
            "warn",
            "a program cannot change to another user. tcpdump does, also with -Z root, so it fails",
            "capture with tshark or dumpcap: `eigw-ns exec app -- tshark -i eth0`",
        ),
    )


def fit(checks: tuple[Check, ...]) -> bool:
    """Return whether the host has everything that a lab needs."""
    return all(check.outcome != "missing" for check in checks)


def _check(need: _Need, lacking: str) -> Check:
    """Try one need. `lacking` names another need that must be met first."""
    if need.in_a_namespace and lacking and need.name != lacking:
        return Check(need.name, "warn", f"not tried: needs {lacking}", f"see {lacking} above")
    reason = need.probe()
    if not reason:
        return Check(need.name, "ok")
    return Check(need.name, "missing", reason, need.fix if isinstance(need.fix, str) else need.fix(reason))


def _folders(folders: LabFolders) -> tuple[Check, ...]:
    return (
        _folder("state folder", folders.state, STATE_VARIABLE, "--volume eigw-ns:/var/lib/eigw-ns"),
        _folder("run folder", folders.run, RUN_VARIABLE, "--tmpfs /run"),
    )


def _folder(name: str, folder: Path, variable: str, flag: str) -> Check:
    try:
        trusted_folder.require(folder)
    except UntrustedFolderError as error:
        return Check(name, "missing", str(error.strerror), f"set {variable} to a folder that no other user can change")
    existing = next(place for place in (folder, *folder.parents) if _seen(place))
    if existing.is_dir() and os.access(existing, os.W_OK):
        return Check(name, "ok", str(folder))
    fix = f"run as root, or set {variable} to another; in a container: {flag}"
    return Check(name, "missing", f"{existing} is not a writable folder", fix)


def _seen(place: Path) -> bool:
    """Return whether this user can see that it exists."""
    try:
        return place.exists()
    except PermissionError:
        return False

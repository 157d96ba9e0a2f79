"""Whether this host can hold a lab: each thing a lab needs is tried, and what is missing comes with its fix."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from eigw_ns.kernel import probe
from eigw_ns.lab import paths

Outcome = Literal["ok", "missing", "warn"]

_ROOT = "run as root (`sudo eigw-ns doctor`); in a container, start it with --privileged"
_PRIVILEGED = "in a container, start it with --privileged"
_MODULE = "load the module ({}) on the host, or boot a kernel that has it"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing a lab needs. `detail` says what was found, `fix` what to do where it is not ok."""

    name: str
    outcome: Outcome
    detail: str = ""
    fix: str = ""


@dataclass(frozen=True, slots=True)
class _Need:
    name: str
    probe: Callable[[], probe.Reason]
    fix: str
    needs_privilege: bool = True


_NEEDS = (
    _Need("Linux", probe.linux, "use a Linux machine, a VM or the Vagrant lab", needs_privilege=False),
    _Need("privilege", probe.privilege, _ROOT, needs_privilege=False),
    _Need("nftables for Python", probe.nft_binding, probe.NFT_FIX, needs_privilege=False),
    _Need("names for namespaces", probe.namespace_directory, _ROOT, needs_privilege=False),
    _Need("network namespaces", probe.namespace, _PRIVILEGED),
    _Need("writable sysctls", probe.sysctls, _PRIVILEGED),
    _Need("IPv6", probe.ipv6, "boot without ipv6.disable=1 and set net.ipv6.conf.{all,default}.disable_ipv6=0"),
    _Need("IPv6 routes by source", probe.source_routes, "boot a kernel with CONFIG_IPV6_SUBTREES=y, as Debian's"),
    _Need("veth links", probe.veth, _MODULE.format("modprobe veth")),
    _Need("bridges", probe.bridge, _MODULE.format("modprobe bridge")),
    _Need("nftables, family inet", probe.nft_inet, _MODULE.format("modprobe nf_tables")),
    _Need("nftables, family bridge", probe.nft_bridge, _MODULE.format("modprobe nf_tables")),
    _Need("connection tracking", probe.conntrack, _MODULE.format("modprobe nf_conntrack nft_ct")),
)


def examine() -> tuple[Check, ...]:
    """Try everything and leave the host as it was."""
    privileged = not probe.privilege()
    return (*(_check(need, privileged=privileged) for need in _NEEDS), *_folders())


def fit(checks: tuple[Check, ...]) -> bool:
    """Whether nothing that a lab needs is missing."""
    return all(check.outcome != "missing" for check in checks)


def _check(need: _Need, *, privileged: bool) -> Check:
    if need.needs_privilege and not privileged:
        return Check(need.name, "warn", "not tried: needs privilege", _ROOT)
    reason = need.probe()
    return Check(need.name, "missing", reason, need.fix) if reason else Check(need.name, "ok")


def _folders() -> tuple[Check, ...]:
    return (
        _folder("state folder", paths.state_dir(), "EIGW_NS_STATE_DIR"),
        _folder("run folder", paths.run_dir(), "EIGW_NS_RUN_DIR"),
    )


def _folder(name: str, folder: Path, variable: str) -> Check:
    existing = next(place for place in (folder, *folder.parents) if _seen(place))
    if existing.is_dir() and os.access(existing, os.W_OK):
        return Check(name, "ok", str(folder))
    return Check(name, "missing", f"{existing} is not a writable folder", f"run as root, or set {variable} to another")


def _seen(place: Path) -> bool:
    """Whether it exists, as far as we may look."""
    try:
        return place.exists()
    except PermissionError:
        return False

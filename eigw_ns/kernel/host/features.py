"""Probe what this host can do, by trying it in a namespace without a name that vanishes at once.

Each probe returns the reason of the failure, in Linux's words, or an empty string. The host is not changed.
"""

from __future__ import annotations

import os
import platform
import resource
from collections.abc import Callable

from eigw_ns.dataplane.state import Link, Route
from eigw_ns.errors import FILES_FIX, EigwError, HostError, LimitError
from eigw_ns.kernel.host import capabilities
from eigw_ns.kernel.namespaces import netns, sysctl, userns
from eigw_ns.kernel.namespaces.libc import MNT_DETACH, MS_BIND, call, libc
from eigw_ns.kernel.netlink import rtnetlink
from eigw_ns.kernel.netlink.socket import Message, Netlink
from eigw_ns.kernel.nft.library import BINDING_FIX, Nft

Reason = str
"""Why something does not work; empty if it works."""

NFT_FIX = BINDING_FIX

_FEWEST_FILES = 64  # `apply` has at most 20 open

_TABLE = "net.netfilter.nf_conntrack_max"
_OWN_NAMESPACE = "/proc/thread-self/ns/net"
_MAC = "06:00:00:00:00:0{}"


def linux() -> Reason:
    """Probe whether this is Linux."""
    return "" if platform.system() == "Linux" else f"this is {platform.system()}"


def privilege() -> Reason:
    """Probe whether this process has the capabilities for namespaces, routes, raw sockets and low ports."""
    lacking = capabilities.lacking()
    return f"this process lacks {', '.join(lacking)}" if lacking else ""


def files() -> Reason:
    """Probe whether this process may open enough files. Raises its own limit if that is possible.

    libnftables ends the process if it cannot open a socket (mnl.c), so this must be known before.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= _FEWEST_FILES:
        return ""
    if hard != resource.RLIM_INFINITY and hard < _FEWEST_FILES:
        return f"this process may open only {hard} files, not {_FEWEST_FILES} (RLIMIT_NOFILE)"
    resource.setrlimit(resource.RLIMIT_NOFILE, (_FEWEST_FILES, hard))
    return ""


def require() -> None:
    """Raise HostError, before anything is changed, if this process lacks a privilege or a program that a lab needs."""
    reason = privilege()
    if reason:
        raise HostError(f"not enough privilege: {reason}", hint=_privilege_hint())
    reason = files()
    if reason:
        raise LimitError(reason, hint=FILES_FIX)
    reason = nft_binding()
    if reason:
        raise HostError(reason, hint=f"{NFT_FIX}; `eigw-ns doctor` names what else is missing")
    if netns.read_only(sysctl.DIRECTORY):
        raise HostError(f"{sysctl.DIRECTORY} is read-only", hint=capabilities.SYSCTL_FIX)
    reason = _unwritable()
    if reason:
        raise HostError(f"{netns.DIRECTORY} does not exist, and {reason}", hint=capabilities.RUN_FIX)


def _privilege_hint() -> str:
    reason, fix = userns.forbidden(sysctl.read)
    rootless = f"; to work without root, enable user namespaces ({reason}): {fix}" if reason else ""
    doctor = "eigw-ns --no-rootless doctor" if os.geteuid() and not reason else "eigw-ns doctor"
    return f"{capabilities.fix()}{rootless}; `{doctor}` names what is missing"


def names() -> Reason:
    """Probe whether namespaces can get names: /run/netns can be written, created or covered, and mounted on."""
    return _unwritable() or _tried(_mount)


def _unwritable() -> Reason:
    """Return why /run/netns cannot be created; empty if it can, or if it exists (a tmpfs covers a read-only one)."""
    directory = netns.DIRECTORY
    makeable = directory.exists() or os.access(directory.parent, os.W_OK)
    return "" if makeable else f"{directory.parent} is not writable"


def _mount() -> None:
    """Mount this thread's namespace on a file, as a name is, and unmount it."""
    import tempfile  # not at the top: only `doctor` needs it

    with tempfile.NamedTemporaryFile(prefix="eigw-ns-") as file:
        target = os.fsencode(file.name)
        call("mount a namespace", libc.mount, os.fsencode(_OWN_NAMESPACE), target, b"none", MS_BIND, None)
        call("unmount a namespace", libc.umount2, target, MNT_DETACH)


def namespace() -> Reason:
    """Probe whether a network namespace can be created."""
    return _tried(lambda: None)


def sysctls() -> Reason:
    """Probe whether /proc/sys/net is writable. Containers without --privileged mount it read-only."""

    def write_back() -> None:
        value = sysctl.read(sysctl.FORWARDING)
        if value is None:
            raise HostError(f"the kernel has no {sysctl.FORWARDING}")
        sysctl.write(sysctl.FORWARDING, value)

    return _tried(write_back)


def ipv6() -> Reason:
    """Probe whether IPv6 is enabled, or can be enabled, in a new namespace."""

    def look() -> None:
        for scope in ("all", "default"):
            key = f"net.ipv6.conf.{scope}.disable_ipv6"
            if sysctl.read(key) == "1":
                sysctl.reset_ipv6()  # as in each namespace that is created
            if sysctl.read(key) != "0":
                raise HostError(f"{key} is {sysctl.read(key) or 'missing'}")

    return _tried(look)


def veth() -> Reason:
    """Probe whether a veth pair can be created."""

    def pair() -> None:
        descriptor = os.open(_OWN_NAMESPACE, os.O_RDONLY | os.O_CLOEXEC)
        try:
            near, far = _veth("near", 1), _veth("far", 2)
            _ask(rtnetlink.new_veth(near, far, descriptor, descriptor))
        finally:
            os.close(descriptor)

    return _tried(pair)


def bridge() -> Reason:
    """Probe whether a bridge can be created."""
    return _tried(lambda: _ask(rtnetlink.new_bridge(Link("", "br0", "bridge", _MAC.format(3)))))


def source_routes() -> Reason:
    """Probe whether IPv6 routes may depend on the source (`from`): CONFIG_IPV6_SUBTREES."""
    route = Route("", "2001:db8:1::/48", source="2001:db8:2::/48", blackhole=True)
    return _tried(lambda: _ask(rtnetlink.route_message(route, {})))


def nft_binding() -> Reason:
    """Probe whether the Python binding of libnftables can be imported and finds its library."""
    try:
        Nft()
    except (EigwError, OSError) as error:
        return str(error)
    return ""


def nft_inet() -> Reason:
    """Probe whether the kernel accepts a table of the family inet, which sees IPv6 and IPv4."""
    return _tried(lambda: _nft("table inet probe { chain c { type filter hook forward priority 0; }; }"))


def nft_bridge() -> Reason:
    """Probe whether the kernel accepts a table of the family bridge."""
    return _tried(lambda: _nft("table bridge probe { chain c { type filter hook prerouting priority 0; }; }"))


def nft_egress() -> Reason:
    """Probe whether the kernel accepts an egress chain (netdev), which distributes flows over replicas."""
    hook = 'type filter hook egress device "lo" priority 0;'
    return _tried(lambda: _nft(f"table netdev probe {{ chain c {{ {hook} }}; }}"))


def conntrack() -> Reason:
    """Probe whether the kernel tracks connections and has named counters."""
    rules = (
        "counter dropped { }; chain c { type filter hook forward priority 0; ct state new counter name dropped drop; };"
    )
    return _tried(lambda: _nft(f"table inet probe {{ {rules} }}"))


def connection_table() -> int | None:
    """Return how many entries the connection table of each namespace has; None if conntrack cannot be loaded."""
    found = sysctl.read(_TABLE)
    if found is None:
        conntrack()  # loads the module
        found = sysctl.read(_TABLE)
    return int(found) if found else None


def kernel_release() -> str:
    """Return the release of the running kernel, as `uname -r` does."""
    return platform.release()


def nft_version() -> str:
    """Return the version of libnftables; empty if it is missing or this process lacks the privilege to load it."""
    try:
        with netns.nameless():
            return Nft().version()
    except (EigwError, OSError):
        return ""


def _tried(action: Callable[[], object]) -> Reason:
    """Run `action` in a new namespace. Returns why it failed; empty if it did not."""
    try:
        with netns.nameless():
            action()
    except (EigwError, OSError) as error:
        return str(error)
    return ""


def _ask(message: Message) -> None:
    with Netlink() as netlink:
        netlink.send([message])


def _veth(name: str, number: int) -> Link:
    other = "far" if name == "near" else "near"
    return Link("", name, "veth", _MAC.format(number), peer=("", other))


def _nft(commands: str) -> str:
    return Nft().run(commands, "load a table")

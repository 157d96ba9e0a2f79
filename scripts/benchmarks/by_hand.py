"""Write the files from which the script `by-hand` builds a state: the commands that a person would type."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from eigw_ns.dataplane.planning.plan import make_plan
from eigw_ns.dataplane.state import (
    PROTOCOL,
    TENANT_LINK,
    Address,
    Fdb,
    Forwarding,
    Link,
    Namespace,
    Neighbour,
    NetObject,
    NetState,
    Route,
    RoutingRule,
    Ruleset,
    Sysctls,
)
from eigw_ns.kernel.nft.commands import transaction
from eigw_ns.kernel.protocol import Kernel

SCRIPT = Path(__file__).parent / "by-hand"

_SILENT = "learning off flood off mcast_flood off bcast_flood off"
_FORWARDING = "net/ipv6/conf/all/forwarding"


def write(state: NetState, folder: Path) -> None:
    """Write the files. They use the same names and marks as the state, so that the result is the same."""
    folder.mkdir()
    files: defaultdict[str, list[str]] = defaultdict(list)
    for owner in state.namespaces():
        files["create"].append(f"netns add {owner.namespace}")
        files["destroy"].append(f"netns del {owner.namespace}")
        for part in ("before", "after", "ip"):
            files[f"{owner.namespace}.{part}"] = []
    for thing in sorted(state, key=lambda thing: thing.rank):
        for name, line in _lines(thing):
            files[name].append(line)
    for name, lines in files.items():
        (folder / name).write_text("".join(f"{line}\n" for line in lines))


def left_over(state: NetState, kernel: Kernel, lab: str) -> list[str]:
    """Return what differs from the state after the script has built it. Missing marks of addresses do not count.

    iproute2 cannot mark addresses before 6.3, and in tenants' namespaces only marked addresses are read.
    """
    plan = make_plan(state, kernel.observe(lab))
    return [str(step) for step in plan if not (step.verb == "create" and isinstance(step.object, Address))]


def _lines(thing: NetObject) -> Iterator[tuple[str, str]]:
    """Yield (file, line) of each command that creates the object."""
    space = thing.namespace
    match thing:
        case Namespace():
            yield f"{space}.ip", f"link set dev lo up alias {thing.mark}"
        case Ruleset():
            yield f"{space}.nft", transaction(thing, None)
        case Sysctls():
            yield from ((f"{space}.before", f"{key.replace('.', '/')} {value}") for key, value in thing.values)
        case Forwarding():
            yield f"{space}.after", f"{_FORWARDING} 1"
            yield f"{space}.stop", f"{_FORWARDING} 0"
        case Link():
            yield from _link_lines(thing)
        case Fdb():
            yield f"{space}.bridge", f"fdb add {thing.mac} dev {thing.link} master static"
        case Address():  # unmarked, see `left_over`
            yield f"{space}.ip", f"addr add {thing.address} dev {thing.link} nodad"
        case Neighbour() | RoutingRule() | Route():
            yield f"{space}.ip", f"{_command(thing)} protocol {PROTOCOL}"


def _link_lines(link: Link) -> Iterator[tuple[str, str]]:
    if link.peer is None:
        basics = f"link add name {link.name} netns {link.namespace} address {link.mac} mtu {link.mtu}"
        yield "links", f"{basics} type bridge mcast_snooping 0"
        yield f"{link.namespace}.ip", f"link set dev {link.name} up"
        return
    space, name = link.peer
    if _place(link.namespace, link.name) < _place(space, name):
        yield "links", f"link add name {link.name} netns {link.namespace} type veth peer name {name} netns {space}"
    master = f" master {link.bridge}" if link.bridge else ""
    alias = "/".join(link.peer)
    yield f"{link.namespace}.ip", f"link set dev {link.name} address {link.mac} mtu {link.mtu} alias {alias}{master}"
    if link.bridge:  # before it is up: entries that a port has learnt prevent static ones
        yield f"{link.namespace}.ip", f"link set dev {link.name} type bridge_slave {_SILENT}"
    yield f"{link.namespace}.ip", f"link set dev {link.name} up"


def _place(namespace: str, name: str) -> tuple[bool, str, str]:
    """Return a sort key that names a tenant's end last: Linux 6.1 refuses a first name that a link of the host has."""
    return name == TENANT_LINK, namespace, name


def _command(thing: Neighbour | RoutingRule | Route) -> str:
    match thing:
        case Neighbour():
            return f"neigh add {thing.address} lladdr {thing.mac} dev {thing.link} nud permanent"
        case RoutingRule():
            mark = f"fwmark {thing.mark}/{thing.mark}" if thing.mark else ""
            action = "lookup main" if thing.action == "main" else "blackhole"
            return f"rule add priority {thing.priority} {mark} {action}"
        case Route():
            source = f"from {thing.source}" if thing.source else ""
            via = f"via {thing.via}" if thing.via else ""
            way = f"{via} dev {thing.link}" if thing.link else ""
            kind = "blackhole" if thing.blackhole else ""
            preferred = f"src {thing.preferred}" if thing.preferred else ""
            return f"route add {kind} {thing.destination} {source} {way} {preferred} metric {thing.metric}"

"""Objects that the kernel has or must have: one frozen type for both, so equality shows that nothing has to change.

Addresses, prefixes and MACs are text in the kernel's own canonical spelling (RFC 5952 for IPv6), because
thousands are compared and few are calculated with. Every object belongs to one namespace. Namespaces meet only at a
`Link`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from types import MappingProxyType
from typing import ClassVar, Literal

from eigw_ns.dataplane.state.foreign_object import ForeignObject
from eigw_ns.dataplane.state.naming import GROUP, mark_text
from eigw_ns.frozen import frozen

PROTOCOL = 201
"""Routing protocol number that marks our routes, rules and addresses (`ip route show proto 201`)."""

MAIN_TABLE = 254
"""The kernel's main routing table (linux/rtnetlink.h, RT_TABLE_MAIN)."""

LOOPBACK = "lo"

TENANT_LINK = "eth0"
"""The one interface of ours in a tenant's namespace."""

Key = tuple[str, ...]

Family = Literal["inet", "bridge", "netdev"]
"""A family of nftables tables; each namespace has at most one table of each."""

Side = Literal["fabric", "internet"]
"""A side of a gateway: towards its VPC, or towards the internet."""

FAMILY_OF_SIDE: Mapping[Side, Family] = MappingProxyType({"fabric": "bridge", "internet": "netdev"})
"""The family of the table in which that side's replica maps are."""


@frozen
class Namespace:
    """A network namespace named `eigw-<lab>-<id>` whose `lo` is up and has the ifalias `eigw-ns:<lab>:<id>`.

    If it is not `marked`, it belongs to a tenant that has removed the mark. A router of ours proves that it is ours: it
    has the other end of its veth pair.
    """

    namespace: str
    lab: str
    id: str
    loopback_up: bool = True
    marked: bool = True

    rank: ClassVar[int] = 0

    @property
    def key(self) -> Key:
        return ("namespace", self.namespace)

    @property
    def mark(self) -> str:
        """The ifalias of `lo` that makes the namespace ours."""
        return mark_text(self.lab, self.id)

    def __str__(self) -> str:
        return f"namespace {self.namespace}"


@frozen
class Sysctls:
    """The namespace's own sysctls that we set: (key, value) in the order of `sysctl_keys`; IPv6 forwarding apart."""

    namespace: str
    values: tuple[tuple[str, str], ...]

    rank: ClassVar[int] = 2  # after the rules: those of conntrack exist only once a rule has loaded it

    @property
    def key(self) -> Key:
        return ("sysctls", self.namespace)

    def __str__(self) -> str:
        return f"sysctls of {self.namespace}"


@frozen
class NftSet:
    """A named set, or a map if it has a `data_type`; elements are (key, value) texts, value empty in a set.

    A set with a `size` is filled at run time (`flags dynamic`), so its elements are not part of the desired state. They
    end after the `timeout`, in nft's notation (`10m`), if it has one. The elements of a map that `is_group` are a
    `ReplicaMap`, an object of its own.
    """

    name: str
    key_type: str
    elements: tuple[tuple[str, str], ...] = ()
    data_type: str = ""
    interval: bool = False
    size: int = 0
    timeout: str = ""

    @property
    def is_group(self) -> bool:
        """Whether the elements say which replica has which flows."""
        return self.name.startswith(GROUP)


@frozen
class NftChain:
    """A chain; `hook` is the text of a base chain (`type filter hook …; policy drop;`), empty for others.

    Rules are written as `nft list ruleset` prints them, so that what we wrote and what we read back compare equal.
    """

    name: str
    hook: str = ""
    rules: tuple[str, ...] = ()


@frozen
class Ruleset:
    """The whole of our one nftables table in a namespace; objects sorted by name, rules in order."""

    namespace: str
    family: Family
    counters: tuple[str, ...] = ()
    sets: tuple[NftSet, ...] = ()
    chains: tuple[NftChain, ...] = ()

    rank: ClassVar[int] = 1

    @property
    def key(self) -> Key:
        return ("ruleset", self.namespace, self.family)

    def __str__(self) -> str:
        return f"ruleset {self.family} of {self.namespace}"


@frozen
class Link:
    """One end of a veth pair, or a bridge. A pair is made whole or not at all: both ends are in the state.

    `peer` is (namespace, interface) of the other end, None for a bridge; `bridge` is the bridge this end is a port
    of: such a port does not learn and does not flood. MTU in bytes. Links are always up.
    """

    namespace: str
    name: str
    kind: Literal["veth", "bridge"]
    mac: str
    peer: tuple[str, str] | None = None
    bridge: str | None = None
    mtu: int = 1500
    up: bool = True

    rank: ClassVar[int] = 3

    @property
    def key(self) -> Key:
        return ("link", self.namespace, self.name)

    def __str__(self) -> str:
        return f"link {self.name} in {self.namespace}"


class Configuration:
    """Base of the objects that configure a namespace whose links exist: one rtnetlink message each."""

    __slots__ = ()

    namespace: str


@frozen
class Address(Configuration):
    """An IPv6 address with its prefix length, `nodad`, permanent."""

    namespace: str
    link: str
    address: str

    rank: ClassVar[int] = 4

    @property
    def key(self) -> Key:
        return ("address", self.namespace, self.link, self.address)

    def __str__(self) -> str:
        return f"address {self.address} on {self.link} in {self.namespace}"


@frozen
class Neighbour(Configuration):
    """A permanent IPv6 neighbour entry: no resolution to wait for, and no entry that a packet can change."""

    namespace: str
    link: str
    address: str
    mac: str

    rank: ClassVar[int] = 5

    @property
    def key(self) -> Key:
        return ("neighbour", self.namespace, self.link, self.address)

    def __str__(self) -> str:
        return f"neighbour {self.address} on {self.link} in {self.namespace}"


@frozen
class Fdb(Configuration):
    """A static forwarding entry of a bridge: frames for `mac` leave only by the port `link`."""

    namespace: str
    link: str
    mac: str

    rank: ClassVar[int] = 6

    @property
    def key(self) -> Key:
        return ("fdb", self.namespace, self.mac)

    def __str__(self) -> str:
        return f"fdb {self.mac} on {self.link} in {self.namespace}"


@frozen
class RoutingRule(Configuration):
    """An IPv6 policy routing rule: packets with `mark` (0: all) use the main table, or are dropped."""

    namespace: str
    priority: int
    mark: int
    action: Literal["main", "blackhole"]

    rank: ClassVar[int] = 7

    @property
    def key(self) -> Key:
        return ("rule", self.namespace, str(self.priority), str(self.mark), self.action)

    def __str__(self) -> str:
        return f"routing rule {self.priority} in {self.namespace}"


@frozen
class Route(Configuration):
    """An IPv6 route of the main table. `source` is a source prefix (`from`), empty for any.

    A blackhole route has no link; a route whose `via` is empty is on-link. Packets of programs that choose no address
    get `preferred` as their source, or the kernel's choice if it is empty.
    """

    namespace: str
    destination: str
    link: str = ""
    via: str = ""
    source: str = ""
    metric: int = 1024
    blackhole: bool = False
    preferred: str = ""

    rank: ClassVar[int] = 8

    @property
    def key(self) -> Key:
        return ("route", self.namespace, self.destination, self.source, str(self.metric))

    def __str__(self) -> str:
        source = f" from {self.source}" if self.source else ""
        return f"route {self.destination}{source} in {self.namespace}"


@frozen
class Forwarding:
    """That the namespace forwards IPv6. Switched on last of all and off first of all."""

    namespace: str
    enabled: bool = True

    rank: ClassVar[int] = 9

    @property
    def key(self) -> Key:
        return ("forwarding", self.namespace)

    def __str__(self) -> str:
        return f"forwarding of {self.namespace}"


@frozen
class ReplicaMap:
    """Which replica of a gateway has which flows: (first bucket, last bucket, MAC), see `dataplane.replication.spread`.

    `side` is the side of the gateway whose packets the map distributes. The shares are the elements of the nftables map
    `name` in the namespace's table of `family`. They change in one transaction.
    """

    namespace: str
    side: Side
    name: str
    shares: tuple[tuple[int, int, str], ...]

    rank: ClassVar[int] = 10

    @property
    def key(self) -> Key:
        return ("group", self.namespace, self.name)

    @property
    def family(self) -> Family:
        """The family of the table that has the map."""
        return FAMILY_OF_SIDE[self.side]

    def __str__(self) -> str:
        return f"next-hop group {self.name} of {self.namespace}"


NetObject = (
    Namespace
    | Sysctls
    | Ruleset
    | Link
    | Address
    | Neighbour
    | Fdb
    | RoutingRule
    | Route
    | Forwarding
    | ReplicaMap
    | ForeignObject
)


def batch_key(thing: object) -> tuple[str, str]:
    """Return a key: neighbours in a plan with the same verb and key can share a socket and a system call."""
    if isinstance(thing, Configuration):
        return "configuration", thing.namespace
    return type(thing).__name__, ""


@frozen
class Flow:
    """An entry of a connection table, as it was begun. No object of a state: packets make it.

    `ports` are the source's and the destination's, None if the protocol (an IANA number) has none.
    """

    source: str
    destination: str
    protocol: int
    ports: tuple[int, int] | None = None


@frozen
class NetState:
    """A set of objects by key. Two states are equal when they hold equal objects, whatever the order."""

    objects: Mapping[Key, NetObject] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def of(cls, objects: Iterable[NetObject]) -> NetState:
        """Return the state that holds `objects`. Of two with the same key, it holds the later one."""
        return cls(MappingProxyType({thing.key: thing for thing in objects}))

    def __iter__(self) -> Iterator[NetObject]:
        return iter(self.objects.values())

    def __len__(self) -> int:
        return len(self.objects)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NetState) and dict(self.objects) == dict(other.objects)

    __hash__ = None  # type: ignore[assignment]

    def namespaces(self) -> Iterator[Namespace]:
        """Return the namespaces of this state, in the order in which they were added."""
        return (thing for thing in self if isinstance(thing, Namespace))


NOTHING = NetState()
"""The state that holds no object."""

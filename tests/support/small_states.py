"""Small states that the contract tests build: two routers on a wire, and a fabric with two ports."""

from __future__ import annotations

from pathlib import Path

from eigw_ns.dataplane.compile import names
from eigw_ns.dataplane.state import (
    OPTIONAL_SYSCTLS,
    Address,
    Fdb,
    Forwarding,
    Link,
    Namespace,
    Neighbour,
    NetObject,
    NftChain,
    NftSet,
    Route,
    RoutingRule,
    Ruleset,
    Sysctls,
    sysctl_keys,
)

LEFT_ID, RIGHT_ID, FABRIC_ID = "subnet-00000000000000001", "igw-00000000000000002", "vpc-00000000000000003"
FIVE, SIX = "2001:db8:5::/64", "2001:db8:6::/64"  # two adjacent prefixes that an interval set must not merge


def namespace(lab: str, resource_id: str) -> Namespace:
    return Namespace(names.namespace_name(lab, resource_id), lab, resource_id)


def sysctls(owner: Namespace, value: str = "0") -> Sysctls:
    """Return all sysctls that we set, so that the kernel gives no interface an address of its own."""
    mode = "net.ipv6.conf.default.addr_gen_mode"
    own = {
        mode: "1",
        "net.netfilter.nf_conntrack_frag6_high_thresh": str(4 << 20),
    }  # the smallest value that Linux accepts is 3 MiB
    keys = (key for key in sysctl_keys(owner.id) if key not in unknown_sysctls())
    return Sysctls(owner.namespace, tuple((key, own.get(key, value)) for key in keys))


def unknown_sysctls() -> frozenset[str]:
    """Return the optional sysctls that this machine's kernel does not have."""
    return frozenset(key for key in OPTIONAL_SYSCTLS if not Path("/proc/sys", *key.split(".")).exists())


def veth(near: Namespace, name: str, far: Namespace, far_name: str, mtu: int) -> tuple[Link, Link]:
    """Return both ends of a pair, each with its own MAC."""
    here, there = (near.namespace, name), (far.namespace, far_name)
    return (
        Link(*here, "veth", names.mac(*here), there, mtu=mtu),
        Link(*there, "veth", names.mac(*there), here, mtu=mtu),
    )


class Wire:
    """Two namespaces and a veth pair between them, `fabric` on the left and `up` on the right."""

    def __init__(self, lab: str) -> None:
        self.left = namespace(lab, LEFT_ID)
        self.right = namespace(lab, RIGHT_ID)
        self.near, self.far = veth(self.left, "fabric", self.right, "up", 1400)
        self.here, self.there = self.left.namespace, self.right.namespace

    @property
    def alone(self) -> list[NetObject]:
        """Return the left namespace with nothing in it."""
        return [self.left, sysctls(self.left)]

    @property
    def unwired(self) -> list[NetObject]:
        """Return both namespaces without the pair."""
        return [*self.alone, self.right, sysctls(self.right)]

    @property
    def objects(self) -> list[NetObject]:
        return [*self.unwired, self.near, self.far]

    def address(self, text: str = "2001:db8:1::1/64") -> Address:
        return Address(self.here, "fabric", text)

    def neighbour(self, mac: str = "06:00:00:00:00:01") -> Neighbour:
        return Neighbour(self.here, "fabric", "fe80::1", mac)

    def route(self, destination: str = "::/0", *, via: str = "fe80::1", source: str = "") -> Route:
        return Route(self.here, destination, "fabric", via, source)

    def blackhole(self, destination: str = "::/0") -> Route:
        return Route(self.here, destination, blackhole=True)

    def everything(self) -> list[NetObject]:
        """Return at least one object of each kind on the left, in an order in which they can be created."""
        return [
            *self.unwired,
            rules(self.here),
            bridge_rules(self.here),
            self.near,
            self.far,
            self.address(),
            Address(self.there, "up", "2001:db8:1::2/64"),
            self.neighbour(),
            RoutingRule(self.here, 100, 0x1, "main"),
            self.route(),
            self.route("2001:db8:2::/48", via="2001:db8:1::2"),
            self.blackhole("2001:db8:3::/48"),
            Forwarding(self.here),
        ]


class Fabric:
    """A bridge with two ports. Their far ends are in two other namespaces."""

    def __init__(self, lab: str) -> None:
        self.fabric = namespace(lab, FABRIC_ID)
        self.left, self.right = namespace(lab, LEFT_ID), namespace(lab, RIGHT_ID)
        self.here = self.fabric.namespace
        self.bridge = Link(self.here, names.BRIDGE, "bridge", names.mac(self.here))
        self.ports: list[Link] = []
        self.ends: list[Link] = []
        for number, far in enumerate((self.left, self.right)):
            port, end = veth(self.fabric, f"port{number}", far, "fabric", 1500)
            self.ports.append(Link(port.namespace, port.name, "veth", port.mac, port.peer, names.BRIDGE, port.mtu))
            self.ends.append(end)

    @property
    def unwired(self) -> list[NetObject]:
        """Return the namespaces, and the bridge without its ports."""
        spaces = (self.fabric, self.left, self.right)
        return [*spaces, *(sysctls(space) for space in spaces), self.bridge]

    @property
    def objects(self) -> list[NetObject]:
        return [*self.unwired, *self.ports, *self.ends]

    def entry(self, port: int) -> Fdb:
        """Return the static entry that leads to the far end of a port."""
        return Fdb(self.here, self.ports[port].name, self.ends[port].mac)


def rules(inside: str, **changes: tuple[NftSet, ...] | tuple[NftChain, ...] | tuple[str, ...]) -> Ruleset:
    """Return a gateway's rules with all that we use: counters, sets with and without intervals, a map, two chains."""
    parts = {
        "counters": ("dropped", "seen"),
        "sets": (
            NftSet("hosts", "ipv6_addr", (("2001:db8::1", ""), ("2001:db8::2", ""))),
            NftSet("ports", "ipv6_addr", ((FIVE, "jump fresh"), (SIX, "drop")), "verdict", True),
            NftSet("subnets", "ipv6_addr", ((FIVE, ""), (SIX, "")), interval=True),
        ),
        "chains": (
            NftChain(
                "forward",
                "type filter hook forward priority filter; policy drop;",
                (
                    "ct state established,related accept",
                    'iifname "fabric" ip6 saddr @subnets ip6 daddr != @hosts ct state new jump fresh',
                    "ip6 saddr vmap @ports",
                    'counter name "dropped" drop',
                ),
            ),
            NftChain("fresh", "", ("accept",)),
            NftChain(
                "input",
                "type filter hook input priority filter; policy accept;",
                ('udp dport 7 counter name "seen"',),
            ),
        ),
    }
    return Ruleset(inside, "inet", **(parts | changes))  # type: ignore[arg-type]


def bridge_rules(inside: str) -> Ruleset:
    """Return the rules of a fabric, which are of the other family: a map of MACs and one chain."""
    return Ruleset(
        inside,
        "bridge",
        ("flooded",),
        (NftSet("routers", "ipv6_addr", ((FIVE, "06:00:00:00:00:05"),), "ether_addr", True),),
        (
            NftChain(
                "prerouting",
                "type filter hook prerouting priority dstnat; policy accept;",
                (
                    "ether daddr 02:00:00:00:00:01 ether daddr set ip6 daddr map @routers",
                    "ether type ip6 accept",
                    'counter name "flooded" drop',
                ),
            ),
        ),
    )

"""IPv6 blocks that AWS would choose. We choose them, and give each VPC of a mocked state a block of its own.

A mock cannot tell instances apart: each VPC gets the block of its type in `INVENTED`, also one that asks for none. So
the block counts only if the VPC asks for one, and what was computed from it moves to the block that we choose.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv6Address, IPv6Network

from eigw_ns.errors import EigwError
from eigw_ns.frozen import frozen
from eigw_ns.importing.blocks import MOST, chosen_block
from eigw_ns.importing.design import Key, Link
from eigw_ns.importing.options import Options
from eigw_ns.importing.sources.terraform.links import Links
from eigw_ns.importing.sources.terraform.resources import Resource

VPCS = ("aws_vpc", "aws_default_vpc")
ASSOCIATION = "aws_vpc_ipv6_cidr_block_association"
FOREIGN = chosen_block(MOST - 1)
"""The block that the mock gives to VPCs of data sources, which can be VPCs of the configuration."""

INVENTED: Mapping[str, IPv6Network] = {
    "aws_vpc": chosen_block(0),
    "aws_default_vpc": chosen_block(0),
    ASSOCIATION: chosen_block(1),
}
"""The block that the mock gives to each resource of a type."""


@frozen
class Move:
    """One asking resource of a mocked state. `config` is its address without indices."""

    vpc: Link
    config: str
    invented: IPv6Network
    chosen: IPv6Network


@frozen
class Invented:
    """The blocks that we chose, by the address of the resource that asks; and the moves of a mocked state."""

    chosen: Mapping[str, IPv6Network]
    moves: tuple[Move, ...] = ()
    mocked: bool = False

    def is_invented(self, network: IPv6Network) -> bool:
        """Return whether a mock may have computed this block."""
        return self.mocked and any(network.subnet_of(each) for each in (*INVENTED.values(), FOREIGN))

    def in_vpc(self, network: IPv6Network, vpc: Link) -> IPv6Network | None:
        """Return where a subnet's block moves. None if that is not certain, or if its VPC asks for no block."""
        return _moved(network, [move for move in self.moves if move.vpc == vpc])

    def anywhere(self, network: IPv6Network, depends_on: Iterable[str]) -> IPv6Network | None:
        """Return where a block in a rule or a route moves. None if it could be that of several VPCs, or of none."""
        fitting = [move for move in self.moves if network.subnet_of(move.invented)]
        needed = set(depends_on)
        clear = len(fitting) == 1 and fitting[0].invented != FOREIGN
        return _moved(network, fitting if clear else [move for move in fitting if move.config in needed])


NOTHING = Invented({})
"""For a state of what exists: every block is known."""


def _moved(network: IPv6Network, moves: list[Move]) -> IPv6Network | None:
    fitting = {(move.invented, move.chosen) for move in moves if network.subnet_of(move.invented)}
    if len(fitting) != 1:
        return None
    ((invented, chosen),) = fitting
    if chosen == FOREIGN:
        return None
    offset = int(network.network_address) - int(invented.network_address)
    start = int(chosen.network_address) + offset
    moved = IPv6Network((start % 2**128, network.prefixlen), strict=False)
    return moved if moved.subnet_of(chosen) and int(moved.network_address) == start else None


def moved_address(address: IPv6Address, vpc: Link, invented: Invented) -> IPv6Address | None:
    """Return where the address of a machine moves; None if that is not certain."""
    network = IPv6Network(address)
    if not invented.is_invented(network):
        return address
    found = invented.in_vpc(network, vpc)
    return found.network_address if found is not None else None


def mocked(resources: tuple[Resource, ...], links: Links, options: Options) -> Invented:
    """Return the blocks of the asking VPCs of a mocked state."""
    asking = [each for each in askers(resources, links) if _asks(each)]
    chosen = choose(asking, resources, options)
    moves = [
        Move(_vpc_of(each, links), without_indices(each.address), INVENTED[each.type], chosen[each.address])
        for each in asking
    ]
    return Invented(chosen, (*moves, *_looked_up(resources, links, chosen)), mocked=True)


def _looked_up(resources: Iterable[Resource], links: Links, chosen: Mapping[str, IPv6Network]) -> Iterator[Move]:
    """Yield a move for each data source that looks up a VPC: to its block, if the configuration makes it."""
    for each in resources:
        if each.data and each.type == "aws_vpc":
            vpc = links.link("vpc", each.body.text("id"))
            block = chosen.get(vpc.text, FOREIGN) if isinstance(vpc, Key) else FOREIGN
            yield Move(vpc, without_indices(each.address), FOREIGN, block)


def askers(resources: Iterable[Resource], links: Links) -> Iterator[Resource]:
    """Yield each VPC, followed by the associations of blocks with it."""
    found = [each for each in resources if not each.data]
    for vpc in (each for kind in VPCS for each in found if each.type == kind):
        yield vpc
        yield from (each for each in found if each.type == ASSOCIATION and _vpc_of(each, links) == vpc.key)


def _vpc_of(resource: Resource, links: Links) -> Link:
    return resource.key if resource.type in VPCS else links.link("vpc", resource.body.text("vpc_id"))


def _asks(resource: Resource) -> bool:
    body = resource.body
    given = body.ipv6("ipv6_cidr_block")
    if given is not None and given != INVENTED[resource.type]:
        return False
    return resource.type == ASSOCIATION or asks(resource)


def asks(resource: Resource) -> bool:
    """Return whether a VPC asks AWS or IPAM for an IPv6 block."""
    body = resource.body
    pool, length = body.text("ipv6_ipam_pool_id"), body.number("ipv6_netmask_length")
    return body.flag("assign_generated_ipv6_cidr_block") or bool(pool) or bool(length)


def choose(asking: Iterable[Resource], resources: Iterable[Resource], options: Options) -> dict[str, IPv6Network]:
    """Return a block for each asking resource by its address: the user's choice, or the next one that is free."""
    taken = [*options.blocks.values(), *_given(resources)]
    free = iter(each for each in map(chosen_block, range(MOST)) if not any(each.overlaps(other) for other in taken))
    return {each.address: _wanted(each, options) or _next(free, each) for each in asking}


def _given(resources: Iterable[Resource]) -> Iterator[IPv6Network]:
    for each in resources:
        block = each.body.ipv6("ipv6_cidr_block") if each.type in INVENTED and not each.data else None
        if block is not None and block != INVENTED[each.type]:
            yield block


def _wanted(resource: Resource, options: Options) -> IPv6Network | None:
    names = (resource.address, dict(resource.body.tags()).get("Name", ""), resource.local_name)
    return next((options.blocks[name] for name in names if name in options.blocks), None)


def _next(free: Iterator[IPv6Network], resource: Resource) -> IPv6Network:
    found = next(free, None)
    if found is None:
        raise EigwError(
            f"{resource.address}: more than {MOST} VPCs leave their IPv6 block to AWS",
            hint="import fewer VPCs at once",
        )
    return found


_INDEX = re.compile(r'\[(?:\d+|"(?:[^"\\]|\\.)*")\]')


def without_indices(address: str) -> str:
    """Return an address as `depends_on` writes it: `module.net.aws_vpc.this` of `module.net["a"].aws_vpc.this[0]`."""
    return _INDEX.sub("", address)

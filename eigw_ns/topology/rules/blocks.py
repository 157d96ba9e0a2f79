"""Rules for the blocks of VPCs and subnets. A subnet's IPv6 block that the file leaves out is chosen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from ipaddress import IPv6Network
from itertools import chain

from eigw_ns.cloud.addressing import free_blocks, overlaps
from eigw_ns.cloud.model import B
from eigw_ns.cloud.words import shorten
from eigw_ns.topology import forms
from eigw_ns.topology.data import NONE
from eigw_ns.topology.report import MistakeReport
from eigw_ns.topology.schema import LabFile, SubnetFile, VpcFile
from eigw_ns.topology.tree import Path

SubnetBlocks = dict[tuple[str, str], IPv6Network]
"""Blocks by VPC name and subnet name."""


VpcBlocks = Mapping[str, tuple[IPv6Network, ...]]
"""The IPv6 blocks by VPC name. A VPC without IPv6 has none."""


def vpc_blocks(file: LabFile, report: MistakeReport) -> VpcBlocks:
    """Return the IPv6 blocks of the VPCs whose form is valid. Blocks that overlap are reported, but included."""
    places: dict[Path, IPv6Network] = {}
    for name, vpc in file.vpcs.items():
        written = dict(_of_family(("vpcs", name), "ipv6_cidr_block", vpc.ipv6_cidr_block, vpc.ipv6_cidr_blocks))
        places |= _valid(report, written, forms.vpc_block)
        if not written and vpc.cidr_block is None and report.is_clean(("vpcs", name)):
            problem = "a VPC needs a block"
            report.add(("vpcs", name), problem, "add one such as ipv6_cidr_block: 2600:1f16:aa0:5500::/56", value="")
    _report_overlaps(report, places, "write a block that is free")
    return {name: tuple(block for path, block in places.items() if path[1] == name) for name in file.vpcs}


def has_ipv6(vpc: VpcFile, subnet: SubnetFile) -> bool:
    """Return whether the subnet has an IPv6 block: a written one, or one that is chosen from a block of the VPC."""
    if subnet.ipv6_cidr_block is None:
        return vpc.ipv6_cidr_block is not None or bool(vpc.ipv6_cidr_blocks)
    return subnet.ipv6_cidr_block != NONE


def check_ipv4(file: LabFile, report: MistakeReport) -> None:
    """Check the IPv4 blocks: their form, and that subnets have blocks of their VPC that do not overlap."""
    for name, vpc in file.vpcs.items():
        place: Path = ("vpcs", name)
        written = dict(_of_family(place, "cidr_block", vpc.cidr_block, vpc.cidr_blocks))
        if vpc.cidr_block is None and vpc.cidr_blocks:
            report.add((*place, "cidr_blocks"), "the key cidr_block is missing", "write the first block there")
        of_vpc = _valid(report, written, forms.ipv4_block)
        _report_overlaps(report, of_vpc, "write a block that is free")
        subnets = {
            (*place, "subnets", subnet, "cidr_block"): body.cidr_block
            for subnet, body in vpc.subnets.items()
            if body.cidr_block is not None
        }
        of_subnets = _valid(report, subnets, forms.ipv4_block)
        for path, block in of_subnets.items():
            if not any(block.subnet_of(other) for other in of_vpc.values()):
                _report_outside(report, path, tuple(of_vpc.values()), "")
        _report_overlaps(report, of_subnets, "write a block that is free")


def _of_family(place: Path, key: str, first: str | None, further: list[str]) -> Iterator[tuple[Path, str]]:
    if first is not None:
        yield (*place, key), first
    yield from (((*place, f"{key}s", number), text) for number, text in enumerate(further))


def _valid(report: MistakeReport, written: Mapping[Path, str], form: Callable[[str], B]) -> dict[Path, B]:
    found = ((path, report.attempt(path, form, text)) for path, text in written.items())
    return {path: block for path, block in found if block is not None}


def subnet_blocks(file: LabFile, report: MistakeReport, of_vpcs: VpcBlocks) -> SubnetBlocks:
    """Return the IPv6 blocks of the subnets, from the file or chosen, whose form is valid and that are in their VPC's.

    Blocks that overlap are reported, but included. A subnet of a VPC without IPv6 has none.
    """
    blocks: SubnetBlocks = {}
    for name, vpc in file.vpcs.items():
        written = _written(vpc.subnets, report, name, of_vpcs[name])
        blocks |= {(name, subnet): block for subnet, block in written.items()}
        left_out = sorted(subnet for subnet, body in vpc.subnets.items() if body.ipv6_cidr_block is None)
        if of_vpcs[name]:
            chosen = _choose(left_out, report, name, of_vpcs[name], written)
            blocks |= {(name, subnet): block for subnet, block in chosen.items()}
        for subnet, body in vpc.subnets.items():
            path: Path = ("vpcs", name, "subnets", subnet)
            if not has_ipv6(vpc, body) and body.cidr_block is None and report.is_clean(path):
                report.add(path, "a subnet needs a block", "add cidr_block, or ipv6_cidr_block", value="")
    return blocks


def _written(
    subnets: dict[str, SubnetFile], report: MistakeReport, vpc: str, of_vpc: tuple[IPv6Network, ...]
) -> dict[str, IPv6Network]:
    blocks: dict[str, IPv6Network] = {}
    for name, subnet in subnets.items():
        if subnet.ipv6_cidr_block in (None, NONE):
            continue
        path: Path = ("vpcs", vpc, "subnets", name, "ipv6_cidr_block")
        block = report.attempt(path, forms.subnet_block, str(subnet.ipv6_cidr_block))
        if block is None:
            continue
        if not any(block.subnet_of(other) for other in of_vpc) and report.is_clean(path[:2]):
            _report_outside(report, path, of_vpc, str(next(free_blocks(of_vpc[0], ()))) if of_vpc else "")
        else:
            blocks[name] = block
    place: Path = ("vpcs", vpc, "subnets")
    places = {(*place, name, "ipv6_cidr_block"): block for name, block in blocks.items()}
    _report_overlaps(report, places, "write a block that is free, or remove the key")
    return blocks


def _choose(
    names: list[str], report: MistakeReport, vpc: str, of_vpc: tuple[IPv6Network, ...], taken: dict[str, IPv6Network]
) -> dict[str, IPv6Network]:
    """Return the next free /64 for each subnet, in order of names, so that a file always gives the same blocks."""
    free = chain.from_iterable(free_blocks(each, taken.values()) for each in of_vpc)
    chosen = {}
    for name in names:
        block = next(free, None)
        if block is None:
            remedy = "give the VPC a larger block, or use fewer or smaller subnets"
            problem = f"no /64 in {_listed(of_vpc)} is free for this subnet"
            report.add(("vpcs", vpc, "subnets", name), problem, remedy, value="")
        else:
            chosen[name] = block
    return chosen


def _report_outside(report: MistakeReport, path: Path, of_vpc: Sequence[B], sample: str) -> None:
    if not of_vpc:
        report.add(path, "the VPC has no block of this family", "give it one, or remove the key")
        return
    problem = f"the block is not in the block of the VPC, {_listed(of_vpc)}"
    report.add(path, problem, f"write one such as {sample or of_vpc[0]}")


def _listed(blocks: Sequence[object]) -> str:
    return " or ".join(map(str, blocks))


def _report_overlaps(report: MistakeReport, blocks: Mapping[Path, B], remedy: str) -> None:
    for pair in overlaps(blocks.items()):
        first, second = sorted(pair, key=report.line)
        owner = first[3] if first[2] == "subnets" else first[1]
        problem = f"the block overlaps {blocks[first]} of {shorten(str(owner))}, on line {report.line(first)}"
        report.add(second, problem, remedy)

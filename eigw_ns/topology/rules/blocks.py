"""Rules for the IPv6 blocks of VPCs and subnets. A subnet's block that the file leaves out is chosen."""

from __future__ import annotations

from ipaddress import IPv6Network

from eigw_ns.cloud.addressing import free_blocks, overlaps
from eigw_ns.cloud.words import shorten
from eigw_ns.topology import forms
from eigw_ns.topology.report import MistakeReport
from eigw_ns.topology.schema import LabFile, SubnetFile
from eigw_ns.topology.tree import Path

SubnetBlocks = dict[tuple[str, str], IPv6Network]
"""Blocks by VPC name and subnet name."""


def vpc_blocks(file: LabFile, report: MistakeReport) -> dict[str, IPv6Network]:
    """Return the blocks of the VPCs whose form is valid. Blocks that overlap are reported, but included."""
    blocks = {}
    for name, vpc in file.vpcs.items():
        block = report.attempt(("vpcs", name, "ipv6_cidr_block"), forms.vpc_block, vpc.ipv6_cidr_block)
        if block is not None:
            blocks[name] = block
    places: dict[Path, IPv6Network] = {("vpcs", name, "ipv6_cidr_block"): block for name, block in blocks.items()}
    _report_overlaps(report, places, "write a block that is free")
    return blocks


def subnet_blocks(file: LabFile, report: MistakeReport, of_vpcs: dict[str, IPv6Network]) -> SubnetBlocks:
    """Return the blocks of the subnets, from the file or chosen, whose form is valid and that are in their VPC's block.

    Blocks that overlap are reported, but included.
    """
    blocks: SubnetBlocks = {}
    for name, vpc in file.vpcs.items():
        written = _written(vpc.subnets, report, name, of_vpcs.get(name))
        blocks |= {(name, subnet): block for subnet, block in written.items()}
        if name in of_vpcs:
            left_out = sorted(subnet for subnet, body in vpc.subnets.items() if body.ipv6_cidr_block is None)
            chosen = _choose(left_out, report, name, of_vpcs[name], written)
            blocks |= {(name, subnet): block for subnet, block in chosen.items()}
    return blocks


def _written(
    subnets: dict[str, SubnetFile], report: MistakeReport, vpc: str, of_vpc: IPv6Network | None
) -> dict[str, IPv6Network]:
    blocks: dict[str, IPv6Network] = {}
    for name, subnet in subnets.items():
        if subnet.ipv6_cidr_block is None:
            continue
        path: Path = ("vpcs", vpc, "subnets", name, "ipv6_cidr_block")
        block = report.attempt(path, forms.subnet_block, subnet.ipv6_cidr_block)
        if block is None:
            continue
        if of_vpc is not None and not block.subnet_of(of_vpc):
            sample = next(free_blocks(of_vpc, ()))
            report.add(path, f"the block is not in the block of the VPC, {of_vpc}", f"write one such as {sample}")
        else:
            blocks[name] = block
    place: Path = ("vpcs", vpc, "subnets")
    places = {(*place, name, "ipv6_cidr_block"): block for name, block in blocks.items()}
    _report_overlaps(report, places, "write a block that is free, or remove the key")
    return blocks


def _choose(
    names: list[str], report: MistakeReport, vpc: str, of_vpc: IPv6Network, taken: dict[str, IPv6Network]
) -> dict[str, IPv6Network]:
    """Return the next free /64 for each subnet, in order of names, so that a file always gives the same blocks."""
    free = free_blocks(of_vpc, taken.values())
    chosen = {}
    for name in names:
        block = next(free, None)
        if block is None:
            remedy = "give the VPC a larger block, or use fewer or smaller subnets"
            report.add(("vpcs", vpc, "subnets", name), f"no /64 in {of_vpc} is free for this subnet", remedy, value="")
        else:
            chosen[name] = block
    return chosen


def _report_overlaps(report: MistakeReport, blocks: dict[Path, IPv6Network], remedy: str) -> None:
    for pair in overlaps(blocks.items()):
        first, second = sorted(pair, key=report.line)
        problem = f"the block overlaps {blocks[first]} of {shorten(str(first[-2]))}, on line {report.line(first)}"
        report.add(second, problem, remedy)

"""Rules for the prefixes of instances (AWS: prefix delegation)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv6Address, IPv6Network

from eigw_ns.cloud.addressing import DELEGATED_PREFIX_LENGTH, holds_reserved
from eigw_ns.cloud.words import shorten
from eigw_ns.topology import forms
from eigw_ns.topology.report import MistakeReport
from eigw_ns.topology.rules.blocks import SubnetBlocks
from eigw_ns.topology.schema import VpcFile
from eigw_ns.topology.tree import Path

_BEYOND = 128 - DELEGATED_PREFIX_LENGTH

Owners = dict[int, Path]
"""Places in the file by the first 80 bits of the address or prefix there."""


def check(
    vpc: VpcFile, report: MistakeReport, vpc_name: str, blocks: SubnetBlocks, taken: Mapping[IPv6Address, Path]
) -> None:
    """Check that the prefixes of a VPC's instances are in their subnets' blocks and free. `taken` are the addresses."""
    holding: Owners = {int(address) >> _BEYOND: path for address, path in taken.items()}
    owners: Owners = {}
    for section, name, subnet, texts in _written(vpc):
        block = blocks.get((vpc_name, subnet))
        for number, text in enumerate(texts):
            path: Path = ("vpcs", vpc_name, section, name, "ipv6_prefixes", number)
            prefix = report.attempt(path, forms.delegated_prefix, text)
            if prefix is not None and (block is None or _fits(prefix, block, report, path)):
                _check_free(prefix, report, path, owners, holding)


def _written(vpc: VpcFile) -> Iterator[tuple[str, str, str, list[str]]]:
    """Yield the section, the name, the subnet and the prefixes of each instance and each network interface."""
    for name, instance in vpc.instances.items():
        yield "instances", name, instance.subnet, instance.ipv6_prefixes
    for name, interface in vpc.network_interfaces.items():
        yield "network_interfaces", name, interface.subnet, interface.ipv6_prefixes


def _fits(prefix: IPv6Network, block: IPv6Network, report: MistakeReport, path: Path) -> bool:
    second = IPv6Network((int(block.network_address) + (1 << _BEYOND), DELEGATED_PREFIX_LENGTH))
    remedy = f"write one such as {second}"
    if not prefix.subnet_of(block):
        report.add(path, f"the prefix is not in the block of the subnet, {block}", remedy)
        return False
    if holds_reserved(block, prefix):
        report.add(path, f"AWS reserves addresses in the first and the last /80 of {block}", remedy)
        return False
    return True


def _check_free(prefix: IPv6Network, report: MistakeReport, path: Path, owners: Owners, holding: Owners) -> None:
    key = int(prefix.network_address) >> _BEYOND
    owner = owners.setdefault(key, path)
    if owner != path:
        problem = f"{shorten(str(owner[3]))} already has this prefix, on line {report.line(owner)}"
        report.add(path, problem, "write another prefix")
    elif key in holding:
        place = holding[key]
        problem = f"an address of {shorten(str(place[3]))} is in this prefix, on line {report.line(place)}"
        report.add(path, problem, "write another prefix, or another address")

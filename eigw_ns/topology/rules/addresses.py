"""Rules for the addresses of instances and internet hosts. An address that the file leaves out is chosen."""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import IPv6Address, IPv6Network

from eigw_ns.cloud.addressing import free_addresses, is_reserved
from eigw_ns.cloud.words import shorten
from eigw_ns.topology import forms
from eigw_ns.topology.data import NONE
from eigw_ns.topology.report import MistakeReport
from eigw_ns.topology.rules import prefixes
from eigw_ns.topology.rules.blocks import SubnetBlocks, VpcBlocks, has_ipv6
from eigw_ns.topology.schema import InstanceFile, LabFile, VpcFile
from eigw_ns.topology.tree import Path

InstanceAddresses = dict[tuple[str, str], IPv6Address]
"""Addresses by VPC name and instance name."""


def instance_addresses(file: LabFile, report: MistakeReport, blocks: SubnetBlocks) -> InstanceAddresses:
    """Return the addresses of the instances, from the file or chosen, without those that have mistakes."""
    addresses: InstanceAddresses = {}
    for name, vpc in file.vpcs.items():
        known = dict.fromkeys(report.names(("vpcs", name, "subnets")))
        for instance, body in vpc.instances.items():
            path: Path = ("vpcs", name, "instances", instance, "subnet")
            if report.is_clean(path) and body.subnet not in known:
                report.add_unknown(path, "subnet", body.subnet, known)
            elif body.ipv6_address not in (None, NONE) and report.is_clean(path) and not has_address(vpc, body):
                key: Path = (*path[:-1], "ipv6_address")
                report.add(key, "the subnet of the instance has no IPv6 block", _GIVE_ONE)
            _check_first(vpc, report, path[:-1], body)
        taken: dict[IPv6Address, Path] = {}
        written = _written(vpc, report, name, blocks, taken)
        prefixes.check(vpc, report, name, blocks, taken)
        chosen = _choose(vpc, name, blocks, taken)
        addresses |= {(name, instance): address for instance, address in (written | chosen).items()}
    return addresses


def _check_first(vpc: VpcFile, report: MistakeReport, path: Path, body: InstanceFile) -> None:
    """Report further addresses and prefixes of an instance without an address."""
    if not report.is_clean((*path, "subnet")) or has_address(vpc, body):
        return
    if body.ipv6_addresses and body.ipv6_address == NONE:
        report.add((*path, "ipv6_address"), "the instance has further addresses", "write its first address here")
    elif body.ipv6_addresses:
        report.add((*path, "ipv6_addresses"), "the subnet of the instance has no IPv6 block", _GIVE_ONE)
    if body.ipv6_prefixes:
        report.add((*path, "ipv6_prefixes"), "the instance has no IPv6 address", _GIVE_ONE)


_GIVE_ONE = "give it one, or remove the key"


def has_address(vpc: VpcFile, instance: InstanceFile) -> bool:
    """Return whether the instance has an IPv6 address, if the file has no mistake about it."""
    subnet = vpc.subnets.get(instance.subnet)
    return instance.ipv6_address != NONE and (subnet is None or has_ipv6(vpc, subnet))


def _written(
    vpc: VpcFile, report: MistakeReport, vpc_name: str, blocks: SubnetBlocks, taken: dict[IPv6Address, Path]
) -> dict[str, IPv6Address]:
    """Return the primary addresses in the file, and fill `taken` with all addresses in it."""
    addresses: dict[str, IPv6Address] = {}
    for name, instance in vpc.instances.items():
        path: Path = ("vpcs", vpc_name, "instances", name)
        block = blocks.get((vpc_name, instance.subnet))
        if instance.ipv6_address not in (None, NONE):
            address = _take((*path, "ipv6_address"), str(instance.ipv6_address), block, report, taken)
            addresses |= {name: address} if address is not None else {}
        for number, text in enumerate(instance.ipv6_addresses):
            _take((*path, "ipv6_addresses", number), text, block, report, taken)
    for name, interface in vpc.network_interfaces.items():
        for number, text in enumerate(interface.ipv6_addresses):
            path = ("vpcs", vpc_name, "network_interfaces", name, "ipv6_addresses", number)
            _take(path, text, blocks.get((vpc_name, interface.subnet)), report, taken)
    return addresses


def _take(
    path: Path, text: str, block: IPv6Network | None, report: MistakeReport, taken: dict[IPv6Address, Path]
) -> IPv6Address | None:
    """Return the address at `path`; None if it is not one that an instance of the subnet can have."""
    address = report.attempt(path, forms.address, text)
    if address is None or (block is not None and not _fits(address, block, report, path)):
        return None
    owner = taken.setdefault(address, path)
    if owner != path:
        _report_duplicate(report, path, owner)
    return address


def _fits(address: IPv6Address, block: IPv6Network, report: MistakeReport, path: Path) -> bool:
    remedy = f"write one such as {block[16]}, or remove the key"
    if address not in block:
        report.add(path, f"the address is not in the block of the subnet, {block}", remedy)
        return False
    if is_reserved(block, address):
        report.add(path, f"AWS reserves the first four addresses and the last address of {block}", remedy)
        return False
    return True


def _report_duplicate(report: MistakeReport, path: Path, owner: Path) -> None:
    name = owner[3] if owner[0] == "vpcs" else owner[2]
    problem = f"{shorten(str(name))} already has this address, on line {report.line(owner)}"
    report.add(path, problem, "write another address")


def _choose(
    vpc: VpcFile, vpc_name: str, blocks: SubnetBlocks, taken: Collection[IPv6Address]
) -> dict[str, IPv6Address]:
    """Return the first free address of its subnet for each instance, in order of names.

    A block cannot run out of addresses: it has at least 2^64. The first 2^48 are in no prefix (`free_addresses`).
    """
    free = {subnet: free_addresses(block, taken) for (owner, subnet), block in blocks.items() if owner == vpc_name}
    return {
        name: next(free[instance.subnet])
        for name, instance in sorted(vpc.instances.items())
        if instance.ipv6_address is None and instance.subnet in free
    }


def check_hosts(file: LabFile, report: MistakeReport, of_vpcs: VpcBlocks) -> None:
    """Check that internet hosts have distinct addresses, and that no address is in the block of a VPC."""
    owners: dict[IPv6Address, Path] = {}
    for name, host in file.internet.hosts.items():
        path: Path = ("internet", "hosts", name, "ipv6_address")
        address = report.attempt(path, forms.host_address, host.ipv6_address)
        if address is None:
            continue
        for vpc, block in ((vpc, block) for vpc, blocks in of_vpcs.items() for block in blocks):
            if address in block:
                problem = f"the address is in the block of the VPC {shorten(vpc)}, {block}"
                report.add(path, problem, "write one such as 2001:db8:80::1")
        owner = owners.setdefault(address, path)
        if owner != path:
            _report_duplicate(report, path, owner)

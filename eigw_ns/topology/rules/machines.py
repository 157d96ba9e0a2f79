"""Rules for what is recorded of instances and key pairs. An IPv4 address that the file leaves out is chosen."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from ipaddress import IPv4Address, IPv4Network

from eigw_ns.cloud import ids
from eigw_ns.cloud.addressing import free_addresses, is_reserved
from eigw_ns.cloud.instance_words import ATTRIBUTE_WORDS, HOP_LIMITS, INSTANCE_STATES, KEY_TYPES, is_time, is_type
from eigw_ns.cloud.words import shorten
from eigw_ns.topology import forms
from eigw_ns.topology.invalid_value import InvalidValue
from eigw_ns.topology.report import MistakeReport
from eigw_ns.topology.schema import InstanceFile, LabFile, VpcFile
from eigw_ns.topology.tree import Path

PrivateAddresses = dict[tuple[str, str], IPv4Address]
"""IPv4 addresses by VPC name and instance name."""


def check(file: LabFile, report: MistakeReport) -> None:
    """Check that each recorded value is one that AWS has."""
    for vpc_name, vpc in file.vpcs.items():
        for name, instance in vpc.instances.items():
            _check_instance(report, ("vpcs", vpc_name, "instances", name), instance)
    for name, key in file.key_pairs.items():
        place: Path = ("key_pairs", name)
        report.attempt((*place, "key_type"), lambda text: forms.one_of(text, KEY_TYPES), key.key_type)
        if key.created is not None:
            report.attempt((*place, "created"), _time, key.created)


def _check_instance(report: MistakeReport, place: Path, instance: InstanceFile) -> None:
    report.attempt((*place, "state"), lambda text: forms.one_of(text, INSTANCE_STATES), instance.state)
    for name, words in ATTRIBUTE_WORDS.items():
        value = getattr(instance, name)
        if value is not None:
            report.attempt((*place, name), partial(forms.one_of, known=words), value)
    report.attempt((*place, "instance_type"), _type, instance.instance_type)
    if instance.launch_time is not None:
        report.attempt((*place, "launch_time"), _time, instance.launch_time)
    if instance.http_put_response_hop_limit not in HOP_LIMITS:
        problem = f"the hop limit must be {HOP_LIMITS[0]} to {HOP_LIMITS[-1]}"
        report.add((*place, "http_put_response_hop_limit"), problem, "write 1")
    for key, kind, text in (
        ("image_id", ids.IMAGE, instance.image_id),
        ("reservation_id", ids.RESERVATION, instance.reservation_id),
    ):
        if text is not None and ids.kind_of(text) != kind:
            report.add((*place, key), "this is not such an id", f"write one such as {kind}-0123456789abcdef0")


def private_addresses(file: LabFile, report: MistakeReport, of_gateways: PrivateAddresses) -> PrivateAddresses:
    """Return the IPv4 addresses of the instances, from the file or chosen, without those that have mistakes.

    An instance has one if its subnet has an IPv4 block, as in AWS. `of_gateways` are the addresses of NAT gateways.
    """
    found: PrivateAddresses = {}
    for vpc_name, vpc in file.vpcs.items():
        blocks = dict(_blocks(vpc))
        taken: dict[IPv4Address, Path] = {
            address: ("vpcs", vpc_name, "nat_gateways", name)
            for (owner, name), address in of_gateways.items()
            if owner == vpc_name
        }
        for name, instance in vpc.instances.items():
            path: Path = ("vpcs", vpc_name, "instances", name, "private_ip_address")
            if instance.private_ip_address is not None:
                address = _written(report, path, instance, blocks, taken)
                found |= {(vpc_name, name): address} if address else {}
        for name, instance in sorted(vpc.instances.items()):
            if instance.private_ip_address is None and instance.subnet in blocks:
                path = ("vpcs", vpc_name, "instances", name)
                address = next(free_addresses(blocks[instance.subnet], taken), None)
                if address is None:
                    report.add((*path, "subnet"), "the subnet has no free IPv4 address", "give it a larger cidr_block")
                else:
                    taken[address] = path
                    found[vpc_name, name] = address
    return found


def _blocks(vpc: VpcFile) -> Iterator[tuple[str, IPv4Network]]:
    """Yield the subnets with an IPv4 block that is valid. Others have a mistake already."""
    for name, subnet in vpc.subnets.items():
        try:
            if subnet.cidr_block is not None:
                yield name, IPv4Network(subnet.cidr_block)
        except ValueError:
            continue


def _written(
    report: MistakeReport,
    path: Path,
    instance: InstanceFile,
    blocks: dict[str, IPv4Network],
    taken: dict[IPv4Address, Path],
) -> IPv4Address | None:
    address = report.attempt(path, _address, str(instance.private_ip_address))
    if address is None or not report.is_clean((*path[:-1], "subnet")):
        return None
    block = blocks.get(instance.subnet)
    if block is None:
        report.add(path, "the subnet of the instance has no IPv4 block", "give it one, or remove the key")
        return None
    if address not in block or is_reserved(block, address):
        problem = f"the address is not one for instances in the block of the subnet, {block}"
        report.add(path, problem, f"write one such as {block[4]}, or remove the key")
        return None
    owner = taken.setdefault(address, path)
    if owner != path:
        problem = f"{shorten(str(owner[3]))} already has this address, on line {report.line(owner)}"
        report.add(path, problem, "write another address")
        return None
    return address


def _address(text: str) -> IPv4Address:
    try:
        return IPv4Address(text)
    except ValueError:
        raise InvalidValue("this is not an IPv4 address", "write one such as 10.0.1.4") from None


def _type(text: str) -> str:
    if not is_type(text):
        raise InvalidValue("this is not an instance type", "write one such as t3.micro")
    return text


def _time(text: str) -> str:
    if not is_time(text):
        raise InvalidValue("this is not a time (UTC)", "write one such as 2026-12-01T00:00:00.000Z")
    return text

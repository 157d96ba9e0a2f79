"""Rules for what is recorded of instances and key pairs. An IPv4 address that the file leaves out is chosen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
from eigw_ns.topology.schema_interfaces import NetworkInterfaceFile
from eigw_ns.topology.tree import Path

PrivateAddresses = dict[tuple[str, str, str], IPv4Address]
"""IPv4 addresses by VPC name, section (instances, network_interfaces) and name."""


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


def private_addresses(
    file: LabFile, report: MistakeReport, of_gateways: Mapping[tuple[str, str], IPv4Address]
) -> PrivateAddresses:
    """Return the IPv4 addresses of instances and network interfaces, without those that have mistakes.

    Each has one, from the file or chosen, if its subnet has an IPv4 block, as in AWS. `of_gateways` are the addresses
    of NAT gateways.
    """
    found: PrivateAddresses = {}
    for vpc_name, vpc in file.vpcs.items():
        taken: dict[IPv4Address, Path] = {
            address: ("vpcs", vpc_name, "nat_gateways", name)
            for (owner, name), address in of_gateways.items()
            if owner == vpc_name
        }
        blocks = dict(_blocks(vpc))
        for path, subnet, text in written_private(vpc, vpc_name):
            address = _written(report, path, subnet, text, blocks, taken)
            if address is not None and path[-1] == "private_ip_address":
                found[vpc_name, str(path[2]), str(path[3])] = address
        for section, name, body in _machines(vpc):
            if body.private_ip_address is None and body.subnet in blocks:
                place: Path = ("vpcs", vpc_name, section, name)
                address = next(free_addresses(blocks[body.subnet], taken), None)
                if address is None:
                    report.add((*place, "subnet"), "the subnet has no free IPv4 address", "give it a larger cidr_block")
                else:
                    taken[address] = place
                    found[vpc_name, section, name] = address
    return found


def _machines(vpc: VpcFile) -> Iterator[tuple[str, str, InstanceFile | NetworkInterfaceFile]]:
    """Yield the instances and the network interfaces of a VPC by name, with their section."""
    for name, instance in sorted(vpc.instances.items()):
        yield "instances", name, instance
    for name, interface in sorted(vpc.network_interfaces.items()):
        yield "network_interfaces", name, interface


def written_private(vpc: VpcFile, vpc_name: str) -> Iterator[tuple[Path, str, str]]:
    """Yield the place, the subnet and the text of each IPv4 address of an instance or a network interface."""
    for section, name, body in _machines(vpc):
        place: Path = ("vpcs", vpc_name, section, name)
        if body.private_ip_address is not None:
            yield (*place, "private_ip_address"), body.subnet, body.private_ip_address
        inner: Path = (*place, "network_interface") if isinstance(body, InstanceFile) else place
        further = body.network_interface if isinstance(body, InstanceFile) else body
        for number, text in enumerate(further.private_ip_addresses):
            yield (*inner, "private_ip_addresses", number), body.subnet, text


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
    subnet: str,
    text: str,
    blocks: dict[str, IPv4Network],
    taken: dict[IPv4Address, Path],
) -> IPv4Address | None:
    address = report.attempt(path, _address, text)
    if address is None or not report.is_clean((*path[:4], "subnet")):
        return None
    block = blocks.get(subnet)
    if block is None:
        word = "interface" if path[2] == "network_interfaces" else "instance"
        report.add(path, f"the subnet of the {word} has no IPv4 block", "give it one, or remove the key")
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

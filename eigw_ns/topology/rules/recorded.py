"""Rules for elastic IP addresses, NAT gateways and DHCP options. Addresses that the file leaves out are chosen."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import field
from ipaddress import IPv4Address, IPv4Network

from eigw_ns.cloud import ids
from eigw_ns.cloud.addressing import is_reserved
from eigw_ns.cloud.dhcp_rules import LISTS, OPTIONS, mistake
from eigw_ns.cloud.ipv4_addresses import free_from_the_end, free_public
from eigw_ns.frozen import frozen
from eigw_ns.topology import forms
from eigw_ns.topology.invalid_value import InvalidValue
from eigw_ns.topology.recorded import key_of_option
from eigw_ns.topology.report import MistakeReport
from eigw_ns.topology.rules.machines import written_private
from eigw_ns.topology.schema import LabFile, VpcFile
from eigw_ns.topology.schema_recorded import DhcpOptionsFile, NatGatewayFile
from eigw_ns.topology.tree import Path

_ADDRESSES: Path = ("elastic_ips",)


@frozen
class RecordedAddresses:
    """IPv4 addresses by the name of an elastic IP address, and by the names of a VPC and a NAT gateway in it."""

    elastic_ips: dict[str, IPv4Address] = field(default_factory=dict)
    nat_gateways: dict[tuple[str, str], IPv4Address] = field(default_factory=dict)


def check(file: LabFile, report: MistakeReport) -> RecordedAddresses:
    """Check that every value is one that AWS has, and that what is referred to exists. Return all addresses."""
    of_gateways: dict[tuple[str, str], IPv4Address] = {}
    for name, vpc in file.vpcs.items():
        of_gateways |= _check_gateways(vpc, report, name)
        path: Path = ("vpcs", name, "dhcp_options")
        known = report.names(("dhcp_options",))
        if vpc.dhcp_options is not None and report.is_clean(path) and vpc.dhcp_options not in known:
            report.add_unknown(path, "set of DHCP options", vpc.dhcp_options, known)
    _check_owners(file, report)
    for name, options in file.dhcp_options.items():
        _check_options(options, report, ("dhcp_options", name))
    return RecordedAddresses(_public(file, report), of_gateways)


def _public(file: LabFile, report: MistakeReport) -> dict[str, IPv4Address]:
    taken: dict[IPv4Address, Path] = {}
    written = {
        name: _take((*_ADDRESSES, name, "public_ip"), body.public_ip, report, taken, forms.ipv4_address)
        for name, body in file.elastic_ips.items()
    }
    for vpc_name, vpc in file.vpcs.items():
        for instance, machine in vpc.instances.items():
            path: Path = ("vpcs", vpc_name, "instances", instance, "network_interface", "public_ip_address")
            _take(path, machine.network_interface.public_ip_address, report, taken, forms.ipv4_address)
    free = free_public(taken)
    chosen: dict[str, IPv4Address] = {}
    for name, body in sorted(file.elastic_ips.items()):
        address = written[name] if body.public_ip is not None else next(free, None)
        if address is not None:
            chosen[name] = address
        elif body.public_ip is None:
            report.add((*_ADDRESSES, name), "no free elastic IP address is left", "write its public_ip", value="")
    return chosen


def _take(
    path: Path,
    text: str | None,
    report: MistakeReport,
    taken: dict[IPv4Address, Path],
    form: Callable[[str], IPv4Address],
) -> IPv4Address | None:
    """Return the address at `path`, which no other may have; None if it is left out or has a mistake."""
    address = None if text is None else report.attempt(path, form, text)
    if address is not None and (owner := taken.setdefault(address, path)) != path:
        name = owner[3] if "network_interface" in owner else owner[-2]
        problem = f"{name} already has this address, on line {report.line(owner)}"
        report.add(path, problem, "write another address")
    return address


def _check_gateways(vpc: VpcFile, report: MistakeReport, vpc_name: str) -> dict[tuple[str, str], IPv4Address]:
    place: Path = ("vpcs", vpc_name, "nat_gateways")
    subnets = report.names(("vpcs", vpc_name, "subnets"))
    taken: dict[IPv4Address, Path] = {}
    found: dict[tuple[str, str], IPv4Address] = {}
    for name, body in vpc.nat_gateways.items():
        if report.is_clean((*place, name, "subnet")) and body.subnet not in subnets:
            report.add_unknown((*place, name, "subnet"), "subnet", body.subnet, subnets)
        if body.create_time is not None:
            report.attempt((*place, name, "create_time"), forms.time, body.create_time)
        path: Path = (*place, name, "private_ip_address")
        address = _take(path, body.private_ip_address, report, taken, _in_block(_block(vpc, body)))
        if address is not None:
            found[vpc_name, name] = address
    return found | _chosen(vpc, report, vpc_name, {*taken, *_of_instances(vpc)})


def _of_instances(vpc: VpcFile) -> Iterator[IPv4Address]:
    """Yield the addresses that the file gives to interfaces. What is not an address is reported with the interface."""
    for _, _, text in written_private(vpc, ""):
        with suppress(ValueError):
            yield IPv4Address(text)


def _block(vpc: VpcFile, gateway: NatGatewayFile) -> IPv4Network | None:
    subnet = vpc.subnets.get(gateway.subnet)
    try:
        return IPv4Network(subnet.cidr_block) if subnet is not None and subnet.cidr_block else None
    except ValueError:  # reported with the subnet
        return None


def _in_block(block: IPv4Network | None) -> Callable[[str], IPv4Address]:
    def form(text: str) -> IPv4Address:
        address = forms.ipv4_address(text)
        if block is None:
            raise InvalidValue("the subnet of the NAT gateway has no IPv4 block", "remove the key")
        if address not in block or is_reserved(block, address):
            raise InvalidValue(f"the address is not a free one of {block}", "write another, or remove the key")
        return address

    return form


def _chosen(
    vpc: VpcFile, report: MistakeReport, vpc_name: str, taken: Collection[IPv4Address]
) -> dict[tuple[str, str], IPv4Address]:
    """Return a free address for each gateway without one whose subnet has an IPv4 block, in order of names."""
    found: dict[tuple[str, str], IPv4Address] = {}
    for name, body in sorted(vpc.nat_gateways.items()):
        block = _block(vpc, body)
        if body.private_ip_address is None and block is not None:
            address = next(free_from_the_end(block, {*taken, *found.values()}), None)
            if address is None:
                path: Path = ("vpcs", vpc_name, "nat_gateways", name)
                report.add(path, f"no address of {block} is free", "choose another subnet", value="")
            else:
                found[vpc_name, name] = address
    return found


def _check_owners(file: LabFile, report: MistakeReport) -> None:
    """Check that each elastic IP address exists, and belongs to one instance or NAT gateway at most."""
    known = report.names(_ADDRESSES)
    owners: dict[str, Path] = {}
    for path, address in _owned(file):
        if not report.is_clean(path):
            continue
        if address not in known:
            report.add_unknown(path, "elastic IP address", address, known)
        elif (owner := owners.setdefault(address, path)) != path:
            problem = f"the address already belongs to another resource, on line {report.line(owner)}"
            report.add(path, problem, "write another elastic IP address")
    _check_instances(file, report)


def _owned(file: LabFile) -> Iterator[tuple[Path, str]]:
    """Yield each place that gives an elastic IP address to a resource, with the name of the address."""
    for name, body in file.elastic_ips.items():
        if body.instance is not None:
            yield (*_ADDRESSES, name, "instance"), name
    for vpc_name, vpc in file.vpcs.items():
        for gateway, nat in vpc.nat_gateways.items():
            if nat.elastic_ip is not None:
                yield ("vpcs", vpc_name, "nat_gateways", gateway, "elastic_ip"), nat.elastic_ip


def _check_instances(file: LabFile, report: MistakeReport) -> None:
    known = [f"{vpc}/{name}" for vpc in file.vpcs for name in report.names(("vpcs", vpc, "instances"))]
    owners: dict[str, Path] = {}
    for name, body in file.elastic_ips.items():
        path: Path = (*_ADDRESSES, name, "instance")
        identity: Path = (*_ADDRESSES, name, "association_id")
        if body.association_id is not None and report.is_clean(identity):
            _check_association(report, identity, body.association_id, has_instance=body.instance is not None)
        if body.instance is None or not report.is_clean(path):
            continue
        if body.instance not in known:
            report.add_unknown(path, "instance", body.instance, known)
        elif (owner := owners.setdefault(body.instance, path)) != path:
            problem = f"the instance already has an elastic IP address, on line {report.line(owner)}"
            report.add(path, problem, "write another instance")


def _check_association(report: MistakeReport, path: Path, text: str, *, has_instance: bool) -> None:
    kind = ids.ELASTIC_IP_ASSOCIATION
    if ids.kind_of(text) != kind:
        report.add(path, "this is not the id of an association", f"write one such as {kind}-0123456789abcdef0")
    elif not has_instance:
        report.add(path, "the address has no instance", "remove the key")


def _check_options(options: DhcpOptionsFile, report: MistakeReport, place: Path) -> None:
    given = {option: getattr(options, key_of_option(option)) for option in OPTIONS}
    if not any(given.values()):
        report.add(place, "the set has no options", "add one such as domain_name: example.org", value="")
    for option, found in given.items():
        path = (*place, key_of_option(option))
        if found and report.is_clean(path):
            problem = mistake(option, found if option in LISTS else [found])
            if problem:
                report.add(path, f"{problem[0].lower()}{problem[1:].rstrip('.')}", "write another value")

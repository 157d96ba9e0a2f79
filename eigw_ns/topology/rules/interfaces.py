"""Rules for network interfaces and volumes. Module `addresses` checks IPv6 addresses, `machines` IPv4 addresses."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from eigw_ns.cloud import ids
from eigw_ns.cloud.instance_words import VOLUME_SIZES
from eigw_ns.cloud.interfaces import MOST_INTERFACES, interface_id
from eigw_ns.cloud.tag_rules import forbidden
from eigw_ns.cloud.words import shorten
from eigw_ns.topology import forms
from eigw_ns.topology.invalid_value import InvalidValue
from eigw_ns.topology.report import MistakeReport
from eigw_ns.topology.rules.blocks import has_ipv6
from eigw_ns.topology.schema import InstanceFile, LabFile, VpcFile
from eigw_ns.topology.schema_interfaces import NetworkInterfaceFile, VolumeFile
from eigw_ns.topology.tree import Path

_LONGEST = 255


def check(file: LabFile, report: MistakeReport, lab: str) -> None:
    """Check that each interface has a subnet and an instance that exist, and each volume values that AWS has."""
    owners: dict[str, Path] = {}
    for path, key in _ids(file, lab):
        if owners.setdefault(key, path) != path:
            problem = f"{shorten(str(owners[key][3]))} already has the interface {key}"
            report.add(path, problem, "write another id", value=key)
    volumes: dict[str, Path] = {}
    for name, vpc in file.vpcs.items():
        devices: dict[tuple[str, int], Path] = {}
        for interface, body in vpc.network_interfaces.items():
            place: Path = ("vpcs", name, "network_interfaces", interface)
            _check_interface(vpc, report, place, body)
            _check_attachment(vpc, report, place, body, devices)
        for instance, machine in vpc.instances.items():
            _check_parts(report, ("vpcs", name, "instances", instance), machine, volumes)


def _ids(file: LabFile, lab: str) -> Iterator[tuple[Path, str]]:
    """Yield the id of each network interface, those of instances first."""
    for name, vpc in file.vpcs.items():
        for instance, body in vpc.instances.items():
            place: Path = ("vpcs", name, "instances", instance)
            computed = interface_id(ids.make_id(ids.INSTANCE, lab, name, instance))
            given = body.network_interface.id
            yield (*place, "network_interface", "id") if given else place, given or computed
    for name, vpc in file.vpcs.items():
        for interface in vpc.network_interfaces:
            key = ids.make_id(ids.NETWORK_INTERFACE, lab, name, interface)
            yield ("vpcs", name, "network_interfaces", interface), key


def _check_interface(vpc: VpcFile, report: MistakeReport, place: Path, body: NetworkInterfaceFile) -> None:
    known = report.names((*place[:2], "subnets"))
    if report.is_clean((*place, "subnet")) and body.subnet not in known:
        report.add_unknown((*place, "subnet"), "subnet", body.subnet, known)
    elif body.subnet in vpc.subnets and not has_ipv6(vpc, vpc.subnets[body.subnet]):
        for key, wanted in (("ipv6_addresses", body.ipv6_addresses), ("ipv6_prefixes", body.ipv6_prefixes)):
            if wanted:
                report.add((*place, key), "the subnet of the interface has no IPv6 block", "give it one")
    report.attempt((*place, "description"), _description, body.description)
    if body.attach_time is not None:
        report.attempt((*place, "attach_time"), forms.time, body.attach_time)
    if body.attachment_id is not None and ids.kind_of(body.attachment_id) != ids.NETWORK_INTERFACE_ATTACHMENT:
        sample = f"{ids.NETWORK_INTERFACE_ATTACHMENT}-0123456789abcdef0"
        report.add((*place, "attachment_id"), "this is not the id of an attachment", f"write one such as {sample}")


def _check_attachment(
    vpc: VpcFile,
    report: MistakeReport,
    place: Path,
    body: NetworkInterfaceFile,
    devices: dict[tuple[str, int], Path],
) -> None:
    path = (*place, "instance")
    if body.instance is None:
        for key in ("device_index", "delete_on_termination", "attachment_id", "attach_time"):
            if key in body.model_fields_set:
                report.add((*place, key), "the interface has no instance", "write its instance, or remove the key")
        return
    known = report.names((*place[:2], "instances"))
    if report.is_clean(path) and body.instance not in known:
        report.add_unknown(path, "instance", body.instance, known)
    if not 1 <= body.device_index < 2**31:
        report.add((*place, "device_index"), "device 0 is the instance's own interface", "write 1 or more")
    elif (owner := devices.setdefault((body.instance, body.device_index), place)) != place:
        problem = f"{shorten(str(owner[3]))} has the same number on the instance"
        report.add((*place, "device_index"), problem, "write another number", value=str(body.device_index))
    elif sum(instance == body.instance for instance, _ in devices) >= MOST_INTERFACES:
        report.add(path, f"an instance has at most {MOST_INTERFACES} interfaces", "choose another instance")


def _check_parts(report: MistakeReport, place: Path, body: InstanceFile, known: dict[str, Path]) -> None:
    interface: Path = (*place, "network_interface")
    report.attempt((*interface, "description"), _description, body.network_interface.description)
    given = body.network_interface.id
    if given is not None and ids.kind_of(given) != ids.NETWORK_INTERFACE:
        sample = f"{ids.NETWORK_INTERFACE}-0123456789abcdef0"
        report.add((*interface, "id"), "this is not the id of a network interface", f"write one such as {sample}")
    devices = [each.device for each in body.volumes.values()]
    for name, volume in body.volumes.items():
        path: Path = (*place, "volumes", name)
        if ids.kind_of(name) != ids.VOLUME:
            sample = f"{ids.VOLUME}-0123456789abcdef0"
            report.add(path, "the key is not the id of a volume", f"write one such as {sample}", value=name)
        elif known.setdefault(name, path) != path:
            report.add(path, "another instance already has this volume", "write another id", value=name)
        if devices.count(volume.device) > 1:
            report.add((*path, "device"), "the instance has two volumes with this device", "write another device")
        _check_volume(report, path, volume)


def _check_volume(report: MistakeReport, path: Path, volume: VolumeFile) -> None:
    report.attempt((*path, "type"), partial(forms.one_of, known=VOLUME_SIZES), volume.type)
    sizes = VOLUME_SIZES.get(volume.type)
    if sizes is not None and volume.size not in sizes:
        report.add((*path, "size"), f"a {volume.type} volume has {sizes[0]} to {sizes[-1]} GiB", f"write {sizes[0]}")


def _description(text: str) -> str:
    if len(text) > _LONGEST or forbidden(text):
        raise InvalidValue(f"a description is one line of at most {_LONGEST} characters", "write a shorter one")
    return text

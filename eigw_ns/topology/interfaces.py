"""Network interfaces and volumes, to and from plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from ipaddress import IPv4Address, IPv6Address, IPv6Network
from typing import Any

from eigw_ns.cloud import ids
from eigw_ns.cloud.filtering import DEFAULT_GROUP
from eigw_ns.cloud.instance_records import Volume
from eigw_ns.cloud.interface_records import Attachment, DetachedInterface, NetworkInterface, PrimaryInterface
from eigw_ns.cloud.model import Cloud, Instance
from eigw_ns.topology.blocks import attributes, changed
from eigw_ns.topology.data import Data, Scope, body_of, key_of, named, tags_of

_SECTION = "network_interfaces"


def network_interfaces(data: Mapping[str, Any], scope: Scope) -> dict[str, NetworkInterface]:
    """Return the network interfaces of a VPC that are not the primary one of an instance, by id."""
    return {
        interface_id: NetworkInterface(
            interface_id,
            name,
            ids.make_id(ids.SUBNET, *scope, body["subnet"]),
            tuple(
                ids.make_id(ids.SECURITY_GROUP, *scope, group) for group in body.get("security_groups", [DEFAULT_GROUP])
            ),
            IPv4Address(body["private_ip_address"]) if "private_ip_address" in body else None,
            tuple(map(IPv4Address, body.get("private_ip_addresses", ()))),
            tuple(map(IPv6Address, body.get("ipv6_addresses", ()))),
            tuple(map(IPv6Network, body.get("ipv6_prefixes", ()))),
            body.get("description", ""),
            body.get("source_dest_check", True),
            body.get("primary_ipv6", False),
            attachment=_attachment(interface_id, body, scope),
            tags=tags_of(body),
        )
        for interface_id, name, body in named(data, _SECTION, ids.NETWORK_INTERFACE, scope)
    }


def _attachment(interface_id: str, body: Mapping[str, Any], scope: Scope) -> Attachment | None:
    if "instance" not in body:
        return None
    instance_id = ids.make_id(ids.INSTANCE, *scope, body["instance"])
    return Attachment(
        body.get("attachment_id", _attachment_id(interface_id, instance_id)),
        instance_id,
        body.get("device_index", 1),
        body.get("delete_on_termination", False),
        body.get("attach_time"),
    )


def _attachment_id(interface_id: str, instance_id: str) -> str:
    return ids.make_id(ids.NETWORK_INTERFACE_ATTACHMENT, interface_id, instance_id)


def network_interfaces_data(cloud: Cloud, scope: Scope, subnets: Mapping[str, str], groups: Mapping[str, str]) -> Data:
    """Return the network interfaces of a VPC as plain data. `subnets` and `groups` have the keys of those by id."""
    there = [each for each in cloud.network_interfaces.values() if each.subnet_id in subnets]
    return dict(sorted((_key(scope, each), _interface(cloud, each, scope, subnets, groups)) for each in there))


def _key(scope: Scope, interface: NetworkInterface) -> str:
    return key_of(ids.NETWORK_INTERFACE, scope, interface.id, interface.name)


def _interface(
    cloud: Cloud, interface: NetworkInterface, scope: Scope, subnets: Mapping[str, str], groups: Mapping[str, str]
) -> Data:
    members_of = [groups[group_id] for group_id in interface.security_group_ids]
    first = interface.private_ip_address
    return body_of(
        subnet=subnets[interface.subnet_id],
        security_groups=None if members_of == [DEFAULT_GROUP] else members_of,
        private_ip_address=str(first) if first else None,
        private_ip_addresses=list(map(str, interface.private_ip_addresses)),
        ipv6_addresses=list(map(str, interface.ipv6_addresses)),
        ipv6_prefixes=list(map(str, interface.ipv6_prefixes)),
        description=interface.description or None,
        primary_ipv6=interface.primary_ipv6,
        tags=dict(interface.tags),
        **_attachment_data(cloud, interface, scope),
    ) | ({} if interface.source_dest_check else {"source_dest_check": False})


def _attachment_data(cloud: Cloud, interface: NetworkInterface, scope: Scope) -> Data:
    found = interface.attachment
    if found is None:
        return {}
    instance = cloud.instances[found.instance_id]
    return {
        "instance": key_of(ids.INSTANCE, scope, instance.id, instance.name),
        "device_index": found.device_index,
        "delete_on_termination": found.delete_on_termination,
        "attachment_id": None if found.id == _attachment_id(interface.id, instance.id) else found.id,
        "attach_time": found.attach_time,
    }


def primary_interface(body: Mapping[str, Any]) -> PrimaryInterface:
    """Return what is recorded of the primary interface of the instance that `body` describes."""
    found: Mapping[str, Any] = body.get("network_interface", {})
    public = found.get("public_ip_address")
    known = attributes(PrimaryInterface, found) | {
        "private_ip_addresses": tuple(map(IPv4Address, found.get("private_ip_addresses", ()))),
        "public_ip_address": None if public is None else IPv4Address(public),
        "tags": tags_of(found),
    }
    return PrimaryInterface(**known)


def volumes(body: Mapping[str, Any], instance_id: str) -> tuple[Volume, ...]:
    """Return the volumes of the instance that `body` describes."""
    return tuple(
        Volume(**attributes(Volume, each) | {"id": volume_id, "tags": tags_of(each)})
        for volume_id, _, each in named(body, "volumes", ids.VOLUME, (instance_id,))
    )


def instance_parts_data(instance: Instance) -> Data:
    """Return what is recorded of the primary interface and of the volumes of an instance."""
    known, usual = instance.interface, PrimaryInterface()
    public = known.public_ip_address
    lists = body_of(
        private_ip_addresses=list(map(str, known.private_ip_addresses)),
        public_ip_address=str(public) if public else None,
        tags=dict(known.tags),
    )
    plain = replace(known, private_ip_addresses=(), public_ip_address=None, tags=())
    return body_of(
        network_interface=changed(plain, usual) | lists,
        volumes={each.id: _volume(each) for each in instance.volumes},
    )


def _volume(volume: Volume) -> Data:
    found = changed(replace(volume, tags=()), Volume(volume.id, ""))
    return {name: value for name, value in found.items() if name != "id"} | body_of(tags=dict(volume.tags))


def detached_interfaces(data: Mapping[str, Any]) -> dict[str, DetachedInterface]:
    """Return the attachments that ended, and that a stored topology remembers, by id."""
    return {
        attachment_id: DetachedInterface(
            Attachment(attachment_id, **body["attachment"]), body["network_interface_id"], body["detached_at"]
        )
        for attachment_id, body in data.get("detached_interfaces", {}).items()
    }


def detached_interfaces_data(cloud: Cloud) -> Data:
    """Return the attachments that ended as plain data."""
    return {
        attachment_id: {
            "attachment": {name: value for name, value in asdict(each.attachment).items() if name != "id"},
            "network_interface_id": each.network_interface_id,
            "detached_at": each.detached_at,
        }
        for attachment_id, each in cloud.detached_interfaces.items()
    }


def check_references(cloud: Cloud) -> None:
    """Raise ValueError if a network interface refers to a resource that does not exist."""
    for each in cloud.network_interfaces.values():
        if each.subnet_id not in cloud.subnets:
            raise ValueError(f"the network interface {each.name} is in a subnet that does not exist")
        if not cloud.security_groups.keys() >= set(each.security_group_ids):
            raise ValueError(f"the network interface {each.name} has a security group that does not exist")
        if each.attachment is not None and each.attachment.instance_id not in cloud.instances:
            raise ValueError(f"the network interface {each.name} is on an instance that does not exist")

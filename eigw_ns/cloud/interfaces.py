"""All network interfaces of a cloud in one form: those of instances, and those that the cloud stores by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from eigw_ns.cloud import ids
from eigw_ns.cloud.interface_records import Attachment, NetworkInterface, PrimaryInterface
from eigw_ns.cloud.model import Cloud, Instance

MOST_INTERFACES = 15
"""Maximum number of interfaces of an instance: AWS's number for its largest types. A lab does not tell types apart."""


def interface_id(instance_id: str) -> str:
    """Return the id of the network interface that is made with an instance or a NAT gateway."""
    return ids.make_id(ids.NETWORK_INTERFACE, instance_id)


def primary_id(instance: Instance) -> str:
    """Return the id of the interface with device index 0 of an instance."""
    return instance.interface.id or interface_id(instance.id)


def attachment_id(instance_id: str) -> str:
    """Return the id of the attachment of an instance's primary interface."""
    return ids.make_id(ids.NETWORK_INTERFACE_ATTACHMENT, instance_id)


def primary(instance: Instance) -> NetworkInterface:
    """Return the interface with device index 0 of an instance."""
    known = instance.interface
    attached = Attachment(
        attachment_id(instance.id), instance.id, 0, known.delete_on_termination, instance.attributes.launch_time
    )
    return NetworkInterface(
        primary_id(instance),
        primary_id(instance),
        instance.subnet_id,
        instance.security_group_ids,
        instance.private_ip_address,
        known.private_ip_addresses,
        instance.addresses,
        instance.ipv6_prefixes,
        known.description,
        instance.attributes.source_dest_check,
        known.primary_ipv6,
        known.public_ip_address,
        attached,
        known.tags,
    )


def with_primary(instance: Instance, interface: NetworkInterface) -> Instance:
    """Return the instance with this interface as its primary one, the inverse of `primary`."""
    attached = interface.attachment
    first = interface.ipv6_addresses[0] if interface.ipv6_addresses else None
    return replace(
        instance,
        subnet_id=interface.subnet_id,
        security_group_ids=interface.security_group_ids,
        private_ip_address=interface.private_ip_address,
        ipv6_address=first,
        ipv6_addresses=interface.ipv6_addresses[1:],
        ipv6_prefixes=interface.ipv6_prefixes,
        attributes=replace(instance.attributes, source_dest_check=interface.source_dest_check),
        interface=PrimaryInterface(
            id=None if interface.id == interface_id(instance.id) else interface.id,
            description=interface.description,
            delete_on_termination=True if attached is None else attached.delete_on_termination,
            primary_ipv6=interface.primary_ipv6,
            private_ip_addresses=interface.private_ip_addresses,
            public_ip_address=interface.public_ip_address,
            tags=interface.tags,
        ),
    )


def interfaces(cloud: Cloud) -> dict[str, NetworkInterface]:
    """Return every network interface by id."""
    return {each.id: each for each in map(primary, cloud.instances.values())} | dict(cloud.network_interfaces)


def of_instance(cloud: Cloud, instance: Instance) -> list[NetworkInterface]:
    """Return the interfaces of an instance by device index, the primary one first."""
    others = [each for each in cloud.network_interfaces.values() if _is_on(each, instance)]
    return [primary(instance), *sorted(others, key=_device)]


def _is_on(interface: NetworkInterface, instance: Instance) -> bool:
    return interface.attachment is not None and interface.attachment.instance_id == instance.id


def _device(interface: NetworkInterface) -> int:
    return 0 if interface.attachment is None else interface.attachment.device_index


def is_primary(interface: NetworkInterface) -> bool:
    """Return whether the interface has device index 0 of an instance, so that packets use it."""
    return interface.attachment is not None and interface.attachment.device_index == 0


def holders(cloud: Cloud, subnet_id: str) -> Iterator[NetworkInterface]:
    """Yield the interfaces in a subnet. Each holds its addresses, whether an instance has it or not."""
    yield from (primary(each) for each in cloud.instances.values() if each.subnet_id == subnet_id)
    yield from (each for each in cloud.network_interfaces.values() if each.subnet_id == subnet_id)

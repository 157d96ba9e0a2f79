"""AttachNetworkInterface, DetachNetworkInterface, and what becomes of interfaces when their instance is terminated.

An interface with device index 1 or more is recorded: it moves no packet.
Sources: AWS, API_AttachNetworkInterface, API_DetachNetworkInterface, "Error codes for the Amazon EC2 API".
"""

from __future__ import annotations

from dataclasses import replace

from eigw_ns.cloud import ids
from eigw_ns.cloud.ec2 import zones
from eigw_ns.cloud.ec2.checks import invalid
from eigw_ns.cloud.ec2.resources import INSTANCE, NETWORK_INTERFACE
from eigw_ns.cloud.ec2.schema import Reply, Request
from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.ec2.times import timestamp
from eigw_ns.cloud.interface_records import Attachment, DetachedInterface, NetworkInterface
from eigw_ns.cloud.interfaces import MOST_INTERFACES, interfaces, is_primary, of_instance, primary
from eigw_ns.cloud.model import Cloud, Instance
from eigw_ns.cloud.words import shorten
from eigw_ns.errors import CloudError

_REMEMBERED_FOR, _REMEMBERED = 3600, 100
"""Seconds for which an attachment that ended is described, and maximum number of them."""


def attach(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Attach an interface to an instance, as one that moves no packet."""
    interface = NETWORK_INTERFACE.find(cloud, request["NetworkInterfaceId"])
    instance, index = INSTANCE.find(cloud, request["InstanceId"]), request["DeviceIndex"]
    if request.get("NetworkCardIndex"):
        raise invalid(f"Network card index {request['NetworkCardIndex']} exceeds the limit: an instance has card 0.")
    check_available(interface)
    after, attached = with_attached(cloud, interface, instance, index, settings)
    return Reply(after, {"AttachmentId": attached.id, "NetworkCardIndex": 0})


def with_attached(
    cloud: Cloud,
    interface: NetworkInterface,
    instance: Instance,
    index: int,
    settings: Settings,
    *,
    delete_on_termination: bool = False,
) -> tuple[Cloud, Attachment]:
    """Return the cloud with the interface on the instance, and the attachment. Raises CloudError as AWS does."""
    there = of_instance(cloud, instance)
    if index < 0 or index > 2**31 - 1:
        raise invalid(f"Value ({index}) for parameter deviceIndex is invalid. It must not be negative.")
    if any(each.attachment is not None and each.attachment.device_index == index for each in there):
        message = f"Instance '{instance.id}' already has an interface attached at device index '{index}'."
        raise CloudError("InvalidParameterValue", message)
    if len(there) >= MOST_INTERFACES:
        message = f"Interface count {len(there) + 1} exceeds the limit of {MOST_INTERFACES} for {instance.id}."
        raise CloudError("AttachmentLimitExceeded", message)
    if cloud.subnets[interface.subnet_id].vpc_id != cloud.subnets[instance.subnet_id].vpc_id:
        message = f"A lab attaches an interface within its VPC: {interface.id} and {instance.id} are in two VPCs."
        raise CloudError("UnsupportedOperation", message)
    if zones.of_subnet(cloud.subnets[interface.subnet_id]) != zones.of_subnet(cloud.subnets[instance.subnet_id]):
        message = "You may not attach a network interface to an instance if they are not in the same availability zone"
        raise CloudError("InvalidParameterCombination", message)
    attachment_id = f"{ids.NETWORK_INTERFACE_ATTACHMENT}-{settings.new_id()}"
    made = Attachment(attachment_id, instance.id, index, delete_on_termination, timestamp(settings.now()))
    return NETWORK_INTERFACE.put(cloud, replace(interface, attachment=made)), made


def check_available(interface: NetworkInterface) -> None:
    """Raise CloudError if an instance has the interface."""
    if interface.attachment is not None:
        raise CloudError("InvalidNetworkInterface.InUse", f"Interface: [{interface.id}] in use.")


def detach(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Detach an interface from its instance. The primary one cannot be detached.

    A lab remembers the attachment: Terraform waits until a describe by its id says `detached`.
    """
    interface = attached_by(cloud, request["AttachmentId"])
    if is_primary(interface):
        message = "The network interface at device index 0 and networkCard index 0 cannot be detached."
        raise CloudError("OperationNotPermitted", message)
    assert interface.attachment is not None, interface.id
    gone = DetachedInterface(interface.attachment, interface.id, settings.now())
    kept = {each.attachment.id: each for each in (*ended(cloud, settings), gone)[-_REMEMBERED:]}
    cloud = replace(cloud, detached_interfaces=kept)
    return Reply(NETWORK_INTERFACE.put(cloud, replace(interface, attachment=None)), {})


def ended(cloud: Cloud, settings: Settings) -> tuple[DetachedInterface, ...]:
    """Return the attachments that ended a short time ago."""
    oldest = settings.now() - _REMEMBERED_FOR
    return tuple(each for each in cloud.detached_interfaces.values() if each.detached_at > oldest)


def attached_by(cloud: Cloud, wanted: str) -> NetworkInterface:
    """Return the interface whose attachment has the id. Raises CloudError with AWS's code."""
    if ids.kind_of(wanted) != ids.NETWORK_INTERFACE_ATTACHMENT:
        expected = f'expecting "{ids.NETWORK_INTERFACE_ATTACHMENT}-..."'
        raise CloudError("InvalidAttachmentId.Malformed", f'Invalid id: "{shorten(wanted)}" ({expected})')
    for each in interfaces(cloud).values():
        if each.attachment is not None and each.attachment.id == wanted:
            return each
    raise CloudError("InvalidAttachmentID.NotFound", f"The attachment ID '{wanted}' does not exist")


def without_interfaces(cloud: Cloud, instance: Instance) -> Cloud:
    """Return the cloud in which the interfaces of an instance that goes are deleted, or kept and available.

    The instance itself is still there, and so is its primary interface if it is to be deleted.
    """
    for each in of_instance(cloud, instance):
        if each.attachment is not None and not each.attachment.delete_on_termination:
            cloud = NETWORK_INTERFACE.put(cloud, replace(each, attachment=None, public_ip_address=None))
        elif each.id != primary(instance).id:
            cloud = NETWORK_INTERFACE.without(cloud, each.id)
    return cloud

"""Attributes of network interfaces: ModifyNetworkInterfaceAttribute, its reset, and DescribeNetworkInterfaceAttribute.

Only the security groups of an instance's primary interface decide about packets. All others are recorded.
Source: AWS, API_ModifyNetworkInterfaceAttribute, API_DescribeNetworkInterfaceAttribute.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from eigw_ns.cloud.ec2 import interface_shapes
from eigw_ns.cloud.ec2.checks import invalid, missing
from eigw_ns.cloud.ec2.interface_attachments import attached_by
from eigw_ns.cloud.ec2.interface_groups import requested_groups
from eigw_ns.cloud.ec2.interface_texts import check_description
from eigw_ns.cloud.ec2.resources import NETWORK_INTERFACE
from eigw_ns.cloud.ec2.schema import Reply, Request, Shape
from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.interface_records import NetworkInterface
from eigw_ns.cloud.model import Cloud
from eigw_ns.cloud.words import shorten
from eigw_ns.errors import CloudError


def modify(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Change one attribute of an interface. A change of the groups of a primary one decides about packets at once."""
    interface = NETWORK_INTERFACE.find(cloud, request["NetworkInterfaceId"])
    after = _changed(cloud, interface, request, settings)
    return Reply(cloud if after == interface else NETWORK_INTERFACE.put(cloud, after), {})


def _changed(cloud: Cloud, interface: NetworkInterface, request: Request, settings: Settings) -> NetworkInterface:
    name = _attribute(request)
    if name == "Groups":
        subnet = cloud.subnets[interface.subnet_id]
        return replace(interface, security_group_ids=requested_groups(cloud, subnet, request["Groups"], settings))
    if name == "Attachment":
        return _with_attachment(cloud, interface, request["Attachment"])
    if name == "EnablePrimaryIpv6":
        return _with_primary_ipv6(interface, wanted=request["EnablePrimaryIpv6"])
    value = request[name].get("Value")
    if value is None:
        raise missing(f"{name}.Value")
    if name == "Description":
        return replace(interface, description=check_description(value))
    return replace(interface, source_dest_check=value)


def _attribute(request: Request) -> str:
    """Return the name of the one attribute of the request."""
    names = ("Attachment", "Description", "EnablePrimaryIpv6", "Groups", "SourceDestCheck")
    given = [name for name in names if request.get(name) not in (None, [], {})]
    if not given:
        raise CloudError("InvalidParameterCombination", "No attributes specified.")
    if len(given) > 1:
        message = f"Fields for multiple attribute types specified: {', '.join(given)}"
        raise CloudError("InvalidParameterCombination", message)
    return given[0]


def _with_attachment(cloud: Cloud, interface: NetworkInterface, given: Request) -> NetworkInterface:
    if not given.get("AttachmentId"):
        raise missing("Attachment.AttachmentId")
    if given.get("DeleteOnTermination") is None:
        raise missing("Attachment.DeleteOnTermination")
    attached = attached_by(cloud, given["AttachmentId"])
    if attached.id != interface.id or interface.attachment is None:
        message = f"The attachment '{given['AttachmentId']}' is not one of the interface '{interface.id}'."
        raise invalid(message)
    made = replace(interface.attachment, delete_on_termination=given["DeleteOnTermination"])
    return replace(interface, attachment=made)


def _with_primary_ipv6(interface: NetworkInterface, *, wanted: bool) -> NetworkInterface:
    """Return the interface with its first IPv6 address as the primary one, which AWS never takes back."""
    if interface.primary_ipv6 and not wanted:
        raise invalid(f"The primary IPv6 address of the interface '{interface.id}' cannot be disabled.")
    return replace(interface, primary_ipv6=wanted)


def reset(cloud: Cloud, request: Request, _settings: Settings) -> Reply:
    """Set the source/destination check of an interface to true, its default. No other attribute can be reset."""
    interface = NETWORK_INTERFACE.find(cloud, request["NetworkInterfaceId"])
    if "SourceDestCheck" not in request:
        raise CloudError("InvalidParameterCombination", "No attributes specified.")
    after = replace(interface, source_dest_check=True)
    return Reply(cloud if after == interface else NETWORK_INTERFACE.put(cloud, after), {})


def describe(cloud: Cloud, request: Request, _settings: Settings) -> Reply:
    """Describe one attribute of an interface."""
    interface, wanted = NETWORK_INTERFACE.find(cloud, request["NetworkInterfaceId"]), request.get("Attribute")
    if not wanted:
        raise missing("Attribute")
    found = _attributes(cloud, interface)
    if wanted not in found:
        listed = ", ".join(found)
        raise invalid(f"Value ({shorten(wanted)}) for parameter attribute is invalid. It must be one of {listed}.")
    return Reply(cloud, {"NetworkInterfaceId": interface.id, **found[wanted]})


def _attributes(cloud: Cloud, interface: NetworkInterface) -> dict[str, Shape]:
    """Return the answer for each attribute."""
    attached: dict[str, Any] = {}
    if interface.attachment is not None:
        attached = {"Attachment": interface_shapes.owned_attachment(interface.attachment)}
    return {
        "description": {"Description": {"Value": interface.description}},
        "groupSet": {"Groups": interface_shapes.group_identifiers(cloud, interface.security_group_ids)},
        "sourceDestCheck": {"SourceDestCheck": {"Value": interface.source_dest_check}},
        "attachment": attached,
        "associatePublicIpAddress": {"AssociatePublicIpAddress": interface.public_ip_address is not None},
    }

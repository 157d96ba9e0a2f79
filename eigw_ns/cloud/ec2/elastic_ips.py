"""Allocate-, Associate-, Disassociate-, Release- and DescribeAddress(es), DescribeAddressesAttribute.

Elastic IP addresses are recorded: the lab forwards no IPv4.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import AddressValueError, IPv4Address

from eigw_ns.cloud import ids
from eigw_ns.cloud.ec2 import recorded_shapes, tags
from eigw_ns.cloud.ec2.checks import invalid, missing, one_of
from eigw_ns.cloud.ec2.describing import Listing
from eigw_ns.cloud.ec2.filters import TAG_FILTERS, KnownFilters
from eigw_ns.cloud.ec2.resources import ELASTIC_IP, INSTANCE, NETWORK_INTERFACE
from eigw_ns.cloud.ec2.schema import Reply, Request
from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.interfaces import is_primary
from eigw_ns.cloud.ipv4_addresses import association_id, free_public, nat_gateway_id, public_in_use
from eigw_ns.cloud.model import Cloud, Instance
from eigw_ns.cloud.recorded import ElasticIp, ElasticIpAssociation
from eigw_ns.cloud.words import shorten
from eigw_ns.errors import CloudError

_LISTING = Listing(
    "Addresses",
    lambda shape: str(shape["AllocationId"]),
    KnownFilters(
        {
            "allocation-id": "AllocationId",
            "association-id": "AssociationId",
            "domain": "Domain",
            "instance-id": "InstanceId",
            "network-border-group": "NetworkBorderGroup",
            "network-interface-id": "NetworkInterfaceId",
            "network-interface-owner-id": "NetworkInterfaceOwnerId",
            "private-ip-address": "PrivateIpAddress",
            "public-ip": "PublicIp",
            **TAG_FILTERS,
        }
    ),
)

_ATTRIBUTES = Listing("Addresses", lambda shape: str(shape["AllocationId"]), KnownFilters({}, tags=()))

_AMAZON = "amazon"
"""The pool of addresses that Amazon owns."""


def allocate(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Allocate an elastic IP address: the given one, or the first free one."""
    tagged = tags.specified(request, ELASTIC_IP, settings)
    if request.get("Domain", "vpc") != "vpc":
        raise invalid(f"Invalid value '{shorten(request['Domain'])}' for domain. Only vpc is supported.")
    if request.get("PublicIpv4Pool", _AMAZON) != _AMAZON:
        pool = shorten(request["PublicIpv4Pool"])
        raise CloudError("InvalidPublicIpv4PoolID.NotFound", f"The public IPv4 pool ID '{pool}' does not exist")
    _check_border_group(request, settings)
    quota = settings.quotas.elastic_ips_per_region
    if len(cloud.elastic_ips) >= quota:
        message = f"The maximum number of addresses has been reached ({quota})."
        raise CloudError("AddressLimitExceeded", message)
    allocation_id = ELASTIC_IP.new_id(cloud, settings)
    address = ElasticIp(allocation_id, allocation_id, _public_ip(cloud, request), tags=tagged)
    return Reply(ELASTIC_IP.put(cloud, address), recorded_shapes.allocated(address))


def _check_border_group(request: Request, settings: Settings) -> None:
    group = request.get("NetworkBorderGroup") or settings.region
    if group != settings.region:
        raise invalid(f"The network border group '{shorten(group)}' is not valid. Expecting {settings.region}.")


def _public_ip(cloud: Cloud, request: Request) -> IPv4Address:
    taken = public_in_use(cloud)
    if request.get("Address"):
        wanted = _parsed(request["Address"])
        if wanted in taken:
            raise CloudError("InvalidAddress.InUse", f"Address '{wanted}' is already allocated.")
        return wanted
    found = next(free_public(taken), None)
    if found is None:
        raise CloudError("InsufficientAddressCapacity", "Not enough elastic IP addresses are available")
    return found


def _parsed(text: str) -> IPv4Address:
    try:
        return IPv4Address(text)
    except AddressValueError:
        raise CloudError("InvalidAddress.Malformed", f"Address '{shorten(text)}' is not valid.") from None


def describe(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Describe elastic IP addresses, by id or by address, or all."""
    found = ELASTIC_IP.select(cloud, request.get("AllocationIds", []))
    wanted = [_by_public_ip(cloud, text) for text in request.get("PublicIps", [])]
    shown = [each for each in found if not wanted or each in wanted]
    return _LISTING.reply(cloud, (recorded_shapes.address(cloud, each) for each in shown), request, settings)


def _by_public_ip(cloud: Cloud, text: str) -> ElasticIp:
    wanted = _parsed(text)
    found = next((each for each in cloud.elastic_ips.values() if each.public_ip == wanted), None)
    if found is None:
        raise CloudError("InvalidAddress.NotFound", f"Address '{wanted}' not found.")
    return found


def describe_attribute(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Describe the reverse DNS names of elastic IP addresses, of which none has one."""
    if request.get("Attribute", "domain-name") != "domain-name":
        raise invalid(f"Invalid value '{shorten(request['Attribute'])}' for attribute. Expecting domain-name.")
    found = ELASTIC_IP.select(cloud, request.get("AllocationIds", []))
    shapes = ({"PublicIp": str(each.public_ip), "AllocationId": each.id} for each in found)
    return _ATTRIBUTES.reply(cloud, shapes, request, settings)


def associate(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Associate an elastic IP address with an instance. An address that the instance had is disassociated."""
    if request.get("PublicIp") and not request.get("AllocationId"):
        message = "You must specify an allocation id when mapping an address to a VPC instance"
        raise CloudError("InvalidParameterCombination", message)
    if not request.get("AllocationId"):
        raise missing("AllocationId")
    address = ELASTIC_IP.find(cloud, request["AllocationId"])
    instance = _instance(cloud, request)
    known = address.association
    if known is not None and known.instance_id == instance.id:
        return Reply(cloud, {"AssociationId": known.id})
    _check_free(cloud, address, may_move=request.get("AllowReassociation", True))
    made = ElasticIpAssociation(f"{ids.ELASTIC_IP_ASSOCIATION}-{settings.new_id()}", instance.id)
    return Reply(
        ELASTIC_IP.put(without_instance(cloud, instance.id), replace(address, association=made)),
        {"AssociationId": made.id},
    )


def _instance(cloud: Cloud, request: Request) -> Instance:
    if one_of(request, "InstanceId", "NetworkInterfaceId") == "InstanceId":
        return INSTANCE.find(cloud, request["InstanceId"])
    interface = NETWORK_INTERFACE.find(cloud, request["NetworkInterfaceId"])
    if interface.attachment is None or not is_primary(interface):
        message = f"The interface '{interface.id}' is not the primary interface of an instance."
        hint = "a lab records elastic IP addresses of primary interfaces only: launch an instance with the interface"
        raise CloudError("UnsupportedOperation", message, hint=hint)
    return cloud.instances[interface.attachment.instance_id]


def _check_free(cloud: Cloud, address: ElasticIp, *, may_move: bool) -> None:
    gateway = nat_gateway_id(cloud, address)
    if gateway is not None:
        raise CloudError("InvalidIPAddress.InUse", f"Address {address.public_ip} is in use by {gateway}.")
    if address.association is not None and not may_move:
        message = f"resource {address.id} is already associated with associate-id {address.association.id}"
        raise CloudError("Resource.AlreadyAssociated", message)


def without_instance(cloud: Cloud, instance_id: str) -> Cloud:
    """Return the cloud in which the instance has no elastic IP address."""
    found = (each for each in cloud.elastic_ips.values() if each.association)
    freed = [
        replace(each, association=None)
        for each in found
        if each.association is not None and each.association.instance_id == instance_id
    ]
    return ELASTIC_IP.put(cloud, *freed) if freed else cloud


def disassociate(cloud: Cloud, request: Request, _settings: Settings) -> Reply:
    """Disassociate an elastic IP address from its instance."""
    if one_of(request, "AssociationId", "PublicIp") == "PublicIp":
        address = _by_public_ip(cloud, request["PublicIp"])
    else:
        address = _by_association(cloud, request["AssociationId"])
    gateway = nat_gateway_id(cloud, address)
    if gateway is not None:
        hint = f"delete the NAT gateway {gateway}, which has the address"
        raise CloudError("AuthFailure", "You do not have permission to access the specified resource.", hint=hint)
    if address.association is None:
        return Reply(cloud, {})
    return Reply(ELASTIC_IP.put(cloud, replace(address, association=None)), {})


def _by_association(cloud: Cloud, wanted: str) -> ElasticIp:
    found = next((each for each in cloud.elastic_ips.values() if association_id(cloud, each) == wanted), None)
    if found is None:
        raise CloudError("InvalidAssociationID.NotFound", f"The association ID '{shorten(wanted)}' does not exist")
    return found


def release(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Release an elastic IP address. It must be associated with nothing."""
    if request.get("PublicIp") and not request.get("AllocationId"):
        raise invalid("You must specify an allocation id when releasing a VPC elastic IP address")
    if not request.get("AllocationId"):
        raise missing("AllocationId")
    address = ELASTIC_IP.find(cloud, request["AllocationId"])
    _check_border_group(request, settings)
    if association_id(cloud, address) is not None:
        raise CloudError("InvalidIPAddress.InUse", f"Address {address.public_ip} is in use.")
    return Reply(ELASTIC_IP.without(cloud, address.id), {})

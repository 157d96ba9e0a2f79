"""CreateNatGateway, DescribeNatGateways, DeleteNatGateway.

NAT gateways are recorded. A route to one drops packets, so that they do not leave by a wider route instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import AddressValueError, IPv4Address

from eigw_ns.cloud.addressing import is_reserved
from eigw_ns.cloud.ec2 import recorded_shapes, tags, zones
from eigw_ns.cloud.ec2.checks import invalid, missing
from eigw_ns.cloud.ec2.describing import Listing
from eigw_ns.cloud.ec2.filters import TAG_FILTERS, KnownFilters
from eigw_ns.cloud.ec2.resources import ELASTIC_IP, NAT_GATEWAY, SUBNET
from eigw_ns.cloud.ec2.schema import Reply, Request, Shape
from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.ec2.times import timestamp
from eigw_ns.cloud.ipv4_addresses import association_id, free_from_the_end, used
from eigw_ns.cloud.model import Cloud, Subnet
from eigw_ns.cloud.recorded import DeletedNatGateway, NatGateway
from eigw_ns.cloud.words import shorten
from eigw_ns.errors import CloudError

_PUBLIC, _PRIVATE = "public", "private"

_REMEMBERED_FOR, _REMEMBERED = 3600, 100
"""For how many seconds a deleted gateway is shown, and how many of them at most.

AWS shows one for about an hour. Programs that delete a gateway ask afterwards for its state.
"""

_LISTING = Listing(
    "NatGateways",
    lambda shape: str(shape["NatGatewayId"]),
    KnownFilters(
        {
            "nat-gateway-id": "NatGatewayId",
            "state": "State",
            "subnet-id": "SubnetId",
            **TAG_FILTERS,
            "vpc-id": "VpcId",
        }
    ),
)


def create(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Create a NAT gateway. A public one needs an elastic IP address."""
    tagged = tags.specified(request, NAT_GATEWAY, settings)
    if request.get("AvailabilityMode", "zonal") != "zonal":
        raise invalid("A NAT gateway of a lab is zonal: AvailabilityMode must be zonal.")
    if not request.get("SubnetId"):
        raise missing("SubnetId")
    subnet = SUBNET.find(cloud, request["SubnetId"])
    _check_quota(cloud, subnet, settings)
    gateway_id = NAT_GATEWAY.new_id(cloud, settings)
    gateway = NatGateway(
        gateway_id,
        gateway_id,
        subnet.vpc_id,
        subnet.id,
        allocation_id=_allocation(cloud, request),
        private_ip_address=_private_ip(cloud, subnet, request),
        created=timestamp(settings.now()),
        tags=tagged,
    )
    return Reply(NAT_GATEWAY.put(cloud, gateway), {"NatGateway": recorded_shapes.nat_gateway(cloud, gateway)})


def _check_quota(cloud: Cloud, subnet: Subnet, settings: Settings) -> None:
    quota, zone = settings.quotas.nat_gateways_per_availability_zone, zones.of_subnet(subnet)
    there = (zones.of_subnet(cloud.subnets[each.subnet_id]) for each in cloud.nat_gateways.values())
    if sum(each == zone for each in there) >= quota:
        message = f"The maximum number of NAT gateways in {zone} has been reached ({quota})."
        raise CloudError("NatGatewayLimitExceeded", message)


def _allocation(cloud: Cloud, request: Request) -> str | None:
    """Return the id of the elastic IP address that a public gateway gets, and None for a private one."""
    kind, allocation_id = request.get("ConnectivityType", _PUBLIC), request.get("AllocationId")
    if kind not in (_PUBLIC, _PRIVATE):
        raise invalid(f"Invalid value '{shorten(kind)}' for connectivityType. Expecting public or private.")
    if kind == _PRIVATE:
        if allocation_id:
            message = "An AllocationId cannot be specified for a private NAT gateway."
            raise CloudError("InvalidParameterCombination", message)
        return None
    if not allocation_id:
        raise missing("AllocationId")
    address = ELASTIC_IP.find(cloud, allocation_id)
    if association_id(cloud, address) is not None:
        message = f"Elastic IP address [{address.id}] is already associated"
        raise CloudError("Resource.AlreadyAssociated", message)
    return address.id


def _private_ip(cloud: Cloud, subnet: Subnet, request: Request) -> IPv4Address | None:
    """Return the given address, or a free one of the subnet. None if the subnet has no IPv4 block."""
    block, taken, given = subnet.cidr_block, used(cloud, subnet.id), request.get("PrivateIpAddress")
    if given:
        try:
            address = IPv4Address(given)
        except AddressValueError:
            raise invalid(f"invalid value for parameter address: {shorten(given)}") from None
        if block is None or address not in block or is_reserved(block, address):
            raise invalid("Address does not fall within the subnet's address range")
        if address in taken:
            raise CloudError("InvalidIPAddress.InUse", f"Address {address} is in use.")
        return address
    if block is None:
        return None
    found = next(free_from_the_end(block, taken), None)
    if found is None:
        message = f"There are not enough free addresses in subnet '{subnet.id}'."
        raise CloudError("InsufficientFreeAddressesInSubnet", message)
    return found


def describe(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Describe NAT gateways, also those that were deleted within the last hour."""
    living, gone = _select(cloud, request.get("NatGatewayIds", []), settings)
    shapes: list[Shape] = [recorded_shapes.nat_gateway(cloud, each) for each in living]
    shapes += [recorded_shapes.deleted_nat_gateway(cloud, each) for each in gone]
    asked = {**request, "Filters": request.get("Filter", [])}
    return _LISTING.reply(cloud, shapes, asked, settings)


def _select(
    cloud: Cloud, wanted: Sequence[str], settings: Settings
) -> tuple[list[NatGateway], tuple[DeletedNatGateway, ...]]:
    gone = _remembered(cloud, settings)
    shown = tuple(each for each in gone if not wanted or each.gateway.id in wanted)
    others = [each for each in wanted if all(each != known.gateway.id for known in shown)]
    return (NAT_GATEWAY.select(cloud, others) if others or not wanted else []), shown


def _remembered(cloud: Cloud, settings: Settings) -> tuple[DeletedNatGateway, ...]:
    oldest = settings.now() - _REMEMBERED_FOR
    return tuple(each for each in cloud.deleted_nat_gateways.values() if each.deleted_at > oldest)


def delete(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Delete a NAT gateway. Routes to it remain, in state blackhole. Its elastic IP address remains allocated."""
    gateway = NAT_GATEWAY.find(cloud, request["NatGatewayId"])
    gone = (*_remembered(cloud, settings), DeletedNatGateway(gateway, settings.now()))
    remembered = {each.gateway.id: each for each in gone[-_REMEMBERED:]}
    left = NAT_GATEWAY.without(cloud, gateway.id)
    return Reply(replace(left, deleted_nat_gateways=remembered), {"NatGatewayId": gateway.id})

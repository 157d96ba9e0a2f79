"""Create-, Describe-, Attach-, Detach- and DeleteInternetGateway(s)."""

from __future__ import annotations

from dataclasses import replace

from eigw_ns.cloud.ec2 import shapes, tags
from eigw_ns.cloud.ec2.checks import invalid
from eigw_ns.cloud.ec2.describing import Listing
from eigw_ns.cloud.ec2.filters import TAG_FILTERS, KnownFilters
from eigw_ns.cloud.ec2.resources import INTERNET_GATEWAY, VPC
from eigw_ns.cloud.ec2.schema import Reply, Request
from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.ipv4_addresses import has_public_addresses
from eigw_ns.cloud.model import Cloud, InternetGateway
from eigw_ns.errors import CloudError

_LISTING = Listing(
    "InternetGateways",
    lambda shape: str(shape["InternetGatewayId"]),
    KnownFilters(
        {
            "attachment.state": "Attachments.State",
            "attachment.vpc-id": "Attachments.VpcId",
            "internet-gateway-id": "InternetGatewayId",
            "owner-id": "OwnerId",
            **TAG_FILTERS,
        }
    ),
)


def create(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Create an internet gateway that is not attached to a VPC."""
    tagged = tags.specified(request, INTERNET_GATEWAY, settings)
    quota = settings.quotas.internet_gateways_per_region
    if len(cloud.internet_gateways) >= quota:
        message = f"The maximum number of internet gateways has been reached ({quota})."
        raise CloudError("InternetGatewayLimitExceeded", message)
    gateway_id = INTERNET_GATEWAY.new_id(cloud, settings)
    gateway = InternetGateway(gateway_id, gateway_id, None, tags=tagged)
    answer = {"InternetGateway": shapes.internet_gateway(gateway)}
    return Reply(INTERNET_GATEWAY.put(cloud, gateway), answer)


def attach(cloud: Cloud, request: Request, _settings: Settings) -> Reply:
    """Attach an internet gateway to a VPC. Routes to it change from blackhole to active."""
    gateway = INTERNET_GATEWAY.find(cloud, request["InternetGatewayId"])
    vpc = VPC.find(cloud, request["VpcId"])
    if gateway.vpc_id is not None:
        message = f"resource {gateway.id} is already attached to network {gateway.vpc_id}"
        raise CloudError("Resource.AlreadyAssociated", message)
    if any(each.vpc_id == vpc.id for each in cloud.internet_gateways.values()):
        raise invalid(f"Network {vpc.id} already has an internet gateway attached")
    return Reply(INTERNET_GATEWAY.put(cloud, replace(gateway, vpc_id=vpc.id)), {})


def detach(cloud: Cloud, request: Request, _settings: Settings) -> Reply:
    """Detach an internet gateway from its VPC. Routes to it remain, in state blackhole."""
    gateway = INTERNET_GATEWAY.find(cloud, request["InternetGatewayId"])
    vpc = VPC.find(cloud, request["VpcId"])
    if gateway.vpc_id != vpc.id:
        raise CloudError("Gateway.NotAttached", f"resource {gateway.id} is not attached to network {vpc.id}")
    if has_public_addresses(cloud, vpc.id):
        problem = f"Network {vpc.id} has some mapped public address(es)."
        solution = "Please unmap those public address(es) before detaching the gateway."
        raise CloudError("DependencyViolation", f"{problem} {solution}")
    return Reply(INTERNET_GATEWAY.put(cloud, replace(gateway, vpc_id=None)), {})


def delete(cloud: Cloud, request: Request, _settings: Settings) -> Reply:
    """Delete an internet gateway. It must be detached."""
    gateway = INTERNET_GATEWAY.find(cloud, request["InternetGatewayId"])
    if gateway.vpc_id is not None:
        message = f"The internetGateway '{gateway.id}' has dependencies and cannot be deleted."
        raise CloudError("DependencyViolation", message)
    return Reply(INTERNET_GATEWAY.without(cloud, gateway.id), {})


def describe(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Describe internet gateways."""
    found = INTERNET_GATEWAY.select(cloud, request.get("InternetGatewayIds", []))
    return _LISTING.reply(cloud, map(shapes.internet_gateway, found), request, settings)

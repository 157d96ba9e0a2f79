"""CreateEgressOnlyInternetGateway, DescribeEgressOnlyInternetGateways, DeleteEgressOnlyInternetGateway."""

from __future__ import annotations

from eigw_ns.cloud.ec2 import shapes, tags
from eigw_ns.cloud.ec2.describing import Listing
from eigw_ns.cloud.ec2.filters import TAG_FILTERS, KnownFilters
from eigw_ns.cloud.ec2.resources import EGRESS_ONLY_INTERNET_GATEWAY, VPC
from eigw_ns.cloud.ec2.schema import Reply, Request
from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.model import Cloud, EgressOnlyInternetGateway
from eigw_ns.errors import CloudError

_LISTING = Listing(
    "EgressOnlyInternetGateways",
    lambda shape: str(shape["EgressOnlyInternetGatewayId"]),
    # AWS ignores attachment.vpc-id here: scripts that used it deleted every gateway of a Region.
    KnownFilters(TAG_FILTERS, ignores_unknown=True),
    most=255,
)


def create(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Create an egress-only internet gateway that is attached to its VPC.

    AWS documents no error code for the quotas of these gateways.
    """
    vpc = VPC.find(cloud, request["VpcId"])
    tagged = tags.specified(request, EGRESS_ONLY_INTERNET_GATEWAY, settings)
    gateways = cloud.egress_only_internet_gateways.values()
    quotas = settings.quotas
    if sum(each.vpc_id == vpc.id for each in gateways) >= quotas.egress_only_internet_gateways_per_vpc:
        raise _over_quota(f"for VPC '{vpc.id}'", quotas.egress_only_internet_gateways_per_vpc)
    if len(gateways) >= quotas.egress_only_internet_gateways_per_region:
        raise _over_quota("in this Region", quotas.egress_only_internet_gateways_per_region)
    gateway_id = EGRESS_ONLY_INTERNET_GATEWAY.new_id(cloud, settings)
    gateway = EgressOnlyInternetGateway(gateway_id, gateway_id, vpc.id, tags=tagged)
    answer = {"EgressOnlyInternetGateway": shapes.egress_only_internet_gateway(gateway)}
    return Reply(EGRESS_ONLY_INTERNET_GATEWAY.put(cloud, gateway), answer)


def _over_quota(where: str, quota: int) -> CloudError:
    message = f"The maximum number of egress-only internet gateways {where} has been reached ({quota})."
    return CloudError("ResourceLimitExceeded", message)


def describe(cloud: Cloud, request: Request, settings: Settings) -> Reply:
    """Describe egress-only internet gateways. As in AWS, an unknown id is left out and is not an error."""
    wanted = request.get("EgressOnlyInternetGatewayIds", [])
    found = EGRESS_ONLY_INTERNET_GATEWAY.select(cloud, wanted, absent_is_empty=True)
    return _LISTING.reply(cloud, map(shapes.egress_only_internet_gateway, found), request, settings)


def delete(cloud: Cloud, request: Request, _settings: Settings) -> Reply:
    """Delete an egress-only internet gateway. Routes to it remain, in state blackhole."""
    gateway = EGRESS_ONLY_INTERNET_GATEWAY.find(cloud, request["EgressOnlyInternetGatewayId"])
    return Reply(EGRESS_ONLY_INTERNET_GATEWAY.without(cloud, gateway.id), {"ReturnCode": True})

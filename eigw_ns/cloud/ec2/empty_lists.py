"""Describe actions for kinds of resources that a lab does not have. Programs ask for them beside those that it has.

The answer is an empty list. An id that is asked for does not exist.
"""

from __future__ import annotations

from eigw_ns.cloud.aws_words import lacking_id
from eigw_ns.cloud.ec2.describing import Listing
from eigw_ns.cloud.ec2.filters import ABSENT, TAG_FILTERS, KnownFilters
from eigw_ns.cloud.ec2.schema import Function, Reply, Request
from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.model import Cloud
from eigw_ns.cloud.words import shorten
from eigw_ns.errors import CloudError
from eigw_ns.frozen import frozen


@frozen
class Lacked:
    """A kind of resource that a lab does not have, and how its describe action answers.

    `members` are the lists in the answer, `ids` the parameter that selects by id, and `not_found` AWS's error code.
    `filters` are the names that AWS documents, without those for tags. `filter_parameter` gives them.
    """

    plural: str
    members: tuple[str, ...]
    ids: str = ""
    not_found: str = ""
    filters: str = ""
    filter_parameter: str = "Filters"


LACKED = {
    "DescribeVpcPeeringConnections": Lacked(
        "VPC peering connections",
        ("VpcPeeringConnections",),
        "VpcPeeringConnectionIds",
        "InvalidVpcPeeringConnectionID.NotFound",
        "accepter-vpc-info.cidr-block accepter-vpc-info.owner-id accepter-vpc-info.vpc-id expiration-time"
        " requester-vpc-info.cidr-block requester-vpc-info.owner-id requester-vpc-info.vpc-id status-code"
        " status-message vpc-peering-connection-id",
    ),
    "DescribeVpcEndpoints": Lacked(
        "VPC endpoints",
        ("VpcEndpoints",),
        "VpcEndpointIds",
        "InvalidVpcEndpointId.NotFound",
        "ip-address-type service-name service-region vpc-endpoint-id vpc-endpoint-state vpc-endpoint-type vpc-id",
    ),
    "DescribeVpcEndpointServices": Lacked(
        "VPC endpoint services",
        ("ServiceNames", "ServiceDetails"),
        "ServiceNames",
        "InvalidServiceName",
        "owner service-name service-region service-type supported-ip-address-types",
    ),
    "DescribeVpnGateways": Lacked(
        "virtual private gateways",
        ("VpnGateways",),
        "VpnGatewayIds",
        "InvalidVpnGatewayID.NotFound",
        "amazon-side-asn attachment.state attachment.vpc-id availability-zone state type vpn-gateway-id",
    ),
    "DescribeCustomerGateways": Lacked(
        "customer gateways",
        ("CustomerGateways",),
        "CustomerGatewayIds",
        "InvalidCustomerGatewayID.NotFound",
        "bgp-asn customer-gateway-id ip-address state type",
    ),
    "DescribeVpnConnections": Lacked(
        "VPN connections",
        ("VpnConnections",),
        "VpnConnectionIds",
        "InvalidVpnConnectionID.NotFound",
        "bgp-asn customer-gateway-configuration customer-gateway-id option.static-routes-only"
        " route.destination-cidr-block state transit-gateway-id type vpn-connection-id vpn-gateway-id",
    ),
    "DescribeTransitGateways": Lacked(
        "transit gateways",
        ("TransitGateways",),
        "TransitGatewayIds",
        "InvalidTransitGatewayID.NotFound",
        "options.amazon-side-asn options.association-default-route-table-id options.auto-accept-shared-attachments"
        " options.default-route-table-association options.default-route-table-propagation options.dns-support"
        " options.propagation-default-route-table-id options.vpn-ecmp-support owner-id state transit-gateway-id",
    ),
    "DescribeTransitGatewayVpcAttachments": Lacked(
        "attachments of VPCs to transit gateways",
        ("TransitGatewayVpcAttachments",),
        "TransitGatewayAttachmentIds",
        "InvalidTransitGatewayAttachmentID.NotFound",
        "state transit-gateway-attachment-id transit-gateway-id vpc-id",
    ),
    "DescribeTransitGatewayAttachments": Lacked(
        "attachments to transit gateways",
        ("TransitGatewayAttachments",),
        "TransitGatewayAttachmentIds",
        "InvalidTransitGatewayAttachmentID.NotFound",
        "association.state association.transit-gateway-route-table-id resource-id resource-owner-id resource-type"
        " state transit-gateway-attachment-id transit-gateway-id transit-gateway-owner-id",
    ),
    "DescribeTransitGatewayPeeringAttachments": Lacked(
        "peering attachments of transit gateways",
        ("TransitGatewayPeeringAttachments",),
        "TransitGatewayAttachmentIds",
        "InvalidTransitGatewayAttachmentID.NotFound",
        "local-owner-id remote-owner-id state transit-gateway-attachment-id transit-gateway-id",
    ),
    "DescribeFlowLogs": Lacked(
        "flow logs",
        ("FlowLogs",),
        "FlowLogIds",
        "InvalidFlowLogId.NotFound",
        "deliver-log-status flow-log-id log-destination-type log-group-name resource-id traffic-type",
        "Filter",
    ),
    "DescribeCarrierGateways": Lacked(
        "carrier gateways",
        ("CarrierGateways",),
        "CarrierGatewayIds",
        "InvalidCarrierGatewayID.NotFound",
        "carrier-gateway-id owner-id state vpc-id",
    ),
    "DescribeLocalGateways": Lacked(
        "local gateways",
        ("LocalGateways",),
        "LocalGatewayIds",
        "InvalidLocalGatewayID.NotFound",
        "local-gateway-id outpost-arn owner-id state",
    ),
    "DescribeVpcClassicLink": Lacked(
        "VPCs with ClassicLink", ("Vpcs",), "VpcIds", "InvalidVpcID.NotFound", "is-classic-link-enabled"
    ),
    "DescribeVpcClassicLinkDnsSupport": Lacked(
        "VPCs with DNS support for ClassicLink", ("Vpcs",), "VpcIds", "InvalidVpcID.NotFound", filter_parameter=""
    ),
    "DescribeIpv6Pools": Lacked("IPv6 address pools", ("Ipv6Pools",), "PoolIds", "InvalidIpv6PoolID.NotFound"),
    "DescribePublicIpv4Pools": Lacked(
        "IPv4 address pools", ("PublicIpv4Pools",), "PoolIds", "InvalidPublicIpv4PoolID.NotFound"
    ),
    "DescribeByoipCidrs": Lacked("address ranges of the account's own", ("ByoipCidrs",), filter_parameter=""),
    "DescribeAddressTransfers": Lacked(
        "transfers of elastic IP addresses",
        ("AddressTransfers",),
        "AllocationIds",
        "InvalidAddressTransfer.NotFound",
        filter_parameter="",
    ),
    "DescribePrefixLists": Lacked(
        "prefix lists of AWS services",
        ("PrefixLists",),
        "PrefixListIds",
        "InvalidPrefixListID.NotFound",
        "prefix-list-id prefix-list-name",
    ),
}
"""Every kind, by its describe action."""


def describing(kind: Lacked) -> Function:
    """Return the function that describes the resources of a kind that a lab does not have."""
    known = {**dict.fromkeys(kind.filters.split(), ABSENT), **TAG_FILTERS}
    listing = Listing(kind.members[0], str, KnownFilters(known))

    def describe(cloud: Cloud, request: Request, settings: Settings) -> Reply:
        for wanted in request.get(kind.ids, []):
            raise _absent(kind, wanted)
        asked = {**request, "Filters": request.get(kind.filter_parameter, [])}
        reply = listing.reply(cloud, (), {**asked, "MaxResults": None}, settings)
        return Reply(cloud, {**{member: [] for member in kind.members}, **reply.answer})

    return describe


def _absent(kind: Lacked, wanted: str) -> CloudError:
    message = f"The ID '{shorten(wanted)}' does not exist: there are no {kind.plural}"
    return CloudError(kind.not_found, message, hint=lacking_id(wanted))

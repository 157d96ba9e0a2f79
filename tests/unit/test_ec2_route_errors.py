"""Requests about routes, route tables and associations that AWS refuses, each with its error code."""

from __future__ import annotations

import pytest

from tests.support.small_cloud import (
    ASSOCIATION,
    BARE_SUBNET,
    BARE_TABLE,
    EIGW,
    GONE,
    IGW,
    MAIN_ASSOCIATION,
    MAIN_TABLE,
    PRIVATE_TABLE,
    SPARE_IGW,
    SPARE_TABLE,
    SUBNET,
    Account,
    Case,
    Request,
    cases,
)

EVERYWHERE = {"DestinationIpv6CidrBlock": "::/0"}
TO_EIGW = {"EgressOnlyInternetGatewayId": EIGW}

ROUTES: list[Case] = [
    (what, code, action, {"RouteTableId": SPARE_TABLE, **request})
    for what, code, action, request in (
        ("no destination", "MissingParameter", "CreateRoute", TO_EIGW),
        ("no target", "MissingParameter", "CreateRoute", EVERYWHERE),
        ("two targets", "InvalidParameterCombination", "CreateRoute", {**EVERYWHERE, **TO_EIGW, "GatewayId": IGW}),
        (
            "two destinations",
            "InvalidParameterCombination",
            "CreateRoute",
            {**EVERYWHERE, **TO_EIGW, "DestinationCidrBlock": "0.0.0.0/0"},
        ),
        ("IPv4 to an eigw", "InvalidParameterValue", "CreateRoute", {"DestinationCidrBlock": "0.0.0.0/0", **TO_EIGW}),
        (
            "a malformed NAT gateway",
            "InvalidParameterValue",
            "CreateRoute",
            {"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": IGW},
        ),
        ("no prefix length", "InvalidParameterValue", "CreateRoute", {"DestinationIpv6CidrBlock": "::", **TO_EIGW}),
        (
            "a length over 128",
            "InvalidParameterValue",
            "CreateRoute",
            {"DestinationIpv6CidrBlock": "::/129", **TO_EIGW},
        ),
        ("IPv4 as IPv6", "InvalidParameterValue", "CreateRoute", {"DestinationIpv6CidrBlock": "0.0.0.0/0", **TO_EIGW}),
        ("a zone", "InvalidParameterValue", "CreateRoute", {"DestinationIpv6CidrBlock": "fd00::%1/64", **TO_EIGW}),
        (
            "the VPC's own block",
            "InvalidParameterValue",
            "CreateRoute",
            {"DestinationIpv6CidrBlock": "2600:1f16:aa0:5500::/56", **TO_EIGW},
        ),
        (
            "within the VPC's block",
            "InvalidParameterValue",
            "CreateRoute",
            {"DestinationIpv6CidrBlock": "2600:1f16:aa0:5501::/64", **TO_EIGW},
        ),
        (
            "AWS's own services",
            "InvalidParameterValue",
            "CreateRoute",
            {"DestinationIpv6CidrBlock": "fd00:ec2::253/128", **TO_EIGW},
        ),
        ("local as a target", "InvalidGatewayID.NotFound", "CreateRoute", {**EVERYWHERE, "GatewayId": "local"}),
        ("igw unknown", "InvalidGatewayID.NotFound", "CreateRoute", {**EVERYWHERE, "GatewayId": f"igw-{GONE}"}),
        ("an eigw as GatewayId", "InvalidGatewayID.NotFound", "CreateRoute", {**EVERYWHERE, "GatewayId": EIGW}),
        ("detached igw", "InvalidParameterValue", "CreateRoute", {**EVERYWHERE, "GatewayId": SPARE_IGW}),
        (
            "eigw of another VPC",
            "InvalidParameterValue",
            "CreateRoute",
            {"RouteTableId": BARE_TABLE, **EVERYWHERE, **TO_EIGW},
        ),
        (
            "another target for the same destination",
            "RouteAlreadyExists",
            "CreateRoute",
            {"RouteTableId": PRIVATE_TABLE, "DestinationIpv6CidrBlock": "::0/0", "GatewayId": IGW},
        ),
        ("replacing an unknown route", "InvalidParameterValue", "ReplaceRoute", {**EVERYWHERE, **TO_EIGW}),
        ("deleting an unknown route", "InvalidRoute.NotFound", "DeleteRoute", EVERYWHERE),
        ("deleting IPv4", "InvalidRoute.NotFound", "DeleteRoute", {"DestinationCidrBlock": "0.0.0.0/0"}),
        ("deleting nothing", "MissingParameter", "DeleteRoute", {}),
        (
            "deleting a part",
            "InvalidRoute.NotFound",
            "DeleteRoute",
            {"RouteTableId": PRIVATE_TABLE, "DestinationIpv6CidrBlock": "2000::/3"},
        ),
        (
            "deleting the local route",
            "InvalidParameterValue",
            "DeleteRoute",
            {"DestinationIpv6CidrBlock": "2600:1f16:aa0:5500::/56"},
        ),
    )
]

TABLES: list[Case] = [
    ("main table", "DependencyViolation", "DeleteRouteTable", {"RouteTableId": MAIN_TABLE}),
    ("table that a subnet uses", "DependencyViolation", "DeleteRouteTable", {"RouteTableId": PRIVATE_TABLE}),
    ("without a subnet or a gateway", "MissingParameter", "AssociateRouteTable", {"RouteTableId": SPARE_TABLE}),
    (
        "subnet and gateway",
        "InvalidParameterCombination",
        "AssociateRouteTable",
        {"RouteTableId": SPARE_TABLE, "SubnetId": SUBNET, "GatewayId": IGW},
    ),
    (
        "an eigw with a table",
        "InvalidParameterValue",
        "AssociateRouteTable",
        {"RouteTableId": SPARE_TABLE, "GatewayId": EIGW},
    ),
    (
        "associated already",
        "Resource.AlreadyAssociated",
        "AssociateRouteTable",
        {"RouteTableId": SPARE_TABLE, "SubnetId": SUBNET},
    ),
    (
        "subnet of another VPC",
        "InvalidParameterValue",
        "AssociateRouteTable",
        {"RouteTableId": SPARE_TABLE, "SubnetId": BARE_SUBNET},
    ),
    (
        "unknown subnet",
        "InvalidSubnetID.NotFound",
        "AssociateRouteTable",
        {"RouteTableId": SPARE_TABLE, "SubnetId": f"subnet-{GONE}"},
    ),
    (
        "unknown association",
        "InvalidAssociationID.NotFound",
        "DisassociateRouteTable",
        {"AssociationId": f"rtbassoc-{GONE}"},
    ),
    ("the main association", "InvalidParameterValue", "DisassociateRouteTable", {"AssociationId": MAIN_ASSOCIATION}),
    (
        "unknown association to replace",
        "InvalidAssociationID.NotFound",
        "ReplaceRouteTableAssociation",
        {"AssociationId": "x", "RouteTableId": SPARE_TABLE},
    ),
    (
        "table of another VPC",
        "InvalidParameterValue",
        "ReplaceRouteTableAssociation",
        {"AssociationId": ASSOCIATION, "RouteTableId": BARE_TABLE},
    ),
    (
        "main table of another VPC",
        "InvalidParameterValue",
        "ReplaceRouteTableAssociation",
        {"AssociationId": MAIN_ASSOCIATION, "RouteTableId": BARE_TABLE},
    ),
]


@pytest.mark.parametrize(("code", "action", "request_"), cases(routes=ROUTES, tables=TABLES))
def test_refused(code: str, action: str, request_: Request) -> None:
    assert Account().refuse(action, **request_).code == code

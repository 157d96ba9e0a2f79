"""Requests about egress-only internet gateways that AWS refuses: the rows of AWS's error table.

Source: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.small_cloud import BARE_VPC, EIGW, GONE, SPARE_TABLE, VPC, Account

Request = dict[str, Any]

CREATE = "CreateEgressOnlyInternetGateway"
DESCRIBE = "DescribeEgressOnlyInternetGateways"
DELETE = "DeleteEgressOnlyInternetGateway"

ROWS: dict[str, list[tuple[str, str, Request]]] = {
    "VPC id unknown": [("InvalidVpcID.NotFound", CREATE, {"VpcId": f"vpc-{GONE}"})],
    "VPC id malformed": [
        ("InvalidVpcID.Malformed", CREATE, {"VpcId": "vpc-says-what"}),
        ("InvalidVpcID.Malformed", CREATE, {"VpcId": EIGW}),
        ("InvalidVpcID.Malformed", CREATE, {"VpcId": VPC.upper()}),
    ],
    "VpcId missing": [
        ("MissingParameter", CREATE, {}),
        ("MissingParameter", CREATE, {"VpcId": ""}),
        ("MissingParameter", CREATE, {"VpcId": None}),
    ],
    "eigw id malformed": [
        ("InvalidEgressOnlyInternetGatewayId.Malformed", DELETE, {"EgressOnlyInternetGatewayId": "eigw-1"}),
        ("InvalidEgressOnlyInternetGatewayId.Malformed", DELETE, {"EgressOnlyInternetGatewayId": f"igw-{GONE}"}),
        ("InvalidEgressOnlyInternetGatewayId.Malformed", DESCRIBE, {"EgressOnlyInternetGatewayIds": [EIGW, "x"]}),
        (
            "InvalidEgressOnlyInternetGatewayId.Malformed",
            "CreateRoute",
            {"RouteTableId": SPARE_TABLE, "DestinationIpv6CidrBlock": "::/0", "EgressOnlyInternetGatewayId": "eigw-x"},
        ),
    ],
    "eigw id unknown on Delete / as route target": [
        ("InvalidGatewayID.NotFound", DELETE, {"EgressOnlyInternetGatewayId": f"eigw-{GONE}"}),
        (
            "InvalidGatewayID.NotFound",
            "CreateRoute",
            {
                "RouteTableId": SPARE_TABLE,
                "DestinationIpv6CidrBlock": "::/0",
                "EgressOnlyInternetGatewayId": f"eigw-{GONE}",
            },
        ),
    ],
    "token reused with other params / bad token": [
        ("IdempotentParameterMismatch", CREATE, {"VpcId": VPC, "ClientToken": "used"}),
        ("IdempotentParameterMismatch", "CreateRouteTable", {"VpcId": BARE_VPC, "ClientToken": "used"}),
        ("InvalidClientToken", CREATE, {"VpcId": VPC, "ClientToken": "t" * 65}),
        ("InvalidClientToken", CREATE, {"VpcId": VPC, "ClientToken": "naïve"}),
        ("InvalidClientToken", CREATE, {"VpcId": VPC, "ClientToken": ""}),
    ],
    "MaxResults out of range / bad token": [
        ("InvalidParameterValue", DESCRIBE, {"MaxResults": 4}),
        ("InvalidParameterValue", DESCRIBE, {"MaxResults": 256}),
        ("InvalidNextToken", DESCRIBE, {"NextToken": "no token"}),
        ("InvalidNextToken", DESCRIBE, {"NextToken": "bm9uc2Vuc2U="}),
        ("InvalidNextToken", DESCRIBE, {"NextToken": "é"}),
    ],
    "TagSpecification of wrong ResourceType": [
        (
            "InvalidParameterValue",
            CREATE,
            {
                "VpcId": BARE_VPC,
                "TagSpecifications": [{"ResourceType": "internet-gateway", "Tags": [{"Key": "a", "Value": "b"}]}],
            },
        ),
        ("InvalidParameterValue", CREATE, {"VpcId": BARE_VPC, "TagSpecifications": [{"Tags": [{"Key": "a"}]}]}),
    ],
}
"""The rows: for each, AWS's error code, and the action and request that must raise it."""

CASES = [
    pytest.param(code, action, request, id=f"{row}-{number}")
    for row, cases in ROWS.items()
    for number, (code, action, request) in enumerate(cases)
]


@pytest.mark.parametrize(("code", "action", "request_"), CASES)
def test_refused(code: str, action: str, request_: Request) -> None:
    account = Account()
    account.do(CREATE, VpcId=BARE_VPC, ClientToken="used")
    assert account.refuse(action, **request_).code == code


def test_the_limits_are_inclusive() -> None:
    account = Account()
    account.do(CREATE, VpcId=BARE_VPC, ClientToken="t" * 64)
    for most in (5, 255):
        assert len(account.do(DESCRIBE, MaxResults=most)["EgressOnlyInternetGateways"]) == 2


@pytest.mark.parametrize("parameter", ["SecurityGroupIds", "GroupId", "Groups"])
def test_a_gateway_cannot_have_a_security_group(parameter: str) -> None:
    error = Account().refuse(CREATE, VpcId=BARE_VPC, **{parameter: ["sg-0123456789abcdef0"]})
    assert (error.code, error.message) == ("UnknownParameter", f"The parameter {parameter} is not recognized")

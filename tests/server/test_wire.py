"""EC2's Query protocol: fields to requests, answers to XML, and errors of both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eigw_ns.errors import CloudError
from eigw_ns.server.wire import answer, form, request
from tests.support import wire
from tests.support.asgi import model

RUN: dict[str, Any] = {
    "BlockDeviceMappings": [{"DeviceName": "/dev/sda1", "Ebs": {"Encrypted": False, "VolumeSize": 8}}],
    "NetworkInterfaces": [{"DeviceIndex": 0, "Groups": ["sg-1", "sg-2"], "Ipv6Addresses": [{"Ipv6Address": "::1"}]}],
    "TagSpecifications": [
        {"ResourceType": "instance", "Tags": [{"Key": "a", "Value": ""}, {"Key": "ü&=+", "Value": "€"}]}
    ],
    "SecurityGroupIds": [f"sg-{number}" for number in range(1, 12)],
    "MinCount": 1,
    "MaxCount": 2,
    "DryRun": True,
}


def decoded(action: str, fields: Mapping[str, str]) -> dict[str, Any]:
    return request.decode(model().request(action), form.fields(urlencode(fields).encode()))


def refused(action: str, fields: Mapping[str, str]) -> CloudError:
    with pytest.raises(CloudError) as caught:
        decoded(action, fields)
    return caught.value


@pytest.mark.parametrize(
    ("action", "asked"),
    [
        ("RunInstances", RUN),
        ("CreateTags", {"Resources": ["vpc-1", "i-2"], "Tags": [{"Key": "k", "Value": "v"}]}),
        ("DescribeVpcs", {"Filters": [{"Name": "tag:a", "Values": ["1", "2"]}], "VpcIds": ["vpc-1"], "MaxResults": 5}),
        ("ModifySubnetAttribute", {"SubnetId": "s", "AssignIpv6AddressOnCreation": {"Value": True}}),
        ("CreateSecurityGroup", {"Description": "d", "GroupName": "n"}),
        ("DescribeSpotPriceHistory", {"StartTime": "2026-12-01T00:00:00Z"}),
        ("DescribeVpcs", {}),
    ],
)
def test_what_botocore_sends_is_what_it_was_given(action: str, asked: dict[str, Any]) -> None:
    assert wire.received(action, asked) == asked


def test_items_are_in_the_order_of_their_numbers() -> None:
    assert decoded("DescribeVpcs", {"VpcId.10": "c", "VpcId.2": "b", "VpcId.1": "a"}) == {"VpcIds": ["a", "b", "c"]}


@pytest.mark.parametrize(
    ("fields", "code", "words"),
    [
        ({"Colour": "red"}, "UnknownParameter", "The parameter Colour is not recognized"),
        ({"Filter.1.Nmae": "x"}, "UnknownParameter", "The parameter Filter.1.Nmae is not recognized"),
        ({"vpcId.1": "x"}, "UnknownParameter", "vpcId"),
        ({"DryRun": "perhaps"}, "InvalidParameterValue", "Value (perhaps) for parameter DryRun is invalid"),
        ({"MaxResults": "5.0"}, "InvalidParameterValue", "It must be an integer"),
        ({"MaxResults": "2147483648"}, "InvalidParameterValue", "It must be an integer"),
        ({"MaxResults": "٣"}, "InvalidParameterValue", "It must be an integer"),
        ({"VpcId": "x"}, "InvalidParameterValue", "It must be a list"),
        ({"Filter.1": "x"}, "InvalidParameterValue", "It must be a structure"),
        ({"VpcId.0": "x"}, "MalformedQueryString", "numbered from 1"),
        ({"VpcId.x": "x"}, "MalformedQueryString", "numbered from 1"),
        ({"VpcId.1.x": "x"}, "MalformedQueryString", "no members"),
        ({"NextToken.1": "x"}, "MalformedQueryString", "no members"),
        ({"VpcId.1.": "x"}, "MalformedQueryString", "not a valid name"),
        ({".": "x"}, "MalformedQueryString", "not a valid name"),
        ({"": "x"}, "MalformedQueryString", "not a valid name"),
        ({".".join("a" * 17): "x"}, "MalformedQueryString", "not a valid name"),
    ],
)
def test_a_wrong_parameter_is_named(fields: Mapping[str, str], code: str, words: str) -> None:
    error = refused("DescribeVpcs", fields)
    assert error.code == code and words in error.message


@pytest.mark.parametrize(
    ("action", "fields"),
    [
        ("DescribeSpotPriceHistory", {"StartTime": "yesterday"}),
        ("ImportKeyPair", {"PublicKeyMaterial": "%%%"}),
        ("ModifyFleet", {"LaunchTemplateConfig.1.Overrides.1.WeightedCapacity": "nan"}),
    ],
)
def test_values_of_rare_types_are_checked(action: str, fields: Mapping[str, str]) -> None:
    assert refused(action, fields).code == "InvalidParameterValue"


@pytest.mark.parametrize(
    "body", [b"a=1&a=2", b"a=%ff", "a=ü".encode(), b"&".join(b"a%d=" % number for number in range(2001))]
)
def test_a_body_that_is_not_a_form_is_malformed(body: bytes) -> None:
    with pytest.raises(CloudError) as caught:
        form.fields(body)
    assert caught.value.code == "MalformedQueryString"


def test_a_member_that_the_model_lacks_is_reported() -> None:
    unknown: list[str] = []
    body = answer.encode("DescribeVpcs", model().answer("DescribeVpcs"), {"Vpcs": [{"X": 1}]}, "r", unknown.append)
    assert unknown == ["DescribeVpcs.Vpcs.X"]
    assert b"vpcSet" in body


def test_an_action_without_an_answer_returns_true() -> None:
    unknown: list[str] = []
    root = ElementTree.fromstring(answer.encode("DeleteVpc", None, {}, "r", unknown.append))
    assert root.tag == "{http://ec2.amazonaws.com/doc/2016-11-15/}DeleteVpcResponse"
    assert root.findtext("{*}return") == "true" and root.findtext("{*}requestId") == "r"


@given(st.text())
def test_every_text_survives_but_for_what_xml_lacks(text: str) -> None:
    tags = {"Tags": [{"Key": text, "Value": text}]}
    found = wire.read("DescribeTags", tags)["Tags"][0]["Key"]
    assert len(found) == len(text)
    assert all(ours == theirs or theirs == "\ufffd" for ours, theirs in zip(text, found, strict=True))


def test_characters_that_xml_lacks_do_not_break_an_answer() -> None:
    given_text = "a\x00b\x1bc\ufffed\r\n\t<&>\ud800"
    found = wire.read("DescribeTags", {"Tags": [{"Key": given_text}]})["Tags"][0]["Key"]
    assert found == "a\ufffdb\ufffdc\ufffdd\r\n\t<&>\ufffd"

"""Every intrinsic function has the value that CloudFormation gives it, or says why the value is not known."""

from __future__ import annotations

import pytest

from eigw_ns.importing.options import Options
from eigw_ns.importing.sources.cloudformation.values import Composed, Reference, Unknown
from tests.support.templates import condition, value

MAPPINGS = """\
Mappings:
  Byte: {db: {hex: "0a", list: [1, 2]}}
"""
PARAMETERS = """\
Parameters:
  Stage: {Type: String, Default: test}
  Cuts: {Type: CommaDelimitedList, Default: "10.0.0.0/24, 10.0.1.0/24"}
  Number: {Type: Number, Default: 7}
  Missing: {Type: String}
  Looked: {Type: "AWS::SSM::Parameter::Value<String>", Default: /net/vpc}
  Nets: {Type: "List<AWS::EC2::Subnet::Id>", Default: "subnet-1,subnet-2"}
"""


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("!Ref Stage", "test"),
        ("!Ref Number", "7"),
        ("!Ref Cuts", ("10.0.0.0/24", "10.0.1.0/24")),
        ("!Ref Nets", ("subnet-1", "subnet-2")),
        ("!Sub a-${Stage}-${!Stage}", "a-test-${Stage}"),
        ('!Sub ["${A}${Stage}", {A: !Ref Number}]', "7test"),
        ("!Sub '${V.CidrBlock}'", "10.0.0.0/16"),
        ("!Sub '${AWS::Region}/${AWS::Partition}/${AWS::URLSuffix}'", "us-east-1/aws/amazonaws.com"),
        ("!Ref AWS::StackName", "net"),
        ('!Join [",", [a, !Ref Number, true]]', "a,7,true"),
        ('!Join ["", [a, !Ref "AWS::NoValue", b]]', "ab"),
        ('!Join ["-", !Ref Cuts]', "10.0.0.0/24-10.0.1.0/24"),
        ('!Split [".", "a.b.c"]', ("a", "b", "c")),
        ('!Select [1, !Split [".", "a.b.c"]]', "b"),
        ('!Select ["0", !Ref Cuts]', "10.0.0.0/24"),
        ("!FindInMap [Byte, db, hex]", "0a"),
        ("!FindInMap [Byte, !Sub db, list]", (1, 2)),
        ("!FindInMap [Byte, web, hex, {DefaultValue: ff}]", "ff"),
        ("!Base64 abc", "YWJj"),
        ("!Length [a, b]", 2),
        ('{"Fn::Length": !Ref Cuts}', 2),
        ('{"Fn::ToJsonString": {a: [1, true]}}', '{"a":[1,true]}'),
        ('!Select [0, !GetAZs ""]', "us-east-1a"),
        ("!Select [2, !GetAZs eu-west-1]", "eu-west-1c"),
        ("!GetAtt V.CidrBlock", "10.0.0.0/16"),
        ("!GetAtt [V, CidrBlock]", "10.0.0.0/16"),
        ("!GetAtt V.Ipv6CidrBlocks", ("2001:db8:aa0:5500::/56",)),
        ("!Select [0, !GetAtt S.Ipv6CidrBlocks]", "2001:db8:aa0:5501::/64"),
        ("!GetAtt S.CidrBlock", "10.0.1.0/24"),
        ("{a: !Ref AWS::NoValue, b: 1}", {"b": 1}),
    ],
)
def test_value(expression: str, expected: object):
    assert value(expression, before=PARAMETERS + MAPPINGS) == expected


@pytest.mark.parametrize(
    ("expression", "key"),
    [
        ("!Ref V", "V"),
        ("!GetAtt V.VpcId", "V"),
        ("!GetAtt E.Id", "E"),
        ("!GetAtt G.InternetGatewayId", "G"),
        ("!GetAtt T.RouteTableId", "T"),
        ("!GetAtt S.SubnetId", "S"),
        ("!GetAtt S.VpcId", "V"),
        ("!Sub '${V}'", "V"),
        ('!Join ["", [!Ref V]]', "V"),
        ('!Select [1, !Split [",", !Join [",", [!Ref S, !Ref V]]]]', "V"),
        ('!Select [0, !Split [",", !Sub "${V},${S}"]]', "V"),
    ],
)
def test_an_id_is_a_reference(expression: str, key: str):
    found = value(expression)
    assert isinstance(found, Reference)
    assert (found.key, found.attribute) == (key, "")


def test_an_attribute_that_aws_chooses_is_a_reference_of_its_own():
    assert value("!GetAtt V.DefaultSecurityGroup") == Reference("V", "AWS::EC2::VPC", "V", "DefaultSecurityGroup")


def test_text_around_a_reference_keeps_it():
    assert value("!Sub 'x-${V}'") == Composed(("x-", Reference("V", "AWS::EC2::VPC", "V")))


@pytest.mark.parametrize(
    ("expression", "why", "remedy"),
    [
        ("!Ref Missing", "the parameter Missing has no value", "give --parameter Missing=VALUE"),
        ("!Ref Looked", "the parameter Looked is read from SSM at deployment", "give --parameter Looked=VALUE"),
        ("!Ref AWS::AccountId", "AWS::AccountId is known at deployment only", "give --parameter AWS::AccountId=VALUE"),
        ("!Ref Vv", "the template has no parameter and no resource Vv", "did you mean V?"),
        ("!GetAtt W.Id", "the template has no resource W", ""),
        ("!ImportValue net-vpc", "no stack here exports net-vpc", "give --import net-vpc=VALUE"),
        ("!FindInMap [Byte, web, hex]", "the template has no mapping Byte.web.hex", ""),
        ("!Select [2, !Ref Cuts]", "Fn::Select: it takes element 2 of 2, counted from 0", ""),
        ("!Select [-1, !Ref Cuts]", "Fn::Select: it takes element -1 of 2, counted from 0", ""),
        ('!Split ["-", !Ref V]', "Fn::Split: it would split the id of a resource", ""),
        ('!Join [",", !Ref Missing]', "the parameter Missing has no value", "give --parameter Missing=VALUE"),
        ("{'Fn::Length': !GetAZs ''}", "Fn::Length: the number of elements is not known", ""),
        ("!Transform {Name: AWS::Include}", "the function Fn::Transform is not evaluated", "write its result instead"),
        (
            '{"Fn::ForEach::X": [a, [b], {c: d}]}',
            "the function Fn::ForEach is not evaluated",
            "write its result instead",
        ),
        (
            "'{{resolve:ssm:/a}}'",
            "{{resolve:ssm:/a}} is read at deployment",
            "give --parameter '{{resolve:ssm:/a}}=VALUE'",
        ),
        ("!Sub 'a{{resolve:ssm:/b}}'", None, "give --parameter '{{resolve:ssm:/b}}=VALUE'"),
    ],
)
def test_a_value_that_is_not_known_says_why(expression: str, why: str | None, remedy: str):
    found = value(expression, before=PARAMETERS + MAPPINGS)
    if isinstance(found, Composed):
        found = found.parts[1]
    assert isinstance(found, Unknown)
    assert why in (None, found.why)
    assert found.remedy == remedy


@pytest.mark.parametrize(
    "expression",
    [
        "!Join a", "!Join [a]", "!Join [[], []]", "!Join [a, b]", "!Split a", "!Split ['', a]", "!Split [a, [b]]",
        "!Select a", "!Select [a, b, c]", "!Select [{}, []]", "!Sub [a]", "!Sub {a: b}", "!Sub [a, b]", "!GetAtt a",
        "!GetAtt [a]", "!GetAtt [[], {}]", "!GetAtt {a: b}", "!FindInMap a", "!FindInMap [[], {}, a]", "!If a",
        "!If [[], a, b]", "!If [Absent, a, b]", "!Cidr a", "!Cidr [a, b, c]", "!Cidr [10.0.0.0/8, 1]",
        "!Cidr [10.0.0.0/8, 0, 8]", "!Cidr [10.0.0.0/8, 257, 8]", "!Cidr [10.0.0.0/24, 2, 8]",
        "!Cidr [10.0.0.1/24, 1, 4]", "!Cidr [10.0.0.0/8, 99999999999999999999, 8]",
        "!Cidr [10.0.0.0/8, 1, 99999999999]", "!Cidr [[], {}, a]", "!GetAZs []", "!GetAZs {}", "!Base64 []",
        "!Length a", "!Length {a: b}", "!ImportValue []", "!ImportValue {a: b}", '{"Fn::Nothing": a}',
        '{"Fn::Join": ["", []], b: c}', '{"Fn::ToJsonString": !Ref AWS::NoValue}', '{"Fn::Equals": [a, a]}',
        '{"Fn::": a}',
    ],
)  # fmt: skip
def test_a_wrong_argument_is_an_unknown_value(expression: str):
    found = value(expression)
    assert isinstance(found, Unknown)
    assert found.why


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("[10.0.0.0/16, 2, 8]", ("10.0.0.0/24", "10.0.1.0/24")),
        ('["10.0.0.0/24", "4", "6"]', ("10.0.0.0/26", "10.0.0.64/26", "10.0.0.128/26", "10.0.0.192/26")),
        ('["2001:db8::/56", 3, 64]', ("2001:db8::/64", "2001:db8:0:1::/64", "2001:db8:0:2::/64")),
        ('["2001:db8::/56", 1, 72]', ("2001:db8::/56",)),
        ("[10.0.0.0/16, 1, 1]", ("10.0.0.0/31",)),
    ],
)
def test_cidr(arguments: str, expected: tuple[str, ...]):
    assert value(f"!Cidr {arguments}") == expected


def test_cidr_makes_256_blocks_at_most():
    blocks = value('!Cidr ["2001:db8::/56", 256, 64]')
    assert (len(blocks), blocks[-1]) == (256, "2001:db8:0:ff::/64")


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("!Equals [a, a]", True),
        ("!Equals [a, b]", False),
        ("!Equals [true, 'true']", True),
        ("!Equals [!Ref Number, 7]", True),
        ("!Not [!Equals [a, b]]", True),
        ("!And [!Condition Yes, {Condition: Yes}]", True),
        ("!And [!Condition Yes, !Condition No]", False),
        ("!Or [!Condition No, !Condition Yes]", True),
        ("!Or [!Condition No, !Condition No]", False),
        ("!Or [!Condition Yes, !Equals [!Ref Missing, a]]", True),
        ("!And [!Condition No, !Equals [!Ref Missing, a]]", False),
        ("!Equals [!Ref V, '']", False),
        ("!Equals [!Ref V, none]", False),
        ("!Equals [!Ref V, !Ref V]", True),
        ("!Equals [!Join [',', !Ref Cuts], '10.0.0.0/24,10.0.1.0/24']", True),
        ("!If [Yes, true, false]", True),
    ],
)
def test_condition(expression: str, expected: bool):
    assert condition(expression, before=PARAMETERS) is expected


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("!Equals [!Ref Missing, a]", "the parameter Missing has no value"),
        ("!And [!Condition Yes, !Equals [!Ref Missing, a]]", "the parameter Missing has no value"),
        ("!Or [!Condition No, !Equals [!Ref Missing, a]]", "the parameter Missing has no value"),
        ("!Not [!Equals [!Ref Missing, a]]", "the parameter Missing has no value"),
        ("!Condition It", "the condition It refers to itself"),
        ("!Condition Absent", "the template has no condition Absent"),
        ("!Equals [!Ref V, vpc-0123456789]", "it compares the id of a resource, which AWS chooses"),
        ("abc", "this is not a condition"),
        ("[]", "this is not a condition"),
        ("!Equals a", "Fn::Equals needs two values"),
        ("!Not []", "Fn::Not needs one condition"),
        ("!And a", "Fn::And needs conditions"),
        ("!Or a", "Fn::Or needs conditions"),
    ],
)
def test_a_condition_that_cannot_be_decided_says_why(expression: str, why: str):
    found = condition(expression, before=PARAMETERS)
    assert isinstance(found, Unknown)
    assert found.why == why


def test_if_takes_the_branch_of_a_condition():
    before = "Conditions: {Yes: !Equals [a, a], No: !Equals [a, b]}\n"
    assert value("!If [Yes, 1, 2]", before=before) == 1
    assert value("!If [No, 1, 2]", before=before) == 2


def test_if_with_two_equal_branches_needs_no_condition():
    before = PARAMETERS + "Conditions: {Maybe: !Equals [!Ref Missing, a]}\n"
    assert value("!If [Maybe, same, same]", before=before) == "same"
    assert isinstance(value("!If [Maybe, one, other]", before=before), Unknown)


def test_what_the_user_gives_decides():
    options = Options(
        region="cn-north-1",
        parameters={
            "Missing": "here", "Looked": "vpc-1", "AWS::AccountId": "1234", "AWS::StackName": "prod",
            "{{resolve:ssm:/a}}": "b", "Cuts": "1,2",
        },
        imports={"net-vpc": "vpc-2"},
    )  # fmt: skip
    expected = {
        "!Ref Missing": "here",
        "!Ref Looked": "vpc-1",
        "!Ref AWS::AccountId": "1234",
        "!Ref AWS::StackName": "prod",
        "!Ref AWS::Region": "cn-north-1",
        "!Sub '${AWS::Partition} ${AWS::URLSuffix}'": "aws-cn amazonaws.com.cn",
        "'a{{resolve:ssm:/a}}c'": "abc",
        "!Ref Cuts": ("1", "2"),
        "!ImportValue net-vpc": "vpc-2",
        "!Select [0, !GetAZs '']": "cn-north-1a",
    }
    assert {each: value(each, before=PARAMETERS, options=options) for each in expected} == expected


def test_text_that_grows_without_end_is_unknown():
    before = f"Parameters:\n  P: {{Type: String, Default: {'x' * 4000}}}\n"
    found = value("!Sub '${P}${P}${P}${P}${P}'", before=before)
    assert isinstance(found, Unknown)
    assert found.why == "the text has more than 16,384 characters"


def test_a_chain_of_conditions_that_is_too_long_is_unknown():
    chain = "".join(f"  C{number}: !Not [!Condition C{number + 1}]\n" for number in range(2000))
    before = f"Conditions:\n{chain}  C2000: !Equals [a, a]\n"
    found = value("!If [C0, 1, 2]", before=before)
    assert isinstance(found, Unknown)
    assert "the chain of conditions is too long" in found.why

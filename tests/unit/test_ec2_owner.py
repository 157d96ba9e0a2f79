"""The account and the Region of the settings: in answers, in requests, in filters, and never in users' texts."""

from __future__ import annotations

from eigw_ns.cloud.ec2.settings import ACCOUNT_ID, REGION, Settings
from tests.support.small_cloud import BARE_VPC, GROUP, REFERRED_GROUP, SUBNET, VPC, Account, counting

ELSEWHERE = Settings(new_id=counting(), account="123456789012", region="eu-west-1")
HTTPS = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}


def arn_of(account: Account) -> str:
    return str(account.do("DescribeSubnets", SubnetIds=[SUBNET])["Subnets"][0]["SubnetArn"])


def test_answers_name_the_account_and_the_region_of_the_settings() -> None:
    assert arn_of(Account()) == f"arn:aws:ec2:{REGION}:{ACCOUNT_ID}:subnet/{SUBNET}"
    assert arn_of(Account(settings=ELSEWHERE)) == f"arn:aws:ec2:eu-west-1:123456789012:subnet/{SUBNET}"
    assert Account(settings=ELSEWHERE).do("DescribeVpcs")["Vpcs"][0]["OwnerId"] == "123456789012"
    made = Account(settings=ELSEWHERE).do("CreateSecurityGroup", GroupName="n", Description="d", VpcId=VPC)
    assert made["SecurityGroupArn"] == f"arn:aws:ec2:eu-west-1:123456789012:security-group/{made['GroupId']}"


def test_filters_find_what_answers_say() -> None:
    account = Account(settings=ELSEWHERE)
    for name, value, count in (
        ("owner-id", "123456789012", 3),
        ("owner-id", ACCOUNT_ID, 0),
        ("subnet-arn", f"arn:aws:ec2:eu-west-1:123456789012:subnet/{SUBNET}", 1),
    ):
        found = account.do("DescribeSubnets", Filters=[{"Name": name, "Values": [value]}])["Subnets"]
        assert len(found) == count, (name, value)


def test_a_rule_refers_to_a_group_of_the_same_account_only() -> None:
    account = Account(settings=ELSEWHERE)
    pair = {"GroupId": REFERRED_GROUP, "UserId": "123456789012"}
    account.do("AuthorizeSecurityGroupEgress", GroupId=GROUP, IpPermissions=[{**HTTPS, "UserIdGroupPairs": [pair]}])
    foreign = [{**HTTPS, "UserIdGroupPairs": [{**pair, "UserId": ACCOUNT_ID}]}]
    error = account.refuse("RevokeSecurityGroupEgress", GroupId=GROUP, IpPermissions=foreign)
    assert error.code == "InvalidGroup.NotFound"


def test_texts_of_users_stay() -> None:
    account = Account(settings=ELSEWHERE)
    account.do("CreateTags", Resources=[VPC], Tags=[{"Key": "OwnerId", "Value": ACCOUNT_ID}])
    tags = account.do("DescribeVpcs", VpcIds=[VPC])["Vpcs"][0]["Tags"]
    assert tags == [{"Key": "OwnerId", "Value": ACCOUNT_ID}]


def test_a_repeated_request_has_the_account_of_its_answer() -> None:
    account = Account(settings=ELSEWHERE)
    request = {"VpcId": BARE_VPC, "ClientToken": "t"}
    first = account.do("CreateRouteTable", **request)
    assert account.do("CreateRouteTable", **request) == first
    assert first["RouteTable"]["OwnerId"] == "123456789012"

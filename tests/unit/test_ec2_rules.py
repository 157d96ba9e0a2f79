"""Rules of security groups as resources: tags, DescribeSecurityGroupRules, ModifySecurityGroupRules."""

from __future__ import annotations

from typing import Any

import pytest

from eigw_ns.cloud.model import SecurityGroupRule
from eigw_ns.dataplane.compile.compiler import compile_cloud
from eigw_ns.topology import Topology, dump, load
from tests.support.small_cloud import (
    BARE_GROUP,
    GONE,
    GROUP,
    PREFIX_LIST,
    REFERRED_GROUP,
    SPARE_GROUP,
    WEB_RULE,
    Account,
    Request,
)

TAG = {"Key": "Team", "Value": "net"}
SSH = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}
OPEN = {"Ipv6Ranges": [{"CidrIpv6": "::/0"}], "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}


def rules(account: Account, **request: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = account.do("DescribeSecurityGroupRules", **request)["SecurityGroupRules"]
    return found


def group_id(*values: str) -> Request:
    return {"Filters": [{"Name": "group-id", "Values": list(values)}]}


def stored(account: Account, rule_id: str) -> SecurityGroupRule:
    return next(rule for group in account.cloud.security_groups.values() for rule in group.rules if rule.id == rule_id)


def test_rules_are_created_with_tags() -> None:
    account = Account()
    specification = [{"ResourceType": "security-group-rule", "Tags": [TAG]}]
    for way in ("Ingress", "Egress"):
        asked = {"GroupId": SPARE_GROUP, "IpPermissions": [{**SSH, **OPEN}], "TagSpecifications": specification}
        made = account.do(f"AuthorizeSecurityGroup{way}", **asked)["SecurityGroupRules"]
        assert [rule["Tags"] for rule in made] == [[TAG], [TAG]]
        assert rules(account, SecurityGroupRuleIds=[rule["SecurityGroupRuleId"] for rule in made]) == made
    other = [{"ResourceType": "security-group", "Tags": [TAG]}]
    asked = {"GroupId": SPARE_GROUP, "IpPermissions": [{"IpProtocol": "132", **OPEN}], "TagSpecifications": other}
    assert account.refuse("AuthorizeSecurityGroupIngress", **asked).code == "InvalidParameterValue"


def test_tags_of_a_rule_are_created_described_filtered_and_deleted() -> None:
    account = Account()
    account.do("CreateTags", Resources=[WEB_RULE, GROUP], Tags=[TAG])
    assert account.do("DescribeTags", Filters=[{"Name": "resource-type", "Values": ["security-group-rule"]}]) == {
        "Tags": [{"ResourceId": WEB_RULE, "ResourceType": "security-group-rule", **TAG}]
    }
    for name, value in (("tag:Team", "net"), ("tag-key", "Team"), ("tag-value", "n*")):
        (found,) = rules(account, Filters=[{"Name": name, "Values": [value]}])
        assert (found["SecurityGroupRuleId"], found["Tags"]) == (WEB_RULE, [TAG])
    account.do("DeleteTags", Resources=[WEB_RULE])
    assert stored(account, WEB_RULE).tags == ()
    assert account.cloud.security_groups[GROUP].tags != ()


def test_tags_of_a_rule_change_nothing_in_the_kernel() -> None:
    account = Account()
    before = compile_cloud(account.cloud)
    account.do("CreateTags", Resources=[WEB_RULE], Tags=[TAG])
    assert compile_cloud(account.cloud) == before


def test_a_tagged_rule_is_revoked_by_its_permission_and_is_still_a_duplicate() -> None:
    account = Account()
    account.do("CreateTags", Resources=[WEB_RULE], Tags=[TAG])
    pair = {"UserIdGroupPairs": [{"GroupId": REFERRED_GROUP}]}
    asked = {"GroupId": GROUP, "IpPermissions": [{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, **pair}]}
    assert account.refuse("AuthorizeSecurityGroupIngress", **asked).code == "InvalidPermission.Duplicate"
    account.do("RevokeSecurityGroupIngress", **asked)
    assert account.do("DescribeTags")["Tags"] == []


def test_rules_are_described_by_id_and_by_group() -> None:
    account = Account()
    everything = rules(account)
    assert len(everything) == sum(len(group.rules) for group in account.cloud.security_groups.values())
    assert {rule["GroupId"] for rule in rules(account, **group_id(GROUP, SPARE_GROUP))} == {GROUP, SPARE_GROUP}
    assert [rule["GroupId"] for rule in rules(account, SecurityGroupRuleIds=[WEB_RULE])] == [GROUP]
    assert rules(account, **group_id(BARE_GROUP)) == rules(account, **group_id(f"sg-{GONE}")) == []


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        (group_id("foobar"), "InvalidGroupId.Malformed", "The security group ID 'foobar' is malformed"),
        (
            {"SecurityGroupRuleIds": [f"sgr-{GONE}"]},
            "InvalidSecurityGroupRuleId.NotFound",
            f"The security group rule ID 'sgr-{GONE}' does not exist",
        ),
        (
            {"SecurityGroupRuleIds": ["x"]},
            "InvalidSecurityGroupRuleId.Malformed",
            'Invalid id: "x" (expecting "sgr-...")',
        ),
    ],
)
def test_rules_that_cannot_be_described(request_: Request, code: str, message: str) -> None:
    error = Account().refuse("DescribeSecurityGroupRules", **request_)
    assert (error.code, error.message) == (code, message)


def modified(account: Account, rule_id: str, group: str, **given: Any) -> dict[str, Any]:
    update = [{"SecurityGroupRuleId": rule_id, "SecurityGroupRule": given}]
    return account.do("ModifySecurityGroupRules", GroupId=group, SecurityGroupRules=update)


def test_a_rule_is_modified_and_keeps_its_id_place_and_tags() -> None:
    account = Account()
    account.do("CreateTags", Resources=[WEB_RULE], Tags=[TAG])
    assert modified(account, WEB_RULE, GROUP, **SSH, ReferencedGroupId=SPARE_GROUP, Description="why") == {
        "Return": True
    }
    first, *others = account.cloud.security_groups[GROUP].rules
    assert first == SecurityGroupRule(WEB_RULE, False, 6, 22, 22, SPARE_GROUP, "why", (("Team", "net"),))
    assert tuple(others) == Account().cloud.security_groups[GROUP].rules[1:]


def test_a_rule_of_a_block_is_modified() -> None:
    account = Account()
    for rule in rules(account, **group_id(SPARE_GROUP)):
        member, block = ("CidrIpv6", "2001:DB8::1/32") if "CidrIpv6" in rule else ("CidrIpv4", "10.0.0.0/8")
        modified(account, rule["SecurityGroupRuleId"], SPARE_GROUP, IpProtocol="icmpv6", **{member: block})
    shown = [(rule["IpProtocol"], rule["FromPort"], rule.get("CidrIpv6") or rule["CidrIpv4"], rule["IsEgress"])
             for rule in rules(account, **group_id(SPARE_GROUP))]  # fmt: skip
    assert sorted(shown) == [("icmpv6", -1, "10.0.0.0/8", True), ("icmpv6", -1, "2001:db8::/32", True)]


UPDATES: list[tuple[str, str, Request]] = [
    ("another type of peer", "InvalidParameterValue", {**SSH, "CidrIpv6": "::/0"}),
    ("two peers", "InvalidParameterCombination", {**SSH, "CidrIpv6": "::/0", "ReferencedGroupId": SPARE_GROUP}),
    ("no peer", "MissingParameter", SSH),
    ("no protocol", "MissingParameter", {"ReferencedGroupId": SPARE_GROUP}),
    ("no values", "MissingParameter", {}),
    ("a prefix list instead", "InvalidParameterValue", {**SSH, "PrefixListId": PREFIX_LIST}),
    ("an unknown group", "InvalidGroup.NotFound", {**SSH, "ReferencedGroupId": f"sg-{GONE}"}),
    ("a group of another VPC", "InvalidGroup.NotFound", {**SSH, "ReferencedGroupId": BARE_GROUP}),
    ("a port too high", "InvalidParameterValue", {**SSH, "ToPort": 65536, "ReferencedGroupId": SPARE_GROUP}),
    ("a bad description", "InvalidParameterValue", {**SSH, "ReferencedGroupId": SPARE_GROUP, "Description": "<>"}),
]


@pytest.mark.parametrize(("code", "given"), [pytest.param(code, given, id=what) for what, code, given in UPDATES])
def test_a_modification_that_is_refused(code: str, given: Request) -> None:
    update = [{"SecurityGroupRuleId": WEB_RULE, "SecurityGroupRule": given}]
    assert Account().refuse("ModifySecurityGroupRules", GroupId=GROUP, SecurityGroupRules=update).code == code


def test_a_rule_must_be_in_the_group_and_appear_once() -> None:
    account = Account()
    update = {"SecurityGroupRuleId": WEB_RULE, "SecurityGroupRule": {**SSH, "ReferencedGroupId": SPARE_GROUP}}
    other = {"GroupId": SPARE_GROUP, "SecurityGroupRules": [update]}
    assert account.refuse("ModifySecurityGroupRules", **other).code == "InvalidSecurityGroupRuleId.NotFound"
    twice = {"GroupId": GROUP, "SecurityGroupRules": [update, update]}
    assert account.refuse("ModifySecurityGroupRules", **twice).code == "InvalidParameterValue"


def test_two_rules_cannot_become_the_same_but_can_swap() -> None:
    account = Account()
    asked = [{**SSH, "UserIdGroupPairs": [{"GroupId": SPARE_GROUP}]}]
    account.do("AuthorizeSecurityGroupIngress", GroupId=GROUP, IpPermissions=asked)
    first, second = account.cloud.security_groups[GROUP].rules[:2]
    of_first = {**SSH, "FromPort": 443, "ToPort": 443, "ReferencedGroupId": REFERRED_GROUP}
    of_second = {**SSH, "ReferencedGroupId": SPARE_GROUP}
    same = [{"SecurityGroupRuleId": second.id, "SecurityGroupRule": of_first}]
    refused = account.refuse("ModifySecurityGroupRules", GroupId=GROUP, SecurityGroupRules=same)
    assert refused.code == "InvalidPermission.Duplicate"
    swap = [*same, {"SecurityGroupRuleId": first.id, "SecurityGroupRule": of_second}]
    account.do("ModifySecurityGroupRules", GroupId=GROUP, SecurityGroupRules=swap)
    assert [rule.from_port for rule in account.cloud.security_groups[GROUP].rules[:2]] == [22, 443]


FILE = """
lab: demo
vpcs:
  main:
    ipv6_cidr_block: 2600:1f16:aa0:5500::/56
    security_groups:
      web:
        ingress:
          - {protocol: tcp, ports: 443, cidr: "::/0", tags: {Team: net}}
          - {protocol: tcp, ports: 22, cidr: "::/0"}
"""


def loaded(text: str) -> Topology:
    return load(text.encode(), file="lab.yaml", default_lab="demo")


def test_the_file_keeps_tags_and_ids_of_modified_rules() -> None:
    topology = loaded(FILE)
    assert loaded(dump(topology)) == topology
    account = Account(topology.cloud)
    (web,) = (group for group in account.cloud.security_groups.values() if group.name == "web")
    https, ssh, *_ = web.rules
    assert https.tags == (("Team", "net"),)
    modified(account, ssh.id, web.id, IpProtocol="tcp", FromPort=2222, ToPort=2222, CidrIpv6="::/0")
    exported = dump(Topology(account.cloud))
    assert loaded(exported).cloud == account.cloud
    added = exported.replace("ingress:", 'ingress:\n          - {protocol: tcp, ports: 22, cidr: "::/0"}', 1)
    (web,) = (group for group in loaded(added).cloud.security_groups.values() if group.name == "web")
    assert len({rule.id for rule in web.rules}) == len(web.rules) == 5
    assert loaded(dump(loaded(added))) == loaded(added)

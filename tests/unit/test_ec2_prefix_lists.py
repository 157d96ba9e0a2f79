"""Actions on managed prefix lists, and references to them in routes and in rules of security groups."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from eigw_ns.cloud.ec2.settings import Quotas, Settings
from eigw_ns.topology import Topology, dump, from_data, load, to_data
from tests.support.small_cloud import (
    BARE_TABLE,
    BARE_VPC,
    EIGW,
    GONE,
    GROUP,
    IGW,
    IPV4_LIST,
    PREFIX_LIST,
    PRIVATE_TABLE,
    SPARE_GROUP,
    SPARE_TABLE,
    VPC,
    WEB_RULE,
    Account,
    Case,
    Request,
    cases,
)

MADE: Request = {"PrefixListName": "branches", "MaxEntries": 3, "AddressFamily": "IPv6"}
SSH: Request = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}
LISTED: Request = {**SSH, "PrefixListIds": [{"PrefixListId": PREFIX_LIST}]}
TO_LIST: Request = {"RouteTableId": SPARE_TABLE, "DestinationPrefixListId": PREFIX_LIST}


def cidrs(*texts: str) -> list[Request]:
    return [{"Cidr": text} for text in texts]


def entries(account: Account, list_id: str = PREFIX_LIST, **request: Any) -> list[str]:
    found = account.do("GetManagedPrefixListEntries", PrefixListId=list_id, **request)["Entries"]
    return [each["Cidr"] for each in found]


def described(account: Account, list_id: str = PREFIX_LIST) -> dict[str, Any]:
    (found,) = account.do("DescribeManagedPrefixLists", PrefixListIds=[list_id])["PrefixLists"]
    return dict(found)


def used(account: Account) -> Account:
    """Return the account after a route and a rule of each direction refer to the list."""
    account.do("CreateRoute", **TO_LIST, EgressOnlyInternetGatewayId=EIGW)
    for way in ("Ingress", "Egress"):
        account.do(f"AuthorizeSecurityGroup{way}", GroupId=SPARE_GROUP, IpPermissions=[LISTED])
    return account


# ---- the life of a list ----------------------------------------------------------------------------------------------


def test_a_new_list_is_complete_in_version_1() -> None:
    account = Account()
    asked = [{"Cidr": "2001:DB8::1/32", "Description": "branch"}]
    made = account.do("CreateManagedPrefixList", **MADE, Entries=asked)["PrefixList"]
    assert made == described(account, made["PrefixListId"])
    assert (made["State"], made["Version"], made["MaxEntries"]) == ("create-complete", 1, 3)
    assert made["PrefixListArn"].endswith(f":prefix-list/{made['PrefixListId']}")
    shown = account.do("GetManagedPrefixListEntries", PrefixListId=made["PrefixListId"])["Entries"]
    assert shown == [{"Cidr": "2001:db8::/32", "Description": "branch"}]


def test_a_change_of_entries_makes_a_version_and_the_earlier_ones_can_be_read() -> None:
    account = Account()
    changed = account.do(
        "ModifyManagedPrefixList",
        PrefixListId=PREFIX_LIST,
        CurrentVersion=1,
        AddEntries=cidrs("2001:db8:c1::/48"),
        RemoveEntries=cidrs("2001:db8:c0::/48"),
    )["PrefixList"]
    assert (changed["State"], changed["Version"]) == ("modify-complete", 2)
    assert entries(account) == entries(account, TargetVersion=2) == ["2001:db8:c1::/48"]
    assert entries(account, TargetVersion=1) == ["2001:db8:c0::/48"]
    restored = account.do(
        "RestoreManagedPrefixListVersion", PrefixListId=PREFIX_LIST, CurrentVersion=2, PreviousVersion=1
    )["PrefixList"]
    assert (restored["State"], restored["Version"]) == ("restore-complete", 3)
    assert entries(account) == ["2001:db8:c0::/48"]
    assert entries(account, TargetVersion=2) == ["2001:db8:c1::/48"]


@pytest.mark.parametrize("given", [{"PrefixListName": "renamed"}, {"MaxEntries": 9}, {"PrefixListName": "corporate"}])
def test_a_name_and_a_size_make_no_version_and_the_state_is_final(given: Request) -> None:
    account = Account()
    changed = account.do("ModifyManagedPrefixList", PrefixListId=PREFIX_LIST, **given)["PrefixList"]
    assert (changed["State"], changed["Version"]) == ("modify-complete", 1)
    assert changed.items() >= given.items()


def test_a_lab_keeps_the_last_hundred_versions() -> None:
    account = Account()
    for number in range(1, 106):
        verb = "AddEntries" if number % 2 else "RemoveEntries"
        account.do("ModifyManagedPrefixList", PrefixListId=PREFIX_LIST, **{verb: cidrs("2001:db8:c1::/48")})
    assert described(account)["Version"] == 106
    assert len(account.cloud.prefix_list_versions) == 100
    refused = account.refuse("GetManagedPrefixListEntries", PrefixListId=PREFIX_LIST, TargetVersion=5)
    assert refused.code == "InvalidParameterValue"
    assert entries(account, TargetVersion=6) == ["2001:db8:c0::/48", "2001:db8:c1::/48"]


def test_a_lab_keeps_fewer_versions_of_a_long_list() -> None:
    account = Account()
    made = account.do("CreateManagedPrefixList", **{**MADE, "MaxEntries": 1000})["PrefixList"]["PrefixListId"]
    for number in range(10):
        blocks = cidrs(*(f"2001:db8:{number}:{each:x}::/64" for each in range(100)))
        account.do("ModifyManagedPrefixList", PrefixListId=made, AddEntries=blocks)
    for number in range(12):
        blocks = cidrs("2001:db8:0:1::/64")
        verb = "AddEntries" if number % 2 else "RemoveEntries"
        account.do("ModifyManagedPrefixList", PrefixListId=made, **{verb: blocks})
    kept = [each for each in account.cloud.prefix_list_versions.values() if each.prefix_list_id == made]
    assert 9 <= len(kept) <= 10
    assert described(account, made)["Version"] == 23


def test_a_deleted_list_leaves_nothing() -> None:
    account = Account()
    account.do("ModifyManagedPrefixList", PrefixListId=PREFIX_LIST, AddEntries=cidrs("2001:db8:c1::/48"))
    gone = account.do("DeleteManagedPrefixList", PrefixListId=PREFIX_LIST)["PrefixList"]
    assert gone["State"] == "delete-complete"
    assert (list(account.cloud.prefix_lists), account.cloud.prefix_list_versions) == ([IPV4_LIST], {})


def test_pages_of_entries_hold_each_entry_once() -> None:
    account = Account()
    account.do(
        "ModifyManagedPrefixList", PrefixListId=PREFIX_LIST, AddEntries=cidrs("2001:db8:a::/48", "2001:db8::/32")
    )
    first = account.do("GetManagedPrefixListEntries", PrefixListId=PREFIX_LIST, MaxResults=1)
    others = account.do("GetManagedPrefixListEntries", PrefixListId=PREFIX_LIST, NextToken=first["NextToken"])
    found = [each["Cidr"] for each in (*first["Entries"], *others["Entries"])]
    assert sorted(found) == ["2001:db8::/32", "2001:db8:a::/48", "2001:db8:c0::/48"]


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("prefix-list-name", "corporate*", [PREFIX_LIST, IPV4_LIST]),
        ("prefix-list-id", IPV4_LIST, [IPV4_LIST]),
        ("owner-id", "000000000000", [PREFIX_LIST, IPV4_LIST]),
        ("owner-id", "AWS", []),
    ],
)
def test_filters_select_lists(name: str, value: str, found: list[str]) -> None:
    answer = Account().do("DescribeManagedPrefixLists", Filters=[{"Name": name, "Values": [value]}])
    assert [each["PrefixListId"] for each in answer["PrefixLists"]] == found


def test_account_and_region_of_a_list_are_those_of_the_settings() -> None:
    account = used(Account(settings=Settings(account="111122223333", region="eu-west-1")))
    found = described(account)
    assert found["OwnerId"] == "111122223333"
    assert found["PrefixListArn"] == f"arn:aws:ec2:eu-west-1:111122223333:prefix-list/{PREFIX_LIST}"
    shown = account.do("GetManagedPrefixListAssociations", PrefixListId=PREFIX_LIST)["PrefixListAssociations"]
    assert {each["ResourceOwner"] for each in shown} == {"111122223333"}


def test_the_lists_of_aws_services_do_not_exist() -> None:
    account = Account()
    assert account.do("DescribePrefixLists")["PrefixLists"] == []
    assert account.refuse("DescribePrefixLists", PrefixListIds=[f"pl-{GONE}"]).code == "InvalidPrefixListID.NotFound"


# ---- references ------------------------------------------------------------------------------------------------------


def test_a_route_and_rules_name_the_list_and_go_by_it() -> None:
    account = used(Account())
    shown = account.do("GetManagedPrefixListAssociations", PrefixListId=PREFIX_LIST)["PrefixListAssociations"]
    assert [each["ResourceId"] for each in shown] == [SPARE_TABLE, SPARE_GROUP]
    filters = [{"Name": "route.destination-prefix-list-id", "Values": [PREFIX_LIST]}]
    (table,) = account.do("DescribeRouteTables", Filters=filters)["RouteTables"]
    route = {"DestinationPrefixListId": PREFIX_LIST, "EgressOnlyInternetGatewayId": EIGW}
    assert table["Routes"][-1] == {**route, "Origin": "CreateRoute", "State": "active"}
    for name in ("ip-permission.prefix-list-id", "egress.ip-permission.prefix-list-id"):
        (group,) = account.do("DescribeSecurityGroups", Filters=[{"Name": name, "Values": [PREFIX_LIST]}])[
            "SecurityGroups"
        ]
        assert group["GroupId"] == SPARE_GROUP
    assert LISTED["PrefixListIds"] in [each["PrefixListIds"] for each in group["IpPermissions"]]
    found = account.do("DescribeSecurityGroupRules")["SecurityGroupRules"]
    assert [each["IsEgress"] for each in found if each.get("PrefixListId") == PREFIX_LIST] == [False, True]
    revoked = account.do("RevokeSecurityGroupIngress", GroupId=SPARE_GROUP, IpPermissions=[LISTED])
    assert [each["PrefixListId"] for each in revoked["RevokedSecurityGroupRules"]] == [PREFIX_LIST]
    (egress,) = (each["SecurityGroupRuleId"] for each in found if each.get("PrefixListId") and each["IsEgress"])
    account.do("RevokeSecurityGroupEgress", GroupId=SPARE_GROUP, SecurityGroupRuleIds=[egress])
    account.do("DeleteRoute", **TO_LIST)
    assert account.do("GetManagedPrefixListAssociations", PrefixListId=PREFIX_LIST)["PrefixListAssociations"] == []
    account.do("DeleteManagedPrefixList", PrefixListId=PREFIX_LIST)


def test_a_rule_can_be_modified_to_another_list() -> None:
    account = used(Account())
    made = account.do("CreateManagedPrefixList", **MADE)["PrefixList"]["PrefixListId"]
    (rule,) = (each for each in account.cloud.security_groups[SPARE_GROUP].rules if not each.egress)
    given = {**SSH, "ToPort": 23, "PrefixListId": made, "Description": "new"}
    update = [{"SecurityGroupRuleId": rule.id, "SecurityGroupRule": given}]
    account.do("ModifySecurityGroupRules", GroupId=SPARE_GROUP, SecurityGroupRules=update)
    (after,) = (each for each in account.cloud.security_groups[SPARE_GROUP].rules if not each.egress)
    assert after == replace(rule, to_port=23, peer=made, description="new")


def test_a_route_is_replaced_in_its_place_and_a_lost_target_is_a_blackhole() -> None:
    account = used(Account())
    made = account.do("CreateManagedPrefixList", **MADE)["PrefixList"]["PrefixListId"]
    account.do("CreateRoute", RouteTableId=SPARE_TABLE, DestinationPrefixListId=made, GatewayId=IGW)
    account.do("ReplaceRoute", **TO_LIST, GatewayId=IGW)
    routes = account.cloud.route_tables[SPARE_TABLE].prefix_list_routes
    assert [(each.prefix_list_id, each.target_id) for each in routes] == [(PREFIX_LIST, IGW), (made, IGW)]
    account.do("ReplaceRoute", **TO_LIST, EgressOnlyInternetGatewayId=EIGW)
    account.do("DeleteEgressOnlyInternetGateway", EgressOnlyInternetGatewayId=EIGW)
    (table,) = account.do("DescribeRouteTables", RouteTableIds=[SPARE_TABLE])["RouteTables"]
    states = {each.get("DestinationPrefixListId"): each["State"] for each in table["Routes"]}
    assert (states[PREFIX_LIST], states[made]) == ("blackhole", "active")


def test_the_same_route_again_succeeds_and_another_target_does_not() -> None:
    account = used(Account())
    before = account.cloud
    account.do("CreateRoute", **TO_LIST, EgressOnlyInternetGatewayId=EIGW)
    assert account.cloud is before
    assert account.refuse("CreateRoute", **TO_LIST, GatewayId=IGW).code == "RouteAlreadyExists"


def test_references_survive_the_store_and_the_file() -> None:
    account = used(Account())
    account.do("ModifyManagedPrefixList", PrefixListId=PREFIX_LIST, AddEntries=cidrs("2001:db8:c1::/48"))
    topology = Topology(account.cloud)
    assert from_data(to_data(topology)) == topology
    again = load(dump(topology).encode(), file="lab.yaml", default_lab="small").cloud
    assert again == replace(account.cloud, prefix_list_versions={}, client_tokens={})


# ---- what is refused -------------------------------------------------------------------------------------------------

CREATED: list[Case] = [
    (what, code, "CreateManagedPrefixList", {**MADE, **given})
    for what, code, given in (
        ("a reserved name", "InvalidParameterValue", {"PrefixListName": "com.amazonaws.mine"}),
        ("a long name", "InvalidParameterValue", {"PrefixListName": "x" * 256}),
        ("a control character", "InvalidParameterValue", {"PrefixListName": "a\x1bb"}),
        ("text in reverse", "InvalidParameterValue", {"PrefixListName": "a\u202eb"}),
        ("no name", "MissingParameter", {"PrefixListName": ""}),
        ("another family", "InvalidParameterValue", {"AddressFamily": "ipv6"}),
        ("no size", "InvalidParameterValue", {"MaxEntries": 0}),
        ("a large size", "InvalidParameterValue", {"MaxEntries": 1001}),
        ("too many entries", "PrefixListMaxEntriesExceeded", {"MaxEntries": 1, "Entries": cidrs("::/1", "8000::/1")}),
        ("a block of the other family", "InvalidParameterValue", {"Entries": cidrs("10.0.0.0/8")}),
        ("no block", "InvalidParameterValue", {"Entries": cidrs("2001:db8::")}),
        ("no block at all", "MissingParameter", {"Entries": [{"Description": "x"}]}),
        ("equal blocks", "InvalidParameterValue", {"Entries": cidrs("2001:db8::/32", "2001:DB8::1/32")}),
        ("a long description", "InvalidParameterValue", {"Entries": [{"Cidr": "::/0", "Description": "x" * 256}]}),
        ("another resource type", "InvalidParameterValue", {"TagSpecifications": [{"ResourceType": "vpc"}]}),
    )
]
MODIFIED: list[Case] = [
    (what, code, "ModifyManagedPrefixList", {"PrefixListId": PREFIX_LIST, **given})
    for what, code, given in (
        ("an unknown list", "InvalidPrefixListID.NotFound", {"PrefixListId": f"pl-{GONE}"}),
        ("a malformed id", "InvalidPrefixListId.Malformed", {"PrefixListId": "x"}),
        ("another version", "PrefixListVersionMismatch", {"CurrentVersion": 2, "AddEntries": cidrs("::/0")}),
        ("version 0", "InvalidParameterValue", {"CurrentVersion": 0, "AddEntries": cidrs("::/0")}),
        ("entries and size", "InvalidParameterCombination", {"MaxEntries": 9, "AddEntries": cidrs("::/0")}),
        ("both", "InvalidParameterValue", {"AddEntries": cidrs("::/0"), "RemoveEntries": cidrs("::/0")}),
        ("a known entry", "InvalidPrefixListModification", {"AddEntries": cidrs("2001:db8:c0::/48")}),
        ("an unknown entry", "InvalidPrefixListModification", {"RemoveEntries": cidrs("::/0")}),
        ("too many entries", "PrefixListMaxEntriesExceeded", {"AddEntries": cidrs(*(f"{n}::/16" for n in "1234"))}),
        ("101 entries", "InvalidParameterValue", {"AddEntries": cidrs(*(f"{n:x}::/16" for n in range(1, 102)))}),
        ("the other family", "InvalidParameterValue", {"RemoveEntries": cidrs("10.0.0.0/8")}),
        ("a reserved name", "InvalidParameterValue", {"PrefixListName": "com.amazonaws"}),
        ("no name", "InvalidParameterValue", {"PrefixListName": ""}),
        ("no size", "InvalidParameterValue", {"MaxEntries": 0}),
    )
]
RESTORED: list[Case] = [
    (what, code, "RestoreManagedPrefixListVersion", {"PrefixListId": PREFIX_LIST, **given})
    for what, code, given in (
        ("no such version", "InvalidParameterValue", {"CurrentVersion": 1, "PreviousVersion": 7}),
        ("version 0", "InvalidParameterValue", {"CurrentVersion": 1, "PreviousVersion": 0}),
        ("another version", "PrefixListVersionMismatch", {"CurrentVersion": 3, "PreviousVersion": 1}),
        ("no version", "MissingParameter", {"CurrentVersion": 1}),
    )
]
READ: list[Case] = [
    ("an unknown list", "InvalidPrefixListID.NotFound", "GetManagedPrefixListEntries", {"PrefixListId": f"pl-{GONE}"}),
    ("a malformed id", "InvalidPrefixListId.Malformed", "DescribeManagedPrefixLists", {"PrefixListIds": ["x"]}),
    ("an unknown id", "InvalidPrefixListID.NotFound", "DescribeManagedPrefixLists", {"PrefixListIds": [f"pl-{GONE}"]}),
    ("101 results", "InvalidParameterValue", "DescribeManagedPrefixLists", {"MaxResults": 101}),
    ("no results", "InvalidParameterValue", "DescribeManagedPrefixLists", {"MaxResults": 0}),
    ("few associations", "InvalidParameterValue", "GetManagedPrefixListAssociations",
     {"PrefixListId": PREFIX_LIST, "MaxResults": 4}),
    ("another list", "InvalidPrefixListID.NotFound", "GetManagedPrefixListAssociations",
     {"PrefixListId": f"pl-{GONE}"}),
    ("no such version", "InvalidParameterValue", "GetManagedPrefixListEntries",
     {"PrefixListId": PREFIX_LIST, "TargetVersion": 2}),
    ("an unknown list", "InvalidPrefixListID.NotFound", "DeleteManagedPrefixList", {"PrefixListId": f"pl-{GONE}"}),
]  # fmt: skip
ROUTED: list[Case] = [
    ("an unknown list", "InvalidPrefixListID.NotFound", "CreateRoute",
     {**TO_LIST, "DestinationPrefixListId": f"pl-{GONE}", "GatewayId": IGW}),
    ("a malformed id", "InvalidPrefixListId.Malformed", "CreateRoute",
     {**TO_LIST, "DestinationPrefixListId": "x", "GatewayId": IGW}),
    ("two destinations", "InvalidParameterCombination", "CreateRoute",
     {**TO_LIST, "DestinationIpv6CidrBlock": "::/0", "GatewayId": IGW}),
    ("IPv4 to an egress-only gateway", "InvalidParameterValue", "CreateRoute",
     {**TO_LIST, "DestinationPrefixListId": IPV4_LIST, "EgressOnlyInternetGatewayId": EIGW}),
    ("a gateway of another VPC", "InvalidParameterValue", "CreateRoute",
     {**TO_LIST, "RouteTableId": BARE_TABLE, "EgressOnlyInternetGatewayId": EIGW}),
    ("no such route", "InvalidRoute.NotFound", "DeleteRoute", TO_LIST),
    ("no route to replace", "InvalidParameterValue", "ReplaceRoute", {**TO_LIST, "GatewayId": IGW}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "action", "request_"),
    cases(created=CREATED, modified=MODIFIED, restored=RESTORED, read=READ, routed=ROUTED),
)
def test_refused(code: str, action: str, request_: Request) -> None:
    account = Account()
    before = account.cloud
    assert account.refuse(action, **request_).code == code
    assert account.cloud is before


def test_texts_that_clients_compare() -> None:
    account = Account()
    stale = account.refuse("ModifyManagedPrefixList", PrefixListId=PREFIX_LIST, CurrentVersion=9)
    assert "prefix list has the incorrect version number" in stale.message  # Terraform's provider
    large = account.refuse("CreateManagedPrefixList", **{**MADE, "MaxEntries": 4000})
    assert large.message == "Must specify a max size between 1 and 1000"


def test_a_list_in_use_is_not_deleted_and_the_error_names_its_users() -> None:
    account = used(Account())
    error = account.refuse("DeleteManagedPrefixList", PrefixListId=PREFIX_LIST)
    assert error.code == "DependencyViolation"
    assert SPARE_GROUP in error.message and SPARE_TABLE in error.message


@pytest.mark.parametrize("block", ["2600:1f16:aa0:5501::/64", "2600:1f16:aa0:5500::/56", "fd00:ec2::254/128"])
def test_an_entry_that_no_route_can_have_is_refused_while_a_route_leads_to_the_list(block: str) -> None:
    account = Account()
    account.do("ModifyManagedPrefixList", PrefixListId=PREFIX_LIST, AddEntries=cidrs(block))
    asked = {**TO_LIST, "EgressOnlyInternetGatewayId": EIGW}
    assert account.refuse("CreateRoute", **asked).code == "InvalidParameterValue"
    removed = {"PrefixListId": PREFIX_LIST, "RemoveEntries": cidrs(block)}
    account.do("ModifyManagedPrefixList", **removed)
    account.do("CreateRoute", **asked)
    error = account.refuse("ModifyManagedPrefixList", PrefixListId=PREFIX_LIST, AddEntries=cidrs(block))
    assert error.code == "InvalidParameterValue"
    version = {"PrefixListId": PREFIX_LIST, "CurrentVersion": 3, "PreviousVersion": 2}
    assert account.refuse("RestoreManagedPrefixListVersion", **version).code == "InvalidParameterValue"


def test_a_vpc_gets_no_block_around_an_entry_to_which_it_has_a_route() -> None:
    account = Account()
    account.do("ModifyManagedPrefixList", PrefixListId=PREFIX_LIST, AddEntries=cidrs("2600:1f16:cc0:5501::/64"))
    account.do("CreateRoute", **TO_LIST, EgressOnlyInternetGatewayId=EIGW)
    block = {"Ipv6CidrBlock": "2600:1f16:cc0:5500::/56"}
    assert account.refuse("AssociateVpcCidrBlock", VpcId=VPC, **block).code == "InvalidParameterValue"
    account.do("AssociateVpcCidrBlock", VpcId=BARE_VPC, **block)  # its tables do not refer to the list


def test_a_list_counts_by_its_maximum_in_quotas() -> None:
    account = Account(settings=Settings(Quotas(rules_per_security_group=5, routes_per_route_table=5)))
    used(account)  # 4 entries at most; the group has one egress rule for IPv6 already
    more = {**SSH, "Ipv6Ranges": [{"CidrIpv6": "2001:db8::/32"}]}
    account.do("AuthorizeSecurityGroupIngress", GroupId=SPARE_GROUP, IpPermissions=[more])
    code = "RulesPerSecurityGroupLimitExceeded"
    assert account.refuse("AuthorizeSecurityGroupEgress", GroupId=SPARE_GROUP, IpPermissions=[more]).code == code
    route = {"RouteTableId": SPARE_TABLE, "EgressOnlyInternetGatewayId": EIGW}
    account.do("CreateRoute", **route, DestinationIpv6CidrBlock="::/0")
    another = account.refuse("CreateRoute", **route, DestinationIpv6CidrBlock="2001:db8::/32")
    assert another.code == "RouteLimitExceeded"
    account.do("CreateRoute", RouteTableId=SPARE_TABLE, GatewayId=IGW, DestinationCidrBlock="0.0.0.0/0")


def test_a_list_grows_only_as_far_as_what_refers_to_it_can_take() -> None:
    settings = Settings(Quotas(rules_per_security_group=8, routes_per_route_table=6))
    account = used(Account(settings=settings))
    grown = {"PrefixListId": PREFIX_LIST, "MaxEntries": 7}
    assert account.refuse("ModifyManagedPrefixList", **grown).code == "RouteLimitExceeded"
    account.do("DeleteRoute", **TO_LIST)
    account.do("ModifyManagedPrefixList", **grown)
    error = account.refuse("ModifyManagedPrefixList", **{**grown, "MaxEntries": 8})
    assert error.code == "RulesPerSecurityGroupLimitExceeded" and SPARE_GROUP in error.message


def test_a_list_shrinks_no_further_than_its_entries_and_a_larger_version_does_not_return() -> None:
    account = Account()
    account.do("ModifyManagedPrefixList", PrefixListId=PREFIX_LIST, AddEntries=cidrs("2001:db8:c1::/48"))
    error = account.refuse("ModifyManagedPrefixList", PrefixListId=PREFIX_LIST, MaxEntries=1)
    assert error.code == "InvalidParameterValue"
    account.do("ModifyManagedPrefixList", PrefixListId=PREFIX_LIST, RemoveEntries=cidrs("2001:db8:c1::/48"))
    account.do("ModifyManagedPrefixList", PrefixListId=PREFIX_LIST, MaxEntries=1)
    asked = {"PrefixListId": PREFIX_LIST, "CurrentVersion": 3, "PreviousVersion": 2}
    assert account.refuse("RestoreManagedPrefixListVersion", **asked).code == "PrefixListMaxEntriesExceeded"


def test_a_region_has_a_hundred_lists() -> None:
    account = Account(settings=Settings(Quotas(prefix_lists_per_region=2)))
    assert account.refuse("CreateManagedPrefixList", **MADE).code == "ResourceLimitExceeded"


def test_the_same_list_twice_in_a_group_is_a_duplicate() -> None:
    account = used(Account())
    asked = {"GroupId": SPARE_GROUP, "IpPermissions": [LISTED]}
    assert account.refuse("AuthorizeSecurityGroupIngress", **asked).code == "InvalidPermission.Duplicate"
    update = [{"SecurityGroupRuleId": WEB_RULE, "SecurityGroupRule": {**SSH, "PrefixListId": PREFIX_LIST}}]
    error = account.refuse("ModifySecurityGroupRules", GroupId=GROUP, SecurityGroupRules=update)
    assert error.code == "InvalidParameterValue"  # a group does not become a list


def test_private_table_routes_are_unchanged_by_the_list() -> None:
    account = Account()
    before = account.cloud.route_tables[PRIVATE_TABLE].routes
    account.do("CreateRoute", **{**TO_LIST, "RouteTableId": PRIVATE_TABLE}, EgressOnlyInternetGatewayId=EIGW)
    assert account.cloud.route_tables[PRIVATE_TABLE].routes == before

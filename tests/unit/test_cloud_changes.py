"""What changes between two clouds, in AWS's words, and what the internet newly reaches."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings

from eigw_ns.cloud.model import Cloud
from eigw_ns.dataplane.exposure import exposed
from eigw_ns.dataplane.trace import Tracer
from eigw_ns.render.cloud_changes import compare, data, lines, warnings
from eigw_ns.topology import example, load
from tests.support.small_cloud import (
    DEFAULT_ACL,
    EIGW,
    GROUP,
    IGW,
    INSTANCE,
    MAIN_TABLE,
    PLAIN_SUBNET,
    PRIVATE_TABLE,
    SPARE_GROUP,
    SUBNET,
    VPC,
    Account,
)
from tests.support.strategies import clouds
from tests.topologies.filters import CLOUD as FILTERS

DEMO = example("demo")


def demo(*edits: tuple[str, str]) -> Cloud:
    """Return the demo topology, edited."""
    text = DEMO
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    return load(text.encode(), file="demo.yaml", default_lab="demo").cloud


def told(before: Cloud | None, after: Cloud, *, every: bool = False) -> list[str]:
    changes = compare(before, after)
    return lines(changes, every=every) + warnings(changes)


PUBLIC = ("route_table: private}", "route_table: public}")
OPEN = '{protocol: all, cidr: "::/0"}'


def test_nothing_changes_between_equal_clouds() -> None:
    assert told(demo(), demo()) == []
    assert told(demo(), replace(demo(), client_tokens={})) == []


def test_a_subnet_moved_to_a_public_route_table_is_told_and_marked() -> None:
    assert told(demo(), demo(PUBLIC)) == [
        "~ subnet main/private-a: route table private → public",
        "! subnet main/private-a becomes reachable from the internet",
        "! instance main/app becomes reachable from the internet: all from ::/0",
    ]


def test_the_way_back_is_marked_as_nothing() -> None:
    assert told(demo(PUBLIC), demo()) == ["~ subnet main/private-a: route table public → private"]


def test_of_a_lab_that_is_not_stored_everything_is_new() -> None:
    found = told(None, demo())
    assert {line[0] for line in found} == {"+", "!"}
    assert "+ egress-only internet gateway main/outbound: tag Name: outbound" in found
    assert "+ internet host internet/web: address 2001:db8:80::1" in found
    assert not [line for line in found if "default" in line.split(":")[0]]  # AWS makes them with the VPC
    assert [line for line in found if line[0] == "!"] == [
        "! subnet main/public-a becomes reachable from the internet",
        "! instance main/www becomes reachable from the internet: all from ::/0",
    ]


def test_what_goes_is_one_line() -> None:
    account = Account(demo())
    (gateway,) = account.cloud.egress_only_internet_gateways
    before = account.cloud
    account.do("DeleteEgressOnlyInternetGateway", EgressOnlyInternetGatewayId=gateway)
    assert told(before, account.cloud) == [
        "- egress-only internet gateway main/outbound",
        "~ route table main/private: route ::/0 to outbound → outbound (blackhole)",
    ]


ELSEWHERE = "2001:db8:80::/48"


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (("{Team: network}", "{Team: web, Cost: '7'}"), ["tag Team: network → web", "+ tag Cost: 7"]),
        (("outbound: {tags", "outbound: {replicas: 3, tags"), ["+ replicas 3"]),
        (("target: outbound}]", f"target: outbound}}, {{destination: '{ELSEWHERE}', target: blackhole}}]"),
         [f"+ route {ELSEWHERE} to blackhole"]),
        ((OPEN, '{protocol: all, cidr: "::/0", description: hi}'), ['ingress all from ::/0 no notes → "hi"']),
        ((OPEN, '{protocol: tcp, ports: 443, cidr: "::/0"}'),
         ["- ingress all from ::/0", "+ ingress tcp 443 from ::/0"]),
        (("5501::10", "5501::11"), ["address 2600:1f16:aa0:5501::10 → 2600:1f16:aa0:5501::11"]),
        (("security_groups: [open]} #", "security_groups: [default]} #"), ["security groups open → default"]),
    ],
)  # fmt: skip
def test_each_changed_fact_is_a_line(edit: tuple[str, str], expected: list[str]) -> None:
    assert [line.split(": ", 1)[1] for line in told(demo(), demo(edit))] == expected


def test_entries_of_a_network_acl() -> None:
    account = Account()
    before = account.cloud
    account.do("ReplaceNetworkAclEntry", NetworkAclId=DEFAULT_ACL, RuleNumber=101, Protocol="6", RuleAction="deny",
               Egress=False, Ipv6CidrBlock="::/0", PortRange={"From": 22, "To": 22})  # fmt: skip
    assert told(before, account.cloud) == [
        f"~ network ACL {VPC}/default: ingress rule 101 allows all from ::/0 → denies tcp 22 from ::/0"
    ]


def test_a_resource_made_again_under_the_same_name_is_no_change() -> None:
    account = Account()
    before = account.cloud
    account.do("DeleteSecurityGroup", GroupId=SPARE_GROUP)
    account.do("CreateSecurityGroup", GroupName="spare", Description="unused", VpcId=VPC)
    assert account.cloud != before
    assert told(before, account.cloud) == []


def test_a_resource_that_an_action_moved_keeps_its_name() -> None:
    """The stored topology has only the id as the key of such a resource."""
    (gateway,) = demo().internet_gateways.values()
    stored = replace(demo(), internet_gateways={gateway.id: replace(gateway, name=gateway.id, vpc_id=None)})
    assert told(stored, demo())[:2] == [
        "~ internet gateway main/edge: + attached to main",
        "~ route table main/public: route ::/0 to edge (blackhole) → edge",
    ]


def test_long_facts_of_a_new_resource_are_told_in_full_if_asked() -> None:
    rules = ", ".join(f'{{protocol: tcp, ports: {port}, cidr: "::/0"}}' for port in range(1, 6))
    after = demo((OPEN, rules))
    (short,) = [line for line in told(None, after) if "security group main/open" in line]
    (full,) = [line for line in told(None, after, every=True) if "security group main/open" in line]
    assert short.endswith("ingress tcp 3 from ::/0; 4 more")
    assert full.count("tcp") == 5


def test_changes_as_data() -> None:
    found = data(compare(demo(), demo(PUBLIC)))
    (subnet,) = [each for each in demo().subnets.values() if each.name == "private-a"]
    assert found["changes"] == [
        {
            "change": "update",
            "kind": "subnet",
            "name": "main/private-a",
            "id": subnet.id,
            "facts": [{"fact": "route table", "old": "private", "new": "public"}],
        }
    ]
    assert [(each["name"], each["rules"], each["further"]) for each in found["exposed"]] == [
        ("main/private-a", [], False),
        ("main/app", ["all from ::/0"], False),
    ]


def public() -> Account:
    """Return a small cloud whose instance the internet reaches on no port yet: only the group keeps it out."""
    account = Account()
    account.do("AssociateRouteTable", RouteTableId=MAIN_TABLE, SubnetId=PLAIN_SUBNET)
    account.do("CreateRoute", RouteTableId=MAIN_TABLE, DestinationIpv6CidrBlock="::/0", GatewayId=IGW)
    instance = replace(account.cloud.instances[INSTANCE], subnet_id=PLAIN_SUBNET)
    account.cloud = replace(account.cloud, instances={INSTANCE: instance})
    return account


def allow(account: Account, first: int, last: int, block: str = "::/0") -> None:
    account.do("AuthorizeSecurityGroupIngress", GroupId=GROUP, IpPermissions=[
        {"IpProtocol": "tcp", "FromPort": first, "ToPort": last, "Ipv6Ranges": [{"CidrIpv6": block}]}])  # fmt: skip


def deny(account: Account, number: int, block: str, first: int = 0, last: int = 65535) -> None:
    account.do("CreateNetworkAclEntry", NetworkAclId=DEFAULT_ACL, RuleNumber=number, Protocol="6", RuleAction="deny",
               Egress=False, Ipv6CidrBlock=block, PortRange={"From": first, "To": last})  # fmt: skip


def marked(before: Cloud, after: Cloud) -> list[str]:
    return warnings(compare(before, after))


REACHABLE = f"! instance {VPC}/{INSTANCE} becomes reachable from the internet"


def test_a_rule_of_a_group_opens_an_instance() -> None:
    account = public()
    before = account.cloud
    allow(account, 22, 22)
    assert marked(before, account.cloud) == [f"{REACHABLE}: tcp 22 from ::/0"]


def test_a_rule_that_opens_more_says_so() -> None:
    account = public()
    allow(account, 22, 22)
    before = account.cloud
    allow(account, 80, 81)
    assert marked(before, account.cloud) == [f"{REACHABLE} by more packets: tcp 80-81 from ::/0"]


def test_a_rule_within_another_opens_nothing() -> None:
    account = public()
    allow(account, 20, 30)
    before = account.cloud
    allow(account, 22, 25, "2001:db8::/32")
    assert account.cloud != before
    assert marked(before, account.cloud) == []


def test_two_rules_that_were_one_open_nothing() -> None:
    one, two = public(), public()
    allow(one, 20, 30)
    allow(two, 20, 24)
    allow(two, 25, 30)
    assert marked(one.cloud, two.cloud) == []
    assert marked(two.cloud, one.cloud) == []


@pytest.mark.parametrize(
    ("block", "first", "last", "opens"),
    [
        ("::/0", 0, 65535, False),
        ("::/0", 22, 22, False),
        ("2000::/3", 20, 30, False),
        ("2001:db8::/32", 22, 22, True),  # the rest of the internet gets in
        ("::/0", 23, 30, True),
    ],
)
def test_a_network_acl_in_front_of_the_rule(block: str, first: int, last: int, opens: bool) -> None:
    account = public()
    deny(account, 50, block, first, last)
    before = account.cloud
    allow(account, 22, 22)
    assert bool(marked(before, account.cloud)) is opens


def test_the_acl_alone_may_open() -> None:
    account = public()
    allow(account, 22, 22)
    deny(account, 50, "::/0")
    before = account.cloud
    account.do("DeleteNetworkAclEntry", NetworkAclId=DEFAULT_ACL, RuleNumber=50, Egress=False)
    assert marked(before, account.cloud) == [f"{REACHABLE}: tcp 22 from ::/0"]
    assert marked(account.cloud, before) == []


@pytest.mark.parametrize(
    ("destination", "target", "opens"),
    [
        ("::/0", {"GatewayId": IGW}, True),
        ("2001:db8::/32", {"GatewayId": IGW}, True),
        ("fc00::/7", {"GatewayId": IGW}, False),  # not the internet
        ("::/0", {"EgressOnlyInternetGatewayId": EIGW}, False),
    ],
)
def test_only_a_route_to_an_internet_gateway_opens_a_subnet(
    destination: str, target: dict[str, str], opens: bool
) -> None:
    account = Account()
    before = account.cloud
    account.do("CreateRoute", RouteTableId=MAIN_TABLE, DestinationIpv6CidrBlock=destination, **target)
    expected = [f"! subnet {VPC}/{PLAIN_SUBNET} becomes reachable from the internet"] if opens else []
    assert marked(before, account.cloud) == expected


def test_a_more_specific_route_elsewhere_closes_its_part() -> None:
    account = public()
    allow(account, 22, 22, "2001:db8::/32")
    open_part = account.cloud
    account.do("CreateRoute", RouteTableId=MAIN_TABLE, DestinationIpv6CidrBlock="2001:db8::/32",
               EgressOnlyInternetGatewayId=EIGW)  # fmt: skip
    assert marked(public().cloud, account.cloud) == []
    assert marked(account.cloud, open_part) == [f"{REACHABLE}: tcp 22 from 2001:db8::/32"]


def test_attaching_the_gateway_opens_what_routes_to_it() -> None:
    account = public()
    allow(account, 22, 22)
    attached = account.cloud
    account.do("DetachInternetGateway", InternetGatewayId=IGW, VpcId=VPC)
    assert marked(account.cloud, attached) == [
        f"! subnet {VPC}/{PLAIN_SUBNET} becomes reachable from the internet",
        f"{REACHABLE}: tcp 22 from ::/0",
    ]


def test_the_private_subnet_is_never_marked() -> None:
    """An egress-only gateway lets in nothing that the internet begins, whatever the group allows."""
    account = Account()
    assert account.cloud.subnets[SUBNET].route_table_id == PRIVATE_TABLE
    before = account.cloud
    allow(account, 0, 65535)
    assert marked(before, account.cloud) == []


def _arrives(tracer: Tracer, cloud: Cloud, host: str, instance: str, port: int) -> bool:
    return any(tracer.trace(host, instance, protocol, port).delivered for protocol in ("tcp", "udp"))


def _marks_what_arrives(cloud: Cloud) -> None:
    tracer = Tracer(cloud)
    marks = {each.id for each in exposed(None, cloud)}
    for host in cloud.hosts:
        for instance in cloud.instances.values():
            if any(_arrives(tracer, cloud, host, instance.id, port) for port in (22, 53, 443)):
                assert {instance.id, instance.subnet_id} <= marks


def test_what_the_model_delivers_from_a_host_is_marked() -> None:
    _marks_what_arrives(FILTERS)
    assert list(exposed(None, FILTERS))


@settings(max_examples=15)
@given(cloud=clouds())
def test_what_the_model_delivers_from_a_host_is_marked_in_random_clouds(cloud: Cloud) -> None:
    _marks_what_arrives(cloud)

"""Output and exit codes of `eigw-ns ec2` on a stored lab, without a kernel, compared with those of AWS."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from eigw_ns.cloud.nodes import find
from eigw_ns.topology import Topology
from tests.support.command import Cli, process
from tests.support.stored import folders, store

LAB = "shop"
GONE = "eigw-0deadbeefdeadbeef"


@pytest.fixture
def topology(stored: Callable[[str], Topology]) -> Topology:
    return stored(LAB)


@pytest.fixture
def gateway(topology: Topology) -> str:
    return find(topology.cloud, "outbound").id


@pytest.fixture
def vpc(topology: Topology) -> str:
    return next(iter(topology.cloud.vpcs))


def test_describing_needs_no_root(gateway: str, vpc: str) -> None:
    result = process("ec2", "describe-egress-only-internet-gateways", powerless=True)
    shape = {
        "EgressOnlyInternetGatewayId": gateway,
        "Attachments": [{"State": "attached", "VpcId": vpc}],
        "Tags": [{"Key": "Name", "Value": "outbound"}],
    }
    expected = json.dumps({"EgressOnlyInternetGateways": [shape]}, indent=4)
    assert (result.code, result.out, result.err) == (0, f"{expected}\n", "")


def test_changing_without_root_fails_before_anything_is_changed(gateway: str) -> None:
    before = folders().topology_file(LAB).read_bytes()
    deletion = ("ec2", "delete-egress-only-internet-gateway", "--egress-only-internet-gateway-id", gateway)
    result = process(*deletion, powerless=True)
    assert (result.code, result.out) == (5, "")
    assert "hint: run it as root" in result.err
    assert folders().topology_file(LAB).read_bytes() == before
    dry = process(*deletion, "--dry-run", powerless=True)
    assert (dry.code, dry.out) == (1, "")
    assert dry.err == (
        "An error occurred (DryRunOperation) when calling the DeleteEgressOnlyInternetGateway operation: "
        "Request would have succeeded, but DryRun flag is set.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "first_line"),
    [
        (
            ("delete-egress-only-internet-gateway", "--egress-only-internet-gateway-id", GONE),
            "An error occurred (InvalidGatewayID.NotFound) when calling the DeleteEgressOnlyInternetGateway operation: "
            f"The eigw ID '{GONE}' does not exist",
        ),
        (
            ("create-egress-only-internet-gateway", "--vpc-id", "vpc-says-what"),
            "An error occurred (InvalidVpcID.Malformed) when calling the CreateEgressOnlyInternetGateway operation: ",
        ),
        (
            ("describe-egress-only-internet-gateways", "--page-size", "4"),
            "An error occurred (InvalidParameterValue) when calling the DescribeEgressOnlyInternetGateways operation: ",
        ),
    ],
)
def test_errors_are_those_of_aws_cli(cli: Cli, topology: Topology, arguments: tuple[str, ...], first_line: str) -> None:
    before = folders().topology_file(LAB).read_bytes()
    result = cli("ec2", *arguments)
    assert (result.code, result.out) == (1, "")
    assert result.err.splitlines()[0].startswith(first_line)
    assert "Traceback" not in result.err
    assert folders().topology_file(LAB).read_bytes() == before


def test_a_gateway_of_the_wrong_kind_has_a_hint(cli: Cli, gateway: str, vpc: str) -> None:
    table = json.loads(cli("ec2", "describe-route-tables").out)["RouteTables"][0]["RouteTableId"]
    where = ("--route-table-id", table, "--destination-ipv6-cidr-block", "::/0")
    assert cli("ec2", "create-route", *where, "--gateway-id", gateway, "--dry-run").err.splitlines() == [
        "An error occurred (InvalidGatewayID.NotFound) when calling the CreateRoute operation: "
        f"The gateway ID '{gateway}' does not exist",
        f"hint: --egress-only-internet-gateway-id {gateway}",
    ]


def test_an_unknown_filter_is_a_warning_or_with_strict_filters_an_error(
    cli: Cli, gateway: str, vpc: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    describe = ("ec2", "describe-egress-only-internet-gateways", "--filters", "Name=attachment.vpc-id,Values=vpc-0bad")
    ignored = cli(*describe)
    assert [each["EgressOnlyInternetGatewayId"] for each in ignored.data["EgressOnlyInternetGateways"]] == [gateway]
    assert ignored.err.startswith("warning: the filter attachment.vpc-id is unknown")
    assert ignored.err.count("warning") == 1
    strict = cli(*describe, "--strict-filters")
    assert (strict.code, strict.out) == (1, "")
    assert "An error occurred (InvalidParameterValue)" in strict.err
    monkeypatch.setenv("EIGW_NS_STRICT_FILTERS", "1")
    assert cli(*describe).err == strict.err


def test_filters_select(cli: Cli, topology: Topology) -> None:
    def found(*filters: str) -> set[str]:
        answer = cli("ec2", "describe-subnets", "--filters", *filters).data
        return {subnet["SubnetId"] for subnet in answer["Subnets"]}

    blocks = {str(subnet.ipv6_cidr_block): subnet.id for subnet in topology.cloud.subnets.values()}
    private, public = (blocks[f"2600:1f16:aa0:550{number}::/64"] for number in (1, 2))
    name = "Name=ipv6-cidr-block-association.ipv6-cidr-block,Values="
    assert found(f"{name}2600:1f16:aa0:5501::/64") == {private}
    assert found(f"{name}*5501::/64,*5502::/64") == {private, public}
    assert found(f"{name}*", f"Name=subnet-id,Values={public}") == {public}
    assert found(f'{{"Name": "subnet-id", "Values": ["{private}"]}}') == {private}


def test_flags_override_a_request_from_json(cli: Cli, topology: Topology, tmp_path: Path) -> None:
    private, public = topology.cloud.subnets
    file = tmp_path / "request.json"
    file.write_text(json.dumps({"SubnetIds": [private]}), encoding="utf-8")
    describe = ("ec2", "describe-subnets", "--cli-input-json", f"file://{file}")
    assert [each["SubnetId"] for each in cli(*describe).data["Subnets"]] == [private]
    assert [each["SubnetId"] for each in cli(*describe, "--subnet-ids", public).data["Subnets"]] == [public]
    required = cli("ec2", "delete-route-table", "--cli-input-json", '{"RouteTableId": "rtb-x", "DryRun": true}')
    assert required.err.startswith("An error occurred (InvalidRouteTableId.Malformed)")
    assert cli("ec2", "delete-route-table", "--cli-input-json", "{}").code == 2


def test_answers_are_cut_and_continued(cli: Cli, topology: Topology) -> None:
    all_subnets = cli("ec2", "describe-subnets", "--page-size", "5").data["Subnets"]
    first = cli("ec2", "describe-subnets", "--max-items", "1").data
    second = cli("ec2", "describe-subnets", "--max-items", "1", "--starting-token", first["NextToken"]).data
    assert first["Subnets"] + second["Subnets"] == all_subnets
    assert len(all_subnets) == len(topology.cloud.subnets) == 2
    assert "NextToken" not in second


def test_egress_and_ingress_are_opposite_flags(cli: Cli, topology: Topology) -> None:
    acl = next(iter(topology.cloud.network_acls))
    entry = ("ec2", "delete-network-acl-entry", "--network-acl-id", acl, "--rule-number", "7", "--dry-run")
    for direction in ("egress", "ingress"):
        assert f"The {direction} entry 7 does not exist" in cli(*entry, f"--{direction}").err
    assert cli(*entry, "--no-egress").err.startswith("error: no such option: --no-egress")


def test_short_flags_make_one_rule(cli: Cli, topology: Topology) -> None:
    group = next(group.id for group in topology.cloud.security_groups.values() if group.name == "open")
    allow = ("ec2", "authorize-security-group-ingress", "--group-id", group, "--dry-run", "--protocol", "tcp")
    granted = cli(*allow, "--port", "22", "--cidr", "198.51.100.0/24")
    assert "(DryRunOperation)" in granted.err
    assert "(DryRunOperation)" in cli(*allow, "--port", "22", "--source-group", group).err
    ipv6 = cli(*allow, "--port", "22", "--cidr", "::/0")
    assert (ipv6.code, ipv6.out) == (2, "")
    assert "Ipv6Ranges=[{CidrIpv6=::/0}]" in ipv6.err
    both = cli(*allow, "--ip-permissions", "IpProtocol=udp")
    assert (both.code, both.out) == (2, "")


def test_the_lab_is_chosen_as_by_other_verbs(cli: Cli, stored: Callable[[str], Topology], topology: Topology) -> None:
    stored("other")
    assert cli("ec2", "describe-vpcs").code == 2
    assert cli("ec2", "describe-vpcs", "--lab", LAB).code == 0
    assert "did you mean shop?" in cli("ec2", "describe-vpcs", "--lab", "shpo").err
    assert store().labs() == ("other", LAB)


def test_query_selects_and_output_text_prints_words_for_a_shell(cli: Cli, vpc: str, gateway: str) -> None:
    one = ("ec2", "describe-vpcs", "--query", "Vpcs[0].VpcId")
    assert cli(*one).out == f'"{vpc}"\n'
    assert cli(*one, "--output", "text").out == f"{vpc}\n"
    assert cli(*one, "--output", "yaml").out == f"{vpc}\n"
    two = "EgressOnlyInternetGateways[].[EgressOnlyInternetGatewayId, Attachments[0].VpcId]"
    describe = ("ec2", "describe-egress-only-internet-gateways", "--query", two, "--output")
    assert cli(*describe, "text").out == f"{gateway}\t{vpc}\n"
    assert cli(*describe, "yaml").out == f"- - {gateway}\n  - {vpc}\n"
    assert cli(*describe, "table").out.splitlines()[-1].split() == [gateway, vpc]
    assert cli("ec2", "describe-vpcs", "--query", "Nothing", "--output", "text").out == "None\n"
    assert cli("ec2", "describe-vpcs", "--query", "Nothing").out == "null\n"


def test_a_query_that_cannot_be_applied_is_a_usage_error(cli: Cli, vpc: str) -> None:
    result = cli("ec2", "describe-vpcs", "--query", "length(Vpcs[0].IsDefault)")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("error: --query cannot be applied to the answer: ")


def test_whole_answers_in_each_format(cli: Cli, vpc: str) -> None:
    text = cli("ec2", "describe-vpcs", "--output", "text").out.splitlines()
    kind, options, *rest = text[0].split("\t")
    assert (kind, options[:5], rest) == ("VPCS", "dopt-", ["default", "False", "000000000000", "available", vpc])
    assert text[1].startswith("IPV6CIDRBLOCKASSOCIATIONSET\tvpc-cidr-assoc-")
    assert text[2] == "IPV6CIDRBLOCKSTATE\tassociated"
    table = cli("ec2", "describe-vpcs", "--output", "table").out
    assert table.startswith("Vpcs\n") and "Vpcs.Ipv6CidrBlockAssociationSet" in table and vpc in table
    assert cli("ec2", "describe-vpcs", "--output", "yaml").out.startswith(f"Vpcs:\n- VpcId: {vpc}\n  OwnerId: '0000")


def test_flags_that_scripts_for_aws_give_change_nothing(cli: Cli, vpc: str) -> None:
    plain = cli("ec2", "describe-vpcs")
    flags = ("--region", "eu-west-1", "--profile", "work", "--no-cli-pager", "--no-paginate")
    assert cli("ec2", "describe-vpcs", *flags).out == plain.out


def test_no_paginate_prints_the_first_page(cli: Cli, topology: Topology) -> None:
    describe = ("ec2", "describe-security-group-rules", "--max-results", "5")
    assert cli(*describe, "--no-paginate").out == cli(*describe).out


def test_names_stand_for_ids_with_a_note(cli: Cli, topology: Topology, vpc: str, gateway: str) -> None:
    by_name = cli("ec2", "describe-egress-only-internet-gateways", "--egress-only-internet-gateway-ids", "outbound")
    assert [each["EgressOnlyInternetGatewayId"] for each in by_name.data["EgressOnlyInternetGateways"]] == [gateway]
    assert by_name.err == f"note: outbound is {gateway}\n"
    (name,) = (each.name for each in topology.cloud.vpcs.values())
    asked = ("--vpc-id", name, "--group-name", "new", "--description", "d", "--dry-run")
    assert "(DryRunOperation)" in cli("ec2", "create-security-group", *asked).err
    qualified = cli(
        "ec2", "describe-egress-only-internet-gateways", "--egress-only-internet-gateway-ids", f"{name}/outbound"
    )
    assert qualified.out == by_name.out


def test_a_name_that_no_resource_has_is_refused_as_aws_does(cli: Cli, topology: Topology) -> None:
    result = cli("ec2", "describe-vpcs", "--vpc-ids", "nobody")
    assert result.code == 1 and "(InvalidVpcID.Malformed)" in result.err


def test_wait_returns_when_the_resource_exists(cli: Cli, vpc: str) -> None:
    for waiter in ("vpc-available", "vpc-exists"):
        result = cli("ec2", "wait", waiter, "--vpc-ids", vpc)
        assert (result.code, result.out, result.err) == (0, "", "")
    assert cli("ec2", "wait", "instance-running").code == 0
    assert cli("ec2", "wait", "subnet-available", "--filters", f"Name=vpc-id,Values={vpc}").code == 0


def test_wait_fails_if_aws_would_refuse_the_request_and_for_unknown_waiters(cli: Cli, vpc: str) -> None:
    refused = cli("ec2", "wait", "vpc-available", "--vpc-ids", "vpc-0deadbeefdeadbeef")
    assert refused.code == 1 and "(InvalidVpcID.NotFound)" in refused.err
    unknown = cli("ec2", "wait", "vpc-exist")
    assert unknown.code == 2 and "did you mean vpc-exists" in unknown.err


def test_wait_without_a_waiter_lists_them(cli: Cli) -> None:
    shown = cli("ec2", "wait")
    assert (shown.code, shown.out) == (2, "")
    assert "\n  vpc-exists " in shown.err and "error:" not in shown.err

"""The steps of AWS's page on egress-only internet gateways, with `ec2` verbs only. Packets prove each step."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from eigw_ns.dataplane.compile.names import namespace_name
from eigw_ns.dataplane.state import Route
from tests.support.command import Cli
from tests.support.labs import Lab
from tests.support.stored import store

pytestmark = pytest.mark.root

WEB = "2001:db8:80::1"
APP = "2600:1f16:aa0:5501::10"


@pytest.fixture
def lab(cli: Cli, demo_file: Callable[[str], str], lab_name: str, monkeypatch: pytest.MonkeyPatch) -> Lab:
    monkeypatch.setenv("EIGW_NS_LAB", lab_name)  # `status` would see other labs on this machine
    assert cli("apply", "-f", demo_file(lab_name)).code == 0
    return Lab(lab_name, current=store().load(lab_name))


def _ids(cli: Cli) -> tuple[str, str, str]:
    """Return the ids of the VPC, its egress-only gateway and the private route table."""
    (gateway,) = cli("ec2", "describe-egress-only-internet-gateways").data["EgressOnlyInternetGateways"]
    tables = cli("ec2", "describe-route-tables", "--filters", "Name=route.destination-ipv6-cidr-block,Values=::/0").data
    (private,) = (
        table["RouteTableId"]
        for table in tables["RouteTables"]
        if any(route.get("EgressOnlyInternetGatewayId") for route in table["Routes"])
    )
    return gateway["Attachments"][0]["VpcId"], gateway["EgressOnlyInternetGatewayId"], private


def _state(cli: Cli, table: str) -> str:
    """Return the state of the table's default route."""
    (found,) = cli("ec2", "describe-route-tables", "--route-table-ids", table).data["RouteTables"]
    (route,) = (each for each in found["Routes"] if each.get("DestinationIpv6CidrBlock") == "::/0")
    return str(route["State"])


def test_a_deleted_gateway_leaves_a_blackhole_until_the_route_is_replaced(cli: Cli, lab: Lab, tmp_path: Path) -> None:
    vpc, gateway, table = _ids(cli)
    with lab.stream("app", "web", WEB) as stream, lab.stream("www", "web", WEB, 4444) as beside:
        assert stream.works()
        assert _state(cli, table) == "active"

        deleted = cli("ec2", "delete-egress-only-internet-gateway", "--egress-only-internet-gateway-id", gateway)
        assert deleted.data == {"ReturnCode": True}
        assert _state(cli, table) == "blackhole"
        assert stream.silent()
        assert beside.works()
        assert cli("status").code == 0

        created = cli("ec2", "create-egress-only-internet-gateway", "--vpc-id", vpc).data
        new = created["EgressOnlyInternetGateway"]["EgressOnlyInternetGatewayId"]
        assert new != gateway
        assert _state(cli, table) == "blackhole"  # a new gateway has a new id, so the route stays a blackhole
        route = ("--route-table-id", table, "--destination-ipv6-cidr-block", "::0/0")
        assert cli("ec2", "replace-route", *route, "--egress-only-internet-gateway-id", new).code == 0
        assert _state(cli, table) == "active"
        assert beside.works()
        assert beside.retransmissions() == 0
    with lab.stream("app", "web", WEB, 4445) as again:
        assert again.works()
    assert cli("status").code == 0
    exported = tmp_path / "exported.yaml"
    exported.write_text(cli("export").out, encoding="utf-8")
    assert cli("plan", "-f", str(exported)).code == 0


def test_a_vpc_is_built_beside_the_others_and_removed(cli: Cli, lab: Lab, tmp_path: Path) -> None:
    """A VPC with subnet, gateway and route by `ec2` verbs is in the kernel, and disturbs no flow of another VPC."""

    def done(*arguments: str) -> Any:
        result = cli("ec2", *arguments)
        assert result.code == 0, result.err
        return result.data if result.out else None

    before = lab.kernel.observe(lab.name)
    with lab.stream("app", "web", WEB) as beside:
        vpc = done("create-vpc", "--cidr-block", "10.0.0.0/16", "--amazon-provided-ipv6-cidr-block")["Vpc"]
        block = vpc["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"].replace("/56", "/64")
        of_vpc = ("--vpc-id", vpc["VpcId"])
        subnet = done("create-subnet", *of_vpc, "--cidr-block", "10.0.1.0/24", "--ipv6-cidr-block", block)["Subnet"]
        gateway = done("create-egress-only-internet-gateway", *of_vpc)["EgressOnlyInternetGateway"]
        gateway_id = gateway["EgressOnlyInternetGatewayId"]
        of_gateway = ("--egress-only-internet-gateway-id", gateway_id)
        wanted = ("--filters", f"Name=vpc-id,Values={vpc['VpcId']}")
        table = ("--route-table-id", done("describe-route-tables", *wanted)["RouteTables"][0]["RouteTableId"])
        done("create-route", *table, "--destination-ipv6-cidr-block", "::/0", *of_gateway)
        done("modify-vpc-attribute", *of_vpc, "--enable-dns-hostnames")
        done("modify-vpc-attribute", *of_vpc, "--no-enable-dns-support")
        assert cli("status").code == 0
        router = namespace_name(lab.name, subnet["SubnetId"])
        routes = [each for each in lab.kernel.observe(lab.name) if isinstance(each, Route) and each.namespace == router]
        assert "fabric" in {each.link for each in routes if each.destination == "::/0"}
        exported = tmp_path / "exported.yaml"
        exported.write_text(cli("export").out, encoding="utf-8")
        assert cli("plan", "-f", str(exported)).code == 0
        done("delete-subnet", "--subnet-id", subnet["SubnetId"])
        done("delete-egress-only-internet-gateway", *of_gateway)
        done("delete-vpc", *of_vpc)
        assert lab.kernel.observe(lab.name) == before
        assert beside.works() and beside.retransmissions() == 0


def test_idempotent_create(cli: Cli, lab: Lab) -> None:
    """Row "idempotent create": the same token twice gives the same answer, and the kernel is not touched again."""
    vpc, gateway, _ = _ids(cli)
    cli("ec2", "delete-egress-only-internet-gateway", "--egress-only-internet-gateway-id", gateway)
    create = ("ec2", "create-egress-only-internet-gateway", "--vpc-id", vpc, "--client-token", "once")
    first = cli(*create).data
    held = lab.kernel.observe(lab.name)
    assert cli(*create).data == first
    assert lab.kernel.observe(lab.name) == held
    assert len(cli("ec2", "describe-egress-only-internet-gateways").data["EgressOnlyInternetGateways"]) == 1
    other = cli(*create, "--tag-specifications", "ResourceType=egress-only-internet-gateway,Tags=[{Key=a,Value=b}]")
    assert other.code == 1
    assert "(IdempotentParameterMismatch)" in other.err


def test_a_refused_request_changes_nothing(cli: Cli, lab: Lab) -> None:
    _, gateway, table = _ids(cli)
    stored, held = store().load(lab.name), lab.kernel.observe(lab.name)
    for arguments, code in (
        (("create-route", "--route-table-id", table, "--destination-ipv6-cidr-block", "::/0"), "MissingParameter"),
        (("delete-route-table", "--route-table-id", table), "DependencyViolation"),
        (("create-egress-only-internet-gateway", "--vpc-id", "vpc-00000000000000bad"), "InvalidVpcID.NotFound"),
        (
            ("delete-egress-only-internet-gateway", "--egress-only-internet-gateway-id", gateway, "--dry-run"),
            "DryRunOperation",
        ),
    ):
        refused = cli("ec2", *arguments)
        assert refused.code == 1, arguments
        assert f"An error occurred ({code}) when calling the " in refused.err
    assert store().load(lab.name) == stored
    assert lab.kernel.observe(lab.name) == held
    with lab.stream("app", "web", WEB) as stream:
        assert stream.works()


def test_a_revoked_rule_keeps_tracked_flows_and_stops_new_ones(cli: Cli, lab: Lab) -> None:
    groups = cli("ec2", "describe-security-groups").data["SecurityGroups"]
    (group,) = (each["GroupId"] for each in groups if each["GroupName"] == "open")
    everything = "IpProtocol=-1,Ipv6Ranges=[{CidrIpv6=::/0}]"
    with lab.stream("app", "web", WEB) as stream:
        assert stream.works()
        revoked = cli("ec2", "revoke-security-group-egress", "--group-id", group, "--ip-permissions", everything)
        assert revoked.code == 0, revoked.err
        assert stream.works()
    with lab.listening("web", WEB, 5000), lab.open_socket("app") as client, pytest.raises(TimeoutError):
        client.settimeout(0.4)
        client.connect((WEB, 5000))
    allowed = cli("ec2", "authorize-security-group-egress", "--group-id", group, "--ip-permissions", everything)
    assert allowed.code == 0, allowed.err
    with lab.stream("app", "web", WEB, 5001) as again:
        assert again.works()

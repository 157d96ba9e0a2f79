"""Benchmark: check a template, from its bytes to packets and findings."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from scripts.benchmarks.benchmark import Benchmark, Job, program, timed
from scripts.benchmarks.rows import Row, Target, alternate, compare, seconds

_FEW, _MANY = 2, 200
_ALLOWED = {_FEW: 1.5, _MANY: 15.0}
"""Seconds by number of subnets."""

_QUICK = 20


def _template(subnets: int) -> dict[str, Any]:
    """Return a sound template: a VPC whose subnets are private over IPv4 and IPv6."""
    block = "2001:db8:60:4000::/56"
    vpc, out, table = {"Ref": "V"}, {"Fn::GetAtt": ["E", "Id"]}, {"Ref": "T"}
    resources: dict[str, Any] = {
        "V": _resource("VPC", CidrBlock="10.60.0.0/16"),
        "B": _resource("VPCCidrBlock", VpcId=vpc, Ipv6CidrBlock=block, Ipv6Pool="ipv6pool-ec2-0123456789abcdef0"),
        "E": _resource("EgressOnlyInternetGateway", VpcId=vpc),
        "T": _resource("RouteTable", VpcId=vpc),
        "R": _resource("Route", RouteTableId=table, DestinationIpv6CidrBlock="::/0", EgressOnlyInternetGatewayId=out),
    }
    for number in range(subnets):
        resources[f"S{number}"] = _resource(
            "Subnet",
            VpcId=vpc,
            CidrBlock=f"10.60.{number}.0/24",
            Ipv6CidrBlock=f"2001:db8:60:40{number:02x}::/64",
            Tags=[{"Key": "Reach", "Value": "Private"}],
        )
        resources[f"A{number}"] = _resource(
            "SubnetRouteTableAssociation", SubnetId={"Ref": f"S{number}"}, RouteTableId=table
        )
    return {"Resources": resources}


def _resource(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": f"AWS::EC2::{kind}", "Properties": properties}


def _rows(job: Job) -> Iterator[Row]:
    for subnets in (_FEW, _QUICK if job.quick else _MANY):
        file = job.place.write(f"check-{subnets}", _template(subnets))
        command, environment = program("check", "-q", file), job.place.environment
        (ours,) = alternate(job.rounds, job.step, partial(timed, command, environment))
        allowed = _ALLOWED.get(subnets, _ALLOWED[_MANY])
        name, against = f"check {subnets} subnets", f"{allowed:g} s"
        yield compare(name, against, ours, [allowed] * len(ours), Target("most", 1), seconds(ours))


BENCHMARK = Benchmark(
    summary="Check a design: import it, build it, send packets, report.",
    explain={
        "check 2 subnets, against 1.5 s": "`eigw-ns check` of a CloudFormation template, start of Python included.",
        "check 200 subnets, against 15 s": "The same with 200 subnets: 800 flows, half of them `blocked`.",
    },
    rows=_rows,
    steps=lambda job: 2 * job.rounds,
)

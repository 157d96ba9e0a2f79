"""Small CloudFormation templates: the design that they become, and the values of their expressions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

from eigw_ns.importing.design import Design, DesignRoute, Key
from eigw_ns.importing.options import Options
from eigw_ns.importing.sources.cdk import read_assembly
from eigw_ns.importing.sources.cloudformation import read_template
from eigw_ns.importing.sources.cloudformation.evaluator import Scope
from eigw_ns.importing.sources.cloudformation.stack import mapping_of, read_stack
from eigw_ns.importing.sources.cloudformation.stacks import Stacks
from eigw_ns.importing.sources.cloudformation.text import read_text
from eigw_ns.importing.sources.cloudformation.values import Value

INPUTS = Path(__file__).parent.parent / "importing" / "inputs"

VPC = """\
  V: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
  B: {Type: AWS::EC2::VPCCidrBlock, Properties: {VpcId: !Ref V, AmazonProvidedIpv6CidrBlock: true}}
  T: {Type: AWS::EC2::RouteTable, Properties: {VpcId: !Ref V}}
  G: {Type: AWS::EC2::InternetGateway}
  H: {Type: AWS::EC2::VPCGatewayAttachment, Properties: {VpcId: !Ref V, InternetGatewayId: !Ref G}}
  E: {Type: AWS::EC2::EgressOnlyInternetGateway, Properties: {VpcId: !Ref V}}
  S:
    Type: AWS::EC2::Subnet
    Properties:
      VpcId: !Ref V
      CidrBlock: 10.0.1.0/24
      Ipv6CidrBlock: !Select [1, !Cidr [!Select [0, !GetAtt V.Ipv6CidrBlocks], 4, 64]]
  A: {Type: AWS::EC2::SubnetRouteTableAssociation, Properties: {SubnetId: !Ref S, RouteTableId: !Ref T}}
"""
"""Resources of a VPC with a subnet, its route table and both gateways. A test adds routes."""


def design(resources: str, *, before: str = "", after: str = "", options: Options | None = None) -> Design:
    """Return the design of a template in YAML with these resources, and sections before and after them."""
    text = f"{dedent(before)}Resources:\n{resources}{dedent(after)}"
    return read_template(text.encode(), "net.yaml", options or Options())


def of_input(name: str, options: Options | None = None) -> Design:
    """Return the design of an input file."""
    return read_template((INPUTS / name).read_bytes(), name, options or Options())


def assembly(files: Mapping[str, str], options: Options | None = None) -> Design:
    """Return the design of a cdk assembly."""
    return read_assembly({path: text.encode() for path, text in files.items()}, options or Options())


def value(expression: str, *, before: str = "", resources: str = VPC, options: Options | None = None) -> Value:
    """Return what an expression of a template stands for."""
    scope, node = _output(expression, before, resources, options or Options())
    return scope.value(node)


def condition(expression: str, *, before: str = "", options: Options | None = None) -> Value:
    """Return what a condition is, with the conditions `Yes` and `No` beside it."""
    conditions = f"Conditions:\n  Yes: !Equals [a, a]\n  No: !Equals [a, b]\n  It: {expression}\n"
    scope, _ = _output("x", f"{dedent(before)}{conditions}", VPC, options or Options())
    return scope.condition("It")


def messages(found: Design, level: str = "refuse") -> list[str]:
    """Return the messages of a level as text."""
    return [str(message) for message in found.messages if message.level == level]


def touched(found: Design) -> set[str]:
    """Return the keys that refusals touch."""
    return {key for message in found.messages if message.level == "refuse" for key in message.touches}


def routes_of(found: Design, table: str) -> list[tuple[str, str, str | None]]:
    """Return the routes of a table as (destination, kind, target)."""
    return [_shown(route) for route in found.routes if route.table == Key(table)]


def _shown(route: DesignRoute) -> tuple[str, str, str | None]:
    destination = getattr(route.destination, "text", None) or str(route.destination)
    return destination, route.kind, route.target.text if route.target else None


def _output(expression: str, before: str, resources: str, options: Options) -> tuple[Scope, Value]:
    text = f"{dedent(before)}Resources:\n{resources}Outputs:\n  It:\n    Value: {expression}\n"
    root = read_text(text.encode(), "net.yaml")
    stacks = Stacks({}, options, "net.yaml")
    stacks.add(read_stack(root, "net.yaml", "net"))
    return stacks.scopes[0], mapping_of(stacks.scopes[0].stack.outputs.items["It"]).items["Value"]

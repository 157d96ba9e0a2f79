"""Several stacks: parameters, nested stacks, exports, cdk assemblies with stages, and the blocks of their VPCs."""

from __future__ import annotations

import json
from ipaddress import IPv6Network

import pytest

from eigw_ns.errors import DesignError
from eigw_ns.importing.options import Options
from eigw_ns.importing.sources.cloudformation import read_template
from tests.support.templates import VPC, assembly, design, messages, routes_of

LEAK = "{RouteTableId: %s, DestinationIpv6CidrBlock: '::/0', GatewayId: %s}"


def manifest(*stacks: str, environment: str = "aws://unknown-account/unknown-region", **more: object) -> str:
    artifacts: dict[str, object] = {
        name: {
            "type": "aws:cloudformation:stack",
            "environment": environment,
            "properties": {"templateFile": f"{name}.template.json"},
        }
        for name in stacks
    }
    return json.dumps({"version": "36.0.0", "artifacts": {**artifacts, **more}})


def exporting(name: str = "Net:Table") -> str:
    first = f"  A: {{Value: !Ref T, Export: {{Name: '{name}'}}}}\n"
    return f"Resources:\n{VPC}Outputs:\n{first}  B: {{Value: !Ref G, Export: {{Name: door}}}}\n"


def importing(name: str = "Net:Table") -> str:
    route = LEAK % (f"!ImportValue '{name}'", "!ImportValue door")
    return f"Resources:\n  Leak: {{Type: AWS::EC2::Route, Properties: {route}}}\n"


def test_an_export_of_another_stack_is_found_in_either_order():
    for order in (("Net", "Shop"), ("Shop", "Net")):
        files = {"Net.template.json": exporting(), "Shop.template.json": importing(), "manifest.json": manifest(*order)}
        found = assembly(files)
        assert routes_of(found, "Net/T") == [("::/0", "internet", "Net/G")]
        assert messages(found) == []


def test_an_export_that_no_stack_has_leads_outside():
    files = {"Shop.template.json": importing(), "manifest.json": manifest("Shop")}
    (route,) = assembly(files).routes
    assert route.table.text == "no stack here exports Net:Table; give --import Net:Table=VALUE"


def test_an_export_that_two_stacks_of_one_environment_have_is_not_known():
    files = {
        "Net.template.json": exporting(), "Two.template.json": exporting(), "Shop.template.json": importing(),
        "manifest.json": manifest("Net", "Two", "Shop"),
    }  # fmt: skip
    (route,) = assembly(files).routes
    assert route.table.text.startswith("several stacks export Net:Table")


def test_exports_are_those_of_the_same_environment():
    two = manifest("Net", "Shop", environment="aws://1/eu-west-1")
    one = {
        "type": "aws:cloudformation:stack",
        "environment": "aws://1/us-east-1",
        "properties": {"templateFile": "Net.template.json"},
    }
    files = {
        "Net.template.json": exporting(),
        "Shop.template.json": importing(),
        "manifest.json": manifest_with(two, {"Other": one}),
    }
    (route,) = assembly(files).routes
    assert route.table.text == "Net/T"


def stage(folder: str) -> str:
    body = {"type": "cdk:cloud-assembly", "properties": {"directoryName": folder}}
    return json.dumps({"artifacts": {"assembly-Prod": body}})


def manifest_with(text: str, more: dict[str, object]) -> str:
    read = json.loads(text)
    read["artifacts"].update(more)
    return json.dumps(read)


def test_the_environment_of_a_stack_gives_its_region_and_account():
    before = "Resources:\n" + VPC.replace("10.0.0.0/16", "!FindInMap [R, !Ref 'AWS::Region', !Ref 'AWS::AccountId']")
    files = {
        "Net.template.json": before + "Mappings: {R: {eu-west-1: {'77': 10.7.0.0/16}}}\n",
        "manifest.json": manifest("Net", environment="aws://77/eu-west-1"),
    }
    assert [str(block) for block in assembly(files).vpcs[0].ipv4_blocks] == ["10.7.0.0/16"]


def test_the_name_of_a_stack_is_that_of_the_manifest():
    named = {"type": "aws:cloudformation:stack", "properties": {"templateFile": "a.json", "stackName": "prod-net"}}
    text = "Resources:\n" + VPC.replace("{CidrBlock", "{Tags: [{Key: Name, Value: !Ref 'AWS::StackName'}], CidrBlock")
    found = assembly({"a.json": text, "manifest.json": json.dumps({"artifacts": {"Net": named}})})
    assert found.vpcs[0].label.tags == (("Name", "prod-net"),)


def test_the_stages_of_an_assembly_are_read_in_their_place():
    files = {
        "manifest.json": stage("assembly-Prod"),
        "assembly-Prod/manifest.json": manifest("Net"),
        "assembly-Prod/Net.template.json": exporting(),
    }
    found = assembly(files)
    assert str(found.vpcs[0].label.place) == "assembly-Prod/Net.template.json:2 V"
    assert found.vpcs[0].label.key.text == "assembly-Prod/Net/V"


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({}, "manifest.json: the manifest is missing"),
        ({"manifest.json": "{"}, "the manifest is not JSON"),
        ({"manifest.json": "[" * 100_000}, "the manifest is not JSON"),
        ({"manifest.json": "[]"}, "the manifest has no artifacts"),
        ({"manifest.json": '{"artifacts": []}'}, "the manifest has no artifacts"),
        ({"manifest.json": '{"artifacts": {"a": 1, "b": {"type": "x"}}}'}, "the assembly has no stacks"),
        ({"manifest.json": '{"artifacts": {"c": {"type": "aws:cloudformation:stack"}}}'}, "the assembly has no stacks"),
        ({"manifest.json": manifest("Net")}, "the template Net.template.json is missing; run `cdk synth`"),
        ({"manifest.json": manifest("Net"), "Net.template.json": "["}, "Net.template.json:1: this is not valid YAML"),
        ({"manifest.json": stage(".")}, "too deep"),
        ({"manifest.json": stage("b")}, "b/manifest.json: the manifest is missing"),
    ],
)  # fmt: skip
def test_an_assembly_that_cannot_be_read_is_an_error_with_a_remedy(files: dict[str, str], problem: str):
    with pytest.raises(DesignError) as caught:
        assembly(files)
    assert problem in str(caught.value)
    assert all(mistake.remedy for mistake in caught.value.mistakes)


CHILD = """\
Parameters:
  Vpc: {Type: "AWS::EC2::VPC::Id"}
  Cuts: {Type: CommaDelimitedList}
  Table: {Type: String, Default: none}
Conditions: {HasTable: !Not [!Equals [!Ref Table, none]]}
Resources:
  X: {Type: "AWS::EC2::Subnet", Properties: {VpcId: !Ref Vpc, CidrBlock: !Select [1, !Ref Cuts]}}
  R:
    Type: AWS::EC2::Route
    Condition: HasTable
    Properties: {RouteTableId: !Ref Table, DestinationIpv6CidrBlock: "::/0", GatewayId: !ImportValue door}
Outputs:
  Subnet: {Value: !Ref X}
  Both: {Value: !Join [",", [!Ref X, !Ref Vpc]]}
"""


def nested(
    parameters: str, *, more: str = "", how: str = "Properties: {TemplateURL: ./child.yaml, Parameters: %s}"
) -> str:
    body = how % parameters if "%s" in how else how
    return f"Resources:\n{VPC}  N: {{Type: 'AWS::CloudFormation::Stack', {body}}}\n{more}"


def with_child(text: str, options: Options | None = None, child: str = CHILD):
    return read_template(text.encode(), "in/net.yaml", options or Options(), {"in/child.yaml": child.encode()})


def test_a_nested_stack_whose_template_is_beside_is_read():
    found = with_child(nested("{Vpc: !Ref V, Cuts: '10.0.3.0/24,10.0.4.0/24'}"))
    assert messages(found) == []
    subnet = found.subnets[-1]
    assert (str(subnet.label.place), subnet.vpc.text) == ("in/child.yaml:7 X", "V")
    assert str(subnet.ipv4_block) == "10.0.4.0/24"


def test_a_nested_stack_can_open_a_table_of_its_parent():
    text = nested(
        "{Vpc: !Ref V, Cuts: ['10.0.3.0/24', 10.0.4.0/24], Table: !Ref T}",
        more="Outputs: {D: {Value: !Ref G, Export: {Name: door}}}\n",
    )
    assert routes_of(with_child(text), "T") == [("::/0", "internet", "G")]


def test_outputs_of_a_nested_stack_are_ids_and_lists_of_ids():
    tables = "".join(
        f"  A{number}:\n    Type: AWS::EC2::SubnetRouteTableAssociation\n"
        f"    Properties: {{SubnetId: {subnet}, RouteTableId: !Ref T}}\n"
        for number, subnet in enumerate(
            ("!GetAtt N.Outputs.Subnet", "!Select [0, !Split [',', !GetAtt N.Outputs.Both]]")
        )
    )
    found = with_child(nested("{Vpc: !Ref V, Cuts: '10.0.3.0/24,10.0.4.0/24'}", more=tables))
    assert [each.subnet.text for each in found.table_associations] == ["S", "N/X", "N/X"]


def test_a_nested_stack_of_cdk_is_found_by_its_metadata():
    url = "{'Fn::Join': ['', ['https://s3.', !Ref 'AWS::URLSuffix']]}"
    how = f"Metadata: {{'aws:asset:path': child.yaml}}, Properties: {{TemplateURL: {url}, Parameters: %s}}"
    found = with_child(nested("{Vpc: !Ref V, Cuts: 'a,10.0.4.0/24'}", how=how))
    assert [subnet.label.name for subnet in found.subnets] == ["S", "X"]


def test_a_nested_stack_whose_condition_is_false_is_not_made():
    text = (
        nested("{Vpc: !Ref V}", how="Condition: C, Properties: {TemplateURL: ./child.yaml}")
        + "Conditions: {C: !Equals [a, b]}\n"
    )
    found = with_child(text)
    assert [subnet.label.name for subnet in found.subnets] == ["S"]
    assert messages(found) == []


def test_a_nested_stack_whose_condition_cannot_be_decided_guards_what_is_in_it():
    more = "Parameters: {P: {Type: String}}\nConditions: {C: !Equals [!Ref P, b]}\n"
    how = "Condition: C, Properties: {TemplateURL: ./child.yaml, Parameters: {Vpc: !Ref V, Cuts: 'a,10.0.4.0/24'}}"
    refused = messages(with_child(nested("", how=how) + more))
    assert any("in/child.yaml:7 X: the condition of its stack cannot be decided" in each for each in refused)


def test_a_stack_that_nests_itself_ends():
    text = "Resources:\n  N: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: net.yaml}}\n"
    found = read_template(text.encode(), "net.yaml", Options())
    (refused,) = messages(found)
    assert "the template of this nested stack is not here" in refused


def test_stacks_that_nest_each_other_twice_end():
    each = "  N%d: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: net.yaml}}\n"
    text = "Resources:\n" + "".join(each % number for number in range(10))
    assert len(messages(read_template(text.encode(), "net.yaml", Options()))) > 1


def test_a_value_that_the_parameter_does_not_allow_is_an_error():
    before = "Parameters: {P: {Type: String, AllowedValues: [yes, 'b', 3]}}\n"
    with pytest.raises(DesignError) as caught:
        design(VPC, before=before, options=Options(parameters={"P": "c"}))
    said = "net.yaml:1: the value of the parameter P is not one of its AllowedValues (got c); give one of: true, b, 3"
    assert str(caught.value) == said
    assert messages(design(VPC, before=before, options=Options(parameters={"P": "3"}))) == []


def test_the_allowed_values_of_a_parameter_of_ssm_are_names():
    kind = "AWS::SSM::Parameter::Value<String>"
    before = f"Parameters: {{P: {{Type: '{kind}', Default: /a, AllowedValues: [/a, /b]}}}}\n"
    found = design(
        VPC.replace("10.0.0.0/16", "!Ref P"), before=before, options=Options(parameters={"P": "10.7.0.0/16"})
    )
    assert str(found.vpcs[0].ipv4_blocks[0]) == "10.7.0.0/16"


def test_a_parameter_that_the_user_gives_is_that_of_the_parent_alone():
    text = "Parameters: {Table: {Type: String, Default: none}}\n" + nested("{Vpc: !Ref V, Cuts: 'a,10.0.4.0/24'}")
    assert with_child(text, Options(parameters={"Table": "rtb-1"})).routes == ()
    (route,) = with_child(text, Options(parameters={"net-N:Table": "rtb-1"})).routes
    assert route.table.text == "rtb-1"


def test_a_parameter_can_be_given_for_one_stack():
    before = "Parameters: {Block: {Type: String}}\nResources:\n" + VPC.replace("10.0.0.0/16", "!Ref Block")
    files = {"Net.template.json": before, "Two.template.json": before, "manifest.json": manifest("Net", "Two")}
    found = assembly(files, Options(parameters={"Block": "10.1.0.0/16", "Two:Block": "10.2.0.0/16"}))
    assert [str(vpc.ipv4_blocks[0]) for vpc in found.vpcs] == ["10.1.0.0/16", "10.2.0.0/16"]


def test_a_parameter_that_no_stack_has_is_a_note():
    found = design(VPC, before="Parameters: {Stage: {Type: String}}\n", options=Options(parameters={"Stge": "a"}))
    assert messages(found, "note") == ["note net.yaml Stge: no template has this parameter; did you mean Stage?"]


def test_blocks_are_chosen_in_the_order_of_the_source():
    two = (
        VPC + VPC.replace("  V:", "  W:").replace("!Ref V", "!Ref W").split("\n  T:")[0].replace("  B:", "  C:") + "\n"
    )
    found = design(two)
    chosen = {vpc.label.name: [str(each.block) for each in vpc.ipv6_blocks] for vpc in found.vpcs}
    assert chosen == {"V": ["2001:db8:aa0:5500::/56"], "W": ["2001:db8:aa0:5600::/56"]}


def test_the_block_that_the_user_gives_is_that_of_the_vpc_of_this_name():
    named = VPC.replace("{CidrBlock: 10.0.0.0/16", "{Tags: [{Key: Name, Value: main}], CidrBlock: 10.0.0.0/16")
    for name in ("V", "main"):
        found = design(named, options=Options(blocks={name: IPv6Network("2600:1f00:1:100::/56")}))
        assert str(found.vpcs[0].ipv6_blocks[0].block) == "2600:1f00:1:100::/56"
        assert str(found.subnets[0].ipv6_blocks[0]) == "2600:1f00:1:101::/64"


def test_a_vpc_can_have_several_blocks_of_both_families():
    more = "".join(
        f"  B{number}: {{Type: AWS::EC2::VPCCidrBlock, Properties: {{VpcId: !Ref V, {block}}}}}\n"
        for number, block in enumerate(
            ("AmazonProvidedIpv6CidrBlock: true", "CidrBlock: 10.9.0.0/16", "Ipv6IpamPoolId: p, Ipv6NetmaskLength: 52")
        )
    )
    (vpc,) = design(VPC + more).vpcs
    assert [str(each) for each in vpc.ipv4_blocks] == ["10.0.0.0/16", "10.9.0.0/16"]
    assert [str(each.block).split(":")[3] for each in vpc.ipv6_blocks] == ["5500", "5600", "5700"]


def test_a_block_of_a_subnet_can_be_an_association():
    block = "{SubnetId: !Ref X, Ipv6CidrBlock: '2001:db8:aa0:5509::/64'}"
    more = f"  Y: {{Type: AWS::EC2::SubnetCidrBlock, Properties: {block}}}\n"
    subnet = "  X: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref V, CidrBlock: 10.0.2.0/24}}\n"
    for text in (more + subnet, subnet + more):
        assert [str(each) for each in design(VPC + text).subnets[-1].ipv6_blocks] == ["2001:db8:aa0:5509::/64"]


def test_more_blocks_than_there_are_to_choose_are_refused():
    vpc = "  V%d: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}\n"
    block = "  B%d: {Type: AWS::EC2::VPCCidrBlock, Properties: {VpcId: !Ref V%d, AmazonProvidedIpv6CidrBlock: true}}\n"
    found = design("".join(vpc % number + block % (number, number) for number in range(172)))
    (refused,) = messages(found)
    assert "B171: the design has more than 171 IPv6 blocks to choose" in refused


def with_asset(assets: str) -> dict[str, str]:
    """Return an assembly whose nested stack is known by the hash in its URL, as cdk writes it without metadata."""
    url = f"!Sub 'https://s3.${{AWS::Region}}.amazonaws.com/a-${{AWS::AccountId}}/{'ab' * 32}.json'"
    body = f"{{TemplateURL: {url}, Parameters: {{Vpc: !Ref V, Cuts: 'a,10.0.4.0/24'}}}}"
    net = f"Resources:\n{VPC}  N: {{Type: 'AWS::CloudFormation::Stack', Properties: {body}}}\n"
    return {
        "manifest.json": manifest("Net"),
        "Net.template.json": net,
        "Net.assets.json": assets,
        "N.nested.template.json": CHILD,
    }


def test_a_nested_stack_of_cdk_is_found_by_the_hash_of_its_template():
    assets = json.dumps({"files": {"ab" * 32: {"source": {"path": "N.nested.template.json"}}}})
    found = assembly(with_asset(assets))
    assert messages(found) == []
    assert str(found.subnets[-1].label.place) == "N.nested.template.json:7 X"


@pytest.mark.parametrize("assets", ["", "[]", "{", '{"files": []}', f'{{"files": {{"{"ab" * 32}": {{"source": 1}}}}}}'])
def test_a_list_of_assets_that_is_not_one_has_no_template(assets: str):
    (refused,) = messages(assembly(with_asset(assets)))
    assert "the template of this nested stack is not here" in refused


def test_exports_that_import_each_other_are_not_known():
    one = "Resources: {V: {Type: 'AWS::EC2::VPC', Properties: {CidrBlock: !ImportValue %s}}}\n"
    one += "Outputs: {A: {Value: !ImportValue %s, Export: {Name: %s}}}\n"
    files = {
        "A.template.json": one % ("b", "b", "a"),
        "B.template.json": one % ("a", "a", "b"),
        "manifest.json": manifest("A", "B"),
    }
    refused = messages(assembly(files))
    assert len(refused) == 2
    assert all("CidrBlock is not known: the output A refers to itself; end the cycle" in each for each in refused)


def test_an_export_whose_name_imports_itself_is_not_known():
    text = "Resources: {V: {Type: 'AWS::EC2::VPC', Properties: {CidrBlock: !ImportValue a}}}\n"
    text += "Outputs: {A: {Value: b, Export: {Name: !ImportValue a}}}\n"
    (refused,) = messages(assembly({"A.template.json": text, "manifest.json": manifest("A")}))
    assert "CidrBlock is not known: no stack here exports a" in refused


def test_a_nested_stack_that_needs_its_own_output_is_not_known():
    found = with_child(nested("{Vpc: !GetAtt N.Outputs.Both, Cuts: !GetAtt N.Outputs.Both}"))
    assert any("refers to itself" in each for each in messages(found))


def test_a_block_that_needs_itself_is_not_known():
    text = VPC.replace("VpcId: !Ref V, Amazon", "VpcId: !Select [0, !GetAtt V.Ipv6CidrBlocks], Amazon")
    found = design(text)
    assert found.vpcs[0].ipv6_blocks == ()
    assert any("Ipv6CidrBlock is not known" in each for each in messages(found))


def test_stacks_with_too_many_resources_are_an_error():
    text = "Resources:\n" + "".join(f"  R{number}: {{Type: T}}\n" for number in range(10_000))
    names = [f"S{number}" for number in range(11)]
    one = {name: {"type": "aws:cloudformation:stack", "properties": {"templateFile": "all.json"}} for name in names}
    with pytest.raises(DesignError, match="have more than 100,000 resources; give fewer stacks"):
        assembly({"all.json": text, "manifest.json": json.dumps({"artifacts": one})})

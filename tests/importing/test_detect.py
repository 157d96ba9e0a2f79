"""What a source is, by its content: names of files say nothing, and other files are told from broken designs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eigw_ns.errors import DesignError, EigwError, UsageError
from eigw_ns.importing.detect import Kind, detect
from eigw_ns.importing.options import Options
from eigw_ns.importing.read import read

INPUTS = Path(__file__).parent / "inputs"


def of_file(data: bytes) -> Kind:
    return detect({"anything": data}, folder=False)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("leak.yaml", Kind.TEMPLATE),
        ("dual-stack.yaml", Kind.TEMPLATE),
        ("cdk.out/Net.template.json", Kind.TEMPLATE),
        ("tf-1/plan.json", Kind.PLAN),
        ("tf-1/state.json", Kind.STATE),
        ("tf-1/mocked.jsonl", Kind.TEST_STATE),
        ("tf-2/state.json", Kind.STATE),
    ],
)
def test_a_file_is_known_by_its_content(path: str, kind: Kind) -> None:
    assert of_file((INPUTS / path).read_bytes()) is kind


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Resources: {}", Kind.TEMPLATE),
        ("{Resources: {V: {Type: 'AWS::EC2::VPC'}}}", Kind.TEMPLATE),
        ("# a comment\n---\nDescription: x\n'Resources':\n  V: !Ref W", Kind.TEMPLATE),
        ('{"Resources": {', Kind.TEMPLATE),  # truncated: its reader says where
        ('{"AWSTemplateFormatVersion": "2010-09-09"}', Kind.TEMPLATE),
        ('{"version": 4, "terraform_version": "1.11", "serial": 1, "resources": []}', Kind.STATE),
        ('{"format_version": "1.0", "terraform_version": "1.11"}', Kind.STATE),
        ('{"format_version": "1.2", "planned_values": {}, "terraform_version": "1.11"}', Kind.PLAN),
        ('{"@level": "info"}\n{"type": "test_state", "test_state": {}}', Kind.TEST_STATE),
        ('{"Vpcs": []}', Kind.ANSWERS),
        ('{"Vpcs": []}{"Subnets": []}', Kind.ANSWERS),
        ('[{"Reservations": []}]', Kind.ANSWERS),
        ("<DescribeVpcsResponse/>", Kind.ANSWERS),
        ('{"configurationItems": []}', Kind.ANSWERS),
        ('{"Results": [], "QueryInfo": {}}', Kind.ANSWERS),
    ],
)
def test_each_form_is_known(text: str, kind: Kind) -> None:
    assert of_file(text.encode()) is kind
    assert of_file(b"\xef\xbb\xbf" + text.encode()) is kind


def folder(files: Mapping[str, str]) -> Kind:
    return detect({name: text.encode() for name, text in files.items()}, folder=True)


def test_folders() -> None:
    assert folder({"main.tf": "", "lab.json": '{"Vpcs": []}'}) is Kind.CONFIGURATION
    assert folder({"main.tf.json": ""}) is Kind.CONFIGURATION
    assert folder({"manifest.json": '{"version": "36.0.0", "artifacts": {}}', "a.json": "{}"}) is Kind.ASSEMBLY
    assert folder({"one/vpcs.json": '{"Vpcs": []}', "README.md": "# dump"}) is Kind.ANSWERS


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the file is empty"),
        (" \n", "the file is empty"),
        ("hello", "not a design"),
        ("{}", "not a design"),
        ('{"a": 1}', "not a design"),
        ("lab: demo\nvpcs: {}\n", "a topology file of eigw-ns"),
        ('resource "aws_vpc" "this" {\n}\n', "a file of a Terraform configuration"),
        ("PK\x03\x04", "terraform show -json"),
        ('{"version": "36.0.0", "artifacts": {}}', "name the folder that it is in"),
        ("[" * 100_000, "not a design"),
    ],
)
def test_what_is_no_design_is_refused_with_what_to_do(text: str, words: str) -> None:
    with pytest.raises(DesignError, match=words):
        of_file(text.encode())


def test_a_folder_of_several_designs_or_none_is_refused() -> None:
    with pytest.raises(
        DesignError, match=r"a\.json is answers of describe calls, b\.yaml is a CloudFormation template"
    ):
        folder({"a.json": '{"Vpcs": []}', "b.yaml": "Resources: {}"})
    with pytest.raises(DesignError, match="a\\.yaml is a CloudFormation template; name one file"):
        folder({"a.yaml": "Resources: {}"})
    with pytest.raises(DesignError, match="no file in it is a design"):
        folder({"README.md": "# hello"})


def test_the_folder_of_a_configuration_below_is_named() -> None:
    with pytest.raises(DesignError, match="a Terraform configuration is in its folder live/prod; name that folder"):
        folder({"live/prod/main.tf": 'resource "aws_vpc" "a" {}', "README.md": "# hello"})


@given(st.binary(max_size=200))
def test_any_bytes_are_a_design_or_a_design_error(data: bytes) -> None:
    try:
        kind = of_file(data)
        read(kind, {"anything": data}, Options())
    except EigwError:
        pass


@pytest.mark.parametrize("path", ["leak.yaml", "tf-1/state.json", "tf-1/mocked.jsonl", "tf-1/plan.json"])
def test_a_truncated_design_has_no_traceback(path: str) -> None:
    data = (INPUTS / path).read_bytes()
    for end in range(1, len(data), max(1, len(data) // 25)):
        try:
            kind = of_file(data[:end])
            read(kind, {path: data[:end]}, Options())
        except EigwError:
            continue


def test_a_block_needs_a_vpc_that_leaves_the_choice() -> None:
    from ipaddress import IPv6Network

    block = IPv6Network("2001:db8:1::/56")
    answer = {"": json.dumps({"Vpcs": [{"VpcId": "vpc-1", "Tags": [{"Key": "Name", "Value": "main"}]}]}).encode()}
    for name in ("vpc-1", "main"):
        with pytest.raises(UsageError, match=f"gives {name} its blocks"):
            read(Kind.ANSWERS, answer, Options(blocks={name: block}))
    with pytest.raises(UsageError, match="no VPC mian") as caught:
        read(Kind.ANSWERS, answer, Options(blocks={"mian": block}))
    assert caught.value.hint == "did you mean main?"

"""What a Terraform configuration declares: blocks of HCL and JSON, providers, provisioners, and the mocks for them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

import pytest

from eigw_ns.errors import EigwError
from eigw_ns.importing.sources.terraform import mocks
from eigw_ns.importing.sources.terraform.configuration import (
    Configuration,
    Provider,
    configuration,
    declared,
    module_folders,
    providers,
    running,
)
from eigw_ns.importing.sources.terraform.hcl import Block, blocks
from scripts import _terraform_mocks


def of(text: str, **modules: str) -> Configuration:
    """Return the configuration of a root module in one file, and of child modules in one file each."""
    children = {key: {f"{key}/main.tf": each.encode()} for key, each in modules.items()}
    return configuration({"": {"main.tf": text.encode()}, **children})


def shape(found: Block) -> tuple[object, ...]:
    return found.kind, *found.labels, *map(shape, found.blocks)


SHAPES: list[tuple[str, list[tuple[object, ...]]]] = [
    ('resource "a" "b" {}\n', [("resource", "a", "b")]),
    ("locals {\n  a = { b = 1, c = [{ d = 2 }] }\n}\n", [("locals", ("a",))]),
    ('a "x" {\n  b {\n    c {\n    }\n  }\n  d {\n  }\n}\n', [("a", "x", ("b", ("c",)), ("d",))]),
    ("# a {\n// b {\n/* c {\n */ d {\n}\n", [("d",)]),
    ('a {\n  x = "} # ${f("}", { y = "${z}" })} \\" {"\n}\nb {\n}\n', [("a",), ("b",)]),
    ('a {\n  x = <<-EOT\n    } provisioner "x" {\n  EOT\n}\nb {}\n', [("a",), ("b",)]),
    ('a {\n  x = "$${not a template}"\n}\nb {}\n', [("a",), ("b",)]),
    ("a {\n  x = f({ for k, v in y : k => v if v != { } })\n}\nb {}\n", [("a",), ("b",)]),
    ("a {\n  x = [\n    for k in y : {\n      z = k\n    }\n  ]\n}\nb {}\n", [("a",), ("b",)]),
    ("a {\n  x = f({\n    y = 1\n  })\n}\nb {}\n", [("a",), ("b",)]),
    ("a {", [("a",)]),
    ("}}}a {}", [("a",)]),
]


@pytest.mark.parametrize(("text", "found"), SHAPES, ids=range(len(SHAPES)))
def test_the_blocks_of_a_file(text: str, found: list[tuple[object, ...]]) -> None:
    assert list(map(shape, blocks(text))) == found


def test_lines_and_arguments() -> None:
    (found,) = blocks('\n/*\n*/\nprovider "aws" { # here\n  alias = "west"\n  region = var.region\n}\n')
    assert (found.line, dict(found.arguments)) == (4, {"alias": "west"})


PROVISIONERS = [
    'resource "terraform_data" "x" {\n  provisioner "local-exec" {\n    command = "id"\n  }\n}\n',
    'resource "terraform_data" "x" {\n  dynamic "y" {\n    content {\n      provisioner "remote-exec" {\n}}}}\n',
    'resource "x" "y" {\n  /* a */ provisioner /* b */ local-exec /* c */ {\n  }\n}\n',
    'resource "x" "y" {\n  z = "unfinished\n  provisioner "local-exec" {\n  }\n}\n',
    'resource "x" "y" {\n  z = <<E\n  E2\n  provisioner "local-exec" {\n  }\n}\n',
    'data "external" "x" {\n  program = ["id"]\n}\n',
    'data "http" "x" {\n  url = "http://localhost"\n}\n',
    'action "local_command" "x" {\n}\n',
]


@pytest.mark.parametrize("text", PROVISIONERS, ids=range(len(PROVISIONERS)))
def test_what_runs_programs_is_found(text: str) -> None:
    assert len(running(of(text))) == 1
    assert len(running(of("", net=text))) == 1
    assert running(of("", net=text))[0].startswith("net/main.tf:")


def test_what_runs_programs_is_found_in_json() -> None:
    trees: list[Mapping[str, object]] = [
        {"resource": {"null_resource": {"x": {"provisioner": [{"local-exec": {"command": "id"}}]}}}},
        {"resource": [{"null_resource": [{"x": [{"provisioner": {"local-exec": [{"command": "id"}]}}]}]}]},
        {"data": {"external": {"x": {"program": ["id"]}}}},
    ]
    for tree in trees:
        found = configuration({"": {"main.tf.json": json.dumps(tree).encode()}})
        assert len(running(found)) == 1, tree


def test_a_sound_configuration_runs_nothing() -> None:
    text = '# provisioner "local-exec" {\nresource "x" "provisioner" {\n  tags = { provisioner = "local-exec {" }\n}\n'
    assert running(of(text)) == ()
    assert running(of('resource "x" "y" {\n  z = <<E\nno provisioner here\nE\n}\n')) == ()


def test_each_provider_and_alias_gets_a_mock() -> None:
    found = of(
        'terraform {\n  required_providers {\n    aws = { source = "hashicorp/aws" }\n    k = {\n'
        '      source = "gavinbunney/kubectl"\n    }\n    tls = "~> 4"\n  }\n}\n'
        'provider "aws" {}\nprovider "aws" {\n  alias = "west"\n}\nresource "random_id" "x" {}\n',
        net='terraform {\n  required_providers {\n    odd = { source = "somebody/odd" }\n'
        '    aws = { source = "hashicorp/aws" }\n  }\n}\ndata "archive_file" "x" {}\n',
    )
    names = ["archive", "aws", "aws west", "k", "odd", "random", "tls"]
    assert [f"{each.name} {each.alias or ''}".strip() for each in providers(found)] == names
    text = mocks.test_text(providers(found))
    assert text.count("mock_provider") == len(names)
    assert mocks.override_text(found).split("\n")[2].strip() == 'odd = { source = "somebody/odd" }'
    assert mocks.override_text(of("")) == ""


def test_a_module_that_configures_its_provider_is_refused() -> None:
    with pytest.raises(EigwError, match=r"net/main.tf:1: module net configures provider aws itself"):
        providers(of("", net='provider "aws" {\n}\n'))


def test_the_mock_file_has_the_types_that_are_used() -> None:
    found = of('resource "aws_lambda_function" "x" {\n}\ndata "aws_region" "x" {\n}\nresource "aws_vpc" "x" {\n}\n')
    defaults = {
        "resource": {"aws_lambda_function": {"invoke_arn": "{arn}"}, "aws_unused": {"x": "y"}},
        "data": {"aws_region": {"name": "{region}", "note": "${danger}"}},
    }
    text = mocks.mock_text(found, defaults, "eu-west-1")
    assert re.findall(r'mock_(\w+) "(\w+)"', text) == [
        ("resource", "aws_lambda_function"), ("resource", "aws_vpc"), ("data", "aws_region"),
    ]  # fmt: skip
    assert '"invoke_arn": "arn:aws:eigw-ns-mock:eu-west-1:000000000000:mock/aws_lambda_function"' in text
    assert '"name": "eu-west-1", "note": "$${danger}"' in text
    assert '"ipv6_cidr_block": "2001:db8:aa0:5500::/56"' in text


def test_names_in_the_test_file_are_quoted() -> None:
    assert mocks.test_text([Provider('a" {}', "${x}")]).startswith('mock_provider "a\\" {}" {\n  alias = "$${x}"\n')


def test_where_resources_are_declared() -> None:
    found = of('\nresource "aws_vpc" "a" {\n}\n', net='data "aws_vpc" "b" {\n}\nresource "aws_vpc" "c" {\n}\n')
    assert declared(found) == {
        "aws_vpc.a": ("main.tf", 2),
        "module.net.data.aws_vpc.b": ("net/main.tf", 1),
        "module.net.aws_vpc.c": ("net/main.tf", 3),
    }


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b'{"Modules": 1}', b'{"Modules": [{"Key": "a"}]}', b'{"Modules": [{"Key": "a", "Dir": "\\u0000"}]}'],
)
def test_a_broken_list_of_modules(data: bytes) -> None:
    with pytest.raises(EigwError, match=r"modules.json"):
        module_folders(data)


def test_the_shipped_defaults_are_those_of_the_script() -> None:
    shipped = json.loads(_terraform_mocks.FILE.read_text())
    for kind, types in _terraform_mocks.CHOSEN.items():
        for name, values in types.items():
            assert values.items() <= shipped[kind].pop(name).items(), name
    assert {value for kind in shipped.values() for each in kind.values() for value in each.values()} == {"{arn}"}
    assert _terraform_mocks.FILE.stat().st_size < 20_000

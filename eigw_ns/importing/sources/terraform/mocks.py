"""The files that make `terraform test` resolve a configuration without an account: a test, and mocks of providers.

Source: https://developer.hashicorp.com/terraform/language/tests/mocking. A mock gives each computed value at random
unless a default says otherwise. Validators of the provider refuse some random values, such as ARNs, so the defaults
have valid ones. Terraform ignores a default that the schema lacks (measured with 1.11), so one table fits all versions.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from eigw_ns.importing.blocks import MOST, chosen_block
from eigw_ns.importing.sources.terraform.configuration import Configuration, Provider, foreign_sources

TEST_FILE = "eigw_ns.tftest.hcl"
MOCK_FOLDER = "eigw_ns_mocks"
OVERRIDE_FILE = "eigw_ns_override.tf"
RUN = "import"

Defaults = Mapping[str, Mapping[str, Mapping[str, object]]]
"""Values by `resource` or `data`, type, and argument: the content of `data/terraform_mocks.json`."""

_ARN = "arn:aws:eigw-ns-mock:{region}:000000000000:mock/{type}"
_VPC = {"cidr_block": "10.0.0.0/16", "ipv6_cidr_block": str(chosen_block(0))}

_BLOCKS: Defaults = {
    "resource": {
        "aws_vpc": _VPC,
        "aws_default_vpc": {**_VPC, "cidr_block": "172.31.0.0/16"},
        "aws_vpc_ipv6_cidr_block_association": {"ipv6_cidr_block": str(chosen_block(1))},
    },
    "data": {"aws_vpc": {**_VPC, "ipv6_cidr_block": str(chosen_block(MOST - 1))}},
}
"""The blocks that `invented` knows."""


def test_text(providers: Iterable[Provider]) -> str:
    """Return the test file: a mock for each provider configuration, and one run that applies."""
    mocks = "".join(_mock_provider(each) for each in providers)
    return f'{mocks}run "{RUN}" {{\n  command = apply\n}}\n'


def _mock_provider(provider: Provider) -> str:
    alias = f"  alias = {_literal(provider.alias)}\n" if provider.alias else ""
    source = f'  source = "./{MOCK_FOLDER}"\n' if provider.name == "aws" else ""
    return f"mock_provider {_literal(provider.name)} {{\n{alias}{source}}}\n"


def mock_text(found: Configuration, defaults: Defaults, region: str) -> str:
    """Return the mock file of the AWS provider, for the types that the configuration uses."""
    lines = []
    for kind in ("resource", "data"):
        for each in found.types(kind):
            if each.startswith("aws_"):
                known = {"arn": _ARN, **defaults.get(kind, {}).get(each, {}), **_BLOCKS[kind].get(each, {})}
                values = _filled(known, region, each)
                lines.append(f"mock_{kind} {_literal(each)} {{\n  defaults = {_literal(values)}\n}}\n")
    return "".join(lines)


def _filled(value: object, region: str, kind: str) -> object:
    """Return the value with the Region and the type in its strings."""
    if isinstance(value, str):
        return value.replace("{arn}", _ARN).replace("{region}", region).replace("{type}", kind)
    if isinstance(value, Mapping):
        return {name: _filled(each, region, kind) for name, each in value.items()}
    return [_filled(each, region, kind) for each in value] if isinstance(value, list) else value


def _literal(value: object) -> str:
    """Return a value as HCL writes it: as JSON, but `${` and `%{` begin no template."""
    return json.dumps(value).replace("${", "$${").replace("%{", "%%{")


def override_text(found: Configuration) -> str:
    """Return the file that makes the root module require providers of child modules; "" if none is needed."""
    entries = "".join(
        f"    {name} = {{ source = {_literal(source)} }}\n" for name, source in foreign_sources(found).items()
    )
    return f"terraform {{\n  required_providers {{\n{entries}  }}\n}}\n" if entries else ""

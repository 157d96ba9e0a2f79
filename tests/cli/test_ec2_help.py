"""`eigw-ns ec2` without a lab: help, the flags of aws-cli, usage errors."""

from __future__ import annotations

import re
import shlex

import pytest

from eigw_ns.cli.ec2 import catalogue
from eigw_ns.cli.ec2.naming import kebab
from eigw_ns.cloud.ec2.api import ACTIONS
from tests.support.command import Cli
from tests.support.loaded_modules import HEAVY, loaded_by

VERBS = {kebab(name): name for name in ACTIONS}
BELONGS = tuple(name for name in HEAVY if name != "eigw_ns.cli.verbs")


@pytest.mark.parametrize("arguments", [("ec2", "--help"), ("ec2",), ("ec2", "create-vpcs")])
def test_help_loads_no_lab_and_no_kernel(arguments: tuple[str, ...]) -> None:
    modules = loaded_by(*arguments)
    assert "eigw_ns.cli.verbs.ec2" in modules
    assert not [module for module in modules if module.startswith(BELONGS)]
    assert "eigw_ns.cli.ec2.command" not in modules


def test_help_of_a_verb_loads_no_lab_and_no_kernel() -> None:
    modules = loaded_by("ec2", "create-route", "--help")
    assert "eigw_ns.cli.ec2.command" in modules
    assert not [module for module in modules if module.startswith(BELONGS)]


def test_help_lists_every_action_under_its_resource_and_shows_a_walk_through(cli: Cli) -> None:
    result = cli("ec2", "--help")
    assert result.code == 0
    sections = catalogue.verbs()
    assert sorted(verb for section in sections.values() for verb in section) == sorted(VERBS)
    assert all(sections.values())
    assert all(re.search(rf"\n  {verb}[ \n]", result.out) for verb in VERBS)
    assert sections["Egress-only internet gateways"].keys() == {
        "create-egress-only-internet-gateway",
        "describe-egress-only-internet-gateways",
        "delete-egress-only-internet-gateway",
    }
    walk = re.findall(r"eigw-ns ec2 ([a-z-]+) ", result.out)
    assert walk == [
        "create-egress-only-internet-gateway",
        "create-route",
        "delete-egress-only-internet-gateway",
        "describe-route-tables",
    ]


def test_without_a_verb_help_goes_to_stderr(cli: Cli) -> None:
    result = cli("ec2")
    assert (result.code, result.out) == (2, "")
    assert "Usage: eigw-ns ec2" in result.err


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_a_verb_has_an_example_and_every_flag(cli: Cli, verb: str) -> None:
    result = cli("ec2", verb, "--help")
    assert result.code == 0
    assert result.out.startswith(f"Usage: eigw-ns ec2 {verb}")
    assert f"\n  eigw-ns ec2 {verb}" in result.out.split("\n", 1)[1]
    hidden = {"IpProtocol", "FromPort", "ToPort", "CidrIp"}
    for parameter in ACTIONS[VERBS[verb]].parameters:
        assert (f"--{kebab(parameter.name)} " in result.out) != (parameter.name in hidden)
    assert "--query" in result.out and "[json|text|table|yaml]" in result.out
    assert "--region " not in result.out


@pytest.mark.parametrize("verb", VERBS)
def test_the_example_is_a_command_line_that_parses(cli: Cli, verb: str) -> None:
    words = shlex.split(catalogue.example(VERBS[verb]).replace("\\\n", ""))
    assert words[:3] == ["eigw-ns", "ec2", verb]
    result = cli(*words[1:])
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("error: no lab exists")  # the command line is valid; only the lab is missing


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (("creat-route",), "no such ec2 verb: creat-route", "did you mean create-route"),
        (("create-transit-gateway",), "no such ec2 verb: create-transit-gateway", "a lab has no transit gateways"),
        (("create-route", "--carrier-gateway-id", "x"), "no such option: --carrier-gateway-id", "a lab has no carrier"),
        (("frobnicate",), "no such ec2 verb: frobnicate", "the ec2 verbs are create-egress-only-internet-gateway, "),
        (("create-route-table",), "Missing option '--vpc-id'.", "see `eigw-ns ec2 create-route-table --help`"),
        (("create-tags", "--resources", "eigw-1"), "Missing option '--tags'.", "see `eigw-ns ec2 create-tags --help`"),
        (("describe-vpcs", "--vpc-id", "x"), "no such option: --vpc-id", "did you mean --vpc-ids?"),
        (("describe-vpcs", "--filters"), "--filters needs a value", ""),
        (("describe-vpcs", "--filters", "--dry-run"), "--filters needs a value", ""),
        (
            ("describe-vpcs", "--vpc-ids", "a", "--vpc-ids", "b"),
            "--vpc-ids is given twice",
            "write all values after one flag: --vpc-ids A B",
        ),
        (("describe-vpcs", "--output", "xml"), "Invalid value for '--output'", "see `eigw-ns ec2 describe-vpcs"),
        (("describe-vpcs", "--query", "Vpcs["), "--query Vpcs[ is not valid: Invalid jmespath", "see https://jmespath"),
        (("describe-vpcs", "surplus"), "Got unexpected extra argument (surplus)", "see `eigw-ns ec2 describe-vpcs"),
        (("describe-vpcs", "--max-items", "0"), "Invalid value for '--max-items'", "see `eigw-ns ec2 describe-vpcs"),
        (
            ("delete-network-acl-entry", "--network-acl-id", "a", "--rule-number", "x", "--egress"),
            "Invalid value for '--rule-number'",
            "see `eigw-ns ec2 delete-network-acl-entry --help`",
        ),
        (
            ("delete-network-acl-entry", "--network-acl-id", "a", "--rule-number", "1"),
            "Missing option '--egress' / '--ingress'.",
            "see `eigw-ns ec2 delete-network-acl-entry --help`",
        ),
        (
            ("create-route-table", "--vpc-id", "x", "--quota", "route-tables=1"),
            "no such quota: route-tables",
            "did you mean route-tables-per-vpc or routes-per-route-table?",
        ),
    ],
)
def test_mistakes_are_usage_errors_with_a_hint(cli: Cli, arguments: tuple[str, ...], message: str, hint: str) -> None:
    result = cli("ec2", *arguments)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"error: {message}")
    assert (f"hint: {hint}" in result.err) if hint else ("hint:" not in result.err)

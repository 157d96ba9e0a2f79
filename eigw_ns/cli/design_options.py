"""Options about designs that `import` and `check` share: how a source is read, and what the lab of it is like."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

import click

from eigw_ns.cli.designs import Terraform
from eigw_ns.errors import UsageError
from eigw_ns.importing.options import DEFAULT_REGION, Options
from eigw_ns.importing.resolve.choices import VISITOR, Choices, Probes
from eigw_ns.topology import forms
from eigw_ns.topology.invalid_value import InvalidValue

V = TypeVar("V")
Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

_READING: tuple[Decorator, ...] = (
    click.option("--parameter", "parameters", multiple=True, metavar="NAME=VALUE",
                 help="Value of a parameter of the template, or of a variable of the configuration. Repeatable."),
    click.option("--import", "imports", multiple=True, metavar="NAME=VALUE",
                 help="Value of an export of another stack, for Fn::ImportValue. Repeatable."),
    click.option("--region", default=DEFAULT_REGION, show_default=True, metavar="NAME",
                 help="Region that a template or configuration is for."),
    click.option("--block", "blocks", multiple=True, metavar="VPC=PREFIX",
                 help="IPv6 block of a VPC that leaves the choice to AWS. Default: one of 2001:db8::/32. Repeatable."),
    click.option("--ignore", "ignored", multiple=True, metavar="TYPE|ID",
                 help="Resources that do not change the network, which you know and eigw-ns does not. Repeatable."),
    click.option("--terraform", "forced", is_flag=True,
                 help="Resolve the folder with terraform. Default: on if it has a file *.tf."),
    click.option("--var-file", "variable_files", multiple=True, metavar="FILE",
                 type=click.Path(exists=True, dir_okay=False, path_type=Path),
                 help="File with variables of the configuration. Repeatable."),
    click.option("--allow-provisioners", is_flag=True,
                 help="Run terraform also if the configuration would start programs on this host."),
)  # fmt: skip
_LAB: tuple[Decorator, ...] = (
    click.option("--vpc", "vpcs", multiple=True, metavar="ID|NAME",
                 help="A VPC to keep. Default: all. Repeatable."),
    click.option("--probe", "probes", type=click.Choice(get_args(Probes)), default="open", show_default=True,
                 help="Instances to add: open, one a subnet whose group lets everything in; groups, also one for each "
                 "use of security groups; none."),
    click.option("--host", "hosts", multiple=True, metavar="NAME=ADDRESS",
                 help=f"A host on the internet, outside all VPCs.  [default: {VISITOR[0]}={VISITOR[1]}] Repeatable."),
)  # fmt: skip


def reading(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say how a source is read. `reading_options` and `terraform` take their values."""
    return _decorated(function, _READING)


def choosing(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options about the lab. `choices` takes their values."""
    return _decorated(function, _LAB)


def _decorated(function: Callable[..., Any], decorators: Iterable[Decorator]) -> Callable[..., Any]:
    for decorator in reversed(tuple(decorators)):
        function = decorator(function)
    return function


Given = Mapping[str, Any]
"""The values of the options, as click passes them to a verb."""


def reading_options(given: Given) -> Options:
    """Return what readers need. Raises UsageError if a value is not valid."""
    return Options(
        given["region"],
        _pairs("--parameter", given["parameters"], str),
        _pairs("--import", given["imports"], str),
        _pairs("--block", given["blocks"], forms.vpc_block),
        given["vpcs"],
        frozenset(given["ignored"]),
    )


def terraform(given: Given) -> Terraform:
    """Return how terraform runs."""
    return Terraform(given["forced"], given["variable_files"], given["allow_provisioners"])


def choices(given: Given) -> Choices:
    """Return what the lab is like. Raises UsageError if a value is not valid."""
    hosts = _pairs("--host", given["hosts"], forms.host_address)
    for name in hosts:
        _valid("--host", name, forms.name)
    lab = given.get("lab")
    named = None if lab is None else _valid("--lab", lab, forms.lab_name)
    return Choices(named, given["probes"], tuple(hosts.items()) or (VISITOR,), given["vpcs"])


def _pairs(option: str, given: Iterable[str], value: Callable[[str], V]) -> dict[str, V]:
    """Return the values by name of an option `NAME=VALUE` that can be given several times."""
    found: dict[str, V] = {}
    for each in given:
        name, sign, text = each.partition("=")
        if not name or not sign:
            raise UsageError(f"{option} {each}: a name or a value is missing", hint=f"write {option} NAME=VALUE")
        if name in found:
            raise UsageError(f"{option} {name} is given twice", hint="leave one of them out")
        found[name] = _valid(option, text, value)
    return found


def _valid(option: str, text: str, value: Callable[[str], V]) -> V:
    try:
        return value(text)
    except InvalidValue as error:
        raise UsageError(f"{option} {text}: {error.problem}", hint=error.remedy) from error

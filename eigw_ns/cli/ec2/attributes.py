"""Flags of attributes that are true or false, as in aws-cli: `--enable-dns-support` and `--no-enable-dns-support`.

The API has a structure with a `Value` for them, which the flag takes too: `--enable-dns-support '{"Value": false}'`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from eigw_ns.cli.ec2 import values
from eigw_ns.cli.ec2.naming import kebab
from eigw_ns.cloud.ec2.schema import Parameter
from eigw_ns.errors import UsageError

_TRUE = "Value=true"


def is_attribute(parameter: Parameter) -> bool:
    """Return True if the parameter is an attribute that is true or false."""
    return parameter.type == "structure" and [(each.name, each.type) for each in parameter.members] == [
        ("Value", "boolean")
    ]


def option(parameter: Parameter, text: str) -> click.Option:
    """Return the flag that sets the attribute, with or without a value."""
    return click.Option(
        [parameter.name, values.flag(parameter)],
        is_flag=False,
        flag_value=_TRUE,
        metavar="[STRUCTURE]",
        help=text,
    )


def opposites(parameters: Sequence[Parameter]) -> list[click.Parameter]:
    """Return the flags that set the attributes among the parameters to false."""
    return [
        click.Option([_opposite(each), f"--no-{kebab(each.name)}"], is_flag=True, help=f"Set {each.name} to false.")
        for each in parameters
        if is_attribute(each)
    ]


def take(parameters: Sequence[Parameter], given: dict[str, Any]) -> dict[str, Any]:
    """Return the part of the request that the flags of `opposites` give, and remove these flags from `given`."""
    request = {}
    for parameter in parameters:
        if is_attribute(parameter) and given.pop(_opposite(parameter)):
            if given.get(parameter.name) is not None:
                flag = values.flag(parameter)
                raise UsageError(f"{flag} and --no-{kebab(parameter.name)} exclude each other", hint="give one of them")
            request[parameter.name] = {"Value": False}
    return request


def _opposite(parameter: Parameter) -> str:
    return f"no_{parameter.name}"

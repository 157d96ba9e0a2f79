"""Options that make an ec2 verb stricter or more generous than AWS is by default."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields

import click

from eigw_ns.cloud.aws_words import lacking
from eigw_ns.cloud.ec2.settings import Quotas, Settings
from eigw_ns.cloud.words import did_you_mean, shorten
from eigw_ns.errors import UsageError

_NAMES = tuple(field.name.replace("_", "-") for field in fields(Quotas))

quota = click.option(
    "--quota",
    "quotas",
    multiple=True,
    metavar="NAME=NUMBER",
    envvar="EIGW_NS_QUOTAS",
    show_envvar=True,
    help="Change a quota from AWS's default, as in egress-only-internet-gateways-per-vpc=2. Repeatable.",
)


def strict_filters(*, hidden: bool) -> Callable[[click.Command], click.Command]:
    """Return the option for a describe verb. It is `hidden` if AWS itself refuses unknown filters there."""
    return click.option(
        "--strict-filters",
        is_flag=True,
        envvar="EIGW_NS_STRICT_FILTERS",
        show_envvar=True,
        help="Treat unknown filters as an error. Default: ignore them with a warning, as AWS does here.",
        hidden=hidden,
    )


def settings(*, strict: bool, quotas: Sequence[str]) -> Settings:
    """Return the settings for these flags. Raises UsageError if a quota is unknown or not a number."""
    return Settings(quotas=Quotas(**dict(_quota(text) for text in quotas)), strict_filters=strict)


def _quota(text: str) -> tuple[str, int]:
    name, _, number = text.partition("=")
    if name not in _NAMES:
        hint = lacking(name) or did_you_mean(name, _NAMES) or f"the quotas are {', '.join(_NAMES)}"
        raise UsageError(f"no such quota: {shorten(name)}", hint=hint)
    if not (number.isascii() and number.isdecimal()):
        raise UsageError(f"{shorten(text)} does not give a number", hint=f"write {name}=2")
    return name.replace("-", "_"), int(number)

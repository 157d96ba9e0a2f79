"""How an ec2 verb is told to be stricter, or more generous, than AWS is by default."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

import click

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
    help="A quota other than AWS's default, such as egress-only-internet-gateways-per-vpc=2; repeatable.",
)

strict_filters = click.option(
    "--strict-filters",
    is_flag=True,
    envvar="EIGW_NS_STRICT_FILTERS",
    show_envvar=True,
    help="Refuse a filter that there is not; AWS ignores it, and so do we, with a warning.",
)


def settings(*, strict: bool, quotas: Sequence[str]) -> Settings:
    """The settings that the flags mean. Raises UsageError."""
    return Settings(quotas=Quotas(**dict(_quota(text) for text in quotas)), strict_filters=strict)


def _quota(text: str) -> tuple[str, int]:
    name, _, number = text.partition("=")
    if name not in _NAMES:
        hint = did_you_mean(name, _NAMES) or f"the quotas are {', '.join(_NAMES)}"
        raise UsageError(f"there is no quota {shorten(name)}", hint=hint)
    if not (number.isascii() and number.isdecimal()):
        raise UsageError(f"{shorten(text)} gives no number", hint=f"write {name}=2")
    return name.replace("-", "_"), int(number)

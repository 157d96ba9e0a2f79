"""Options that several verbs share; each may also be set by environment."""

from __future__ import annotations

import math
from typing import Any

import click

from eigw_ns.cli import complete


class Seconds(click.FloatRange):
    """A time within limits. `nan` is in no range, but is beyond neither end of one: click would take it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """See `click.ParamType`."""
        seconds: float = super().convert(value, param, ctx)
        if math.isnan(seconds):
            self.fail(f"{value} is no number of seconds.", param, ctx)
        return seconds


lab = click.option(
    "--lab",
    metavar="NAME",
    envvar="EIGW_NS_LAB",
    show_envvar=True,
    shell_complete=complete.labs,
    help="The lab; by default the only one there is.",
)

output = click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    envvar="EIGW_NS_OUTPUT",
    show_envvar=True,
    help="For people or for programs.",
)

quiet = click.option(
    "-q",
    "--quiet",
    is_flag=True,
    envvar="EIGW_NS_QUIET",
    show_envvar=True,
    help="No notes and no progress: only what was asked for, and errors.",
)

verbose = click.option(
    "-v", "--verbose", is_flag=True, envvar="EIGW_NS_VERBOSE", show_envvar=True, help="Say everything."
)

file = click.option(
    "-f",
    "--file",
    metavar="FILE",
    type=click.Path(allow_dash=True),
    help="The topology file; `-` is stdin. By default what was applied last.",
)

required_file = click.option(
    "-f",
    "--file",
    metavar="FILE",
    type=click.Path(allow_dash=True),
    required=True,
    help="The topology file; `-` is stdin.",
)

rootless = click.option(
    "--rootless/--no-rootless",
    default=None,
    envvar="EIGW_NS_ROOTLESS",
    show_envvar=True,
    help="Work without root, in namespaces of your own. By default so where you are not root.",
)

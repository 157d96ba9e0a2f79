"""Options that several verbs share. Most can also be set by an environment variable."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem

from eigw_ns.cli import complete
from eigw_ns.errors import UsageError


class Seconds(click.FloatRange):
    """A time in seconds within limits. Rejects `nan`, which click accepts because it exceeds neither limit."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """See `click.ParamType`."""
        seconds: float = super().convert(value, param, ctx)
        if math.isnan(seconds):
            self.fail(f"{value} is not a number of seconds.", param, ctx)
        return seconds


lab = click.option(
    "--lab",
    metavar="NAME",
    envvar="EIGW_NS_LAB",
    show_envvar=True,
    shell_complete=complete.labs,
    help="Name of the lab. Default: the only lab.",
)

output = click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    envvar="EIGW_NS_OUTPUT",
    show_envvar=True,
    help="Output format: table for people (in a file or pipe, tabs separate its cells), json for programs.",
)

quiet = click.option(
    "-q",
    "--quiet",
    is_flag=True,
    envvar="EIGW_NS_QUIET",
    show_envvar=True,
    help="Print results and errors only, no notes and no progress.",
)

verbose = click.option(
    "-v", "--verbose", is_flag=True, envvar="EIGW_NS_VERBOSE", show_envvar=True, help="Print every step and detail."
)

lock_timeout = click.option(
    "--lock-timeout",
    type=Seconds(0, 86_400),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    envvar="EIGW_NS_LOCK_TIMEOUT",
    show_envvar=True,
    help="Time to wait for another command that changes the lab.",
)

file = click.option(
    "-f",
    "--file",
    metavar="FILE",
    type=click.Path(allow_dash=True),
    help="Topology file; `-` is stdin. Default: the topology applied last.",
)

watch = click.option("--watch", is_flag=True, help="Show it again every 2 seconds, until Ctrl-C.")

take_over = click.option(
    "--take-over", is_flag=True, help="Also replace a lab that was applied from another file or by another user."
)

only_file = click.option(
    "-f", "--file", metavar="FILE", type=click.Path(allow_dash=True), help="Topology file; `-` is stdin."
)


def positional(name: str, kind: click.ParamType[Any], complete_word: Completion | None = None) -> Decorator:
    """Return a decorator that lets a verb take the value of the option `name` as its only argument, too."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*, word: str | None, **values: Any) -> Any:
            return function(**{**values, name: _one(name, word, values[name])})

        return click.argument("word", metavar=f"[{name.upper()}]", required=False, type=kind,
                              shell_complete=complete_word)(call)  # fmt: skip

    return decorate


def _one(name: str, word: str | None, option: str | None) -> str | None:
    """Return the value that was given as an argument or as an option. A variable of the environment gives way."""
    if word is None:
        return option
    if click.get_current_context().get_parameter_source(name) is ParameterSource.COMMANDLINE:
        raise UsageError(f"--{name} is given, and {word} too", hint="leave one of them out")
    return word


Completion = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]
Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

positional_file = positional("file", click.Path(allow_dash=True))
positional_lab = positional("lab", click.STRING, complete.labs)

rootless = click.option(
    "--rootless/--no-rootless",
    default=None,
    envvar="EIGW_NS_ROOTLESS",
    show_envvar=True,
    help="Work without root, in your own namespaces. Default: on, unless root.",
)

"""`eigw-ns exec`: run a command inside a node."""

from __future__ import annotations

import click

from eigw_ns.cli import complete, options
from eigw_ns.cli.inside import enter
from eigw_ns.errors import UsageError


@click.command(
    "exec",
    # everything after NODE belongs to the command, even if it looks like an option of ours
    context_settings={"allow_interspersed_args": False, "ignore_unknown_options": False},
)
@click.argument("node", shell_complete=complete.nodes)
@click.argument("arguments", metavar="-- COMMAND…", nargs=-1, type=click.UNPROCESSED)
@options.lab
def command(node: str, arguments: tuple[str, ...], lab: str | None) -> None:
    """Run a command inside a NODE: an instance, an internet host, a subnet's router, a gateway or `internet`.

    The command sees the node's network, and this host's files and processes as your user: run by root, it is root. It
    can use the names of instances and internet hosts: `web`, `web.internet`. Input, output and signals are passed
    through. The exit code is the command's, 127 if the command does not exist, or 126 if it cannot be run.

    \b
    eigw-ns exec app -- ping -c 1 web
    eigw-ns exec main/private-a -- ip -6 route
    eigw-ns exec main/outbound -- nft list ruleset
    eigw-ns exec --lab demo web -- ss -ltn
    """
    words = arguments[1:] if arguments[:1] == ("--",) else arguments
    if not words:
        raise UsageError("no command is given", hint=f"eigw-ns exec {node} -- ip -6 address")
    if words is arguments and words[0].startswith("-"):
        raise UsageError(
            f"the option {words[0]} is written after the node",
            hint=f"write options before the node: eigw-ns exec {words[0]} … {node} -- COMMAND",
        )
    enter(lab, node, words, {})

"""`eigw-ns ec2 wait`: the waiters of aws-cli, with the flags of the action that they ask."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from eigw_ns.cli.ec2.command import complain, make_command, prepare
from eigw_ns.cli.ec2.naming import kebab
from eigw_ns.cli.group import SectionGroup
from eigw_ns.cli.program import USAGE
from eigw_ns.errors import CloudError
from eigw_ns.lab.lifecycle.ec2_waiters import WAITERS, Waiter, wait_for


class WaitGroup(SectionGroup):
    """The waiters. Each has the flags of its describe verb."""

    called = "waiter"

    def sections(self) -> Mapping[str, Mapping[str, str]]:
        """See `SectionGroup`."""
        return {
            "Waiters": {name: f"Ask {kebab(waiter.action)} until it finds one." for name, waiter in WAITERS.items()}
        }

    def load(self, verb: str) -> click.Command:
        """See `SectionGroup`."""
        waiter = WAITERS[verb]
        found = make_command(waiter.action)
        found.name, found.epilog = verb, None
        found.help = f"Ask {kebab(waiter.action)} for at most {waiter.seconds} s, until it finds a resource."
        found.callback = lambda **given: _wait(verb, waiter, given)
        return found


def _wait(name: str, waiter: Waiter, given: dict[str, Any]) -> int:
    """Wait, without output. Return 1 if the condition was not met in time, or if the request is refused."""
    ask = prepare(waiter.action, given)
    try:
        if wait_for(waiter, ask):
            return 0
    except CloudError as error:
        complain(waiter.action, error)
        return error.exit_code
    click.echo(f"Waiter {name} failed: no resource was found within {waiter.seconds} s", err=True)
    return 1


@click.command("wait", cls=WaitGroup, invoke_without_command=True)
@click.pass_context
def group(context: click.Context) -> int:
    """Wait until a resource exists, as `aws ec2 wait` does. A change of a lab is complete when its verb returns."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        return USAGE
    return 0

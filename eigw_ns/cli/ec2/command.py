"""A verb of `eigw-ns ec2`, built from the description of its action: flags, help, request, answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from eigw_ns.cli import complete, options
from eigw_ns.cli.ec2 import answers, attributes, catalogue, groups, launch, limits, paging, values
from eigw_ns.cli.ec2.naming import kebab
from eigw_ns.cli.program import show_hint
from eigw_ns.cloud.ec2 import names
from eigw_ns.cloud.ec2.api import ACTIONS
from eigw_ns.cloud.ec2.schema import Action, Parameter
from eigw_ns.cloud.words import printable, printable_lines
from eigw_ns.errors import CloudError, LockedError, UsageError
from eigw_ns.render import remedies

if TYPE_CHECKING:
    from eigw_ns.lab.storage.protocols import Store

_NEGATIVE = re.compile(r"-\d+")
_IGNORES_FILTERS = "DescribeEgressOnlyInternetGateways"
"""The one action that ignores unknown filters, as in AWS."""

_LAUNCH = "RunInstances"
"""The action of which aws-cli spells the number of instances as one flag."""

_SHORT_RULE = frozenset({"IpProtocol", "FromPort", "ToPort", "CidrIp"})
"""Parameters that the flags of `groups` replace. As in aws-cli, their own flags work but are hidden."""

_LOCKED = "Unavailable"
"""AWS's error code for a request that it cannot serve now. SDKs try again after it."""

Given = dict[str, Any]


class Ec2Command(click.Command):
    """A command whose list flags take all values after one flag, as in aws-cli: `--filters A B`."""

    def __init__(self, *arguments: Any, lists: frozenset[str], **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.lists = lists

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """See `click.Command`."""
        return super().parse_args(ctx, args if ctx.resilient_parsing else list(_repeat_flags(args, self.lists)))


def make_command(name: str) -> click.Command:
    """Return the verb for the action `name`."""
    action = ACTIONS[name]
    command = Ec2Command(
        kebab(name),
        params=[_option(parameter) for parameter in action.parameters],
        callback=lambda **given: _run(name, given),
        help=f"{action.help}.\n\n\b\n{catalogue.example(name)}",
        epilog=_structures(action),
        lists=frozenset(values.flag(parameter) for parameter in action.parameters if values.is_list(parameter)),
    )
    command.params += attributes.opposites(action.parameters)
    if _takes_rules(action):
        command.params += groups.options()
    if name == _LAUNCH:
        command.params += launch.options()
    if paging.is_paged(action.parameters):
        command.params += paging.options()
    only = limits.quota if action.mutates else limits.strict_filters(hidden=name != _IGNORES_FILTERS)
    command.params += _without_effect()
    waiting = (options.lock_timeout,) if action.mutates else ()
    for decorate in (_cli_input_json, answers.output, answers.query, only, *waiting, options.lab):
        decorate(command)
    return command


def _takes_rules(action: Action) -> bool:
    return any(parameter.name == "IpPermissions" for parameter in action.parameters)


def _option(parameter: Parameter) -> click.Option:
    """Return the flag of a parameter. A boolean has two flags; as in aws-cli, the opposite of --egress is --ingress."""
    text = f"{parameter.help[:1].upper()}{parameter.help[1:]}{'; required' if parameter.required else ''}."
    flag = values.flag(parameter)
    if parameter.type == "boolean":
        opposite = "--ingress" if flag == "--egress" else f"--no-{kebab(parameter.name)}"
        return click.Option([parameter.name, f"{flag}/{opposite}"], default=None, help=text)
    if attributes.is_attribute(parameter):
        return attributes.option(parameter, text)
    return click.Option(
        [parameter.name, flag],
        type=int if parameter.type == "integer" else str,
        multiple=values.is_list(parameter),
        metavar=values.KINDS[parameter.type],
        shell_complete=complete.resources(parameter.name),
        help=text,
        hidden=parameter.name in _SHORT_RULE,
    )


def _structures(action: Action) -> str:
    """Return help on the members of structures, one per line."""
    members = [line for parameter in action.parameters if parameter.members for line in values.outline(parameter)]
    return "\n".join(("\b", "Structures, in shorthand or JSON:", *members)) if members else ""


_cli_input_json = click.option(
    "--cli-input-json", metavar="JSON", help="All parameters as JSON or file://PATH. Flags override it."
)


def _without_effect() -> list[click.Parameter]:
    """Return flags of aws-cli that scripts give and that mean nothing in a lab. Help does not show them."""
    return [
        click.Option(["--region"], hidden=True, expose_value=False),
        click.Option(["--profile"], hidden=True, expose_value=False),
        click.Option(["--no-cli-pager"], is_flag=True, hidden=True, expose_value=False),
    ]


def _repeat_flags(arguments: Sequence[str], lists: frozenset[str]) -> Iterator[str]:
    """Turn `--filters A B` into `--filters=A --filters=B`, which click understands.

    Raises UsageError if a flag is given twice or without a value.
    """
    flag = ""
    counts: dict[str, int] = {}
    for argument in arguments:
        name, equals, _ = argument.partition("=")
        if name in lists:
            if name in counts:
                raise UsageError(f"{name} is given twice", hint=f"write all values after one flag: {name} A B")
            flag, counts[name] = name, len(equals)
            if equals:
                yield argument
        elif argument.startswith("-") and not _NEGATIVE.fullmatch(argument):
            flag = ""
            yield argument
        elif flag:
            counts[flag] += 1
            yield f"{flag}={argument}"
        else:
            yield argument
    for name, count in counts.items():
        if not count:
            raise UsageError(f"{name} needs a value")


def _run(name: str, given: Given) -> int:
    """Run the request and print the answer, or AWS's error as aws-cli prints it. Return the exit code."""
    form, query = given["form"], given["query"]
    ask = prepare(name, given)
    try:
        answer = ask()
    except LockedError as error:
        complain(name, CloudError(_LOCKED, error.message, hint=error.hint))
        return error.exit_code
    except CloudError as error:
        complain(name, error)
        return error.exit_code
    answers.show(answers.select(answer, query), form)
    return 0


def prepare(name: str, given: Given) -> Callable[[], Given]:
    """Return a function that makes the request which the flags describe, prints warnings and returns the answer.

    Raises UsageError if the flags are not valid. The function raises CloudError if AWS would refuse the request, and
    LockedError if another command changes the lab for too long.
    """
    from eigw_ns.cli.context import (  # imported here: help needs no lab and no kernel
        choose_lab,
        open_kernel,
        open_storage,
    )
    from eigw_ns.lab.lifecycle.ec2 import perform
    from eigw_ns.lab.storage.protocols import Patience

    action = ACTIONS[name]
    settings = limits.settings(strict=given.pop("strict_filters", False), quotas=given.pop("quotas", ()))
    patience = Patience(given.pop("lock_timeout", 0.0), lambda message: click.echo(printable(message), err=True))
    lab, whole = given.pop("lab"), given.pop("cli_input_json")
    request = values.decode_request(action.parameters, whole) if whole is not None else {}
    typed = _request(action, given)
    request |= launch.complete(typed, given.pop("count")) if name == _LAUNCH else typed
    pages = paging.take(given, request) if paging.is_paged(action.parameters) else None
    _require(action, request)
    chosen, storage = choose_lab(lab), open_storage()
    request = _with_ids(request, storage.store, chosen)

    def ask() -> Given:
        warnings: dict[str, None] = {}

        def call(page: Given) -> Given:
            reply = perform(open_kernel, storage, chosen, name, page, settings, patience)
            warnings.update(dict.fromkeys(reply.warnings))
            return reply.answer

        answer = paging.gather(call, request, pages) if pages else call(request)
        for warning in warnings:
            click.echo(printable(f"warning: {warning}"), err=True)
        return answer

    return ask


def _with_ids(request: Given, store: Store, lab: str) -> Given:
    """Return the request with ids in place of names, and print a note for each name."""
    if not names.has_names(request):
        return request
    resolved, found = names.resolve(store.load(lab).cloud, request)
    for text, resource_id in found.items():
        click.echo(printable(f"note: {text} is {resource_id}"), err=True)
    return resolved


def _request(action: Action, given: Given) -> Given:
    """Return the request that the flags describe. Raises UsageError if a value is not valid."""
    request: Given = attributes.take(action.parameters, given)
    short = groups.permissions(given) if _takes_rules(action) else None
    for parameter in action.parameters:
        typed = given.get(parameter.name)
        if typed not in (None, ()):
            request[parameter.name] = values.decode(parameter, typed)
    if short is not None:
        if "IpPermissions" in request:
            raise UsageError("--protocol, --port, --cidr and --source-group cannot be combined with --ip-permissions")
        request["IpPermissions"] = short
    return request


def _require(action: Action, request: Given) -> None:
    """Raise click's MissingParameter if the request lacks a required parameter."""
    context = click.get_current_context()
    for parameter in action.parameters:
        if parameter.required and parameter.name not in request:
            option = next(each for each in context.command.params if each.name == parameter.name)
            flags = " / ".join(f"'{flag}'" for flag in (*option.opts, *option.secondary_opts))
            raise click.MissingParameter(ctx=context, param=option, param_hint=flags)


def complain(name: str, error: CloudError) -> None:
    """Print AWS's error as aws-cli prints it, and the hint."""
    message = f"An error occurred ({error.code}) when calling the {name} operation: {error.message}"
    click.echo(printable_lines(message), err=True)
    show_hint(remedies.hint(error))

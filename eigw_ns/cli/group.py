"""The verbs and what each is for. `eigw-ns --help` is printed from this table alone, so it loads no verb."""

from __future__ import annotations

from importlib import import_module

import click
from click.shell_completion import CompletionItem

from eigw_ns.cloud.words import did_you_mean
from eigw_ns.errors import UsageError

SECTIONS: dict[str, dict[str, str]] = {
    "Write a topology": {
        "init": "Print a small topology that works, to start from.",
        "validate": "Check a topology file and name every mistake.",
        "schema": "Print the JSON Schema of the file, for editors.",
    },
    "Run a lab": {
        "plan": "Show what `apply` would change, and why.",
        "apply": "Make the kernel hold what the topology says.",
        "status": "Show drift between what was applied and what the kernel holds.",
        "verify": "Prove with real packets who may reach whom.",
        "destroy": "Remove a lab.",
    },
    "Look and work inside": {
        "describe": "Show resources with ids, states and counters.",
        "exec": "Run a command inside a node.",
        "shell": "Open a shell inside a node.",
        "export": "Print the applied topology as a file.",
    },
    "Look after the host": {
        "doctor": "Check whether this host can hold a lab.",
        "gc": "Show, and with --yes remove, what dead labs left behind.",
        "completion": "Print the completion script of a shell.",
        "version": "Print the versions of eigw-ns and what it stands on.",
    },
}

VERBS = {verb: summary for section in SECTIONS.values() for verb, summary in section.items()}


class VerbGroup(click.Group):
    """Loads a verb's module when the verb is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """See `click.Group`."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """See `click.Group`."""
        if cmd_name not in VERBS:
            return None
        command = import_module(f"eigw_ns.cli.verbs.{cmd_name}").command
        if not isinstance(command, click.Command):
            raise TypeError(f"the module of {cmd_name} has no command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, but with the verbs that an unknown one may have meant."""
        if args[0] not in VERBS and not args[0].startswith("-") and not ctx.resilient_parsing:
            hint = did_you_mean(args[0], VERBS) or f"the verbs are {', '.join(VERBS)}"
            raise UsageError(f"there is no verb {args[0]}", hint=hint)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The verbs by section."""
        for title, verbs in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl(list(verbs.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Verbs with their summaries, without loading them; then the options of `eigw-ns` itself."""
        verbs = [CompletionItem(verb, help=VERBS[verb]) for verb in VERBS if verb.startswith(incomplete)]
        return verbs + click.Command.shell_complete(self, ctx, incomplete)

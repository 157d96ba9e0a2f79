"""The verbs and what each is for. `eigw-ns --help` is printed from this table alone, so it loads no verb."""

from __future__ import annotations

from collections.abc import Mapping
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
        "agent": "Watch a gateway's replicas, and keep flows away from dead ones.",
        "destroy": "Remove a lab.",
    },
    "Look and work inside": {
        "explain": "Say which route, rule or gateway decides about a packet.",
        "describe": "Show resources with ids, states and counters.",
        "exec": "Run a command inside a node.",
        "shell": "Open a shell inside a node.",
        "export": "Print the applied topology as a file.",
    },
    "Speak AWS": {
        "ec2": "Work on a lab with aws-cli's own verbs, flags and answers.",
    },
    "Look after the host": {
        "doctor": "Check whether this host can hold a lab.",
        "gc": "Show, and with --yes remove, what dead labs left behind.",
        "completion": "Print the completion script of a shell.",
        "version": "Print the versions of eigw-ns and what it stands on.",
    },
}

VERBS = {verb: summary for section in SECTIONS.values() for verb, summary in section.items()}


_VERB_COLUMN = 42  # characters; verbs of `ec2` are long


class SectionGroup(click.Group):
    """Knows its verbs by section without loading them, and loads a verb when it is used."""

    called = "verb"

    def sections(self) -> Mapping[str, Mapping[str, str]]:
        """Title, verb, summary."""
        raise NotImplementedError

    def load(self, verb: str) -> click.Command:
        """The command of a verb that `sections` names."""
        raise NotImplementedError

    def verbs(self) -> dict[str, str]:
        """Verb and summary."""
        return {verb: summary for section in self.sections().values() for verb, summary in section.items()}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """See `click.Group`."""
        return list(self.verbs())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """See `click.Group`."""
        return self.load(cmd_name) if cmd_name in self.verbs() else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, but with the verbs that an unknown one may have meant."""
        verbs = self.verbs()
        if args[0] not in verbs and not args[0].startswith("-") and not ctx.resilient_parsing:
            hint = did_you_mean(args[0], verbs) or f"the {self.called}s are {', '.join(verbs)}"
            raise UsageError(f"there is no {self.called} {args[0]}", hint=hint)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The verbs by section."""
        for title, verbs in self.sections().items():
            with formatter.section(title):
                formatter.write_dl(list(verbs.items()), col_max=_VERB_COLUMN)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Verbs with their summaries, without loading them; then the options of the group itself."""
        verbs = [CompletionItem(verb, help=text) for verb, text in self.verbs().items() if verb.startswith(incomplete)]
        return verbs + click.Command.shell_complete(self, ctx, incomplete)


class VerbGroup(SectionGroup):
    """The verbs of `eigw-ns`; each has a module of its own."""

    def sections(self) -> Mapping[str, Mapping[str, str]]:
        """See `SectionGroup`."""
        return SECTIONS

    def load(self, verb: str) -> click.Command:
        """See `SectionGroup`."""
        command = import_module(f"eigw_ns.cli.verbs.{verb}").command
        if not isinstance(command, click.Command):
            raise TypeError(f"the module of {verb} has no command")
        return command

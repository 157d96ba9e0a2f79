"""The verbs and their summaries. `eigw-ns --help` prints this table without loading a verb."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from keyword import iskeyword

import click
from click.shell_completion import CompletionItem

from eigw_ns.cli.word_order import verb_first
from eigw_ns.cloud.words import did_you_mean
from eigw_ns.errors import UsageError

SECTIONS: dict[str, dict[str, str]] = {
    "Write a topology": {
        "init": "Print an example topology.",
        "validate": "Check a topology file and report every mistake.",
        "import": "Make a topology from CloudFormation, CDK, Terraform or an account.",
        "schema": "Print the JSON Schema of topology files, for editors.",
    },
    "Check a design": {
        "check": "Prove with packets what a design of another tool keeps out over IPv6.",
    },
    "Run a lab": {
        "plan": "Show what `apply` would change, and why.",
        "apply": "Make the kernel match the topology.",
        "status": "Show how the kernel differs from what was applied.",
        "verify": "Prove with real packets which nodes reach which.",
        "agent": "Watch the replicas of gateways, and move flows away from dead ones.",
        "destroy": "Remove a lab.",
    },
    "Inspect a lab": {
        "explain": "Show which route, rule or gateway decides about a packet.",
        "graph": "Draw a lab as a picture for terminals, browsers and documents.",
        "describe": "Show resources with ids, states and counters.",
        "capture": "Capture packets at a node, or at every hop between two machines.",
        "trace": "Send one packet, and show which nftables rules decided about it.",
        "flows": "Show the flows in the connection tables of gateways and subnets.",
        "metrics": "Print what gateways and subnets have counted, for Prometheus.",
        "events": "Print what happens to a lab, and who did it.",
        "exec": "Run a command inside a node.",
        "shell": "Open a shell inside a node.",
        "labs": "List the labs, with their files and users.",
        "export": "Print the applied topology as a file.",
    },
    "Use the EC2 API": {
        "ec2": "Change and describe a lab with the verbs and flags of `aws ec2`.",
        "serve": "Answer EC2's API over HTTP, for aws-cli, Terraform and others.",
    },
    "Maintain the host": {
        "doctor": "Check whether this host can run labs.",
        "gc": "List what dead labs left behind; with --yes, remove it.",
        "completion": "Print a completion script for a shell.",
        "version": "Print the versions of eigw-ns, the kernel and nftables.",
    },
}

SYNONYMS = {"up": "apply", "down": "destroy", "show": "describe", "ls": "labs", "list": "labs", "diff": "plan"}
"""Other words for verbs. The help of `eigw-ns` names them; completion does not."""

VERBS = {verb: summary for section in SECTIONS.values() for verb, summary in section.items()}


_DESTRUCTIVE = frozenset({"destroy"})
_VERB_COLUMN = 42  # characters; verbs of `ec2` are long


class SectionGroup(click.Group):
    """A group that lists its verbs by section, and loads a verb only when it is used."""

    called = "verb"

    def sections(self) -> Mapping[str, Mapping[str, str]]:
        """Return the summary of each verb, by section title."""
        raise NotImplementedError

    def load(self, verb: str) -> click.Command:
        """Return the command of a verb in `sections`."""
        raise NotImplementedError

    def verbs(self) -> dict[str, str]:
        """Return the summary of each verb."""
        return {verb: summary for section in self.sections().values() for verb, summary in section.items()}

    def hint(self, word: str) -> str:
        """Return what the user may have meant by a word that is not a verb, or "".

        Never suggest to destroy a lab, or another verb to a user who may have meant that.
        """
        suggestion = did_you_mean(word, self.verbs())
        return "" if any(verb in suggestion for verb in _DESTRUCTIVE) else suggestion

    def list_commands(self, ctx: click.Context) -> list[str]:
        """See `click.Group`."""
        return list(self.verbs())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """See `click.Group`."""
        return self.load(cmd_name) if cmd_name in self.verbs() else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Resolve a verb as click does, but suggest similar verbs if it is unknown."""
        verbs = self.verbs()
        if args[0] not in verbs and not args[0].startswith("-") and not ctx.resilient_parsing:
            hint = self.hint(args[0]) or f"the {self.called}s are {', '.join(verbs)}"
            raise UsageError(f"no such {self.called}: {args[0]}", hint=hint)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the verbs by section."""
        for title, verbs in self.sections().items():
            with formatter.section(title):
                formatter.write_dl(list(verbs.items()), col_max=_VERB_COLUMN)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the verbs with their summaries, without loading them, then the group's own options."""
        verbs = [CompletionItem(verb, help=text) for verb, text in self.verbs().items() if verb.startswith(incomplete)]
        return verbs + click.Command.shell_complete(self, ctx, incomplete)


class VerbGroup(SectionGroup):
    """The verbs of `eigw-ns`. Each verb is a module in `cli.verbs`."""

    def sections(self) -> Mapping[str, Mapping[str, str]]:
        """See `SectionGroup`."""
        return SECTIONS

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Accept options of a verb before the verb, too."""
        return super().parse_args(ctx, verb_first(args))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Resolve a verb or a synonym of one."""
        return super().resolve_command(ctx, [SYNONYMS.get(args[0], args[0]), *args[1:]])

    def load(self, verb: str) -> click.Command:
        """See `SectionGroup`."""
        command = import_module(f"eigw_ns.cli.verbs.{verb}{'_' if iskeyword(verb) else ''}").command
        if not isinstance(command, click.Command):
            raise TypeError(f"the module of {verb} has no command")
        return command

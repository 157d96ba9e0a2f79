"""`eigw-ns completion`: tab completion."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print a completion script for a shell. It completes verbs, options, labs and nodes.

    \b
    bash:  eval "$(eigw-ns completion bash)"                       in ~/.bashrc
    zsh:   eval "$(eigw-ns completion zsh)"                        in ~/.zshrc
    fish:  eigw-ns completion fish > ~/.config/fish/completions/eigw-ns.fish
    """
    root = context.find_root()
    completion = get_completion_class(shell)
    if completion is None or root.info_name is None:
        raise TypeError(f"click has no completion for {shell}")
    click.echo(completion(root.command, {}, root.info_name, "_EIGW_NS_COMPLETE").source())

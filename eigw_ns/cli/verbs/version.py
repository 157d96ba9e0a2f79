"""`eigw-ns version`: print versions, for bug reports."""

from __future__ import annotations

import click

from eigw_ns import __version__
from eigw_ns.cli import options
from eigw_ns.cli.output import show_json
from eigw_ns.kernel.host import features

_ASK_AS_ROOT = "run it as root to see this"


@click.command("version")
@options.output
def command(output: str) -> None:
    """Print the versions of eigw-ns, the kernel and libnftables, for bug reports.

    \b
    sudo eigw-ns version
    """
    versions = {"eigw-ns": __version__, "kernel": features.kernel_release(), "nftables": features.nft_version()}
    if output == "json":
        show_json(versions)
        return
    for name, version in versions.items():
        click.echo(f"{name} {version or f'unknown ({features.nft_binding() or _ASK_AS_ROOT})'}")

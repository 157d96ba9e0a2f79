"""The program: its root command, and the one place where errors become messages and exit codes (DESIGN section 4)."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence

import click

from eigw_ns import __version__
from eigw_ns.cli import options, streams
from eigw_ns.cli.group import VerbGroup
from eigw_ns.errors import EigwError

PROGRAM = "eigw-ns"
FAILED, USAGE, INTERRUPTED = 1, 2, 130

_EPILOG = """
\b
Five minutes:
  eigw-ns init > lab.yaml            a topology to start from
  sudo eigw-ns apply -f lab.yaml     build it
  sudo eigw-ns verify                prove with packets that it is egress-only
  sudo eigw-ns exec app -- ip -6 route
  sudo eigw-ns destroy

\b
Exit codes: 0 fine, 1 failed, 2 usage, 3 changes pending or drift, 4 a packet
went where it must not or did not go where it must, 5 this host cannot, 130
interrupted.
"""


@click.command(
    cls=VerbGroup,
    invoke_without_command=True,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, message="%(prog)s %(version)s")
@options.rootless
@click.pass_context
def cli(context: click.Context, /, **_rootless: bool | None) -> int:
    """An IPv6 egress-only internet gateway made of network namespaces, routes and nftables rules.

    Write a topology in AWS's words, apply it, and real packets obey it: instances reach the internet, and nothing that
    the internet begins reaches an instance. As root, labs are the host's; otherwise they are in namespaces of your own.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        return USAGE
    return 0


def run(arguments: Sequence[str]) -> int:
    """Run the program; the exit code. Every expected error ends here as a message on stderr."""
    try:
        code = cli.main(list(arguments), prog_name=PROGRAM, standalone_mode=False)
        sys.stdout.flush()
    except EigwError as error:
        complain(error.message, error.hint)
        return error.exit_code
    except click.exceptions.Abort:
        complain("interrupted")
        return INTERRUPTED
    except click.ClickException as error:
        complain(*_usage(error))
        return error.exit_code
    except OSError as error:
        return _system_error(error)
    return code if isinstance(code, int) else 0


def complain(message: str, hint: str = "") -> None:
    """Say on stderr what went wrong, and what would help."""
    for line in message.splitlines():
        click.echo(f"{_red('error:')} {line}", err=True)
    for line in hint.splitlines():
        click.echo(f"hint: {line}", err=True)


def _red(text: str) -> str:
    return text if os.environ.get("NO_COLOR") else click.style(text, fg="red", bold=True)


def _usage(error: click.ClickException) -> tuple[str, str]:
    """Message and hint of click's own complaints."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    help_hint = f"see `{context.command_path if context else PROGRAM} --help`"
    if not isinstance(error, click.NoSuchOption):
        lines = error.format_message().splitlines()  # several where it lists choices, which are not an error each
        return " ".join(line.strip() for line in lines), help_hint
    message = f"there is no option {error.option_name}"
    if error.possibilities:
        return message, f"did you mean {' or '.join(error.possibilities)}?"
    if any(error.option_name in (*option.opts, *option.secondary_opts) for option in cli.params):
        return message, f"it stands before the verb: `{PROGRAM} {error.option_name} VERB …`"
    if context is not None and context.parent is None:
        return message, f"options of a verb stand after it: `{PROGRAM} VERB {error.option_name} …`"
    return message, help_hint


def _system_error(error: OSError) -> int:
    """A file or a pipe that failed. Nobody reading our output any more (`| head`) is nothing to talk about."""
    if error.errno == errno.EPIPE:
        streams.let_go(sys.stdout)  # what waits there still is flushed once more at the end
        return FAILED
    place = f"{os.fsdecode(error.filename)}: " if error.filename is not None else ""
    complain(
        f"{place}{error.strerror or error}", "run it as root" if error.errno in (errno.EACCES, errno.EPERM) else ""
    )
    return FAILED

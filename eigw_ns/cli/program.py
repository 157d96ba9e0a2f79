"""The root command of the program. Expected errors become messages and exit codes here and nowhere else."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence

import click

from eigw_ns import __version__
from eigw_ns.cli import options, streams
from eigw_ns.cli.group import VerbGroup
from eigw_ns.cloud.words import printable
from eigw_ns.errors import EigwError, limit_error
from eigw_ns.render import remedies

PROGRAM = "eigw-ns"
FAILED, USAGE, INTERRUPTED = 1, 2, 130
_UTF8 = "write the name in that encoding, or run the command with LC_ALL=C.UTF-8"
"""Fix for an argument that Python cannot pass on to Linux, as UTF-8 in a locale with EUC-JP."""


_EPILOG = """
\b
Five minutes:
  eigw-ns init > lab.yaml            write an example topology
  sudo eigw-ns apply -f lab.yaml     build the lab
  sudo eigw-ns verify                prove with packets that it is egress-only
  sudo eigw-ns exec app -- ip -6 route
  sudo eigw-ns destroy

\b
Other words for verbs: up (apply), down (destroy), show (describe), ls and list (labs), diff (plan).
Options that most verbs have may also stand before the verb: eigw-ns --lab demo describe

\b
Exit codes:
  0    success
  1    failure
  2    usage error
  3    changes are pending, or the kernel differs from what was applied
  4    packets did not do what was expected or predicted; `check` found an error
  5    this host lacks a privilege, a kernel feature or a program, or a limit is reached
  130  interrupted
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
    """Run an IPv6 egress-only internet gateway made of network namespaces, routes and nftables rules.

    Write a topology in AWS's terms and apply it. Instances behind the gateway then reach the internet with real
    packets, and the internet cannot open a connection to them. Root's labs are in namespaces of the host; an ordinary
    user's labs are in namespaces of the user.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        return USAGE
    return 0


def run(arguments: Sequence[str]) -> int:
    """Run the program and return its exit code. Expected errors become messages on stderr."""
    try:
        code = cli.main(list(arguments), prog_name=PROGRAM, standalone_mode=False)
        sys.stdout.flush()
    except EigwError as error:
        complain(remedies.message(error), remedies.hint(error))
        return error.exit_code
    except click.exceptions.Abort:
        complain("interrupted")
        return INTERRUPTED
    except click.ClickException as error:
        complain(*_usage(error))
        return error.exit_code
    except OSError as error:
        return _system_error(error)
    except UnicodeEncodeError as error:
        if error.encoding == "utf-8" or error.encoding != sys.getfilesystemencoding():
            raise
        complain(f"not a name in the encoding of the locale, {error.encoding}: {error.object}", _UTF8)
        return USAGE
    except MemoryError:
        return _system_error(OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)))
    return code if isinstance(code, int) else 0


def complain(message: str, hint: str = "") -> None:
    """Print an error and its hint on stderr."""
    for line in message.split("\n"):
        click.echo(f"{_red('error:')} {printable(line)}", err=True)
    show_hint(hint)


def show_hint(hint: str) -> None:
    """Print a hint, if there is one, on stderr."""
    for line in hint.split("\n") if hint else ():
        click.echo(f"hint: {printable(line)}", err=True)


def _red(text: str) -> str:
    return text if os.environ.get("NO_COLOR") else click.style(text, fg="red", bold=True)


def _usage(error: click.ClickException) -> tuple[str, str]:
    """Return the message and the hint for an error of click."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    help_hint = f"see `{context.command_path if context else PROGRAM} --help`"
    if not isinstance(error, click.NoSuchOption):
        lines = error.format_message().splitlines()  # several if it lists choices: still one error
        return " ".join(line.strip() for line in lines), help_hint
    message = f"no such option: {error.option_name}"
    from eigw_ns.cloud.aws_words import lacking  # late: only a mistake needs it

    if told := lacking(error.option_name):
        return message, told
    if error.possibilities:
        return message, f"did you mean {' or '.join(error.possibilities)}?"
    if any(error.option_name in (*option.opts, *option.secondary_opts) for option in cli.params):
        return message, f"write it before the verb: `{PROGRAM} {error.option_name} VERB …`"
    if context is not None and context.parent is None:
        return message, f"write options of a verb after the verb: `{PROGRAM} VERB {error.option_name} …`"
    return message, help_hint


def _system_error(error: OSError) -> int:
    """Report a failed file or pipe and return the exit code. A pipe without a reader (`| head`) is not reported."""
    if error.errno == errno.EPIPE:
        streams.let_go(sys.stdout)  # the exit flushes once more what is buffered
        return FAILED
    if error.errno == errno.EBADF and error.filename is None:  # see `streams.prepare`
        complain("stdout is closed, so the output is lost")
        return FAILED
    limit = limit_error("run the command", error.errno or 0)
    if limit is not None:
        complain(limit.message, limit.hint)
        return limit.exit_code
    place = f"{os.fsdecode(error.filename)}: " if error.filename is not None else ""
    complain(
        f"{place}{error.strerror or error}", "run it as root" if error.errno in (errno.EACCES, errno.EPERM) else ""
    )
    return FAILED

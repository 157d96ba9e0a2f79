"""The command line of `scripts/bench`."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count

import click

from eigw_ns.cli.output import show_json, show_tables
from eigw_ns.cli.program import FAILED, INTERRUPTED, complain
from eigw_ns.cli.talk import Talk
from eigw_ns.errors import EigwError, HostError, UsageError
from eigw_ns.render.table import Table
from scripts.benchmarks import catalogue
from scripts.benchmarks.benchmark import Job, require
from scripts.benchmarks.labs import workshop
from scripts.benchmarks.rows import Line

_SIZES = (100, 200, 500, 1000)
_LARGEST = 1000


class _Command(click.Command):
    """A command whose help explains every row of every benchmark."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """See `click.Command`."""
        for name in catalogue.NAMES:
            benchmark = catalogue.load(name)
            with formatter.section(f"{name}: {benchmark.summary.rstrip('.')}"):
                formatter.write_dl(list(benchmark.explain.items()), col_max=34)


def _sizes(_context: click.Context, _parameter: click.Parameter, value: str | None) -> tuple[int, ...] | None:
    if value is None:
        return None
    try:
        found = tuple(int(part) for part in value.split(","))
    except ValueError:
        raise click.BadParameter(f"{value!r} is not a valid list of numbers; write one such as 20,100,200") from None
    if not all(2 <= number <= _LARGEST for number in found):
        raise click.BadParameter(f"{value!r}: each number must be from 2 to {_LARGEST}")
    return found


@click.command(cls=_Command, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.argument("names", nargs=-1, metavar="[" + "|".join((*catalogue.NAMES, "all")) + "]…")
@click.option(
    "--subnets", callback=_sizes, metavar="N,N,…", help="Sizes of labs, in subnets.  [default: 100,200,500,1000]"
)
@click.option("--rounds", type=click.IntRange(1, 1000), help="Number of measurements of each.  [default: 5]")
@click.option("--quick", is_flag=True, help="Measure small labs in two rounds, in seconds. Verdicts are not reliable.")
@click.option("--in-a-row", type=click.IntRange(0, 1000), default=0, help="ha: number of further failures.")
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
def command(
    names: tuple[str, ...],
    subnets: tuple[int, ...] | None,
    rounds: int | None,
    quick: bool,
    in_a_row: int,
    output: str,
    quiet: bool,
) -> None:
    """Measure the performance budget on this machine, as root.

    Each row is a ratio of two things measured in turn within one run (A B A B …): the median of all rounds, with the
    quartiles as spread. Absolute times are shown beside it; they are valid only for this machine and this moment. Run
    nothing else meanwhile. All labs have unique names and are removed at the end, also after Ctrl-C.

    \b
    scripts/bench                          # all benchmarks; takes some minutes
    scripts/bench build --subnets 100,200  # one benchmark
    scripts/bench packets -o json
    """
    wanted = _wanted(names)
    if os.geteuid() != 0:
        raise HostError("the benchmarks need root", hint="run `sudo scripts/bench`")
    for name in wanted:
        require(catalogue.load(name).tools)
        for tool, package in catalogue.load(name).extras.items():
            if shutil.which(tool) is None and not quiet:
                click.echo(f"{name}: {tool} is missing, so a row is left out (apt-get install {package})", err=True)
    sizes = subnets or ((3, 6) if quick else _SIZES)
    with workshop() as place:
        job = Job(place, sizes, rounds or (2 if quick else 5), quick, _no_step, in_a_row)
        found = {name: list(_measured(name, job, quiet)) for name in wanted}
    _show(found, output)


def _wanted(names: Sequence[str]) -> tuple[str, ...]:
    for name in names:
        if name not in (*catalogue.NAMES, "all"):
            raise UsageError(f"there is no benchmark {name}", hint=f"write one of {', '.join(catalogue.NAMES)}, all")
    return catalogue.NAMES if not names or "all" in names else tuple(dict.fromkeys(names))


def _measured(name: str, job: Job, quiet: bool) -> Iterator[Line]:
    """Yield the rows of one benchmark, and show a progress bar."""
    benchmark, numbers = catalogue.load(name), count(1)
    with Talk(quiet=quiet, verbose=False).progress(name) as progress:

        def step() -> None:
            progress(next(numbers), benchmark.steps(job), name)

        yield from benchmark.rows(replace(job, step=step))


def _no_step() -> None:
    """Show no progress."""


def _show(found: dict[str, list[Line]], output: str) -> None:
    if output == "json":
        show_json({"rows": [{"benchmark": name, **row.document()} for name, rows in found.items() for row in rows]})
        return
    tables: dict[tuple[str, ...], list[Line]] = {}
    for name, rows in found.items():
        tables.setdefault(catalogue.load(name).columns, []).extend(rows)
    show_tables([Table("", columns, tuple(row.cells() for row in rows)) for columns, rows in tables.items()])


def main() -> int:
    """Run the command. Returns the exit code, as of the program itself (README)."""
    try:
        command.main(prog_name="scripts/bench", standalone_mode=False)
    except EigwError as error:
        complain(error.message, error.hint)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        complain("interrupted")
        return INTERRUPTED
    except click.ClickException as error:
        complain(error.format_message(), "see `scripts/bench --help`")
        return error.exit_code
    except OSError as error:
        complain(str(error))
        return FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())

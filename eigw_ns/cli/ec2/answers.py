"""How a verb of `eigw-ns ec2` prints its answer: `--query` and `--output`, as in aws-cli.

Sources: https://docs.aws.amazon.com/cli/latest/userguide/cli-usage-filter.html (JMESPath) and
https://docs.aws.amazon.com/cli/latest/userguide/cli-usage-output-format.html
"""

from __future__ import annotations

import io
from typing import Any

import click

from eigw_ns.cli.output import show_json, show_tables
from eigw_ns.errors import UsageError
from eigw_ns.render import aws_tables, aws_text

FORMATS = ("json", "text", "table", "yaml")
_NEVER_FOLD = 1 << 16  # columns


def _compiled(_context: click.Context, _parameter: click.Parameter, value: str | None) -> Any:
    """Return the compiled query, or None. Raises UsageError before anything is changed."""
    if value is None:
        return None
    import jmespath  # imported here because few commands need it

    try:
        return jmespath.compile(value)
    except jmespath.exceptions.JMESPathError as error:
        problem = " ".join(str(error).splitlines()[0].split())
        raise UsageError(f"--query {value} is not valid: {problem}", hint="see https://jmespath.org") from error


output = click.option(
    "--output",
    "form",
    type=click.Choice(FORMATS),
    default=FORMATS[0],
    show_default=True,
    help="Format of the answer.",
)

query = click.option(
    "--query", metavar="JMESPATH", callback=_compiled, help="Print only this part of the answer, as in 'Vpcs[].VpcId'."
)


def select(answer: Any, compiled: Any) -> Any:
    """Return the part of the answer that the query selects, or all of it. Raises UsageError if the query fails."""
    if compiled is None:
        return answer
    import jmespath

    try:
        return compiled.search(answer)
    except jmespath.exceptions.JMESPathError as error:
        raise UsageError(f"--query cannot be applied to the answer: {error}") from error


def show(value: Any, form: str) -> None:
    """Print the value in the format. An answer without members prints nothing."""
    if value == {}:
        return
    if form == "text":
        click.echo(aws_text.text(value), nl=False)
    elif form == "table":
        show_tables(list(aws_tables.tables(value)))
    elif form == "yaml":
        click.echo(_yaml(value), nl=False)
    else:
        show_json(value, indent=4)


def _yaml(value: Any) -> str:
    from ruamel.yaml import YAML  # imported here because few commands need it

    yaml = YAML()
    yaml.default_flow_style = False
    yaml.width = _NEVER_FOLD
    stream = io.StringIO()
    yaml.dump(value, stream)
    return stream.getvalue().removesuffix("...\n")

"""Write the man pages: `python -m scripts._man FOLDER`, in the top folder. Their text is that of `--help`: both agree.

There is one page for the program, one for each verb, and eigw-ns(5) for the topology file, whose text is that of the
JSON Schema. They use man(7)'s macros. click-man needs an entry point that is a
click command; ours is a function that also catches unexpected exceptions. SOURCE_DATE_EPOCH sets the date of the pages,
for reproducible builds.
"""

from __future__ import annotations

import inspect
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click

from eigw_ns import __version__
from eigw_ns.cli.group import SectionGroup
from eigw_ns.cli.program import PROGRAM, cli
from eigw_ns.topology import example, json_schema
from scripts import _reference

AS_IT_IS = "\b\n"  # click's mark of a paragraph that must not be filled: our examples


def pages() -> dict[str, str]:
    """Return the text of every page, by file name."""
    root = click.Context(cli, info_name=PROGRAM, help_option_names=cli.context_settings["help_option_names"])
    contexts = [root]
    for verb in cli.list_commands(root):
        command = cli.get_command(root, verb)
        if command is None:
            raise LookupError(f"there is no verb {verb}")
        contexts.append(click.Context(command, info_name=verb, parent=root))
    names = [_name(context) for context in contexts]
    verbs = {f"{name}.1": _page(context, names) for name, context in zip(names, contexts, strict=True)}
    return {**verbs, f"{PROGRAM}.5": "\n".join([*_format(), ""])}


def _format() -> Iterator[str]:
    """Yield the page of the topology file: every key, by its place, and the example that has all of them."""
    yield _title(PROGRAM, 5, "File Formats")
    yield from (".SH NAME", _plain(f"{PROGRAM} - topology file of {PROGRAM}"))
    yield ".SH DESCRIPTION"
    yield from _paragraph(
        "A topology file is YAML 1.2 in UTF-8. It describes a lab in AWS's terms, and what verify expects of it. "
        "NAME stands for a name of your choice: lower-case letters, digits and hyphens, at most 40. "
        "[] stands for an item of a list. Other resources of the VPC refer to a resource by its name."
    )
    for place, keys in _reference.sections(_reference.Reference(json_schema())).items():
        yield f'.SH "{_plain(place or "TOP LEVEL")}"'
        for key in keys:
            yield from _item(f"{key.path[-1]} ({key.kind})", key.about)
    yield ".SH EXAMPLE"
    yield from _paragraph("eigw-ns init --example full prints this file.")
    yield from (".EX", *(_plain(line) for line in example("full").splitlines()), ".EE")
    yield from (".SH SEE ALSO", f".BR {_plain(PROGRAM)} (1)")


def _title(name: str, section: int, of: str) -> str:
    when = time.strftime("%Y-%m-%d", time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", time.time()))))
    return f'.TH "{_plain(name.upper())}" {section} {when} "{PROGRAM} {__version__}" "{of}"'


def _name(context: click.Context) -> str:
    return context.command_path.replace(" ", "-")


def _page(context: click.Context, all_names: list[str]) -> str:
    return "\n".join([*_lines(context, all_names), ""])


def _lines(context: click.Context, all_names: list[str]) -> Iterator[str]:
    command, name = context.command, _name(context)
    summary, *texts = _paragraphs(command.help)
    yield _title(name, 1, "User Commands")
    yield from (".SH NAME", _plain(f"{name} - {summary.rstrip('.')}"))
    yield from (".SH SYNOPSIS", f".B {_plain(context.command_path)}")
    yield _plain(" ".join(command.collect_usage_pieces(context)))
    yield ".SH DESCRIPTION"
    for text in (summary, *texts):
        yield from _paragraph(text)
    yield ".SH OPTIONS"
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and record[1]:
            yield from _item(*record)
    if isinstance(command, SectionGroup):
        for title, verbs in command.sections().items():
            yield f'.SH "{_plain(title.upper())}"'
            for verb, about in verbs.items():
                yield from _item(verb, about)
    for text in _paragraphs(command.epilog):
        yield from _paragraph(text)
    yield ".SH SEE ALSO"
    others = [f".BR {_plain(other)} (1)" for other in all_names if other != name]
    yield " ,\n".join([*others, f".BR {_plain(PROGRAM)} (5)"])


def _paragraphs(text: str | None) -> list[str]:
    """Return the paragraphs. An unfilled first paragraph keeps its mark."""
    return [part for part in inspect.cleandoc(text or "").split("\n\n") if part.strip()]


def _paragraph(text: str) -> Iterator[str]:
    """Yield the lines of a text, which may contain several unfilled paragraphs."""
    yield ".PP"
    filled, *unfilled = text.split(AS_IT_IS) if AS_IT_IS in text else (text,)
    if filled.strip():
        yield _plain(" ".join(filled.split()))
    for literal in unfilled:
        yield from (".EX", *(_plain(line) for line in literal.splitlines()), ".EE")


def _item(term: str, about: str) -> Iterator[str]:
    yield from (".TP", f".B {_plain(term)}", _plain(about))


def _plain(text: str) -> str:
    """Return text that roff prints literally: no escapes, no requests, and hyphens that can be copied."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped


def main() -> None:
    """Write all pages."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m scripts._man FOLDER")
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in pages().items():
        (folder / file).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

"""`eigw-ns validate`: check a topology file."""

from __future__ import annotations

from dataclasses import asdict

import click

from eigw_ns.cli import options
from eigw_ns.cli.context import STDIN, STDIN_NAME, open_source, read_topology
from eigw_ns.cli.output import show_json
from eigw_ns.cli.talk import Talk
from eigw_ns.errors import TopologyError
from eigw_ns.lab.verify.contradictions import contradictions
from eigw_ns.render import verdicts
from eigw_ns.render.aws import KINDS
from eigw_ns.render.describe import HEADINGS
from eigw_ns.render.remedies import mistakes


@click.command("validate")
@options.positional_file
@options.only_file
@options.lab
@options.output
@options.quiet
@options.verbose
def command(file: str | None, lab: str | None, output: str, quiet: bool, verbose: bool) -> None:
    """Check a topology file and report every mistake at once.

    Prints each mistake with its line, the value found and what to write instead. Warns of each expectation in `expect`
    that the rest of the file contradicts, and says why. Needs no root and changes nothing. Exit code 1 if there are
    mistakes; `-o json` lists them for editors and CI.

    \b
    eigw-ns validate -f lab.yaml
    eigw-ns validate -f - < lab.yaml
    eigw-ns validate -f lab.yaml -o json
    """
    if file is None:
        raise click.UsageError("no file is given: write FILE or --file FILE")
    try:
        topology = read_topology(file, lab, open_source(file, lab))
    except TopologyError as error:
        if output == "json":
            show_json({"valid": False, "mistakes": [asdict(mistake) for mistake in mistakes(error)]})
        raise
    cloud, talk = topology.cloud, Talk(quiet=quiet, verbose=verbose)
    found_wrong = tuple(contradictions(topology))
    counts = {kind: len(resources(cloud)) for kind, resources in KINDS.items()}
    if output == "json":
        warnings = [verdicts.contradiction(each) for each in found_wrong]
        show_json({"valid": True, "lab": cloud.lab, "resources": counts, "warnings": warnings})
    for each in found_wrong:
        talk.note(f"warning: {verdicts.contradiction(each)}")
    found = ", ".join(f"{HEADINGS[kind]} {count}" for kind, count in counts.items() if count)
    name = STDIN_NAME if file == STDIN else file
    talk.note(f"{name} is valid: lab {cloud.lab}; {found or 'no resources'}")

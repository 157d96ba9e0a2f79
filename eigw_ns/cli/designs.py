"""Read the design that a user names: say what it was taken for, resolve Terraform, and return the neutral form."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from eigw_ns.cli.design_files import DesignFiles, read_files
from eigw_ns.cloud.words import printable
from eigw_ns.errors import UsageError
from eigw_ns.frozen import frozen
from eigw_ns.importing.design import Design
from eigw_ns.importing.detect import Kind, detect
from eigw_ns.importing.options import Options
from eigw_ns.importing.read import read


@frozen
class Terraform:
    """How terraform runs. `forced` is True if the user says that the folder is a configuration."""

    forced: bool = False
    variable_files: tuple[Path, ...] = ()
    allow_provisioners: bool = False


@frozen
class FoundDesign:
    """A design, what its source was taken for, and the name of the file or folder."""

    name: str
    kind: Kind
    design: Design


def read_design(source: str, options: Options, terraform: Terraform, note: Callable[[str], object]) -> FoundDesign:
    """Return the design in a file or folder, `-` for standard input. `note` gets what it is first, then progress.

    Raises UsageError if the source cannot be read or an option does not fit it, DesignError if it is not a design.
    """
    found = read_files(source)
    kind = Kind.CONFIGURATION if terraform.forced else detect(found.files, folder=found.folder)
    if kind is not Kind.CONFIGURATION and terraform != Terraform():
        raise UsageError(f"{printable(source)} is {kind}, so options of terraform do not apply", hint="leave them out")
    note(f"{printable(found.name if found.path == '-' else source)} is {kind}")
    return FoundDesign(found.name, kind, _read(found, kind, options, terraform, note))


def _read(
    found: DesignFiles, kind: Kind, options: Options, terraform: Terraform, note: Callable[[str], object]
) -> Design:
    if kind is not Kind.CONFIGURATION:
        return read(kind, found.files, options)
    if not found.folder:
        raise UsageError(
            f"{printable(found.path)} is not a folder", hint="--terraform needs the folder of a root module"
        )
    from eigw_ns.lab.host import terraform as runner  # late: nothing else starts terraform

    line = runner.resolve(
        Path(found.path),
        os.environ,
        variables=tuple(f"{name}={value}" for name, value in options.parameters.items()),
        variable_files=terraform.variable_files,
        allow_provisioners=terraform.allow_provisioners,
        region=options.region,
        progress=note,
    )
    return read(Kind.TEST_STATE, {found.path: line}, options)

"""CloudFormation templates, evaluated here: no AWS account, no other program. See `read_template`.

text → tree (`text`) → stacks (`stack`, `stacks`) → values (`evaluator`, `functions`) → design (`building`).
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

from eigw_ns.importing.design import Design
from eigw_ns.importing.options import Options
from eigw_ns.importing.sources.cloudformation.building import build
from eigw_ns.importing.sources.cloudformation.stack import read_stack
from eigw_ns.importing.sources.cloudformation.stacks import Stacks


def read_template(data: bytes, file: str, options: Options, beside: Mapping[str, bytes] | None = None) -> Design:
    """Return the design of a template in YAML or JSON.

    `file` is its path as the user gave it, which names the stack. `beside` are the files around it by path, in which
    nested stacks find their templates.

    Raises DesignError if the text cannot be read, or is not a template.
    """
    name = posixpath.basename(file).partition(".")[0] or "template"
    stacks = Stacks({**(beside or {}), file: data}, options, file)
    stacks.add(read_stack(stacks.read(file), file, name))
    return build(stacks, "a CloudFormation template", name)

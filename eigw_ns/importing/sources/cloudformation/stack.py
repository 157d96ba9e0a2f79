"""One template as a stack: its sections and its declared resources, checked for their form.

Source: AWS, "Template anatomy". A template whose form CloudFormation would refuse raises DesignError.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NoReturn

from eigw_ns.cloud.words import shorten
from eigw_ns.errors import DesignError, Mistake
from eigw_ns.frozen import frozen
from eigw_ns.importing.messages import Place
from eigw_ns.topology.tree import Mapping, Node, Scalar, Sequence

_EMPTY = Mapping(0, {}, {}, 1, 1)
_NAME = re.compile(r"[A-Za-z0-9]{1,255}")
_SECTIONS = ("Parameters", "Mappings", "Conditions", "Resources", "Outputs")


@frozen
class Resource:
    """A declared resource. `key` identifies it among all stacks of the design."""

    key: str
    logical_id: str
    type: str
    place: Place
    properties: Mapping
    condition: str | None
    metadata: Mapping

    @property
    def is_custom(self) -> bool:
        """Whether a program of the user makes it, or a type that is not AWS's."""
        return not self.type.startswith("AWS::") or self.type == "AWS::CloudFormation::CustomResource"

    def place_of(self, name: str) -> Place:
        """Return the place of a property, which may be dotted, or of the resource if it has no such property."""
        line = self.properties.lines.get(name.partition(".")[0], self.place.line)
        return Place(self.logical_id, self.place.file, line)


@frozen
class Stack:
    """A template with its name. `path` begins the keys of its resources: empty, or a stack's name and a slash.

    `generators` are the keys of functions in the section Resources, which stand for resources that nobody sees.
    `environment` tells stacks of different accounts and Regions apart, `region` and `account` are None if not stated.
    A `nested` stack has another one as its parent, which passes its parameters.
    """

    name: str
    file: str
    path: str
    parameters: Mapping
    mappings: Mapping
    conditions: Mapping
    outputs: Mapping
    resources: dict[str, Resource]
    transforms: tuple[tuple[str, int], ...] = ()
    generators: tuple[tuple[str, int], ...] = ()
    environment: str = ""
    region: str | None = None
    account: str | None = None
    nested: bool = False

    def place(self, address: str, line: int) -> Place:
        """Return a place in its template."""
        return Place(address, self.file, line)


def read_stack(
    root: Mapping, file: str, name: str, path: str = "", *, environment: str = "",
    region: str | None = None, account: str | None = None, nested: bool = False,
) -> Stack:  # fmt: skip
    """Return the template as a stack. Raises DesignError if its form is not a template's."""
    sections = {section: _section(root, section, file) for section in _SECTIONS}
    declared = sections["Resources"]
    if not declared.items:
        _fail(file, declared.line, "the template has no resources", "give a template with a section Resources")
    for parameter, line in sections["Parameters"].lines.items():
        _check_name(parameter, "parameter", file, line)
    generators = tuple((key, declared.lines[key]) for key in declared.items if key.startswith("Fn::"))
    resources = {key: _resource(declared, key, file, path) for key in declared.items if not key.startswith("Fn::")}
    return Stack(
        name, file, path, sections["Parameters"], sections["Mappings"], sections["Conditions"], sections["Outputs"],
        resources, tuple(_transforms(root)), generators, environment, region, account, nested,
    )  # fmt: skip


def text_of(node: Node | None) -> str | None:
    """Return a scalar's text as it is spelt; None if the node is a list, a mapping, null or absent."""
    return node.text if isinstance(node, Scalar) and node.value is not None else None


def mapping_of(node: Node | None) -> Mapping:
    """Return the node if it is a mapping, or an empty one."""
    return node if isinstance(node, Mapping) else _EMPTY


def _section(root: Mapping, name: str, file: str) -> Mapping:
    node = root.items.get(name)
    if node is None or (isinstance(node, Scalar) and node.value is None):
        return _EMPTY
    if not isinstance(node, Mapping):
        _fail(file, root.lines[name], f"the section {name} is not a mapping", "write names and colons below it")
    return node


def _resource(declared: Mapping, logical_id: str, file: str, path: str) -> Resource:
    body, line = declared.items[logical_id], declared.lines[logical_id]
    _check_name(logical_id, "resource", file, line)
    if not isinstance(body, Mapping):
        _fail(file, line, f"the resource {shorten(logical_id)} is not a mapping", "write Type and Properties below it")
    kind = text_of(body.items.get("Type"))
    if kind is None:
        _fail(file, line, f"the resource {shorten(logical_id)} has no Type", "write Type: AWS::EC2::VPC or another one")
    properties = body.items.get("Properties", _EMPTY)
    if isinstance(properties, Scalar) and properties.value is None:
        properties = _EMPTY
    if not isinstance(properties, Mapping):
        problem = f"the Properties of the resource {shorten(logical_id)} are not a mapping"
        _fail(file, body.lines["Properties"], problem, "write names and colons below it")
    condition = body.items.get("Condition")
    if condition is not None and text_of(condition) is None:
        problem = f"the Condition of the resource {shorten(logical_id)} is not a name"
        _fail(file, body.lines["Condition"], problem, "write the name of a condition")
    place = Place(logical_id, file, line)
    return Resource(
        f"{path}{logical_id}", logical_id, kind, place, properties, text_of(condition),
        mapping_of(body.items.get("Metadata")),
    )  # fmt: skip


def _check_name(name: str, kind: str, file: str, line: int) -> None:
    if not _NAME.fullmatch(name):
        _fail(
            file, line, f"{shorten(name) or 'an empty text'} is not a valid name of a {kind}", "use letters and digits"
        )


def _transforms(root: Mapping) -> Iterator[tuple[str, int]]:
    """Yield the macros of the whole template, with their lines."""
    node = root.items.get("Transform")
    for each in node.items if isinstance(node, Sequence) else (node,):
        if each is not None:
            name = text_of(each) or text_of(mapping_of(each).items.get("Name")) or "a macro"
            yield name, each.line


def _fail(file: str, line: int, problem: str, remedy: str) -> NoReturn:
    raise DesignError((Mistake(file, line, "", "", problem, remedy),))

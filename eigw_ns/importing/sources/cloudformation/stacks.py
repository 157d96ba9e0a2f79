"""All stacks of a design: those that the source names, their nested stacks, and what they give each other."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping

from eigw_ns.cloud.words import did_you_mean, shorten
from eigw_ns.errors import DesignError, Mistake
from eigw_ns.importing.messages import Message, Place
from eigw_ns.importing.options import Options
from eigw_ns.importing.sources.cloudformation import blocks
from eigw_ns.importing.sources.cloudformation.evaluator import Scope
from eigw_ns.importing.sources.cloudformation.memo import Memo
from eigw_ns.importing.sources.cloudformation.parameters import mistakes
from eigw_ns.importing.sources.cloudformation.stack import Resource, Stack, mapping_of, read_stack, text_of
from eigw_ns.importing.sources.cloudformation.text import read_text
from eigw_ns.importing.sources.cloudformation.values import Unknown, Value, composed, in_words, parts_of, spelt
from eigw_ns.topology import tree

NESTED = "AWS::CloudFormation::Stack"
_ASSET = re.compile(r"/([0-9a-f]{64})\.\w+$")
_DEEPEST = 8
_MOST_STACKS, _MOST_RESOURCES = 500, 100_000
"""AWS has 500 resources in a stack. Several copies of a template must not take hours."""


class Stacks:
    """The stacks of one design, in the order of the source. A nested stack follows its parent.

    `file` is the place of what is wrong with all of them. `assets` are the paths of files that cdk uploads, by the hash
    that is in their URL.
    """

    def __init__(
        self, files: Mapping[str, bytes], options: Options, file: str, assets: Mapping[str, str] | None = None
    ) -> None:
        self.options = options
        self.scopes: list[Scope] = []
        self._files = files
        self._memo = Memo(file)
        self._file = file
        self._assets = assets or {}
        self._count = 0
        self._parents: dict[str, tuple[Scope, Resource]] = {}
        self._nested: dict[str, Scope] = {}
        self._trees: dict[str, tree.Mapping] = {}

    def add(self, stack: Stack, parent: tuple[Scope, Resource] | None = None) -> None:
        """Add a stack and the nested stacks whose templates are among the files.

        Raises DesignError if a template cannot be read, or a parameter has a value that it does not allow.
        """
        self._count += len(stack.resources)
        if self._count > _MOST_RESOURCES:
            problem = f"the stacks of this design have more than {_MOST_RESOURCES:,} resources"
            raise DesignError((Mistake(self._file, 0, "", "", problem, "give fewer stacks"),))
        scope = Scope(stack, self.options, self._memo, self)
        self.scopes.append(scope)
        if parent is None:
            wrong = tuple(mistakes(stack, self.options))
            if wrong:
                raise DesignError(wrong)
        else:
            self._parents[stack.path] = parent
            self._nested[parent[1].key] = scope
        for resource in stack.resources.values():
            if resource.type == NESTED and scope.is_made(resource) is not False:
                self._add_nested(scope, resource)

    def has_nested(self, resource: Resource) -> bool:
        """Return whether the template of a nested stack is here."""
        return resource.key in self._nested

    def _add_nested(self, scope: Scope, resource: Resource) -> None:
        file = self._template_of(scope, resource)
        if file is None or resource.key.count("/") >= _DEEPEST or len(self.scopes) >= _MOST_STACKS:
            return
        stack = read_stack(
            self.read(file), file, f"{scope.stack.name}-{resource.logical_id}", f"{resource.key}/",
            environment=scope.stack.environment, region=scope.stack.region, account=scope.stack.account,
            nested=True,
        )  # fmt: skip
        self.add(stack, (scope, resource))

    def read(self, file: str) -> tree.Mapping:
        """Return the tree of a template among the files. Each is read once."""
        found = self._trees.get(file)
        if found is None:
            found = self._trees[file] = read_text(self._files[file], file)
        return found

    def _template_of(self, scope: Scope, resource: Resource) -> str | None:
        """Return the file of a nested stack's template: what cdk notes of it, or a path in TemplateURL."""
        written = text_of(resource.metadata.items.get("aws:asset:path"))
        url = scope.property(resource, "TemplateURL")
        asset = _ASSET.search(in_words(url))
        if written is None and asset is not None:
            return self._present(self._assets.get(asset[1]))
        written = written or spelt(url)
        if written is None or "://" in written:
            return None
        return self._present(posixpath.normpath(posixpath.join(posixpath.dirname(scope.stack.file), written)))

    def _present(self, path: str | None) -> str | None:
        return path if path in self._files else None

    # What `Scope` needs of the other stacks.

    def exported(self, scope: Scope, name: str) -> Value:
        """Return the value of an export: what the user gave, or the output of a stack in the same environment."""
        given = self.options.imports.get(name)
        if given is not None:
            return given
        exports = self._exports(scope.stack.environment)
        found = exports.get(name, [])
        remedy = f"give --import {shorten(name)}=VALUE"
        if len(found) != 1:
            why = f"{'several stacks export' if found else 'no stack here exports'} {shorten(name)}"
            hint = "" if found else self._memo.suggestion(name, exports)
            return Unknown(why, f"{remedy}; {hint}" if hint else remedy, name)
        return self._output(*found[0])

    def _exports(self, environment: str) -> dict[str, list[tuple[Scope, str]]]:
        result: Value = self._memo.once(("exports", environment), lambda: self._find_exports(environment))
        return result if isinstance(result, dict) else {}

    def _find_exports(self, environment: str) -> dict[str, list[tuple[Scope, str]]]:
        found: dict[str, list[tuple[Scope, str]]] = {}
        for scope in self.scopes:
            if scope.stack.environment != environment:
                continue
            for name, node in scope.stack.outputs.items.items():
                export = mapping_of(mapping_of(node).items.get("Export"))
                text = spelt(scope.member(export, "Name")) if export.items else None
                if text is not None and _is_made(scope, node) is not False:
                    found.setdefault(text, []).append((scope, name))
        return found

    def output(self, resource: Resource, name: str) -> Value:
        """Return an output of a nested stack."""
        scope = self._nested.get(resource.key)
        if scope is None:
            return Unknown(f"the template of the nested stack {resource.logical_id} is not here", "", name)
        if name not in scope.stack.outputs.items:
            why = f"the nested stack {resource.logical_id} has no output {shorten(name)}"
            return Unknown(why, self._memo.suggestion(name, scope.stack.outputs.items), name)
        return self._output(scope, name)

    def _output(self, scope: Scope, name: str) -> Value:
        return self._memo.once(("the output", scope.stack.path, name), lambda: _output_value(scope, name))

    def passed(self, stack: Stack, name: str) -> Value:
        """Return what the parent passes as a parameter. A list becomes text, as CloudFormation passes it."""
        parent = self._parents.get(stack.path)
        if parent is None:
            return None
        scope, resource = parent
        given = resource.properties.items.get("Parameters")
        if given is None:
            return None
        value = scope.member(given, name) if isinstance(given, tree.Mapping) else scope.value(given)
        if isinstance(value, dict):
            value = value.get(name)
        return _text(value) if value is not None else None

    def is_made(self, stack: Stack) -> bool | Unknown:
        """Return whether the stack itself is made."""
        parent = self._parents.get(stack.path)
        return True if parent is None else parent[0].is_made(parent[1])

    def ipv6_blocks(self, key: str) -> Value:
        """Return the IPv6 blocks of a VPC as text, the first associated one first."""
        found = self.vpc_blocks().get(key)
        if not found:
            return Unknown("the VPC has no IPv6 block", "associate one by AWS::EC2::VPCCidrBlock")
        return tuple(str(each.block) for each in found)

    def vpc_blocks(self) -> blocks.Blocks:
        """Return the IPv6 blocks of all VPCs by the key of the VPC; nothing while they are being found."""
        result: Value = self._memo.once(("blocks",), lambda: blocks.find(self.scopes, self.options))
        return result.by_vpc if isinstance(result, blocks.Found) else {}

    def block_messages(self) -> Iterable[Message]:
        """Return which blocks were chosen, and which could not be."""
        self.vpc_blocks()
        result: Value = self._memo.once(("blocks",), lambda: None)
        return result.messages if isinstance(result, blocks.Found) else ()

    def unused_parameters(self) -> Iterator[Message]:
        """Yield a note for each parameter that the user gives and no template has."""
        known = {name for scope in self.scopes for name in scope.stack.parameters.items}
        for name in self.options.parameters:
            if name.rpartition(":")[2] not in known and not name.startswith(("AWS::", "{{")):
                place = Place(shorten(name), self.scopes[0].stack.file)
                yield Message("note", place, "no template has this parameter", did_you_mean(name, known))

    def resources(self) -> Iterator[tuple[Scope, Resource]]:
        """Yield every declared resource in the order of the source."""
        for scope in self.scopes:
            for resource in scope.stack.resources.values():
                yield scope, resource


def _is_made(scope: Scope, output: tree.Node) -> bool | Unknown:
    name = text_of(mapping_of(output).items.get("Condition"))
    return True if name is None else scope.condition(name)


def _output_value(scope: Scope, name: str) -> Value:
    node = scope.stack.outputs.items[name]
    if _is_made(scope, node) is False:
        return Unknown(f"the output {shorten(name)} of {scope.stack.name} is not made: its condition is false")
    value = scope.member(mapping_of(node), "Value")
    return Unknown(f"the output {shorten(name)} of {scope.stack.name} has no value") if value is None else _text(value)


def _text(value: Value) -> Value:
    """Return a value as text: outputs and parameters of stacks are text."""
    if not isinstance(value, tuple):
        return value
    parts = [part for each in value for part in (",", *parts_of(each))]
    return composed(tuple(parts[1:]))

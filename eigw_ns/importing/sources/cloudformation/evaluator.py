"""Evaluates expressions of a stack: references, conditions, mappings, and the functions of `functions`.

Nothing is evaluated before a property of the network, a condition or another expression needs it.
Source: AWS, "Intrinsic function reference" and "Conditions".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from eigw_ns.cloud.words import shorten
from eigw_ns.importing.options import Options
from eigw_ns.importing.sources.cloudformation import attributes, functions
from eigw_ns.importing.sources.cloudformation.memo import Memo
from eigw_ns.importing.sources.cloudformation.parameters import parameter_value, pseudo_parameter
from eigw_ns.importing.sources.cloudformation.stack import Resource, Stack, text_of
from eigw_ns.importing.sources.cloudformation.values import (
    NO_VALUE,
    Reference,
    Unknown,
    Value,
    Zones,
    composed,
    parts_of,
    spelt,
    unknown_in,
)
from eigw_ns.topology import tree

_VARIABLE = re.compile(r"\$\{([^{}]{0,256})\}")
_DYNAMIC = re.compile(r"\{\{resolve:[^{}]{0,2048}\}\}")
_AZ_LETTERS = "abcdef"
_COST_OF_A_BLOCK = 10


class Surroundings(Protocol):
    """What a stack needs of the other stacks of its design."""

    def exported(self, scope: Scope, name: str) -> Value:
        """Return the value of an export (Fn::ImportValue)."""

    def output(self, resource: Resource, name: str) -> Value:
        """Return an output of a nested stack."""

    def passed(self, stack: Stack, name: str) -> Value:
        """Return what the parent passes as a parameter of a nested stack; None if it passes nothing."""

    def is_made(self, stack: Stack) -> bool | Unknown:
        """Return whether the stack itself is made: a nested stack can have a condition."""

    def ipv6_blocks(self, key: str) -> Value:
        """Return the IPv6 blocks of a VPC as a list of text."""


class Scope:
    """One stack, in which expressions are evaluated."""

    def __init__(self, stack: Stack, options: Options, memo: Memo, around: Surroundings) -> None:
        self.stack = stack
        self._options = options
        self._memo = memo
        self._around = around

    def property(self, resource: Resource, name: str) -> Value:
        """Return the value of a property; None if it is left out."""
        return self.member(resource.properties, name)

    def member(self, body: tree.Mapping, name: str) -> Value:
        """Return the value of a key of a mapping; None if it is left out, unknown if a macro may add it."""
        if name in body.items:
            value = self.value(body.items[name])
            return None if value is NO_VALUE else value
        macro = next((key for key in body.items if key.startswith("Fn::")), None)
        if macro is None:
            return None
        return Unknown(f"{shorten(macro)} adds properties that are not known", text=macro)

    def value(self, node: tree.Node) -> Value:
        """Return what an expression stands for."""
        if isinstance(node, tree.Scalar):
            return self._scalar(node.value)
        with self._memo.deeper() as fine:
            if not fine:
                return Unknown("the chain of expressions is too long", "write fewer expressions inside each other")
            if isinstance(node, tree.Sequence):
                values = tuple(self.value(each) for each in node.items)
                result: Value = tuple(each for each in values if each is not NO_VALUE)
            else:
                result = self._mapping(node)
        if isinstance(result, tuple):
            self._memo.spend(len(result))
        return result

    def _scalar(self, value: Value) -> Value:
        """Return a scalar; unknown if it has a dynamic reference (`{{resolve:ssm:…}}`) that the user does not give."""
        if not isinstance(value, str) or "{{resolve:" not in value:
            return value
        return self._dynamic(value)

    def _dynamic(self, text: str) -> Value:
        parts: list[str | Reference | Unknown] = []
        end = 0
        for found in _DYNAMIC.finditer(text):
            why = f"{shorten(found[0])} is read at deployment"
            given = self._options.parameters.get(found[0])
            unknown = Unknown(why, f"give --parameter '{shorten(found[0])}=VALUE'", found[0])
            parts += [text[end : found.start()], unknown if given is None else given]
            end = found.end()
        return composed((*parts, text[end:]))

    def _mapping(self, node: tree.Mapping) -> Value:
        if len(node.items) == 1:
            ((name, argument),) = node.items.items()
            if name == "Ref" and isinstance(argument, tree.Scalar):
                return self.reference(argument.text)
            if name.startswith("Fn::"):
                return self._call(name, argument)
        if any(name.startswith("Fn::") for name in node.items):
            return Unknown("a function has other keys beside it", "give it a mapping of its own")
        values = {name: self.value(each) for name, each in node.items.items()}
        return {name: each for name, each in values.items() if each is not NO_VALUE}

    def _call(self, name: str, argument: tree.Node) -> Value:
        function = _FUNCTIONS.get(name)
        if function is None:
            if name.startswith("Fn::ForEach::"):
                name = "Fn::ForEach"
            return Unknown(f"the function {shorten(name)} is not evaluated", "write its result instead", name)
        return function(self, argument)

    def reference(self, name: str) -> Value:
        """Return what Ref of a name is."""
        if name in self.stack.parameters.items:
            return self._parameter(name)
        if name in self.stack.resources:
            return self.attribute(name, "")
        if name.startswith("AWS::"):
            return pseudo_parameter(self.stack, name, self._options)
        known = (*self.stack.parameters.items, *self.stack.resources)
        why = f"the template has no parameter and no resource {shorten(name)}"
        return Unknown(why, self._memo.suggestion(name, known), name)

    def attribute(self, logical_id: str, attribute: str) -> Value:
        """Return what GetAtt of a resource is; with an empty attribute, what Ref is."""
        resource = self.stack.resources.get(logical_id)
        if resource is None:
            why = f"the template has no resource {shorten(logical_id)}"
            return Unknown(why, self._memo.suggestion(logical_id, self.stack.resources), logical_id)
        made = self.is_made(resource)
        if made is False:
            why = f"{logical_id} is not made: its condition {shorten(str(resource.condition))} is false"
            return Unknown(why, "", logical_id)
        return self._memo.once(("attribute", resource.key, attribute), lambda: self._attribute(resource, attribute))

    def _attribute(self, resource: Resource, attribute: str) -> Value:
        if attribute in attributes.MIRRORED.get(resource.type, ()) and attribute in resource.properties.items:
            return self.property(resource, attribute)
        if attribute == attributes.IPV6_BLOCKS and resource.type == "AWS::EC2::VPC":
            return self._around.ipv6_blocks(resource.key)
        if attribute == attributes.IPV6_BLOCKS and resource.type == "AWS::EC2::Subnet":
            block = self.property(resource, "Ipv6CidrBlock")
            return Unknown(f"{resource.logical_id} has no Ipv6CidrBlock") if block is None else (block,)
        if attribute.startswith("Outputs.") and resource.type == "AWS::CloudFormation::Stack":
            return self._around.output(resource, attribute.removeprefix("Outputs."))
        is_id = attribute in attributes.ID_ATTRIBUTES.get(resource.type, ())
        return Reference(resource.key, resource.type, resource.logical_id, "" if is_id else attribute)

    def is_made(self, resource: Resource) -> bool | Unknown:
        """Return whether the conditions of a resource and of its stack let it exist."""
        inside = True if resource.condition is None else self.condition(resource.condition)
        return _all((self._around.is_made(self.stack), inside))

    def condition(self, name: str) -> bool | Unknown:
        """Return whether a condition of the template holds."""
        node = self.stack.conditions.items.get(name)
        if node is None:
            return Unknown(
                f"the template has no condition {shorten(name)}",
                self._memo.suggestion(name, self.stack.conditions.items),
            )
        key = ("the condition", self.stack.path, name)
        result: bool | Unknown = self._memo.once(key, lambda: self._truth(node))
        return result

    def _truth(self, node: tree.Node) -> bool | Unknown:
        """Return whether an expression of a condition holds."""
        with self._memo.deeper() as fine:
            if not fine:
                return Unknown("the chain of conditions is too long", "write fewer conditions inside each other")
            if isinstance(node, tree.Mapping) and len(node.items) == 1:
                ((name, argument),) = node.items.items()
                test: Callable[[Scope, tree.Node], bool | Unknown] | None = _TESTS.get(name)
                if test is not None:
                    return test(self, argument)
            value = self.value(node)
        if isinstance(value, Unknown):
            return value
        return {"true": True, "false": False}.get(
            spelt(value) or "", Unknown("this is not a condition", "write Fn::Equals, Fn::And, Fn::Or or Fn::Not")
        )

    def _parameter(self, name: str) -> Value:
        def compute() -> Value:
            return parameter_value(self.stack, name, self._options, self._around.passed(self.stack, name))

        return self._memo.once(("the parameter", self.stack.path, name), compute)

    # Functions that read the stack.

    def _arguments(self, node: tree.Node, fewest: int, most: int) -> tuple[tree.Node, ...] | None:
        if isinstance(node, tree.Sequence) and fewest <= len(node.items) <= most:
            return node.items
        return None

    def _if(self, node: tree.Node) -> Value:
        arguments = self._arguments(node, 3, 3)
        name = text_of(arguments[0]) if arguments else None
        if arguments is None or name is None:
            return _wrong("Fn::If", "the name of a condition and two values")
        holds = self.condition(name)
        if isinstance(holds, bool):
            return self.value(arguments[1] if holds else arguments[2])
        first, second = self.value(arguments[1]), self.value(arguments[2])
        if first == second:
            return first
        return Unknown(f"the condition {shorten(name)} cannot be decided: {holds.why}", holds.remedy, name, holds.keys)

    def _sub(self, node: tree.Node) -> Value:
        arguments = self._arguments(node, 2, 2)
        text = text_of(arguments[0] if arguments else node)
        variables = arguments[1] if arguments else None
        if text is None or not (variables is None or isinstance(variables, tree.Mapping)):
            return _wrong("Fn::Sub", "text, or text and a mapping")
        own = {} if variables is None else {name: self.value(each) for name, each in variables.items.items()}
        parts: list[str | Reference | Unknown] = []
        end = 0
        for found in _VARIABLE.finditer(text):
            parts += [text[end : found.start()], *parts_of(self._variable(found[1], own))]
            end = found.end()
        result = composed((*parts, text[end:]))
        return self._dynamic(result) if isinstance(result, str) and "{{resolve:" in result else result

    def _variable(self, written: str, own: Mapping[str, Value]) -> Value:
        if written.startswith("!"):
            return f"${{{written[1:]}}}"
        name = written.strip()
        if name in own:
            return own[name]
        logical_id, dot, attribute = name.partition(".")
        return self.attribute(logical_id, attribute) if dot else self.reference(name)

    def _get_att(self, node: tree.Node) -> Value:
        arguments = self._arguments(node, 2, 2)
        if arguments is None:
            logical_id, dot, attribute = (text_of(node) or "").partition(".")
            if not dot:
                return _wrong("Fn::GetAtt", "a resource and an attribute")
            return self.attribute(logical_id, attribute)
        resource, name = (spelt(self.value(each)) for each in arguments)
        if resource is None or name is None:
            return _wrong("Fn::GetAtt", "a resource and an attribute that are known")
        return self.attribute(resource, name)

    def _find_in_map(self, node: tree.Node) -> Value:
        arguments = self._arguments(node, 3, 4)
        if arguments is None:
            return _wrong("Fn::FindInMap", "a mapping and two keys")
        names = tuple(self.value(each) for each in arguments[:3])
        found: tree.Node | None = self.stack.mappings
        for name in names:
            found = found.items.get(spelt(name) or "") if isinstance(found, tree.Mapping) else None
        unknown = unknown_in(names)
        if found is not None and unknown is None:
            return self.value(found)
        if len(arguments) == 4 and isinstance(arguments[3], tree.Mapping) and unknown is None:
            default = self.member(arguments[3], "DefaultValue")
            if default is not None:
                return default
        path = ".".join(shorten(spelt(name) or "?") for name in names)
        return unknown or Unknown(f"the template has no mapping {path}", "", path)

    def _cidr(self, node: tree.Node) -> Value:
        arguments = self._arguments(node, 2, 3)
        if arguments is None:
            return _wrong("Fn::Cidr", "a block and two numbers")
        values = tuple(self.value(each) for each in arguments)

        def compute() -> Value:
            blocks = functions.cidr(*values)
            self._memo.spend(_COST_OF_A_BLOCK * len(blocks) if isinstance(blocks, tuple) else 0)
            return blocks

        return self._memo.once(("Fn::Cidr", *(spelt(each) or "" for each in values)), compute)

    def _import_value(self, node: tree.Node) -> Value:
        name = spelt(value := self.value(node))
        if name is None:
            return unknown_in(value) or _wrong("Fn::ImportValue", "a name that is known")
        return self._around.exported(self, name)

    def _zones(self, node: tree.Node) -> Value:
        value = self.value(node)
        region = spelt(value)
        if region is None:
            return unknown_in(value) or _wrong("Fn::GetAZs", "a Region that is known")
        region = region or self.stack.region or self._options.region
        return Zones(f"{region}{letter}" for letter in _AZ_LETTERS)

    def _equals(self, node: tree.Node) -> bool | Unknown:
        arguments = self._arguments(node, 2, 2)
        if arguments is None:
            return _wrong("Fn::Equals", "two values")
        return functions.equals(*(self.value(each) for each in arguments))

    def _and(self, node: tree.Node) -> bool | Unknown:
        return (
            _all(map(self._truth, node.items)) if isinstance(node, tree.Sequence) else _wrong("Fn::And", "conditions")
        )

    def _or(self, node: tree.Node) -> bool | Unknown:
        if not isinstance(node, tree.Sequence):
            return _wrong("Fn::Or", "conditions")
        return _not(_all(_not(self._truth(each)) for each in node.items))

    def _negated(self, node: tree.Node) -> bool | Unknown:
        arguments = self._arguments(node, 1, 1)
        return _wrong("Fn::Not", "one condition") if arguments is None else _not(self._truth(arguments[0]))

    def _named(self, node: tree.Node) -> bool | Unknown:
        name = text_of(node)
        return _wrong("Condition", "the name of a condition") if name is None else self.condition(name)


def _not(value: bool | Unknown) -> bool | Unknown:
    return value if isinstance(value, Unknown) else not value


def _all(values: Iterable[bool | Unknown]) -> bool | Unknown:
    """Return False if one value is, else the first unknown one, else True."""
    unknown = None
    for value in values:
        if value is False:
            return False
        if unknown is None and isinstance(value, Unknown):
            unknown = value
    return True if unknown is None else unknown


def _wrong(function: str, needs: str) -> Unknown:
    return Unknown(f"{function} needs {needs}", f"mend {function}", function)


def _plain(name: str, function: Callable[..., Value], fewest: int, most: int) -> Callable[[Scope, tree.Node], Value]:
    """Return a function of a list of arguments, of which those after `fewest` may be left out."""

    def call(scope: Scope, node: tree.Node) -> Value:
        arguments = scope._arguments(node, fewest, most)
        if arguments is None:
            return _wrong(name, f"a list of {most} arguments")
        return function(*(scope.value(each) for each in arguments))

    return call


def _of_one(function: Callable[[Value], Value]) -> Callable[[Scope, tree.Node], Value]:
    return lambda scope, node: function(scope.value(node))


_FUNCTIONS: Mapping[str, Callable[[Scope, tree.Node], Value]] = {
    "Fn::Base64": _of_one(functions.base64_of),
    "Fn::Cidr": Scope._cidr,
    "Fn::FindInMap": Scope._find_in_map,
    "Fn::GetAZs": Scope._zones,
    "Fn::GetAtt": Scope._get_att,
    "Fn::If": Scope._if,
    "Fn::ImportValue": Scope._import_value,
    "Fn::Join": _plain("Fn::Join", functions.join, 2, 2),
    "Fn::Length": _of_one(functions.length_of),
    "Fn::Select": _plain("Fn::Select", functions.select, 2, 2),
    "Fn::Split": _plain("Fn::Split", functions.split, 2, 2),
    "Fn::Sub": Scope._sub,
    "Fn::ToJsonString": _of_one(functions.to_json),
}

_TESTS: Mapping[str, Callable[[Scope, tree.Node], bool | Unknown]] = {
    "Condition": Scope._named,
    "Fn::And": Scope._and,
    "Fn::Equals": Scope._equals,
    "Fn::Not": Scope._negated,
    "Fn::Or": Scope._or,
}

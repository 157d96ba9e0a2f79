"""Parameters and pseudo parameters of a stack. Source: AWS, "Parameters" and "Pseudo parameters reference"."""

from __future__ import annotations

from collections.abc import Iterator

from eigw_ns.cloud.words import shorten
from eigw_ns.errors import Mistake
from eigw_ns.importing.options import Options
from eigw_ns.importing.sources.cloudformation.functions import split
from eigw_ns.importing.sources.cloudformation.stack import Stack, mapping_of, text_of
from eigw_ns.importing.sources.cloudformation.values import NO_VALUE, Composed, Reference, Unknown, Value, spelt
from eigw_ns.topology.tree import Mapping, Scalar, Sequence

_FROM_SSM = "AWS::SSM::Parameter::Value<"
MOST_LENGTH = 4_096
"""AWS, "CloudFormation quotas": the value of a parameter."""

_LISTS = ("CommaDelimitedList", "List<")


def parameter_value(stack: Stack, name: str, options: Options, passed: Value = None) -> Value:
    """Return the value of a declared parameter.

    What a parent stack passed decides, then what the user gave (as `Stack:Name`, as in the cdk command, or `Name`),
    then the default.
    """
    declared = mapping_of(stack.parameters.items[name])
    kind = text_of(declared.items.get("Type")) or "String"
    given = passed if passed is not None else _given(stack, name, options)
    default = _default(declared)
    if given is None and default is not None and not kind.startswith(_FROM_SSM):
        given = default
    if isinstance(given, str) and len(given) > MOST_LENGTH:
        why = f"the value of the parameter {shorten(name)} has more than {MOST_LENGTH:,} characters"
        return Unknown(why, "give a shorter one, as CloudFormation wants it", name)
    if given is not None:
        return _typed(given, kind)
    remedy = f"give --parameter {name}=VALUE"
    if kind.startswith(_FROM_SSM):
        return Unknown(f"the parameter {shorten(name)} is read from SSM at deployment", remedy, name)
    return Unknown(f"the parameter {shorten(name)} has no value", remedy, name)


def pseudo_parameter(stack: Stack, name: str, options: Options) -> Value:
    """Return the value of `AWS::Region` and the like. The user can give those that are not known."""
    given = options.parameters.get(name)
    region = stack.region or options.region
    known: dict[str, Value] = {
        "AWS::NoValue": NO_VALUE,
        "AWS::Region": region,
        "AWS::StackName": stack.name,
        "AWS::Partition": _by_region(region, "aws", "aws-cn", "aws-us-gov"),
        "AWS::URLSuffix": _by_region(region, "amazonaws.com", "amazonaws.com.cn", "amazonaws.com"),
    }
    if given is not None and name not in ("AWS::NoValue", "AWS::Region"):
        return given
    if name == "AWS::AccountId" and stack.account is not None:
        return stack.account
    why = f"{shorten(name)} is known at deployment only"
    return known.get(name, Unknown(why, f"give --parameter {shorten(name)}=VALUE", name))


def mistakes(stack: Stack, options: Options) -> Iterator[Mistake]:
    """Yield what is wrong with the values of a stack's parameters: those that AllowedValues does not allow."""
    for name in stack.parameters.items:
        declared, line = mapping_of(stack.parameters.items[name]), stack.parameters.lines[name]
        allowed = declared.items.get("AllowedValues")
        if not isinstance(allowed, Sequence):
            continue
        given, kind = _given(stack, name, options), text_of(declared.items.get("Type")) or ""
        if given is not None and kind.startswith(_FROM_SSM):
            continue  # AllowedValues are names of parameters of SSM, and the user gives what is stored there
        choices = [_scalar_text(each) for each in allowed.items if isinstance(each, Scalar)]
        words = ", ".join(shorten(choice) for choice in choices[:8])
        value = _typed(given if given is not None else _default(declared), kind)
        for each in value if isinstance(value, tuple) else (value,):
            if isinstance(each, str) and each not in choices:
                problem = f"the value of the parameter {shorten(name)} is not one of its AllowedValues"
                yield Mistake(stack.file, line, "", shorten(each) or '""', problem, f"give one of: {words}")


def _given(stack: Stack, name: str, options: Options) -> str | None:
    general = None if stack.nested else options.parameters.get(name)
    return options.parameters.get(f"{stack.name}:{name}", general)


def _default(declared: Mapping) -> str | None:
    node = declared.items.get("Default")
    if isinstance(node, Sequence):
        return ",".join(_scalar_text(each) for each in node.items if isinstance(each, Scalar))
    return _scalar_text(node) if isinstance(node, Scalar) and node.value is not None else None


def _scalar_text(node: Scalar) -> str:
    text = spelt(node.value)
    return node.text if text is None else text


def _typed(value: Value, kind: str) -> Value:
    """Return a value as its type has it: a list is split at commas."""
    inner = kind.removeprefix(_FROM_SSM)
    if not inner.startswith(_LISTS):
        return value
    if isinstance(value, str):
        return tuple(each.strip() for each in value.split(","))
    if isinstance(value, Composed | Reference):
        return split(",", value)
    return value


def _by_region(region: str, usual: str, china: str, government: str) -> str:
    if region.startswith("cn-"):
        return china
    return government if region.startswith("us-gov-") else usual

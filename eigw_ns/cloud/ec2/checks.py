"""Checks of a request against the parameters of its action: unknown, missing, or of the wrong type.

The error codes are AWS's. The types are those of AWS's JSON (`--cli-input-json`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from eigw_ns.cloud.aws_words import lacking
from eigw_ns.cloud.ec2.schema import Parameter, Request, Shape
from eigw_ns.cloud.words import did_you_mean, shorten
from eigw_ns.errors import CloudError

_SCALARS: Mapping[str, tuple[type, str]] = {
    "string": (str, "a string"),
    "blob": (str, "base64"),
    "integer": (int, "an integer"),
    "boolean": (bool, "true or false"),
}


def checked(parameters: Sequence[Parameter], request: Request) -> Shape:
    """Return the request without members that are None.

    As in AWS, an empty text or list does not count as a value for a required parameter.
    Raises UnknownParameter, MissingParameter, InvalidParameterValue.
    """
    return _structure(parameters, request, "")


def _structure(members: Sequence[Parameter], given: Any, path: str) -> Shape:
    if not isinstance(given, Mapping):
        raise _wrong(given, path.rstrip("."), "a structure")
    known = {member.name: member for member in members}
    for name in given:
        if name not in known:
            hint = lacking(str(name)) or did_you_mean(str(name), known)
            raise CloudError("UnknownParameter", f"The parameter {path}{name} is not recognized", hint=hint)
    for member in members:
        if member.required and given.get(member.name) in (None, "", [], ()):
            raise missing(f"{path}{member.name}")
    return {name: _value(known[name], value, f"{path}{name}") for name, value in given.items() if value is not None}


def _value(parameter: Parameter, given: Any, path: str) -> Any:
    if parameter.type == "structure":
        return _structure(parameter.members, given, f"{path}.")
    if parameter.type in _SCALARS:
        return _scalar(parameter.type, given, path)
    if not isinstance(given, list | tuple):
        raise _wrong(given, path, "a list")
    return list(_items(parameter, given, path))


def _items(parameter: Parameter, given: Sequence[Any], path: str) -> Iterator[Any]:
    for number, item in enumerate(given, start=1):  # AWS counts from 1
        if parameter.type == "list<structure>":
            yield _structure(parameter.members, item, f"{path}.{number}.")
        else:
            yield _scalar("string", item, f"{path}.{number}")


def _scalar(kind: str, given: Any, path: str) -> Any:
    wanted, words = _SCALARS[kind]
    if not isinstance(given, wanted) or (wanted is int and isinstance(given, bool)):
        raise _wrong(given, path, words)
    return given


def _wrong(given: Any, path: str, words: str) -> CloudError:
    return invalid(f"Value ({shorten(str(given))}) for parameter {path or 'request'} is invalid. It must be {words}.")


def missing(path: str) -> CloudError:
    """Return the error for a required parameter that is missing."""
    return CloudError("MissingParameter", f"The request must contain the parameter {path}")


def invalid(message: str) -> CloudError:
    """Return the error for a value that is not valid."""
    return CloudError("InvalidParameterValue", message)


def one_of(request: Request, *names: str) -> str:
    """Return the name of the one parameter that the request gives.

    Raises MissingParameter if it gives none of `names`, and InvalidParameterCombination if it gives several.
    """
    given = [name for name in names if request.get(name) not in (None, "")]
    if not given:
        listed = ", ".join(names[:-1]) + f" or {names[-1]}"
        raise CloudError("MissingParameter", f"The request must contain exactly one of {listed}")
    if len(given) > 1:
        message = f"The parameters {' and '.join(given)} cannot be used together"
        raise CloudError("InvalidParameterCombination", message)
    return given[0]

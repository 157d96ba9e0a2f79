"""JSON documents of terraform, read with care: the file may be cut off, hostile, or something else."""

from __future__ import annotations

import json
from collections.abc import Mapping

from eigw_ns.errors import EigwError
from eigw_ns.importing.sources.terraform.body import REMEDY, shown

Tree = Mapping[str, object]


def document(data: bytes, what: str) -> Tree:
    """Return the JSON object in `data`. `what` names it in errors, such as "this state".

    Raises EigwError if the bytes are not JSON, are nested too deeply, or hold something else than an object.
    """
    try:
        found = json.loads(data.decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        raise EigwError(
            f"{what} is not JSON: line {error.lineno}, column {error.colno}: {error.msg}", hint=REMEDY
        ) from None
    except UnicodeDecodeError:
        raise EigwError(f"{what} is not UTF-8 text", hint=REMEDY) from None
    except ValueError:  # a number of thousands of digits
        raise EigwError(f"{what} holds a number that is too long", hint=REMEDY) from None
    except RecursionError:
        raise EigwError(f"{what} is nested too deeply", hint=REMEDY) from None
    return mapping(found, what)


def mapping(found: object, what: str) -> Tree:
    """Return `found` if it is an object. Raises EigwError otherwise."""
    if not isinstance(found, Mapping):
        raise EigwError(f"{what} must be an object, not {shown(found)}", hint=REMEDY)
    return found


def items(found: object, what: str) -> tuple[Tree, ...]:
    """Return the objects of a list; none if it is null. Raises EigwError if it is something else."""
    if found is None:
        return ()
    if not isinstance(found, list):
        raise EigwError(f"{what} must be a list, not {shown(found)}", hint=REMEDY)
    return tuple(mapping(each, f"{what}[{number}]") for number, each in enumerate(found))


def word(tree: Tree, name: str, what: str) -> str:
    """Return a string that must be there. Raises EigwError otherwise."""
    found = tree.get(name)
    if not isinstance(found, str) or not found:
        raise EigwError(f"{what}: {name} must be a string, not {shown(found)}", hint=REMEDY)
    return found


def words(found: object, what: str) -> tuple[str, ...]:
    """Return the strings of a list; none if it is null. Raises EigwError otherwise."""
    if found is None:
        return ()
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise EigwError(f"{what} must be a list of strings", hint=REMEDY)
    return tuple(found)

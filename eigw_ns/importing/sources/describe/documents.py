"""The values in a file of answers: one JSON value or several, or one XML document. All keys begin in lower case.

aws-cli writes JSON, EC2's Query API answers XML, and AWS Config has the members of JSON in camelCase. Here all have one
spelling: `VpcId` is `vpcId`, and a list of XML (`vpcSet` with elements `item`) has its name in JSON (`vpcs`).
Source: botocore's model of EC2, members and their location names.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Never
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser

from eigw_ns.cloud.words import printable
from eigw_ns.errors import DesignError, Mistake

LARGEST = 64 << 20
"""Bytes of all files together."""

_DEEPEST = 64
_BYTE_ORDER_MARKS = ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"), (b"\xef\xbb\xbf", "utf-8"))
_NAMES_IN_JSON = {
    "addressesSet": "addresses",
    "associationSet": "associations",
    "attachmentSet": "attachments",
    "default": "isDefault",
    "egressOnlyInternetGatewaySet": "egressOnlyInternetGateways",
    "entrySet": "entries",
    "groupSet": "groups",
    "instanceState": "state",
    "instancesSet": "instances",
    "internetGatewaySet": "internetGateways",
    "ipv6AddressesSet": "ipv6Addresses",
    "natGatewaySet": "natGateways",
    "networkAclSet": "networkAcls",
    "networkInterfaceSet": "networkInterfaces",
    "reservationSet": "reservations",
    "routeSet": "routes",
    "routeTableSet": "routeTables",
    "securityGroupInfo": "securityGroups",
    "subnetSet": "subnets",
    "tagSet": "tags",
    "vpcSet": "vpcs",
}


def documents(data: bytes, file: str) -> list[Any]:
    """Return the values in a file, in their order. Raises DesignError if it is not JSON or XML."""
    text = _decoded(data, file).strip()
    if not text:
        raise unreadable(file, "the file is empty", "write the answer of a describe call to it")
    try:
        found = [_xml(text)] if text.startswith("<") else list(_values(text))
    except json.JSONDecodeError as error:
        raise unreadable(file, f"this is not valid JSON: {error.msg}", _FORMS, error.lineno) from error
    except ParseError as error:
        raise unreadable(file, "this is not valid XML", _FORMS, error.position[0]) from error
    except (RecursionError, ValueError) as error:
        raise unreadable(file, f"this cannot be read: {_reason(error)}", _FORMS) from error
    return found


def may_hold_answers(data: bytes) -> bool:
    """Return whether the bytes begin as JSON or XML do. An empty file may: it is an answer that failed."""
    head = data[:_HEAD]
    return any(mark for mark, _ in _BYTE_ORDER_MARKS if data.startswith(mark)) or head.lstrip()[:1] in (
        b"",
        *_BEGINNINGS,
    )


_HEAD = 4096
_BEGINNINGS = (b"{", b"[", b"<")
_FORMS = "write it again with `--output json`"


def unreadable(file: str, problem: str, remedy: str, line: int = 0, path: str = "") -> DesignError:
    """Return the error for a file that cannot be read. `path` is the id of the resource, if it has one."""
    return DesignError((Mistake(printable(file or "stdin"), line, printable(path), "", problem, remedy),))


def _reason(error: Exception) -> str:
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error)


def _decoded(data: bytes, file: str) -> str:
    """Return the text of UTF-8, or of what its byte order mark says: PowerShell writes UTF-16."""
    encoding = next((name for mark, name in _BYTE_ORDER_MARKS if data.startswith(mark)), "utf-8")
    try:
        return data.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise unreadable(file, "this is not UTF-8 text", "save it as plain UTF-8 text", line) from error


def _values(text: str) -> Iterator[Any]:
    """Yield the JSON values that stand one after the other, as several calls that write to one file leave them."""
    decoder = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse_constant)
    at = 0
    while at < len(text):
        value, end = decoder.raw_decode(text, at)
        yield _checked(value, 0)
        at = end + len(text[end:]) - len(text[end:].lstrip())


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the members of an object by their spelling here. Two of one name would hide each other."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        name = spelling(key)
        if name in found:
            raise ValueError(f"the member {key[:60]!r} stands twice in one object")
        found[name] = value
    return found


def _refuse_constant(text: str) -> Never:
    raise ValueError(f"{text} is not a value of JSON")


def spelling(key: str) -> str:
    """Return the name of a member as it is spelt here."""
    lower = key[:1].lower() + key[1:]
    return _NAMES_IN_JSON.get(lower, lower)


def _checked(value: Any, depth: int) -> Any:
    if depth > _DEEPEST:
        raise RecursionError
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for each in inner:
        _checked(each, depth + 1)
    return value


class _NoDoctype(TreeBuilder):
    """A builder that refuses a document type: EC2 writes none, and it can define entities that grow without end."""

    def doctype(self, *_: object) -> Never:
        """Refuse the document."""
        raise ValueError("it has a document type")


def _xml(text: str) -> Any:
    parser = XMLParser(target=_NoDoctype())
    parser.feed(text)
    return _element(parser.close(), 0)


def _element(element: Element, depth: int) -> Any:
    """Return a list for an element of `item`s, a mapping for one of others, and the text of one that has none.

    The text of an empty list is "": readers of lists accept that.
    """
    if depth > _DEEPEST:
        raise RecursionError
    children = [(_tag(child), _element(child, depth + 1)) for child in element]
    if not children:
        return (element.text or "").strip()
    if all(name == "item" for name, _ in children):
        return [value for _, value in children]
    return _unique(children)


def _tag(element: Element) -> str:
    return element.tag.rpartition("}")[2]

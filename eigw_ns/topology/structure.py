"""Converts the tree to models. Reports unknown keys, wrong types and missing keys, and keeps everything else."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from eigw_ns.cloud.aws_words import lacking
from eigw_ns.cloud.words import did_you_mean
from eigw_ns.topology.report import MistakeReport, quotable, show
from eigw_ns.topology.schema import LabFile, keys_at, type_at
from eigw_ns.topology.tree import Mapping, Node, Path, Scalar, Sequence, plain

_MAPPING = "a mapping"
_LIST = "a list"
_NEEDED = {
    "string_type": "text",
    "int_type": "a whole number",
    "number_or_word": "a whole number or a word",
    "bool_type": "true or false",
    "dict_type": _MAPPING,
    "model_type": _MAPPING,
    "list_type": _LIST,
}


def parse(root: Mapping, report: MistakeReport) -> LabFile:
    """Return the file as models. Mistakes are added to `report` and removed, so that the rules can check the rest.

    An unknown key or a value of the wrong type is removed. If the value is required, an empty text or 0 replaces it.
    No rule checks the replacement, because its place already has a mistake.
    """
    data = plain(root)
    reported = False
    while True:
        try:
            return LabFile.model_validate(data)
        except ValidationError as error:
            details = error.errors(include_url=False, include_context=False)
            if not reported:
                for detail in details:
                    _report(report, detail)
                reported = True  # later rounds find only consequences of the repairs
            for detail in details:
                report.exclude(detail["loc"])
                _repair(data, detail)


def _report(report: MistakeReport, detail: ErrorDetails) -> None:
    path: Path = detail["loc"]
    kind = detail["type"]
    if kind == "extra_forbidden":
        _report_unknown_key(report, path)
    elif kind == "missing":
        key = str(path[-1])
        sample = str(next(iter(keys_at(path[:-1])[key]), "…"))
        quotes = '"' if ":" in sample else ""
        report.add(path, f"the key {key} is missing", f"add one such as {key}: {quotes}{sample}{quotes}")
    elif kind in _NEEDED:
        node = report.node(path)
        shown = f'"{node.text}"' if isinstance(node, Scalar) and isinstance(node.value, str) else None
        remedy = _other_type(node, _NEEDED[kind])
        if kind == "list_type" and shown and type_at(path) == list[str]:
            remedy = f"write [{show(node)}]"
        report.add(path, f"this must be {_NEEDED[kind]}", remedy, value=shown)
    else:
        report.add(path, "a port must be 1 to 65535")


def _report_unknown_key(report: MistakeReport, path: Path) -> None:
    key = str(path[-1])
    known = keys_at(path[:-1])
    remedy = _of_aws(key, path[:-1], known) or did_you_mean(key, known) or f"the keys are {', '.join(known)}"
    report.add(path, "there is no such key", remedy, value="")


_ANY_VPC: Path = ("vpcs", "main")
_AWS_KEYS = {
    "ipv6_cidr_blocks": "a subnet has one IPv6 block: write ipv6_cidr_block",
    "cidr_blocks": "a subnet has one IPv4 block: write cidr_block",
    "instance_attribute": "write attributes as keys of an instance",
    "network_interface_attribute": "write attributes as keys of a network interface",
    "entries": "write the entries under ingress and egress",
    "group_id": "the id follows from the name; to give the id, write it in place of the name",
    "prefix_lists": "prefix lists belong to no VPC: write them beside vpcs",
    "managed_prefix_lists": "write prefix_lists, beside vpcs",
    "prefix_list_id": "write the list's name under prefix_list",
    "prefix_list_ids": "write a rule for each list, with its name under prefix_list",
    "destination_prefix_list_id": "write the list's name under destination",
    "security_group_rules": "write the rules under ingress and egress of a security group",
}
"""Words of AWS and of Terraform's AWS provider for what a topology file writes in another way."""


def _of_aws(key: str, path: Path, known: Collection[str]) -> str:
    """Return the remedy for a key of the mapping at `path` that is a word of AWS, or ""."""
    word = key.lower()
    if not path and word in keys_at(_ANY_VPC):
        return "it belongs to a VPC: write it under vpcs and the name of the VPC"
    if word == "group_id" and "group" in known:
        return "write the group's name under group"
    return lacking(word) or _AWS_KEYS.get(word, "")


def _other_type(node: Node | None, needed: str) -> str:
    if needed == "text":
        quoted = quotable(node)
        return f"write {quoted}" if quoted else "write a text"
    if isinstance(node, Scalar) and node.value is None:
        return {_MAPPING: "write {}", _LIST: "write []"}.get(needed, f"write {needed}")
    if isinstance(node, Sequence) and needed == _MAPPING:
        return "write names as keys: `name: {…}`, not `- …`"
    if isinstance(node, Scalar) and isinstance(node.value, str) and needed not in (_MAPPING, _LIST):
        return "write it without quotes" if node.text in ("true", "false") or node.text.isdecimal() else ""
    return ""


def _repair(data: dict[str, Any], detail: ErrorDetails) -> None:
    last: Any = detail["loc"][-1]
    parent: Any = data
    for step in detail["loc"][:-1]:
        parent = parent[step]
    if detail["type"] == "missing":
        parent[last] = 0 if type_at(detail["loc"]) is int else ""
    elif isinstance(parent, list):
        parent[last] = "" if detail["type"] == "string_type" else {}  # keeps the indexes of the others
    else:
        parent.pop(last, None)

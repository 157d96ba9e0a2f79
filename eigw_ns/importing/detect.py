"""What a source is, by its content. Names of files decide only for folders of Terraform, which goes by them itself."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from enum import StrEnum
from typing import Any

from eigw_ns.cloud.words import printable
from eigw_ns.errors import DesignError, Mistake
from eigw_ns.importing.sources.describe.documents import spelling
from eigw_ns.importing.sources.describe.kinds import CONFIG, is_answer


class Kind(StrEnum):
    """A form of designs, in words: `lab.yaml is a CloudFormation template`."""

    TEMPLATE = "a CloudFormation template"
    ASSEMBLY = "a cloud assembly of aws-cdk"
    CONFIGURATION = "a Terraform configuration"
    TEST_STATE = "the output of `terraform test -json`"
    STATE = "a Terraform state"
    PLAN = "a Terraform plan"
    ANSWERS = "answers of describe calls"


MANIFEST = "manifest.json"
"""The file of a cloud assembly that names its stacks."""

TERRAFORM_ENDINGS = (".tf", ".tf.json")
_TEST_STATE = re.compile(rb'"type"\s*:\s*"test_state"')
_TEMPLATE = re.compile(r"""^\s*\{?\s*["']?(AWSTemplateFormatVersion|Resources)["']?\s*:""", re.MULTILINE)
_TOPOLOGY = re.compile(r"^(lab|vpcs):", re.MULTILINE)
_HCL = re.compile(r"^(terraform|resource|module|provider|variable|data|locals)\b[^:\n]*\{", re.MULTILINE)
_HEAD = 1 << 20  # bytes; the top of a template
_WHOLE = 32 << 20  # bytes of JSON that are parsed to see what they are


def detect(files: Mapping[str, bytes], *, folder: bool) -> Kind:
    """Return what these files are, by their paths below the source. `folder` is False for a single file.

    Raises DesignError if they are nothing that can be read, or several things.
    """
    if not folder:
        ((name, data),) = files.items()
        return _of_file(name, data)
    if any("/" not in name and name.endswith(TERRAFORM_ENDINGS) for name in files):
        return Kind.CONFIGURATION
    if MANIFEST in files and _is_manifest(_json(files[MANIFEST])):
        return Kind.ASSEMBLY
    return _of_folder(files)


def _of_folder(files: Mapping[str, bytes]) -> Kind:
    kinds = {name: kind for name, data in sorted(files.items()) if (kind := _guess(data)) is not None}
    found = set(kinds.values())
    if found == {Kind.ANSWERS}:
        return Kind.ANSWERS
    deeper = next((name.rpartition("/")[0] for name in sorted(files) if name.endswith(TERRAFORM_ENDINGS)), None)
    if not found and deeper is not None:
        raise _unknown("this folder", f"a Terraform configuration is in its folder {deeper}", "name that folder")
    if not found:
        raise _unknown("this folder", "no file in it is a design", _FORMS)
    named = ", ".join(f"{name} is {kind}" for name, kind in _first_of_each(kinds))
    raise _unknown("this folder", f"it is not one design: {named}", "name one file, or a folder with one design")


def _first_of_each(kinds: Mapping[str, Kind]) -> Iterable[tuple[str, Kind]]:
    return sorted({kind: (name, kind) for name, kind in sorted(kinds.items(), reverse=True)}.values())


def _of_file(name: str, data: bytes) -> Kind:
    found = _guess(data)
    if found is not None:
        return found
    text = _text(data[:_HEAD])
    if not text.strip():
        raise _unknown(name, "the file is empty", _FORMS)
    if data.startswith(b"PK"):
        raise _unknown(name, "this is a plan in Terraform's own form", "write it with `terraform show -json PLAN`")
    if _is_manifest(_json(data)):
        raise _unknown(name, "this is the manifest of a cloud assembly", "name the folder that it is in")
    if _HCL.search(text):
        raise _unknown(name, "this is a file of a Terraform configuration", "name the folder that it is in")
    if _TOPOLOGY.search(text):
        raise _unknown(name, "this is a topology file of eigw-ns, not a design", "give it to `apply` or `validate`")
    raise _unknown(name, "this is not a design that can be read", _FORMS)


_FORMS = (
    "a design is a CloudFormation template, a cdk.out folder, a folder of Terraform, a state or plan of "
    "`terraform show -json`, or answers of `aws ec2 describe-…`"
)


def _guess(data: bytes) -> Kind | None:
    """Return what the bytes of one file are; None if they are nothing that is known."""
    if _TEST_STATE.search(data):
        return Kind.TEST_STATE
    text = _text(data[:_HEAD])
    if text.lstrip().startswith("<"):
        return Kind.ANSWERS
    document = _json(data)
    if document is not None:
        return _of_document(document)
    return Kind.TEMPLATE if _TEMPLATE.search(text) else None


def _of_document(document: Any) -> Kind | None:
    if isinstance(document, list):
        return next((kind for kind in map(_of_document, document) if kind is Kind.ANSWERS), None)
    if not isinstance(document, dict):
        return None
    if "Resources" in document or "AWSTemplateFormatVersion" in document:
        return Kind.TEMPLATE
    if {"planned_values", "resource_changes"} & set(document):
        return Kind.PLAN
    if "terraform_version" in document or {"lineage", "serial"} <= set(document):
        return Kind.STATE
    members = set(map(spelling, document))
    return Kind.ANSWERS if is_answer(members) or (CONFIG[2] in members and len(members) <= _FEW) else None


_FEW = 3
"""SelectResourceConfig answers with Results, QueryInfo and a token."""


def _is_manifest(document: Any) -> bool:
    return isinstance(document, dict) and "artifacts" in document and "version" in document


def _json(data: bytes) -> Any:
    """Return the first JSON value in a file, None if there is none. Several answers can follow each other."""
    with suppress(ValueError, RecursionError):
        return json.JSONDecoder().raw_decode(_text(data[:_WHOLE]).lstrip())[0]
    return None


def _text(data: bytes) -> str:
    """Return the text in the encoding of its byte order mark, else UTF-8, whatever else is in it."""
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
    return data.decode(encoding, errors="replace").removeprefix("\ufeff")


_MARKS = ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))


def _unknown(name: str, problem: str, remedy: str) -> DesignError:
    return DesignError((Mistake(printable(name), 0, "", "", problem, remedy),))

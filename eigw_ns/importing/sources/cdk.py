"""A cloud assembly of aws-cdk, the folder `cdk.out`: all its stacks are one design.

Source: aws-cdk, `manifest.json` of the cloud assembly schema: artifacts of type `aws:cloudformation:stack` name a
template, those of type `cdk:cloud-assembly` the folder of another assembly (a stage).
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, NoReturn

from eigw_ns.cloud.words import printable, shorten
from eigw_ns.errors import DesignError, Mistake
from eigw_ns.frozen import frozen
from eigw_ns.importing.design import Design
from eigw_ns.importing.options import Options
from eigw_ns.importing.sources.cloudformation.building import build
from eigw_ns.importing.sources.cloudformation.stack import read_stack
from eigw_ns.importing.sources.cloudformation.stacks import Stacks

MANIFEST = "manifest.json"

_ENVIRONMENT = re.compile(r"aws://([^/]*)/([^/]*)")
_STAGES_DEEP = 4


@frozen
class _Artifact:
    """A stack of an assembly: its name, the file of its template, and its environment (`aws://account/region`)."""

    id: str
    name: str
    file: str
    environment: str


def read_assembly(files: Mapping[str, bytes], options: Options) -> Design:
    """Return the design of all stacks of an assembly. The keys of `files` are paths below the folder.

    Raises DesignError if the manifest or a template that it names is missing or cannot be read.
    """
    stacks = Stacks(files, options, MANIFEST, _assets(files))
    artifacts = tuple(_artifacts(files, "", 0))
    if not artifacts:
        _fail(MANIFEST, "the assembly has no stacks", "run `cdk synth`")
    for artifact in artifacts:
        if artifact.file not in files:
            _fail(MANIFEST, f"the template {shorten(artifact.file)} is missing", "run `cdk synth`")
        root = stacks.read(artifact.file)
        account, region = _account_and_region(artifact.environment)
        stacks.add(
            read_stack(
                root,
                artifact.file,
                artifact.name,
                f"{artifact.id}/",
                environment=artifact.environment,
                account=account,
                region=region,
            )
        )
    return build(stacks, "a cdk assembly", artifacts[0].name if len(artifacts) == 1 else "cdk")


def _artifacts(files: Mapping[str, bytes], folder: str, depth: int) -> Iterator[_Artifact]:
    """Yield the stacks of a folder's manifest, those of its stages at their place."""
    path = posixpath.join(folder, MANIFEST)
    for artifact_id, body in _manifest(files, path).items():
        if not isinstance(body, dict):
            continue
        properties = body.get("properties")
        given = properties if isinstance(properties, dict) else {}
        if body.get("type") == "aws:cloudformation:stack" and isinstance(given.get("templateFile"), str):
            stated = given.get("stackName")
            name = printable(stated if isinstance(stated, str) else artifact_id)
            file = posixpath.normpath(posixpath.join(folder, given["templateFile"]))
            environment = body.get("environment")
            yield _Artifact(
                posixpath.join(folder, artifact_id), name, file,
                environment if isinstance(environment, str) else "",
            )  # fmt: skip
        elif body.get("type") == "cdk:cloud-assembly" and isinstance(given.get("directoryName"), str):
            below = posixpath.normpath(posixpath.join(folder, given["directoryName"]))
            if depth >= _STAGES_DEEP or below in (".", folder):
                _fail(path, "the stages of the assembly are too deep", "run `cdk synth`")
            yield from _artifacts(files, below, depth + 1)


def _assets(files: Mapping[str, bytes]) -> dict[str, str]:
    """Return the paths of the files that the assembly uploads, by their hash. Manifests that are not JSON have none."""
    found: dict[str, str] = {}
    for manifest in sorted(files):
        if not manifest.endswith(".assets.json"):
            continue
        with suppress(ValueError, RecursionError):
            body = json.loads(files[manifest].decode("utf-8-sig"))
            entries = body.get("files") if isinstance(body, dict) else None
            for digest, entry in entries.items() if isinstance(entries, dict) else ():
                source = entry.get("source") if isinstance(entry, dict) else None
                path = source.get("path") if isinstance(source, dict) else None
                if isinstance(path, str):
                    found[digest] = posixpath.normpath(posixpath.join(posixpath.dirname(manifest), path))
    return found


def _manifest(files: Mapping[str, bytes], path: str) -> dict[str, Any]:
    """Return the artifacts of a manifest."""
    if path not in files:
        _fail(path, "the manifest is missing", "give the whole folder that `cdk synth` writes (cdk.out)")
    try:
        manifest = json.loads(files[path].decode("utf-8-sig"))
    except (ValueError, RecursionError):
        _fail(path, "the manifest is not JSON", "run `cdk synth`")
    artifacts = manifest.get("artifacts") if isinstance(manifest, dict) else None
    if not isinstance(artifacts, dict):
        _fail(path, "the manifest has no artifacts", "run `cdk synth`")
    return artifacts


def _account_and_region(environment: str) -> tuple[str | None, str | None]:
    """Return the account and the Region of an environment, None for those that cdk leaves open."""
    found = _ENVIRONMENT.fullmatch(environment)
    account, region = found.groups() if found else ("", "")
    return _stated(account), _stated(region)


def _stated(word: str) -> str | None:
    return None if not word or word.startswith("unknown-") else word


def _fail(file: str, problem: str, remedy: str) -> NoReturn:
    raise DesignError((Mistake(file, 0, "", "", problem, remedy),))

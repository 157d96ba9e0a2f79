"""States: of what exists (`terraform show -json`, `terraform.tfstate`), and of a test with mocked providers."""

from __future__ import annotations

from dataclasses import replace

from eigw_ns.errors import EigwError
from eigw_ns.importing.design import Design
from eigw_ns.importing.options import Options
from eigw_ns.importing.sources.terraform.body import REMEDY, shown
from eigw_ns.importing.sources.terraform.document import Tree, document, mapping
from eigw_ns.importing.sources.terraform.invented import NOTHING, without_indices
from eigw_ns.importing.sources.terraform.reader import design_of
from eigw_ns.importing.sources.terraform.resources import Resource, shown_resources, stored_resources

_WHAT = "this state"
_STORED_VERSION = 4


def read_state(data: bytes, options: Options) -> Design:
    """Read a state, in the form of `terraform show -json` or of `terraform.tfstate`.

    Raises EigwError if the bytes are neither.
    """
    return design_of(_resources(document(data, _WHAT)), options, "a Terraform state", NOTHING)


def _resources(tree: Tree) -> tuple[Resource, ...]:
    if "values" in tree or "format_version" in tree:
        _check_format(tree.get("format_version"))
        values = mapping(tree.get("values") or {}, "values")
        return shown_resources(values.get("root_module") or {}, _WHAT)
    if tree.get("version") == _STORED_VERSION:
        return stored_resources(tree)
    raise EigwError("this is not a state that can be read", hint="write it with `terraform show -json`")


def _check_format(found: object) -> None:
    if not isinstance(found, str) or found.split(".")[0] not in ("0", "1"):
        raise EigwError(f"format_version must be 1.x, not {shown(found)}", hint=REMEDY)


def read_test_state(line: bytes, options: Options) -> Design:
    """Read the line of type "test_state" that `terraform test -verbose -json` prints for a run with mocked providers.

    The line may have a member "declared" beside "test_state": file and line of each resource by its address without
    indices. Raises EigwError if it is not such a line.
    """
    tree = document(line, "this line of terraform test")
    state = mapping(tree.get("test_state"), "test_state")
    resources = shown_resources(state.get("root_module") or {}, "test_state")
    places = mapping(tree.get("declared") or {}, "declared")
    return design_of([_placed(each, places) for each in resources], options, "a Terraform configuration", None)


def _placed(resource: Resource, places: Tree) -> Resource:
    """Return the resource with the file and the line that declare it."""
    found = places.get(without_indices(resource.address))
    if not isinstance(found, list) or len(found) != 2:
        return resource
    file, line = found
    return replace(resource, file=file, line=line) if isinstance(file, str) and isinstance(line, int) else resource


__all__ = ["read_state", "read_test_state"]

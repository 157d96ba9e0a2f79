"""Terraform: the state (`terraform show -json`, `terraform.tfstate`), a plan, and the state of a test with mocks.

Formats: https://developer.hashicorp.com/terraform/internals/json-format, and for the line of type "test_state" the
machine-readable UI of `terraform test -json -verbose`. `reader` reads resources whose values are known. A plan and a
mocked state are brought into that form first (`plan`, `invented`).
"""

from __future__ import annotations

from eigw_ns.importing.sources.terraform.plan import read_plan
from eigw_ns.importing.sources.terraform.states import read_state, read_test_state

__all__ = ["read_plan", "read_state", "read_test_state"]

"""The waiters of `ec2 wait`, compared with botocore's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import botocore.session
import pytest

from eigw_ns.cli.ec2.naming import camel
from eigw_ns.cloud.ec2.actions.empty_lists import EMPTY_LISTS
from eigw_ns.cloud.ec2.api import ACTIONS
from eigw_ns.errors import CloudError
from eigw_ns.lab.lifecycle.ec2_waiters import WAITERS, wait_for


@pytest.fixture(scope="module")
def model() -> Any:
    return botocore.session.get_session().get_waiter_model("ec2")


def test_waiters_are_those_of_aws(model: Any) -> None:
    for name, waiter in WAITERS.items():
        theirs = model.get_waiter(camel(name))
        retried = {str(each.expected) for each in theirs.acceptors if each.matcher == "error" and each.state == "retry"}
        assert (waiter.action, waiter.seconds) == (theirs.operation, theirs.delay * theirs.max_attempts)
        assert retried == ({waiter.not_yet} if waiter.not_yet else set())


def test_no_waiter_that_a_lab_can_meet_is_left_out(model: Any) -> None:
    """A lab has no volumes, and its network interfaces are always in use."""
    ours = {name for name in model.waiter_names if model.get_waiter(name).operation in ACTIONS}
    never = {name for name in ours if model.get_waiter(name).operation in EMPTY_LISTS}
    assert ours - never - {camel(name) for name in WAITERS} == {
        "NetworkInterfaceAvailable",
        "VolumeAvailable",
        "VolumeDeleted",
        "VolumeInUse",
    }


def answer(path: str, state: str) -> dict[str, Any]:
    """Return an answer of one resource with this state at `path`."""
    member, *inner = path.split(".") if path else ("Things",)
    value: Any = state
    for name in reversed(inner):
        value = {name: value} if name == inner[-1] else {name: [value] if name == "Instances" else value}
    return {member: [value]}


@pytest.mark.parametrize("name", WAITERS)
def test_a_waiter_waits_until_there_is_an_answer(name: str) -> None:
    waiter = WAITERS[name]
    there, other = answer(waiter.path, waiter.wanted), answer(waiter.path, "other")
    later: list[Any] = [{"Things": []}, {"Things": [], "NextToken": "x"}]
    later += [other, there] if waiter.path else [there]
    assert wait_for(replace(waiter, seconds=60), lambda: later.pop(0))
    assert later == []
    assert not wait_for(replace(waiter, seconds=0), lambda: {"Things": []})


def test_only_the_error_that_means_not_yet_is_waited_for() -> None:
    waiter = replace(WAITERS["vpc-exists"], seconds=0)

    def refuse(code: str) -> Any:
        raise CloudError(code, "no")

    assert not wait_for(waiter, lambda: refuse("InvalidVpcID.NotFound"))
    with pytest.raises(CloudError):
        wait_for(waiter, lambda: refuse("InvalidVpcID.Malformed"))


def test_a_nat_gateway_that_does_not_exist_is_deleted() -> None:
    def refuse() -> Any:
        raise CloudError("NatGatewayNotFound", "no")

    assert wait_for(replace(WAITERS["nat-gateway-deleted"], seconds=0), refuse)
    assert not wait_for(replace(WAITERS["nat-gateway-available"], seconds=0), refuse)

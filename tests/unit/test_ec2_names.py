"""Names in place of ids, in requests of the command line and in the completion of shells."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from eigw_ns.cloud.ec2.names import KINDS_OF, has_names, resolve, spellings
from eigw_ns.cloud.ec2.resources import INSTANCE, SUBNET, VPC
from eigw_ns.cloud.model import Cloud
from eigw_ns.errors import UsageError
from eigw_ns.topology import example, load
from tests.support.small_cloud import small_cloud


@pytest.fixture(scope="module")
def cloud() -> Cloud:
    return load(example("demo").encode(), file="demo.yaml", default_lab="demo").cloud


@pytest.mark.parametrize("parameter", KINDS_OF)
def test_a_parameter_takes_the_names_of_its_kinds(cloud: Cloud, parameter: str) -> None:
    for kind in KINDS_OF[parameter]:
        for name, resource_id in spellings(cloud, kind):
            if parameter != "Resources" or ("/" in name and "default" not in name):  # else several kinds have the name
                given: Any = [name] if parameter.endswith("s") else name
                resolved, found = resolve(cloud, {parameter: given, "Other": name})
                assert resolved[parameter] == ([resource_id] if isinstance(given, list) else resource_id)
                assert (resolved["Other"], found) == (name, {name: resource_id})


def test_ids_and_unknown_names_stay(cloud: Cloud) -> None:
    (vpc_id,) = cloud.vpcs
    request: dict[str, Any] = {"VpcIds": [vpc_id, "nobody"], "SubnetId": "subnet-x", "MaxResults": 5}
    assert resolve(cloud, request) == (request, {})
    assert has_names(request)
    assert not has_names({"VpcIds": [vpc_id], "Description": "main"})


def test_a_name_of_several_resources_is_ambiguous() -> None:
    with pytest.raises(UsageError) as caught:
        resolve(small_cloud(), {"GroupId": "web"})
    assert caught.value.message == "web is ambiguous: it names 2 resources"
    assert caught.value.hint.startswith("write sg-")
    with pytest.raises(UsageError):
        cloud = small_cloud()
        first, second, *_ = cloud.subnets.values()
        twins = {each.id: replace(each, name="a") for each in (first, second)}
        resolve(replace(cloud, subnets=cloud.subnets | twins), {"Resources": ["a"]})  # type: ignore[operator]


def test_every_resource_has_its_name_with_and_without_the_vpc(cloud: Cloud) -> None:
    (vpc,) = cloud.vpcs.values()
    assert list(spellings(cloud, VPC)) == [(vpc.name, vpc.id)]
    for kind in (SUBNET, INSTANCE):
        names = [name for name, _ in spellings(cloud, kind)]
        assert len(names) == 2 * len(kind.all(cloud))
        assert {name.removeprefix(f"{vpc.name}/") for name in names} == {each.name for each in kind.all(cloud).values()}

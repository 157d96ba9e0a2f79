"""Names in place of ids, in requests of the command line and in the completion of shells."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click
import pytest

from eigw_ns.cli import complete
from eigw_ns.cloud.ec2.names import KINDS_OF, has_names, resolve, spellings
from eigw_ns.cloud.ec2.resources import INSTANCE, SUBNET, VPC
from eigw_ns.cloud.model import Cloud
from eigw_ns.cloud.volumes import volumes_of
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
            if name == resource_id:
                continue  # it has no name
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


# ---- tags ------------------------------------------------------------------------------------------------------------


def tagged(cloud: Cloud, section: str, **tags: str) -> Cloud:
    """Return the cloud with `Name` tags for the resources with these names, as if EC2's API had made them."""
    found: dict[str, Any] = dict(getattr(cloud, section))
    for each in list(found.values()):
        if each.name in tags:
            found[each.id] = replace(each, name=each.id, tags=(("Name", tags[each.name]),))
    changed: dict[str, Any] = {section: found}
    return replace(cloud, **changed)


def test_a_name_tag_stands_for_an_id_with_and_without_the_vpc(cloud: Cloud) -> None:
    subnet = next(each for each in cloud.subnets.values() if each.name == "private-a")
    vpc = cloud.vpcs[subnet.vpc_id]
    named = tagged(tagged(cloud, "subnets", **{"private-a": "Net/Db nets"}), "vpcs", **{vpc.name: "prod"})
    for text in ("Net/Db nets", "prod/Net/Db nets"):
        assert resolve(named, {"SubnetIds": [text]}) == ({"SubnetIds": [subnet.id]}, {text: subnet.id})
    assert resolve(named, {"VpcId": "prod"})[0] == {"VpcId": vpc.id}
    assert resolve(named, {"SubnetId": "prod/public-a"})[0]["SubnetId"].startswith("subnet-")
    assert resolve(named, {"SubnetId": "prod/elsewhere"})[1] == {}


def test_an_own_name_wins_over_the_tags_of_its_kind(cloud: Cloud) -> None:
    own = next(each for each in cloud.subnets.values() if each.name == "public-a")
    named = tagged(cloud, "subnets", **{"private-a": "public-a"})
    assert resolve(named, {"SubnetId": "public-a"})[0] == {"SubnetId": own.id}
    assert resolve(named, {"Resources": ["public-a"]})[0] == {"Resources": [own.id]}


def test_a_tag_of_several_resources_is_ambiguous_and_of_another_kind_is_not(cloud: Cloud) -> None:
    both = tagged(cloud, "subnets", **{"private-a": "db", "public-a": "db"})
    with pytest.raises(UsageError) as caught:
        resolve(both, {"SubnetId": "db"})
    assert caught.value.message == "db is ambiguous: it names 2 resources"
    assert all(each.id in caught.value.hint for each in both.subnets.values() if each.name == each.id)
    vpc = next(iter(cloud.vpcs.values()))
    other = tagged(both, "vpcs", **{vpc.name: "db"})
    assert resolve(other, {"VpcId": "db"})[0] == {"VpcId": vpc.id}
    with pytest.raises(UsageError):
        resolve(other, {"Resources": ["db"]})


def test_a_tag_that_looks_like_an_id_is_not_a_name(cloud: Cloud) -> None:
    (vpc_id,) = cloud.vpcs
    named = tagged(cloud, "subnets", **{"private-a": vpc_id})
    assert resolve(named, {"Resources": [vpc_id]}) == ({"Resources": [vpc_id]}, {})
    assert not has_names({"SubnetId": "subnet-0123456789abcdef0"})


def test_completion_offers_a_tag_of_one_resource_that_a_shell_reads_as_one_word(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = tagged(cloud, "subnets", **{"private-a": "tag-db", "public-a": "tag $(x)"})
    twins = tagged(named, "instances", **dict.fromkeys((each.name for each in named.instances.values()), "tag-twin"))
    monkeypatch.setattr(complete, "_cloud", lambda _context: twins)

    def offered(parameter: str) -> set[str]:
        flag = click.Option(["--x"])
        items = complete.resources(parameter)(click.Context(click.Command("x")), flag, "tag")
        return {item.value for item in items}

    assert offered("SubnetId") == {"tag-db"}
    assert offered("InstanceId") == (set() if len(twins.instances) > 1 else {"tag-twin"})
    assert len(twins.instances) > 1


def test_a_volume_has_no_name_but_its_tag(cloud: Cloud) -> None:
    instance = next(iter(cloud.instances.values()))
    volume = replace(volumes_of(instance)[0], tags=(("Name", "root of app"),))
    recorded = replace(cloud, instances={**cloud.instances, instance.id: replace(instance, volumes=(volume,))})
    assert resolve(recorded, {"Resources": ["root of app"]})[0] == {"Resources": [volume.id]}

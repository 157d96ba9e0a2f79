"""Several labs behind one endpoint: the account and the Region of the signature choose one, and no other answers."""

from __future__ import annotations

import pytest

from eigw_ns.errors import UsageError
from eigw_ns.server.labs import Labs, Place, parse, require_distinct
from tests.support.asgi import KEY, VERSION, Bench, signed
from tests.support.command import process
from tests.support.serving import serving

A, B = "111111111111", "222222222222"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("demo", Place("demo")),
        ("demo@eu-west-1", Place("demo", "eu-west-1")),
        (f"demo@{A}/eu-west-1", Place("demo", "eu-west-1", A)),
    ],
)
def test_a_place_is_read(text: str, place: Place) -> None:
    assert parse(text) == place


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["a@"], "not a Region"),
        (["a@11/eu-west-1"], "not a Region"),
        (["a@b@eu-west-1"], "not a Region"),
        (["a@eu-moon-1"], "AWS has no Region eu-moon-1"),
        (["a", "b@eu-west-1"], "several labs are served, and a has no Region"),
        (["a@eu-west-1", "b@eu-west-1"], "two labs answer in eu-west-1"),
        (["a@eu-west-1", "a@us-east-1"], "the lab a is given twice"),
    ],
)
def test_places_that_contradict_are_refused(given: list[str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        require_distinct([parse(text) for text in given])


def test_the_lab_of_the_account_comes_before_that_of_all() -> None:
    labs = Labs((Place("all", "eu-west-1"), Place("mine", "eu-west-1", A), Place("other", "us-east-1", B)))
    cases = [(A, "eu-west-1"), (B, "eu-west-1"), (A, "us-east-1"), (B, "us-east-1"), (B, "us-west-2")]
    assert [labs.index(*case) for case in cases] == [1, 0, None, 2, None]
    assert [labs.regions(account) for account in (A, B)] == [("eu-west-1",), ("eu-west-1", "us-east-1")]
    assert Labs((Place("one"),)).index(A, "us-west-2") == 0
    assert Labs((Place("one"),)).regions(A) == ()


@pytest.mark.parametrize("action", ["DescribeVpcs", "CreateInternetGateway"])
@pytest.mark.parametrize("place", [("eu-west-1",), ("us-east-1", A)])
def test_a_place_without_a_lab_is_refused(place: tuple[str, ...], action: str) -> None:
    bench = Bench(place=place)
    answer = bench.ask(action)
    assert (answer.status, answer.code) == (403, "OptInRequired")
    assert f"no lab of the account {KEY.id} is served there" in answer.message and "us-east-1" in answer.message
    assert bench.performer.calls == []


def test_the_lab_is_reset_only_by_a_request_for_its_place() -> None:
    bench = Bench(place=("eu-west-1",), resets=True)
    assert bench.send(signed(b"", path="/_eigw/reset")).code == "OptInRequired"
    assert bench.send(signed(b"", path="/_eigw/reset", region="eu-west-1")).status == 200
    assert bench.performer.calls == ["reset"]


def test_the_regions_are_those_with_a_lab() -> None:
    body = f"Action=DescribeRegions&Version={VERSION}".encode()
    found = Bench(place=("eu-west-1",)).send(signed(body, region="eu-west-1")).body
    assert found.count(b"<regionName>") == 1 and b"<regionName>eu-west-1<" in found


@pytest.mark.root
def test_two_labs_are_served(lab_name: str, tmp_path: object) -> None:
    first, second = f"{lab_name}a", f"{lab_name}b"
    folders = {"EIGW_NS_STATE_DIR": f"{tmp_path}/s", "EIGW_NS_RUN_DIR": f"{tmp_path}/r", "EIGW_NS_ROOTLESS": "0"}
    labs = ("--lab", f"{first}@us-east-1", "--lab", f"{second}@{A}/eu-west-1")
    with serving("--ephemeral", *labs, "--listen", "127.0.0.1:0", env=folders) as server:
        here = server.client()
        assert [(each["lab"], each["account"]) for each in server.access["labs"]] == [(first, None), (second, A)]
        server.access.update(server.access["labs"][1])
        there = server.client(region="eu-west-1")
        here.create_internet_gateway()
        made = there.create_vpc(AmazonProvidedIpv6CidrBlock=True, CidrBlock="10.0.0.0/16")["Vpc"]
        assert made["OwnerId"] == A
        assert here.describe_vpcs()["Vpcs"] == [] and there.describe_internet_gateways()["InternetGateways"] == []
        assert [each["RegionName"] for each in there.describe_regions()["Regions"]] == ["eu-west-1", "us-east-1"]
        for lab, kind in ((first, "InternetGateways"), (second, "Vpcs")):
            done = process("describe", "--lab", lab, "-o", "json", env=folders)
            assert kind in done.out and process("status", "--lab", lab, env=folders).code == 0
        code, log = server.end()
        assert code == 0
        assert f"the lab {first} answers in us-east-1 and for every account" in log
        assert f"the lab {second} answers in eu-west-1 and for the account {A}" in log

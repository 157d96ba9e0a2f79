"""The values of `eigw-ns ec2` flags become the same request as in AWS's own command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from eigw_ns.cli.ec2 import groups, limits, paging, shorthand, values
from eigw_ns.cli.ec2.naming import camel, kebab
from eigw_ns.cloud.ec2.api import ACTIONS
from eigw_ns.cloud.ec2.schema import FILTERS, PAGING, TAG_SPECIFICATIONS, Parameter
from eigw_ns.cloud.ec2.settings import Quotas
from eigw_ns.errors import UsageError

PERMISSIONS = next(each for each in ACTIONS["AuthorizeSecurityGroupIngress"].parameters if each.name == "IpPermissions")
PORT_RANGE = Parameter(
    "PortRange", "structure", "", members=(Parameter("From", "integer", ""), Parameter("To", "integer", ""))
)
IDS = Parameter("VpcIds", "list<string>", "")


def no_file(reference: str) -> str:
    raise AssertionError(f"the test does not expect a read of {reference}")


SHORTHAND: list[tuple[str, dict[str, Any]]] = [
    ("Name=a", {"Name": "a"}),
    ("Name=", {"Name": ""}),
    ("Name=a,Values=b", {"Name": "a", "Values": "b"}),
    ("Name=tag:Team,Values=a,b", {"Name": "tag:Team", "Values": ["a", "b"]}),
    ("Values=a,b,Name=c", {"Values": ["a", "b"], "Name": "c"}),
    ("Values=::/0,2001:db8::/32", {"Values": ["::/0", "2001:db8::/32"]}),
    ("Values=*,?x,a\\*", {"Values": ["*", "?x", "a\\*"]}),
    ("Key=a=b,Value=c", {"Key": "a=b", "Value": "c"}),
    ("Key=a\\,b,Value=c", {"Key": "a,b", "Value": "c"}),
    ("Key = a , Value = b c ", {"Key": "a", "Value": "b c"}),
    ("Key='a,b=c',Value=\"it's\"", {"Key": "a,b=c", "Value": "it's"}),
    ("Key='it\\'s',Value=\"\\\"\"", {"Key": "it's", "Value": '"'}),
    ("Values='a','b',''", {"Values": ["a", "b", ""]}),
    ("Tags=[]", {"Tags": []}),
    ("Tags=[a,b]", {"Tags": ["a", "b"]}),
    ("Port={From=1,To=2}", {"Port": {"From": "1", "To": "2"}}),
    ("A=vpc,Tags=[{Key=Name,Value=x}]", {"A": "vpc", "Tags": [{"Key": "Name", "Value": "x"}]}),
    ("Tags=[{Key=a},{Key=c,Value=}],A=d", {"Tags": [{"Key": "a"}, {"Key": "c", "Value": ""}], "A": "d"}),
    ("Tags=[ { Key = a , Value = 'x y' } ]", {"Tags": [{"Key": "a", "Value": "x y"}]}),
    ("Key=日本,Value=é", {"Key": "日本", "Value": "é"}),
    ("Key=a,\nValue=b", {"Key": "a", "Value": "b"}),
]  # fmt: skip

NO_SHORTHAND = [
    ("", "a key is missing here"),
    ("Name", "= is missing here"),
    ("=a", "a key is missing here"),
    ("Name=a,", "a value is missing here"),
    ("Values=a,,b", "a value is missing here"),
    ("Name=a]", ", is missing here"),
    ("Name='a", "the closing ' is missing"),
    ('Name="a', 'the closing " is missing'),
    ("Tags=[a", "a comma or ] is missing here"),
    ("Tags=[{Key=a}", "a comma or ] is missing here"),
    ("Port={From=1", "a comma or } is missing here"),
    ("Port={From}", "= is missing here"),
    ("Tags=[a]b", ", is missing here"),
    ("Key=a,Value=b,Key=c", "Key is given twice; separate structures by spaces, not commas"),
    ("Tags@=[a]", "one file:// is expected after @="),
]


@pytest.mark.parametrize(("text", "meant"), SHORTHAND, ids=[text for text, _ in SHORTHAND])
def test_shorthand(text: str, meant: dict[str, Any]) -> None:
    assert shorthand.parse(text, no_file) == meant


@pytest.mark.parametrize(("text", "problem"), NO_SHORTHAND, ids=[text for text, _ in NO_SHORTHAND])
def test_the_error_for_wrong_shorthand_points_to_the_place(text: str, problem: str) -> None:
    with pytest.raises(shorthand.ShorthandError) as caught:
        shorthand.parse(text, no_file)
    first, shown, pointer = str(caught.value).split("\n")
    assert first == f"{problem}:"
    assert shown == f"  {text}"
    assert pointer.strip() == "^"
    assert len(pointer) <= len(shown) + 1


def test_the_error_for_wrong_shorthand_points_to_the_right_line() -> None:
    with pytest.raises(shorthand.ShorthandError) as caught:
        shorthand.parse("Key=a,\nValue]=b", no_file)
    assert str(caught.value).endswith("\n  Value]=b\n        ^")


@given(st.text())
@example("Key=a,\\")
def test_any_text_is_shorthand_or_refused(text: str) -> None:
    try:
        parsed = shorthand.parse(text, no_file)
    except shorthand.ShorthandError:
        return
    assert parsed
    assert all(parsed)


_TEXTS = st.text(st.characters(codec="utf-8"), max_size=8)


@given(
    st.dictionaries(
        st.from_regex(r"[A-Za-z0-9]{1,6}", fullmatch=True),
        _TEXTS | st.lists(_TEXTS, min_size=2, max_size=3),
        min_size=1,
    )
)
def test_quoted_values_are_not_changed(meant: dict[str, str | list[str]]) -> None:
    def quote(text: str) -> str:
        return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"

    written = ",".join(
        f"{key}={','.join(map(quote, value)) if isinstance(value, list) else quote(value)}"
        for key, value in meant.items()
    )
    assert shorthand.parse(written, no_file) == meant


DECODED: list[tuple[Parameter, Any, Any]] = [
    (Parameter("VpcId", "string", ""), "vpc-1", "vpc-1"),
    (Parameter("RuleNumber", "integer", ""), 100, 100),
    (Parameter("DryRun", "boolean", ""), False, False),
    (IDS, ("a", "b"), ["a", "b"]),
    (IDS, ('["a", "b"]',), ["a", "b"]),
    (FILTERS, ("Name=a", "Name=c,Values=d,e"), [{"Name": "a"}, {"Name": "c", "Values": ["d", "e"]}]),
    (FILTERS, ('{"Name": "a"}', "Name=c,Values=d"), [{"Name": "a"}, {"Name": "c", "Values": ["d"]}]),
    (FILTERS, (' [{"Name": "a", "Values": ["b"]}] ',), [{"Name": "a", "Values": ["b"]}]),
    (PORT_RANGE, "From=1,To=65535", {"From": 1, "To": 65535}),
    (PORT_RANGE, '{"From": 1, "To": 2}', {"From": 1, "To": 2}),
    (
        TAG_SPECIFICATIONS,
        ("ResourceType=vpc,Tags=[{Key=Name,Value=x}]",),
        [{"ResourceType": "vpc", "Tags": [{"Key": "Name", "Value": "x"}]}],
    ),
    (TAG_SPECIFICATIONS, ("ResourceType=vpc,Tags={Key=Name}",), [{"ResourceType": "vpc", "Tags": [{"Key": "Name"}]}]),
    (
        PERMISSIONS,
        ("IpProtocol=icmpv6,FromPort=-1,Ipv6Ranges=[{CidrIpv6=::/0,Description='a, b'}]",),
        [{"IpProtocol": "icmpv6", "FromPort": -1, "Ipv6Ranges": [{"CidrIpv6": "::/0", "Description": "a, b"}]}],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("parameter", "typed", "meant"), DECODED)
def test_values_take_the_type_of_their_parameter(parameter: Parameter, typed: Any, meant: Any) -> None:
    decoded = values.decode(parameter, typed)
    assert decoded == meant
    assert json.dumps(decoded) == json.dumps(meant)  # == alone would take True for 1


REFUSED = [
    (FILTERS, ("Nam=a",), "--filters[0] has no member Nam", "did you mean Name?"),
    (FILTERS, ("Name=a", "X=b"), "--filters[1] has no member X", "its members are Name, Values"),
    (FILTERS, ("tag",), "--filters: = is missing here", "write Name=TEXT,Values=TEXT,…, or JSON"),
    (FILTERS, ('{"Name": 1}',), "--filters[0].Name must be a string, not 1", ""),
    (FILTERS, ('[{"Name": null}]',), "--filters[0].Name must be a string, not null", ""),
    (FILTERS, ("[1]",), "--filters[0] must be a structure, not 1", ""),
    (FILTERS, ("[{]",), "--filters is not valid JSON", "it is [{]"),
    (PORT_RANGE, "From=a", "--port-range.From must be a whole number, not a", ""),
    (PORT_RANGE, '{"From": 1.5}', "--port-range.From must be a whole number, not 1.5", ""),
    (PORT_RANGE, '{"From": true}', "--port-range.From must be a whole number, not true", ""),
    (PORT_RANGE, "From=1,2", '--port-range.From must be a whole number, not ["1", "2"]', ""),
    (IDS, ("[1]",), "--vpc-ids[0] must be a string, not 1", ""),
    (IDS, ("file:///no/such/file",), "cannot read /no/such/file: No such file or directory", ""),
]


@pytest.mark.parametrize(("parameter", "typed", "problem", "hint"), REFUSED)
def test_the_error_for_a_wrong_value_names_its_place(parameter: Parameter, typed: Any, problem: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        values.decode(parameter, typed)
    assert caught.value.message.startswith(problem)
    assert caught.value.hint == hint


def test_values_come_from_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOLDER", str(tmp_path))
    (tmp_path / "filters.json").write_text('[{"Name": "vpc-id", "Values": ["é"]}]', encoding="utf-8")
    (tmp_path / "name").write_text("a,b", encoding="utf-8")
    (tmp_path / "latin").write_bytes(b"\xe9")
    assert values.decode(FILTERS, (f"file://{tmp_path}/filters.json",)) == [{"Name": "vpc-id", "Values": ["é"]}]
    assert values.decode(FILTERS, ("file://$FOLDER/filters.json",)) == [{"Name": "vpc-id", "Values": ["é"]}]
    assert values.decode(FILTERS, (f"Name@=file://{tmp_path}/name",)) == [{"Name": "a,b"}]
    assert values.decode(Parameter("GroupName", "string", ""), f"file://{tmp_path}/name") == "a,b"
    with pytest.raises(UsageError, match="is not UTF-8 text"):
        values.decode(IDS, (f"file://{tmp_path}/latin",))


def test_a_whole_request_is_json() -> None:
    parameters = ACTIONS["CreateNetworkAclEntry"].parameters
    text = '{"RuleNumber": 1, "Egress": false, "Protocol": "6", "PortRange": {"From": 1, "To": 2}}'
    assert values.decode_request(parameters, text) == json.loads(text)
    with pytest.raises(UsageError, match="--cli-input-json has no member Egres"):
        values.decode_request(parameters, '{"Egres": true}')
    with pytest.raises(UsageError, match="--cli-input-json must be a structure, not"):
        values.decode_request(parameters, "[]")


def test_names_convert_to_flags_and_back() -> None:
    names = set(ACTIONS) | {each.name for action in ACTIONS.values() for each in action.parameters}
    assert {camel(kebab(name)) for name in names} == names
    assert kebab("DestinationIpv6CidrBlock") == "destination-ipv6-cidr-block"
    assert kebab("DescribeEgressOnlyInternetGateways") == "describe-egress-only-internet-gateways"
    assert kebab("Ipv6CidrBlock") == "ipv6-cidr-block"
    assert kebab("EnableResourceNameDnsAAAARecordOnLaunch") == "enable-resource-name-dns-aaaa-record-on-launch"
    assert kebab("EnableResourceNameDnsARecordOnLaunch") == "enable-resource-name-dns-a-record-on-launch"


SHORT_RULES: list[tuple[dict[str, str], Any]] = [
    ({}, None),
    ({"protocol": "tcp", "port": "22"}, {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}),
    ({"protocol": "udp", "port": "53-54"}, {"IpProtocol": "udp", "FromPort": 53, "ToPort": 54}),
    ({"protocol": "all"}, {"IpProtocol": "-1"}),
    ({"protocol": "-1", "cidr": "10.0.0.0/8"}, {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}),
    ({"protocol": "132", "port": "all"}, {"IpProtocol": "132", "FromPort": -1, "ToPort": -1}),
    ({"protocol": "ICMP", "port": "8-0"}, {"IpProtocol": "icmp", "FromPort": 8, "ToPort": 0}),
    ({"protocol": "icmp", "port": "-1"}, {"IpProtocol": "icmp", "FromPort": -1, "ToPort": -1}),
    ({"source_group": "sg-1"}, {"UserIdGroupPairs": [{"GroupId": "sg-1"}]}),
    ({"source_group": "web"}, {"UserIdGroupPairs": [{"GroupName": "web"}]}),
]

_FLAGS: dict[str, Any] = dict.fromkeys(("protocol", "port", "cidr", "source_group"))


@pytest.mark.parametrize(("given_flags", "meant"), SHORT_RULES)
def test_the_short_flags_of_a_rule(given_flags: dict[str, str], meant: Any) -> None:
    assert groups.permissions({**_FLAGS, **given_flags}) == (meant and [meant])


@pytest.mark.parametrize(
    ("given_flags", "problem", "hint"),
    [
        ({"protocol": "tpc"}, "tpc is not a valid protocol", "write tcp, udp, icmp, icmpv6, all, or a number"),
        ({"protocol": "256"}, "256 is not a valid protocol", "write tcp"),
        ({"port": "ssh"}, "ssh is not a valid port", "write 22, 8000-8080 or all"),
        ({"port": "1-x"}, "1-x is not a valid port", "write 22"),
        (
            {"protocol": "tcp", "port": "22", "cidr": "::/0"},
            "--cidr takes IPv4 blocks, not ::/0",
            "write --ip-permissions 'IpProtocol=tcp,FromPort=22,ToPort=22,Ipv6Ranges=[{CidrIpv6=::/0}]'",
        ),
    ],
)
def test_wrong_short_flags_are_refused(given_flags: dict[str, str], problem: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        groups.permissions({**_FLAGS, **given_flags})
    assert caught.value.message == problem
    assert caught.value.hint.startswith(hint)


def test_the_hint_for_ipv6_works() -> None:
    with pytest.raises(UsageError) as caught:
        groups.permissions({**_FLAGS, "protocol": "tcp", "port": "22", "cidr": "::/0"})
    written = caught.value.hint.partition("'")[2].rstrip("'")
    ranges = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}
    assert values.decode(PERMISSIONS, (written,)) == [ranges]


def test_quotas() -> None:
    given_quotas = ("egress-only-internet-gateways-per-vpc=2", "tags-per-resource=0")
    expected = Quotas(egress_only_internet_gateways_per_vpc=2, tags_per_resource=0)
    assert limits.settings(strict=True, quotas=given_quotas).quotas == expected
    for wrong, problem in (("tags=1", "no such quota: tags"), ("tags-per-resource=x", "does not give a number")):
        with pytest.raises(UsageError, match=problem):
            limits.settings(strict=False, quotas=(wrong,))


def pages_of(items: list[int], default: int) -> Any:
    """Return an action that answers `items` in pages of at most MaxResults. The token is the index of the next page."""

    def call(request: dict[str, Any]) -> dict[str, Any]:
        start = int(request.get("NextToken", 0))
        end = start + request.get("MaxResults", default)
        following = {"NextToken": str(end)} if end < len(items) else {}
        return {"Things": items[start:end], **following}

    return call


@given(st.integers(0, 12), st.integers(1, 5), st.none() | st.integers(1, 5), st.none() | st.integers(1, 14))
def test_all_pages_together_have_every_item_once(
    count: int, default: int, page_size: int | None, max_items: int | None
) -> None:
    items, call = list(range(count)), pages_of(list(range(count)), default)
    seen: list[int] = []
    token: str | None = None
    for _ in range(count + 1):
        answer = paging.gather(call, {}, paging.Paging(max_items, page_size, token))
        assert max_items is None or len(answer["Things"]) <= max_items
        seen += answer["Things"]
        token = answer.get("NextToken")
        if token is None:
            break
        assert len(answer["Things"]) == max_items
    assert seen == items
    assert token is None


def test_a_request_for_one_page_returns_the_action_s_answer() -> None:
    call = pages_of(list(range(9)), 9)
    assert paging.gather(call, {"MaxResults": 5}, paging.Paging()) == {"Things": [0, 1, 2, 3, 4], "NextToken": "5"}
    assert paging.gather(call, {"NextToken": "5"}, paging.Paging()) == {"Things": [5, 6, 7, 8]}
    assert paging.is_paged(PAGING)
    assert not paging.is_paged(PAGING[:1])
    with pytest.raises(UsageError, match="request a single page"):
        given = {"max_items": 1, "page_size": None, "starting_token": None, "no_paginate": False}
        paging.take(given, {"MaxResults": 5})


@pytest.mark.parametrize("token", ["", "x", "bm8=", "e30=", "W10=", "eyJOZXh0VG9rZW4iOiBudWxsfQ=="])
def test_a_token_of_another_kind_is_refused(token: str) -> None:
    with pytest.raises(UsageError, match="is not a valid --starting-token"):
        paging.gather(pages_of([1], 1), {}, paging.Paging(starting_token=token))

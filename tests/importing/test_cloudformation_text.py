"""The text of a template: YAML and JSON, and text that is neither, or hostile. Each error has a place and a remedy."""

from __future__ import annotations

import time

import pytest

from eigw_ns.errors import DesignError
from eigw_ns.importing.options import Options
from eigw_ns.importing.sources.cloudformation import read_template
from eigw_ns.importing.sources.cloudformation.text import read_text
from eigw_ns.topology.tree import plain
from tests.support.slowness import SLOWNESS

VPC = "{Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}"


def read(text: str) -> object:
    return plain(read_text(text.encode(), "net.yaml"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: !Ref B", {"a": {"Ref": "B"}}),
        ("a: !Condition B", {"a": {"Condition": "B"}}),
        ("a: !GetAtt B.C", {"a": {"Fn::GetAtt": "B.C"}}),
        ("a: !Select [0, !Split [',', !Ref B]]", {"a": {"Fn::Select": [0, {"Fn::Split": [",", {"Ref": "B"}]}]}}),
        ("a: ::/0", {"a": "::/0"}),
        ("a: [!Ref AWS::NoValue]", {"a": [{"Ref": "AWS::NoValue"}]}),
        ("a: {Type: AWS::EC2::VPC}", {"a": {"Type": "AWS::EC2::VPC"}}),
        ("a: [yes, No, on, OFF, true]", {"a": [True, False, True, False, True]}),
        ("a: [1, -1, 012, 1.50, 2010-09-09, 1e3]", {"a": [1, -1, "012", "1.50", "2010-09-09", "1e3"]}),
        ("a: [~, null, '']", {"a": [None, None, ""]}),
        ("a: !!str 1", {"a": "1"}),
        ("a: &x [1]\nb: *x", {"a": [1], "b": [1]}),
        ('{"a": "x\\/y", "b": [1, true, null]}', {"a": "x/y", "b": [1, True, None]}),
        ('{"a": "\\ud83d\\ude00 \\u00e9 \\\\ud83d"}', {"a": "\U0001f600 é \\ud83d"}),
        ('{\n\t"a":\t1\n}', {"a": 1}),
        ("\ufeffa: 1", {"a": 1}),
        ("%YAML 1.1\n---\na: 1", {"a": 1}),
    ],
)
def test_text_is_read(text: str, expected: object):
    assert read(text) == expected


def test_lines_are_those_of_the_text():
    text = '{\n "a": "x\\/y",\n "b": {\n  "c": 1\n }\n}'
    root = read_text(text.encode(), "net.json")
    assert root.lines == {"a": 2, "b": 3}
    flow = read_text(b"a: 1\nb: {Type: AWS::EC2::VPC,\n  c: !Ref AWS::Region}\nd: 1", "net.yaml")
    assert flow.lines == {"a": 1, "b": 2, "d": 4}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"", "the file is empty; give a template with a section Resources"),
        (b"# nothing\n", "the file is empty"),
        (b"[]", "the file is a list, not a mapping; write sections at the top level"),
        (b"text", "the file is a single value, not a mapping"),
        (b"\xff\xfe", "this is not UTF-8 text (got byte 0xff); save it as plain UTF-8 text"),
        (b"a: b\x00c", "the file has a control character (got U+0000)"),
        (b"\x7fELF\x02\x01\x01\x00", "the file has a control character"),
        (b"a: 1\na: 2", "net.yaml:2: the key a is written twice, first on line 1; keep one of them"),
        (b'{"Resources": {"V": {}, "V": {}}}', "the key V is written twice"),
        (b"a: *b", "the alias *b has no anchor before it"),
        (b"a: &a [*a]", "the alias *a is inside its own anchor"),
        (b"<<: {a: 1}", "CloudFormation does not read merge keys (got <<); write the keys out"),
        (b"? [a]\n: b", "a key must be plain text"),
        (b"a: !!binary aGk=", "this YAML tag is not one of CloudFormation's (got !!binary); remove it"),
        (b"a: !!python/object:os.system x", "this YAML tag is not one of CloudFormation's"),
        (b"a: !Rain::Embed x", "this YAML tag is not one of CloudFormation's (got !Rain::Embed)"),
        (b"a: 1\n---\nb: 1", "a second document begins here; write each template to its own file"),
        (b"%YAML 2.0\n---\na: 1", "YAML"),
        (b"a:\n\t- b", "YAML does not allow tabs here; indent with spaces"),
        (b"a: [", "this is not valid YAML"),
        (b'{"a": 1', "this is not valid YAML"),
        (b'a: "\\U99999999"', "an escape sequence is not valid"),
        (b'a: "\\ud83d"', "an escape stands for half of a character"),
        (b'{"\\ud83d": 1}', "an escape stands for half of a character"),
        (b"a: " + b"[" * 100 + b"]" * 100, "the file is nested more than 64 levels deep; check the brackets"),
        (b"a: " + b"!Not [" * 70 + b"]" * 70, "the file is nested more than 64 levels deep"),
        (b"a" * (1 << 20) + b"a", "a template can have at most 1,048,576"),
        (b"a: 1", "the template has no resources; give a template with a section Resources"),
        (b"Resources: {}", "the template has no resources"),
        (b"Resources: []", "the section Resources is not a mapping"),
        (b"Parameters: 1\nResources: {V: {Type: T}}", "net.yaml:1: the section Parameters is not a mapping"),
        (b"Resources:\n  V: 1", "net.yaml:2: the resource V is not a mapping; write Type and Properties below it"),
        (
            b"Resources:\n  'a b': {Type: T}",
            "net.yaml:2: a b is not a valid name of a resource; use letters and digits",
        ),
        (b'{"Resources": {"a\\nb": {"Type": "T"}}}', "a\\nb is not a valid name of a resource"),
        (b"Resources: {V: {Type: T}}\nParameters: {'': {}}", "an empty text is not a valid name of a parameter"),
        (b"Resources:\n  V: {}", "net.yaml:2: the resource V has no Type"),
        (b"Resources:\n  V: {Type: [a]}", "the resource V has no Type"),
        (b"Resources:\n  V:\n    Type: T\n    Properties: 1", "net.yaml:4: the Properties of the resource V are not"),
        (b"Resources:\n  V:\n    Type: T\n    Condition: [a]", "net.yaml:4: the Condition of the resource V is not"),
    ],
)
def test_text_that_is_not_a_template_is_an_error_with_a_remedy(text: bytes, problem: str):
    with pytest.raises(DesignError) as caught:
        read_template(text, "net.yaml", Options())
    assert problem in str(caught.value)
    assert str(caught.value).startswith("net.yaml")
    assert all(mistake.remedy for mistake in caught.value.mistakes)


def test_aliases_that_multiply_are_an_error():
    laughs = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    laughs += [f"a{n + 1}: &a{n + 1} [{', '.join([f'*a{n}'] * 10)}]" for n in range(8)]
    with pytest.raises(DesignError, match="more than 200,000 values with its aliases expanded; write fewer values"):
        read("\n".join(laughs))


def _large(resources: int) -> str:
    group = "{Type: AWS::EC2::SecurityGroup, Properties: {VpcId: !Ref V, GroupDescription: %s}}"
    body = "".join(f"  G{number}: {group % ('x' * 200)}\n" for number in range(resources))
    script = "".join(f"          echo line {number} of a long script: '{{a}}' \"b\"\n" for number in range(3000))
    user_data = f"  I:\n    Type: AWS::EC2::Instance\n    Properties:\n      UserData:\n        Fn::Base64: |\n{script}"
    return f"Resources:\n  V: {VPC}\n{body}{user_data}"


@pytest.mark.alone
def test_a_template_of_300_kb_is_read_in_less_than_a_second():
    text = _large(600).encode()
    assert 300_000 <= len(text) <= 400_000
    begin = time.perf_counter()
    found = read_template(text, "net.yaml", Options())
    assert time.perf_counter() - begin < SLOWNESS
    assert len(found.groups) == 600


LIST = ", ".join("ab" for _ in range(1000))


def repeated(resource: str, times: int) -> str:
    return "".join(resource.replace("#", str(number)) for number in range(times))


def listed(element: str, times: int) -> str:
    elements = "".join(element.replace("#", f"{number:x}") for number in range(times))
    return f"  C: {{Type: 'Custom::X', Properties: {{L: [{elements} a]}}}}\n"


ENTRIES = "{Cidr: 10.0.0.0/8}, " * 2000
HOSTILE = {
    "unknown names": repeated("  R#: {Type: 'AWS::EC2::Route', Properties: {RouteTableId: !Ref Tt#}}\n", 3000),
    "open variables": f"  S: {{Type: AWS::EC2::VPC, Properties: {{CidrBlock: !Sub '{'${' * 200_000}'}}}}\n",
    "open dynamic references": f"  S: {{Type: AWS::EC2::VPC, Properties: {{CidrBlock: '{'{{resolve:' * 80_000}'}}}}\n",
    "long lists of lists": listed("!Ref P, ", 10_000),
    "long splits": listed("!Split [b, !Ref Q], ", 5_000),
    "many blocks": listed("!Cidr ['2001:db8:#::/56', 256, 64], ", 5_000),
    "many custom resources": repeated("  C#: {Type: 'Custom::X', Properties: {G: !Ref G#}}\n", 2000)
    + repeated("  G#: {Type: 'AWS::EC2::InternetGateway'}\n", 2000),
    "many uses of a prefix list": f"  L: {{Type: AWS::EC2::PrefixList, Properties: {{Entries: [{ENTRIES}]}}}}\n"
    + repeated("  R#: {Type: 'AWS::EC2::Route', Properties: {DestinationPrefixListId: !Ref L, GatewayId: i}}\n", 1000),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_template_that_wants_much_work_ends_soon(name: str):
    types = {"P": "CommaDelimitedList", "Q": "String"}
    rows = (f"  {each}: {{Type: {kind}, Default: '{LIST}'}}\n" for each, kind in types.items())
    before = f"Parameters:\n{''.join(rows)}"
    begin = time.perf_counter()
    try:
        found = read_template(f"{before}Resources:\n{HOSTILE[name]}".encode(), "net.yaml", Options())
        assert found.messages or found.routes
    except DesignError as error:
        assert "net.yaml: the design takes more than 500,000 steps to evaluate; give a part of it" in str(error)
    assert time.perf_counter() - begin < 10 * SLOWNESS

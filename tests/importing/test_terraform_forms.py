"""All forms of one Terraform design give the same lab, whatever the ids and the order of sets. Nothing crashes."""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eigw_ns.errors import EigwError
from eigw_ns.importing.design import Design
from eigw_ns.importing.options import Options
from eigw_ns.importing.resolve.choices import Choices
from eigw_ns.importing.resolve.imported import imported
from eigw_ns.importing.sources.terraform import hcl, read_plan, read_state, read_test_state
from eigw_ns.topology.encode import to_data
from tests.support.terraform import mocked, plan, planned, recorded, resource, shown, state_line

READERS: dict[str, Callable[[bytes, Options], Design]] = {
    "state.json": read_state, "mocked.jsonl": read_test_state, "plan.json": read_plan,
}  # fmt: skip


def lab(design: Design) -> str:
    """Return the lab of a design as a file, without the third and fourth group of documentation addresses."""
    found = imported(design, Choices(lab="x"))
    assert found.topology is not None
    return re.sub(r"2001:db8:aa0:\w+::", "BLOCK::", json.dumps(to_data(found.topology), indent=1))


@pytest.mark.parametrize("name", ["tf-1", "tf-2"])
def test_state_and_mock_give_the_same_lab_but_for_blocks(name: str) -> None:
    real, mock = (lab(READERS[file](recorded(f"{name}/{file}"), Options())) for file in ("state.json", "mocked.jsonl"))
    assert "BLOCK::" in real
    assert [line for line in real.splitlines() if "availability_zone" not in line] == [
        line for line in mock.splitlines() if "availability_zone" not in line
    ]


def shuffled(found: Any, chance: random.Random) -> Any:
    """Return a tree in which every list and object has another order."""
    if isinstance(found, list):
        inner = [shuffled(each, chance) for each in found]
        return chance.sample(inner, len(inner))
    if isinstance(found, dict):
        return {key: shuffled(found[key], chance) for key in chance.sample(list(found), len(found))}
    return found


MANY: list[dict[str, Any]] = [
    resource("aws_vpc.this", assign_generated_ipv6_cidr_block=True, ipv6_cidr_block="2001:db8:aa0:5500::/56"),
    *(resource(f"aws_subnet.s[{n}]", vpc_id="aws_vpc.this", ipv6_cidr_block=f"2001:db8:aa0:55{n:02}::/64")
      for n in (2, 10)),
    resource("aws_route_table.t", vpc_id="aws_vpc.this",
             route=[{"ipv6_cidr_block": f"2001:db8:{n}::/48", "gateway_id": "igw-0123456789abcdef"} for n in range(5)]),
    resource("aws_network_acl.a", vpc_id="aws_vpc.this", subnet_ids=["aws_subnet.s[2]", "aws_subnet.s[10]"],
             ingress=[{"rule_no": n, "protocol": "-1", "action": "allow", "cidr_block": "0.0.0.0/0"} for n in range(5)]
             + [{"rule_no": 9, "protocol": "nonsense", "action": "allow", "cidr_block": "0.0.0.0/0"}]),
    resource("aws_security_group.g", vpc_id="aws_vpc.this",
             ingress=[{"protocol": "tcp", "from_port": n, "to_port": n, "ipv6_cidr_blocks": ["::/0", "2001:db8::/32"]}
                      for n in range(5)] + [{"protocol": "-1", "security_groups": ["aws_security_group.g"]}]),
    resource("aws_instance.i", subnet_id="aws_subnet.s[2]", vpc_security_group_ids=["aws_security_group.g"]),
    resource("aws_lb.l", subnets=["aws_subnet.s[2]", "aws_subnet.s[10]"]),
]  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
def test_the_order_in_a_file_decides_nothing(seed: int) -> None:
    usual = mocked(*MANY)
    assert [each.label.name for each in usual.subnets] == ["s-2", "s-10"]
    line = json.loads(state_line(*MANY))
    line["test_state"] = shuffled(line["test_state"], random.Random(seed))
    assert read_test_state(json.dumps(line).encode(), Options()) == usual


EXAMPLES = [recorded(f"{name}/{file}") for name in ("tf-1", "tf-2") for file in READERS]
SCRAP: list[Any] = [
    None, True, -1, 2**70, 1.5, "", "x", "::/0", "10.0.0.0/8", "0.0.0.0/0", "local", [], {}, [None], [[]], {"a": None},
    "aws_vpc.this", ["aws_vpc.this"], "-1", "58", "\x00", "\ud800", "fe80::%x/64",
    [{"references": ["var.a", "module.a.b"]}],
]  # fmt: skip


def read_anything(data: bytes) -> None:
    """Read bytes with every reader. Each gives a design that a lab can be made of, or an error with a remedy."""
    for read in READERS.values():
        try:
            design = read(data, Options())
        except EigwError as error:
            assert error.hint, error
        else:
            assert all(str(message) for message in design.messages)


def mutated(tree: Any, chance: random.Random) -> None:
    """Change a few values at random places of a tree."""
    for _ in range(chance.randint(1, 4)):
        here = tree
        while True:
            keys = list(here) if isinstance(here, dict) else list(range(len(here)))
            if not keys:
                break
            key = chance.choice(keys)
            if not isinstance(here[key], dict | list) or not here[key] or chance.random() < 0.1:
                here[key] = copy.deepcopy(chance.choice(SCRAP))
                break
            here = here[key]


def fuzz(seed: int) -> None:
    chance = random.Random(seed)
    tree = json.loads(chance.choice(EXAMPLES))
    mutated(tree, chance)
    data = json.dumps(tree).encode()
    read_anything(data[: chance.randint(0, len(data))] if chance.random() < 0.1 else data)


SOME = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
MANY_EXAMPLES = settings(max_examples=6_000, suppress_health_check=[HealthCheck.too_slow])


@SOME
@given(st.integers(0, 2**32))
def test_a_changed_file_is_read_or_refused(seed: int) -> None:
    fuzz(seed)


@pytest.mark.nightly
@pytest.mark.timeout(1800)
@MANY_EXAMPLES
@given(st.integers(0, 2**32))
def test_many_changed_files_are_read_or_refused(seed: int) -> None:
    fuzz(seed)


@SOME
@given(st.binary(max_size=200))
def test_bytes_are_read_or_refused(data: bytes) -> None:
    read_anything(data)


@SOME
@given(st.text('a"${}%\\\n<E=-[](),# /*x', max_size=200))
def test_any_text_has_blocks(text: str) -> None:
    hcl.blocks(text)


def test_deep_and_long_texts_have_blocks() -> None:
    for text in ("a {\n" * 15_000, 'x = "${' * 15_000, "[" * 60_000, 'a = "' + "${a}" * 15_000 + '"', "/*" * 100_000):
        hcl.blocks(text)


def test_a_large_state_takes_less_than_seconds() -> None:
    subnets = [
        resource(f"aws_subnet.s[{n}]", vpc_id="aws_vpc.this", ipv6_cidr_block=f"2001:db8:aa0:{n:x}::/64")
        for n in range(2000)
    ]
    links = [
        resource(
            f"aws_route_table_association.a[{n}]", subnet_id=f"aws_subnet.s[{n}]", route_table_id="aws_route_table.t"
        )
        for n in range(2000)
    ]
    data = shown(resource("aws_vpc.this"), resource("aws_route_table.t", vpc_id="aws_vpc.this"), *subnets, *links)
    design = read_state(data, Options())
    assert len(design.table_associations) == 2000


def test_a_large_plan_takes_less_than_seconds() -> None:
    resources = [planned("aws_vpc.this", {"ipv6_cidr_block": None}, assign_generated_ipv6_cidr_block=True)]
    vpc = {"vpc_id": ["aws_vpc.this.id", "aws_vpc.this"]}
    resources += [planned(f"aws_route_table.t[{n}]", vpc) for n in range(200)]
    resources += [planned(f"aws_subnet.s{n}", {**vpc, "ipv6_cidr_block": ["local.x"]}) for n in range(200)]
    for n in range(200):
        names = {"subnet_id": [f"aws_subnet.s{n}.id"], "route_table_id": [f"aws_route_table.t[{n}].id"]}
        resources.append(planned(f"aws_route_table_association.a{n}", names))
    design = read_plan(plan(*resources), Options())
    assert len(design.table_associations) == 200
    assert [message for message in design.messages if message.level == "refuse"] == []

"""What a design says that a subnet is for: the signals, their order, and texts that say nothing."""

import pytest

from eigw_ns.importing.design import DesignSubnet, Key, Label, Outside
from eigw_ns.importing.intent import stated_intent
from eigw_ns.importing.messages import Place


def _subnet(name="a", public_addresses=False, **tags) -> DesignSubnet:
    label = Label(Key("k"), Place(name), name, tuple((key.replace("__", "/"), value) for key, value in tags.items()))
    return DesignSubnet(label, Outside("vpc"), map_public_ip_on_launch=public_addresses)


def _said(subnet: DesignSubnet) -> tuple[str, str] | None:
    found = stated_intent(subnet)
    return (found.purpose, found.why) if found else None


@pytest.mark.parametrize(
    "name, purpose",
    [
        ("app-private", "private"),
        ("VpcPublicSubnet1Subnet", "public"),
        ("private[0]", "private"),
        ("ISOLATED_b", "isolated"),
    ],
)
def test_the_name_states_what_a_subnet_is_for(name, purpose):
    assert _said(_subnet(name)) == (purpose, "name")


@pytest.mark.parametrize("name", ["app", "nonpublic", "non-public", "not_public", "republic", "public-to-private", ""])
def test_a_name_without_one_clear_word_states_nothing(name):
    assert _said(_subnet(name)) is None


def test_the_last_step_of_the_name_tag_comes_before_the_logical_id():
    assert _said(_subnet("Private1", Name="PublicStack/Vpc/isolatedSubnet1")) == ("isolated", "name")
    assert _said(_subnet("Private1", Name="PublicStack/Vpc/front")) == ("private", "name")


def test_the_signals_are_asked_in_their_order():
    tags = {"aws-cdk:subnet-type": "Isolated", "Reach": "Private", "kubernetes.io/role/elb": "1"}
    subnet = _subnet("a", public_addresses=True, **tags)
    assert _said(subnet) == ("isolated", "tag aws-cdk:subnet-type")
    del tags["aws-cdk:subnet-type"]
    assert _said(_subnet("a", public_addresses=True, **tags)) == ("private", "tag Reach")
    del tags["Reach"]
    assert _said(_subnet("a", **tags)) == ("public", "tag kubernetes.io/role/elb")
    assert _said(_subnet("a", public_addresses=True)) == ("public", "MapPublicIpOnLaunch")
    assert _said(_subnet("a")) is None


def test_a_tag_of_another_key_states_nothing():
    assert _said(_subnet("a", Environment="public", Owner="private-team")) is None


def test_a_kubernetes_tag_that_is_off_states_nothing():
    assert _said(_subnet("a", **{"kubernetes.io/role/elb": "0"})) is None
    assert _said(_subnet("a", **{"kubernetes.io/role/internal-elb": ""})) == (
        "private",
        "tag kubernetes.io/role/internal-elb",
    )

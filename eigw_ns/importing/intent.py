"""What a design itself says a subnet is meant for: its name, its tags, its attributes. Routes say what it is.

Frequencies in 191 subnets of public designs: name 101, `aws-cdk:subnet-type` 32, another tag 22, Kubernetes' tags 4,
the attribute alone 2, nothing 30.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Literal

from eigw_ns.frozen import frozen
from eigw_ns.importing.design import DesignSubnet

Purpose = Literal["public", "private", "isolated", "inbound only"]
"""`public`: both directions are open. `private`: only outbound. `isolated`: neither."""


POLICY = "policy"
"""The signal of an intent that the reviewer states, not the design."""


@frozen
class Intent:
    """Whether the internet may begin connections to a subnet (`inbound`), and the subnet to the internet (`outbound`).

    `why` is the signal in words, such as `tag Reach`.
    """

    inbound: bool
    outbound: bool
    why: str

    @property
    def by_policy(self) -> bool:
        """Whether the reviewer states it. A design's own words are weaker."""
        return self.why == POLICY

    @property
    def purpose(self) -> Purpose:
        """The word for both directions."""
        if self.inbound:
            return "public" if self.outbound else "inbound only"
        return "private" if self.outbound else "isolated"


_OPEN = {"public": (True, True), "private": (False, True), "isolated": (False, False)}
_WORD = re.compile(r"(?<!re)(?<!non)(?<!not)(?<!non[-_ ])(?<!not[-_ ])(public|private|isolated)", re.IGNORECASE)
_CDK = "aws-cdk:subnet-type"
_TAGS = frozenset({"reach", "tier", "type", "subnettype", "network", "access", "visibility", "exposure"})
"""Keys of tags that state a purpose, in lower case and without `-`, `_` and spaces."""

_KUBERNETES = (("kubernetes.io/role/internal-elb", "private"), ("kubernetes.io/role/elb", "public"))
_NAME = "Name"


def stated_intent(subnet: DesignSubnet) -> Intent | None:
    """Return what the design says by its first signal; None if it says nothing.

    The signals are, in this order: the name, CDK's tag, other tags of a known key, Kubernetes' tags,
    MapPublicIpOnLaunch. A text with two different words says nothing.
    """
    found = (each for signal in _SIGNALS for each in signal(subnet))
    return next((Intent(*_OPEN[purpose], why) for purpose, why in found), None)


_Signals = Iterator[tuple[str, str]]


def _by_name(subnet: DesignSubnet) -> _Signals:
    tagged = dict(subnet.label.tags).get(_NAME, "").rpartition("/")[2]
    for text in (tagged, subnet.label.name):
        yield from _stated(text, "name")


def _by_cdk(subnet: DesignSubnet) -> _Signals:
    yield from _stated(dict(subnet.label.tags).get(_CDK, ""), f"tag {_CDK}")


def _by_tag(subnet: DesignSubnet) -> _Signals:
    for key, value in subnet.label.tags:
        if re.sub("[-_ ]", "", key.lower()) in _TAGS:
            yield from _stated(value, f"tag {key}")


def _by_kubernetes(subnet: DesignSubnet) -> _Signals:
    tags = dict(subnet.label.tags)
    yield from ((purpose, f"tag {key}") for key, purpose in _KUBERNETES if tags.get(key, "0") != "0")


def _by_attribute(subnet: DesignSubnet) -> _Signals:
    if subnet.map_public_ip_on_launch:
        yield "public", "MapPublicIpOnLaunch"


_SIGNALS: tuple[Callable[[DesignSubnet], _Signals], ...] = (_by_name, _by_cdk, _by_tag, _by_kubernetes, _by_attribute)


def _stated(text: str, why: str) -> _Signals:
    words = {word.lower() for word in _WORD.findall(text)}
    if len(words) == 1:
        yield words.pop(), why

"""One name, two spellings: `VpcId` in the API is `--vpc-id` on the command line, `DescribeVpcs` is `describe-vpcs`."""

from __future__ import annotations

import re

_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def kebab(name: str) -> str:
    """The API's name as aws-cli spells it: `DestinationIpv6CidrBlock` becomes `destination-ipv6-cidr-block`."""
    return _WORD.sub("-", name).lower()


def camel(word: str) -> str:
    """The API's name of what aws-cli spells `word`: the way back from `kebab`."""
    return "".join(part.capitalize() for part in word.split("-"))

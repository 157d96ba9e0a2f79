"""Convert names between the EC2 API and aws-cli: `VpcId` is `--vpc-id`, `DescribeVpcs` is `describe-vpcs`."""

from __future__ import annotations

import re

_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_CAPITALS = {"aaaa": "AAAA"}


def kebab(name: str) -> str:
    """Return the aws-cli spelling of an API name: `destination-ipv6-cidr-block` for `DestinationIpv6CidrBlock`."""
    return _WORD.sub("-", name).lower()


def camel(word: str) -> str:
    """Return the API name that aws-cli spells `word`. The inverse of `kebab`."""
    return "".join(_CAPITALS.get(part, part.capitalize()) for part in word.split("-"))

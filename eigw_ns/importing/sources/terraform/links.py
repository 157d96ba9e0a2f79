"""Which resource an id means. Ids of mocks are random, so they only link; they reach no text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from eigw_ns.frozen import frozen
from eigw_ns.importing.design import Key, Link, Outside
from eigw_ns.importing.sources.terraform.resources import Resource

Sort = Literal["vpc", "subnet", "table", "acl", "group", "internet", "egress-only", "nat", "vpn", "endpoint", "list",
               "interface", "instance", "template", "subnet group"]  # fmt: skip

SORTS: Mapping[str, Sort] = {
    "aws_vpc": "vpc",
    "aws_default_vpc": "vpc",
    "aws_subnet": "subnet",
    "aws_default_subnet": "subnet",
    "aws_route_table": "table",
    "aws_default_route_table": "table",
    "aws_network_acl": "acl",
    "aws_default_network_acl": "acl",
    "aws_security_group": "group",
    "aws_default_security_group": "group",
    "aws_internet_gateway": "internet",
    "aws_egress_only_internet_gateway": "egress-only",
    "aws_nat_gateway": "nat",
    "aws_vpn_gateway": "vpn",
    "aws_vpc_endpoint": "endpoint",
    "aws_ec2_managed_prefix_list": "list",
    "aws_network_interface": "interface",
    "aws_instance": "instance",
    "aws_launch_template": "template",
    "aws_db_subnet_group": "subnet group",
    "aws_elasticache_subnet_group": "subnet group",
}
"""What each type of resource is, for the arguments of others that name it by its id."""

_WEAK = frozenset({"template", "subnet group"})
"""Sorts that decide about no packet, and of which mocks give all the same id."""

ABSENT = Outside("a resource that the source does not hold")
_AWS_ID = re.compile(r"(?:[a-z]{1,12}-[0-9a-f]{8,17}|arn:[\x21-\x7e]{1,200})\Z")
_MOCK_ARN = ":eigw-ns-mock"


@frozen
class Links:
    """The keys of resources by what they are and their id, and the addresses of data sources by their id."""

    keys: Mapping[tuple[Sort, str], Key]
    data: Mapping[str, str]

    def link(self, sort: Sort, text: str) -> Link:
        """Return what an argument refers to."""
        found = self.keys.get((sort, text))
        return found if found is not None else self.outside(text)

    def known(self, sort: Sort, text: str) -> Key | None:
        """Return the resource of this source that has the id; None if none has it."""
        return self.keys.get((sort, text)) if text else None

    def outside(self, text: str) -> Outside:
        """Return a name for something that the source does not hold: its data source, its id, or a general one."""
        if text in self.data:
            return Outside(self.data[text])
        return Outside(text) if _AWS_ID.match(text) and _MOCK_ARN not in text else ABSENT


def links(resources: Iterable[Resource]) -> tuple[Links, tuple[tuple[Resource, Resource], ...]]:
    """Return the links by the ids of the resources, and the pairs of resources with the same id."""
    keys: dict[tuple[Sort, str], Resource] = {}
    data: dict[str, str] = {}
    doubles = []
    for resource in resources:
        if resource.data:
            data.setdefault(resource.body.text("id"), resource.address)
        for sort, text in _ids(resource):
            if (first := keys.setdefault((sort, text), resource)) is not resource and sort not in _WEAK:
                doubles.append((first, resource))
    data.pop("", None)
    return Links({each: resource.key for each, resource in keys.items()}, data), tuple(doubles)


def _ids(resource: Resource) -> Iterator[tuple[Sort, str]]:
    sort = None if resource.data else SORTS.get(resource.type)
    if sort is not None:
        texts = (resource.body.text(name) for name in ("id", *_OTHER_IDS.get(resource.type, ())))
        yield from ((sort, text) for text in dict.fromkeys(texts) if text)
    if resource.type == "aws_instance" and not resource.data:
        yield from (("interface", text) for text in (resource.body.text("primary_network_interface_id"),) if text)


_OTHER_IDS = {
    "aws_default_route_table": ("default_route_table_id",),
    "aws_default_network_acl": ("default_network_acl_id",),
}
"""Arguments that hold the id of what the resource adopts. In a mocked state it differs from `id`."""

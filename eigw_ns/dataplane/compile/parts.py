"""The parts of a lab: what is compiled at a time, and again only if something that it is made from has changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from eigw_ns.cloud.model import Cloud, Instance
from eigw_ns.dataplane.compile import gateways

Part = tuple[str, str]
"""A kind of part and the id of its resource. A part holds objects in the resource's namespaces, and in those beside."""

GATEWAY = "gateway"


def parts(cloud: Cloud, beside: Iterable[str]) -> Iterator[Part]:
    """Yield the parts of the lab, in the order in which their objects are made.

    `cloud` is the IPv6 part of the lab's. `beside` are the ids of the instances without IPv6.
    """
    if not cloud.vpcs and not cloud.hosts:
        return
    yield "internet", cloud.lab
    yield from (("way back", each) for each in cloud.subnets)
    yield from (("fabric", each) for each in cloud.vpcs)
    yield from ((GATEWAY, each.id) for each in gateways.attached(cloud))
    yield from (("subnet", each) for each in cloud.subnets)
    yield from (("instance", each) for each in cloud.instances)
    yield from (("unlinked", each) for each in beside)
    yield from (("host", each) for each in cloud.hosts)


def unlinked(cloud: Cloud, linked: Cloud) -> Mapping[str, Instance]:
    """Return the instances without IPv6, which have only a namespace. `linked` is the IPv6 part of the cloud."""
    if linked is cloud:
        return {}
    return {key: each for key, each in cloud.instances.items() if key not in linked.instances}

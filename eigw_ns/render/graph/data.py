"""A document as JSON: what `graph -o json` prints, and what the console's script reads."""

from __future__ import annotations

from typing import Any

from eigw_ns.render.graph.document import (
    Document,
    GraphGateway,
    GraphInstance,
    GraphRoute,
    GraphSubnet,
    GraphVpc,
    Replica,
)
from eigw_ns.render.graph.marks import NO_MARKS, Marks


def data(document: Document, marks: Marks = NO_MARKS) -> dict[str, Any]:
    """Return the document as plain data. What nobody has looked at is absent, and never a guess."""
    found: dict[str, Any] = {
        "lab": document.lab,
        "vpcs": [_vpc(vpc) for vpc in document.vpcs],
        "hosts": [{"id": host.id, "name": host.name, "address": host.address} for host in document.hosts],
    }
    if marks.reachable:
        found["reachable"] = dict(sorted(marks.reachable.items()))
    if marks.drift is not None:
        found["drift"] = dict(sorted(marks.drift.items()))
    if marks.path:
        hops = [{"node": hop} for hop in marks.path.nodes]
        found["path"] = {"outcome": marks.path.outcome, "reason": marks.path.reason, "hops": hops}
    return found


def _vpc(vpc: GraphVpc) -> dict[str, Any]:
    return {
        "id": vpc.id,
        "name": vpc.name,
        "cidr": vpc.cidrs[0] if vpc.cidrs else None,
        "cidrs": list(vpc.cidrs),
        "subnets": [_subnet(subnet) for subnet in vpc.subnets],
        "gateways": [_gateway(gateway) for gateway in vpc.gateways],
    }


def _subnet(subnet: GraphSubnet) -> dict[str, Any]:
    table = subnet.table
    return {
        "id": subnet.id,
        "name": subnet.name,
        "cidr": subnet.cidr,
        "acl": subnet.acl,
        "explicit": table.explicit,
        "table": {
            "id": table.id,
            "name": table.name,
            "main": table.main,
            "routes": [_route(route) for route in table.routes],
        },
        "instances": [_instance(instance) for instance in subnet.instances],
    }


def _route(route: GraphRoute) -> dict[str, Any]:
    return {
        "destination": str(route.destination),
        "target": route.target_id,
        "target_text": route.target,
        "state": route.state,
        "drops": bool(route.end),
    }


def _instance(instance: GraphInstance) -> dict[str, Any]:
    return {
        "id": instance.id,
        "name": instance.name,
        "address": instance.address,
        "groups": list(instance.groups),
        "state": instance.state,
    }


def _gateway(gateway: GraphGateway) -> dict[str, Any]:
    shape: dict[str, Any] = {"id": gateway.id, "name": gateway.name, "kind": gateway.kind}
    shape["replicas"] = [_replica(replica) for replica in gateway.replicas]
    return shape if gateway.refused is None else {**shape, "refused": gateway.refused}


def _replica(replica: Replica) -> dict[str, Any]:
    shape = {"number": replica.number, "in_service": replica.in_service, "flows": replica.flows}
    return {key: value for key, value in shape.items() if value is not None}

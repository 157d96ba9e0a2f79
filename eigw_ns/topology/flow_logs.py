"""Flow logs, to and from plain data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eigw_ns.cloud import ids
from eigw_ns.cloud.flow_logs import FlowLog
from eigw_ns.cloud.model import Cloud
from eigw_ns.topology.data import Data, Scope, body_of, key_of, named, tags_of


def flow_logs(data: Mapping[str, Any], scope: Scope, vpc_id: str) -> dict[str, FlowLog]:
    """Return the flow logs of a VPC that `data` describes, by id."""
    return {
        log_id: FlowLog(log_id, name, vpc_id, body.get("traffic_type", "ALL"), tags_of(body))
        for log_id, name, body in named(data, "flow_logs", ids.FLOW_LOG, scope)
    }


def flow_logs_data(cloud: Cloud, scope: Scope, vpc_id: str) -> Data:
    """Return the flow logs of a VPC as plain data."""
    found = {
        key_of(ids.FLOW_LOG, scope, each.id, each.name): body_of(traffic_type=each.traffic_type, tags=dict(each.tags))
        for each in cloud.flow_logs.values()
        if each.vpc_id == vpc_id
    }
    return dict(sorted(found.items()))

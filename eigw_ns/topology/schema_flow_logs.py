"""The structure of flow logs in a topology file."""

from __future__ import annotations

from typing import get_args

from pydantic import Field

from eigw_ns.cloud.flow_logs import TrafficType
from eigw_ns.topology.schema_base import Tagged


class FlowLogFile(Tagged):
    """A flow log of AWS: gateways of the VPC count what passes, and its routers log what they refuse."""

    traffic_type: str = Field(
        "ALL",
        description="ACCEPT is for what passes only, REJECT for what is refused only",
        json_schema_extra={"enum": [*get_args(TrafficType)]},
    )

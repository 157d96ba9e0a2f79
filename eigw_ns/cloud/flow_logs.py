"""Flow logs of AWS: records of the traffic of a VPC. Source: AWS, "Logging IP traffic using VPC Flow Logs",
https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs.html
"""

from __future__ import annotations

from typing import Literal

from eigw_ns.frozen import frozen

TrafficType = Literal["ACCEPT", "REJECT", "ALL"]


@frozen
class FlowLog:
    """A flow log of a VPC: it makes the VPC's gateways count flows, or its routers log what they refuse, or both."""

    id: str
    name: str
    vpc_id: str
    traffic_type: TrafficType = "ALL"
    tags: tuple[tuple[str, str], ...] = ()

    @property
    def accepted(self) -> bool:
        """Whether it records what passes."""
        return self.traffic_type != "REJECT"

    @property
    def rejected(self) -> bool:
        """Whether it records what is refused."""
        return self.traffic_type != "ACCEPT"

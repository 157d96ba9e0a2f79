"""The structure of egress-only internet gateways and internet gateways in a topology file."""

from __future__ import annotations

from pydantic import Field

from eigw_ns.cloud.model import ConnectionTracking
from eigw_ns.topology.schema_base import Strict, Tagged

_TRACKING = ConnectionTracking()


class InternetGatewayFile(Tagged):
    """A gateway that forwards IPv6 in both directions."""


class ConnectionTrackingFile(Strict):
    """Timeouts of idle flows in an egress-only gateway, and the maximum number of flows that it tracks."""

    tcp_established_timeout: int = Field(
        _TRACKING.tcp_established_timeout, description="Timeout of an idle established TCP connection, in seconds"
    )
    udp_timeout: int = Field(
        _TRACKING.udp_timeout, description="Timeout of an idle UDP flow that was not answered twice, in seconds"
    )
    udp_stream_timeout: int = Field(
        _TRACKING.udp_stream_timeout, description="Timeout of an idle UDP flow that was answered twice, in seconds"
    )
    tcp_transitory_timeout: int = Field(
        _TRACKING.tcp_transitory_timeout,
        description="Timeout of an idle TCP connection that opens or closes, in seconds",
    )
    sctp_established_timeout: int = Field(
        _TRACKING.sctp_established_timeout, description="Timeout of an idle established SCTP association, in seconds"
    )
    sctp_transitory_timeout: int = Field(
        _TRACKING.sctp_transitory_timeout,
        description="Timeout of an idle SCTP association that opens or closes, in seconds",
    )
    icmpv6_timeout: int = Field(
        _TRACKING.icmpv6_timeout, description="Time for answers to an ICMPv6 echo request, in seconds"
    )
    generic_timeout: int = Field(
        _TRACKING.generic_timeout, description="Timeout of an idle flow of any other protocol, in seconds"
    )
    max_connections: int = Field(_TRACKING.max_connections, description="Maximum number of flows of all instances")
    max_connections_per_source: int = Field(
        _TRACKING.max_connections_per_source, description="Maximum number of flows of one instance"
    )


class EgressOnlyInternetGatewayFile(Tagged):
    """A gateway that forwards IPv6 flows that an instance begins, and the answers to them."""

    replicas: int = Field(1, description="Number of namespaces that share the traffic, 1 to 8", examples=[2])
    flow_accounting: bool = Field(
        False, description="True if it counts packets and bytes of each flow and notes when the flow began"
    )
    connection_tracking: ConnectionTrackingFile = ConnectionTrackingFile()

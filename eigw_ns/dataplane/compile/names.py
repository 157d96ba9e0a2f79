"""Derive the names, MACs and link-local addresses of our Linux objects from AWS-shaped ids.

The names of namespaces and ports have a grammar of their own (`dataplane.state.naming`); they are found here too.
"""

from __future__ import annotations

import hashlib
from ipaddress import IPv6Network

from eigw_ns.cloud.addressing import INFRASTRUCTURE
from eigw_ns.cloud.macs import mac as mac
from eigw_ns.cloud.model import Vpc
from eigw_ns.dataplane.compile.notation import address_text
from eigw_ns.dataplane.state import TENANT_LINK
from eigw_ns.dataplane.state.naming import is_name_of as is_name_of
from eigw_ns.dataplane.state.naming import lab_of as lab_of
from eigw_ns.dataplane.state.naming import namespace_name as namespace_name
from eigw_ns.dataplane.state.naming import port_name as port_name

INSTANCE_LINK = TENANT_LINK  # in an instance and in an internet host
FABRIC_LINK = "fabric"  # in a subnet and in a gateway: towards the VPC
UPLINK = "up"  # in a gateway: towards the internet
BRIDGE = "br0"  # in a fabric namespace

ROUTER_LINK_LOCAL = "fe80::1"  # what instances, hosts and gateways use as next hop
PEER_LINK_LOCAL = "fe80::2"  # the other end, if it needs a link-local address

ROUTER_MAC = "02:00:00:00:00:01"
"""MAC of the VPC's implicit router. No interface has it; the fabric rewrites it to the destination subnet's MAC."""


def bridge_name(gateway_id: str) -> str:
    """Return the name of the bridge on the internet's side that joins the uplinks of a gateway's replicas."""
    return f"br-{gateway_id[-11:]}"


def heartbeat_source(vpc: Vpc) -> str:
    """Return the source address of heartbeats through the replicas of a VPC that has IPv6.

    It is the last address of the VPC's first block, which AWS does not let an instance have.
    """
    return address_text(vpc.ipv6_cidr_blocks[0][-1])


HEARTBEAT_DESTINATION = address_text(INFRASTRUCTURE[-1])
"""Destination address of heartbeats. No node has it, so the internet's router drops them."""

HEARTBEAT_PORT = 3785
"""The UDP port of heartbeats, source and destination: IANA's for BFD echo."""


def heartbeat_mac(lab: str, gateway_id: str) -> str:
    """Return the source MAC of the agent's frames to a gateway's replicas. No interface has it.

    Tenants and internet hosts are behind routers, so none of their frames reaches a replica with a MAC of their choice.
    """
    return mac(lab, gateway_id, "heartbeat")


def link_local(resource_id: str) -> str:
    """Return the link-local address of a gateway on the fabric, in canonical text."""
    return address_text(IPv6Network("fe80::/64")[_interface_id(resource_id)])


def infrastructure_address(resource_id: str) -> str:
    """Return the global address from which a gateway or the internet router sends its own ICMPv6 errors."""
    return address_text(INFRASTRUCTURE[_interface_id(resource_id)])


def _interface_id(resource_id: str) -> int:
    digest = hashlib.sha256(resource_id.encode()).digest()
    return int.from_bytes(digest[:8]) | 1 << 62  # never a small number: those have a meaning

"""What packets must do: what the design is meant to do if that is stated, else what its routes say.

Four flows a subnet: TCP and ICMPv6, outwards and inwards. With a network ACL of its own only TCP, judged with its
answers, because an ACL is stateless.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv6Address

from eigw_ns.cloud.filtering import TCP, Packet, acl_entry, network_acl
from eigw_ns.cloud.model import Cloud, EgressOnlyInternetGateway, Subnet
from eigw_ns.cloud.routing import effective_route_table, longest_match, target_gateway
from eigw_ns.importing.intent import Intent
from eigw_ns.topology.model import Expectation

HTTPS, SSH = 443, 22
_EPHEMERAL = (32_768, 60_999)
"""Ports to which answers go: the first and the last one that Linux chooses from."""


def expectations(
    cloud: Cloud, subnet: Subnet, probe: str, host: tuple[str, IPv6Address], intent: Intent | None
) -> Iterator[Expectation]:
    """Yield the expectations of the probe of a subnet and a host on the internet. `probe` is its NODE."""
    name, address = host
    outbound, inbound = (intent.outbound, intent.inbound) if intent else _by_routes(cloud, subnet, address)
    own_acl = not network_acl(cloud, subnet).default or not _passes_everything(cloud, subnet, address)
    for start, end, allowed, port in ((probe, name, outbound, HTTPS), (name, probe, inbound, SSH)):
        leaves = start == probe
        tcp = allowed and (intent is not None or _acl_passes(cloud, subnet, address, port, leaves))
        yield Expectation(start, end, "tcp", port, "allowed" if tcp else "blocked")
        if not own_acl:
            yield Expectation(start, end, "icmpv6", None, "allowed" if allowed else "blocked")


def _by_routes(cloud: Cloud, subnet: Subnet, there: IPv6Address) -> tuple[bool, bool]:
    """Return whether flows pass outwards and inwards, as the route table of the subnet says for this address."""
    table = effective_route_table(cloud, subnet)
    route = longest_match(table, there)
    gateway = target_gateway(cloud, table, route) if route else None
    return gateway is not None, gateway is not None and not isinstance(gateway, EgressOnlyInternetGateway)


def _passes_everything(cloud: Cloud, subnet: Subnet, there: IPv6Address) -> bool:
    return all(_acl_passes(cloud, subnet, there, port, leaves) for port in (HTTPS, SSH) for leaves in (True, False))


def _acl_passes(cloud: Cloud, subnet: Subnet, there: IPv6Address, port: int, leaves: bool) -> bool:
    """Return whether the ACL of the subnet passes a TCP flow to this port and its answers."""
    acl, here = network_acl(cloud, subnet), subnet.ipv6_cidr_block[4]
    opening = Packet(TCP, here, there, 0, port) if leaves else Packet(TCP, there, here, 0, port)
    for source_port in _EPHEMERAL:
        packet = replace(opening, source_port=source_port)
        entries = acl_entry(acl, packet, egress=leaves), acl_entry(acl, packet.answer(), egress=not leaves)
        if any(entry is None or entry.action == "deny" for entry in entries):
            return False
    return True

"""A route to a NAT gateway drops packets, although a wider route leads to an egress-only internet gateway (R4)."""

from __future__ import annotations

import socket
from functools import partial
from ipaddress import IPv6Address

import pytest

from tests.support.labs import Lab, inward, until

pytestmark = pytest.mark.root

SYNTHESIZED, WEB, NEAR = "64:ff9b::cb00:7101", "2001:db8:80::1", "2001:db8:a::1"
ROUTES = ', {destination: "64:ff9b::/96", target: nat}, {destination: "2001:db8:a::/48", target: nat}'
TOPOLOGY = f"""
vpcs:
  main:
    ipv6_cidr_block: 2600:1f16:aa0:5500::/56
    cidr_block: 10.0.0.0/16
    egress_only_internet_gateways: {{outbound: {{}}}}
    nat_gateways: {{nat: {{subnet: a, elastic_ip: nat}}}}
    route_tables:
      private: {{main: true, routes: [{{destination: "::/0", target: outbound}}{ROUTES}]}}
    subnets: {{a: {{cidr_block: 10.0.1.0/24}}}}
    instances: {{app: {{subnet: a}}}}
elastic_ips: {{nat: {{}}}}
internet: {{hosts: {{web: {{ipv6_address: "{WEB}"}}, near: {{ipv6_address: "{NEAR}"}}}}}}
"""
WITHOUT = TOPOLOGY.replace(ROUTES, "")
PACKETS = 5


def heard(sniffer: socket.socket) -> int:
    """Return how many new packets for the synthesized address a sniffer has heard."""
    return sum(IPv6Address(packet[24:40]) == IPv6Address(SYNTHESIZED) for packet in inward(sniffer))


def all_heard(sniffer: socket.socket, left: list[int]) -> bool:
    """Return whether the sniffer has now heard all packets that were `left`."""
    left[0] -= heard(sniffer)
    return left[0] == 0


def test_a_route_to_a_nat_gateway_drops_what_the_default_route_would_pass(lab_name: str) -> None:
    lab = Lab(lab_name)
    lab.apply(WITHOUT)
    with lab.stream("app", "near", NEAR, 4001) as through, lab.stream("app", "web", WEB, 4002) as beside:
        assert through.works()
        assert beside.works()
        with lab.sniffer("outbound", "fabric") as gateway:
            lab.begin_flows("app", SYNTHESIZED, PACKETS)
            left = [PACKETS]
            until(partial(all_heard, gateway, left), "the control at the gateway")

            lab.apply(TOPOLOGY)

            lab.begin_flows("app", SYNTHESIZED, PACKETS)
            assert through.silent()
            assert beside.works()  # the canary: the gateway has what was sent before it
            assert heard(gateway) == 0
        lab.apply(WITHOUT)
    with lab.stream("app", "near", NEAR, 4003) as again:
        assert again.works()

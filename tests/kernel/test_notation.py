"""Addresses that embed an IPv4 address: Linux, nft and Python write them in different ways."""

from __future__ import annotations

from ipaddress import IPv6Address, IPv6Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eigw_ns.dataplane.compile.notation import address_text, addresses_text, block_text
from eigw_ns.dataplane.compile.ranges import address_range
from eigw_ns.kernel.namespaces import netns
from eigw_ns.kernel.nft.library import Nft
from tests.support.labs import Lab

ADDRESSES = st.one_of(
    st.integers(0, (1 << 128) - 1),
    st.integers(0, 1 << 48),  # IPv4-compatible, IPv4-mapped, and similar ones
)

TEXT = """
vpcs:
  main:
    ipv6_cidr_block: 2600:1f16:aa0:5500::/56
    egress_only_internet_gateways: {outbound: {}}
    route_tables:
      private:
        main: true
        routes:
          - {destination: "::/0", target: outbound}
          - {destination: "::192.0.2.0/120", target: blackhole}
          - {destination: "::198.51.100.7/128", target: outbound}
    network_acls:
      mixed:
        ingress:
          - {rule: 1, protocol: all, cidr: "::ffff:0:0/96", action: deny}
          - {rule: 2, protocol: all, cidr: "::ffff:192.0.2.1/128", action: deny}
          - {rule: 3, protocol: all, cidr: "::192.0.2.0/120", action: deny}
          - {rule: 4, protocol: all, cidr: "::/0", action: allow}
    security_groups:
      mixed:
        ingress:
          - {protocol: tcp, ports: 22, cidr: "::ffff:192.0.2.1/128"}
          - {protocol: tcp, ports: 23, cidr: "::192.0.2.0/120"}
    subnets:
      private: {ipv6_cidr_block: "2600:1f16:aa0:5501::/64", network_acl: mixed}
    instances:
      app: {subnet: private, security_groups: [mixed]}
"""


@given(ADDRESSES, ADDRESSES)
def test_what_is_written_is_what_is_meant(one: int, other: int) -> None:
    first, last = sorted((one, other))
    assert int(IPv6Address(address_text(first))) == first
    text = addresses_text((first, last))
    if "-" in text:
        assert tuple(int(IPv6Address(part)) for part in text.split("-")) == (first, last)
    else:
        assert address_range(IPv6Network(text)) == (first, last)


@given(ADDRESSES, st.integers(0, 128))
def test_a_block_is_written_as_one(number: int, length: int) -> None:
    block = IPv6Network((number, length), strict=False)
    assert IPv6Network(block_text(block)) == block
    assert block_text(block).endswith(f"/{length}")
    assert addresses_text(address_range(block)) == block_text(block).removesuffix("/128")


@pytest.mark.root
def test_such_addresses_are_not_drift(lab_name: str) -> None:
    lab = Lab(lab_name)
    lab.apply(TEXT)
    assert not lab.plan(TEXT)


@pytest.mark.root
@given(ADDRESSES, ADDRESSES)
def test_nft_lists_ranges_as_they_are_written_here(one: int, other: int) -> None:
    addresses = addresses_text((min(one, other), max(one, other)))
    with netns.nameless():
        library = Nft()
        library.run(
            "table inet eigw_ns { set s { type ipv6_addr; flags interval; elements = { " + addresses + " }; }; }", "try"
        )
        assert f"elements = {{ {addresses} }}" in library.listing("inet")

"""What each counter of gateways and subnets counts."""

from __future__ import annotations

from collections.abc import Iterable

from eigw_ns.render.table import Table

MEANINGS = {
    "allowed_established": "of a known flow, in either direction",
    "allowed_heartbeat": "heartbeats of the agent through this replica",
    "allowed_in": "from the internet to an address that a route table sends to this gateway",
    "allowed_new": "first packets of new flows from inside",
    "allowed_out": "to the internet from an address that a route table sends to this gateway",
    "allowed_related": "ICMPv6 errors about a known flow",
    "allowed_taught": "of flows that another replica began",
    "drop_acl_egress": "refused by the outbound rules of the network ACL",
    "drop_acl_ingress": "refused by the inbound rules of the network ACL",
    "drop_destination": "the destination is not a global unicast address",
    "drop_extension_header": "with an extension header that must not pass",
    "drop_fragment": "fragments beyond what may wait, or from a source that may not send fragments here",
    "drop_group_egress": "no outbound rule of the instance's security groups allows them",
    "drop_group_ingress": "no inbound rule of the instance's security groups allows them",
    "drop_hairpin": "to the gateway's own VPC, which no gateway sends back",
    "drop_heartbeat": "for the addresses of heartbeats, but not of the agent",
    "drop_icmpv6_error": "ICMPv6 errors about no known flow, or of a type that must not pass",
    "drop_inbound": "new flows from the internet",
    "drop_invalid": "of no known flow, or outside the TCP window of one",
    "drop_ipv4": "IPv4 packets",
    "drop_limit_gateway": "new flows beyond the gateway's limit of connections",
    "drop_limit_instance": "new flows beyond the instance's limit of connections",
    "drop_limit_source": "new flows beyond the limit of connections of one source",
    "drop_link_local": "from a link-local address",
    "drop_no_subnet": "to an address of the VPC that no subnet has",
    "drop_not_opening": "of a kind that cannot begin a flow, such as TCP without SYN",
    "drop_not_routed": "no route table sends packets of this source and destination here",
    "drop_source": "with a source that the sender must not use",
    "drop_tcp_fragment": "TCP in fragments, which a gateway with replicas refuses",
    "drop_to_gateway": "to an address of the router itself, which answers nobody",
    "unlogged": "refused packets that flow logs lack, because there were too many",
}


def table(counters: Iterable[str]) -> Table:
    """Return a row for each of the counters, which may repeat. A name of an older version has no meaning here."""
    rows = tuple((name, MEANINGS[name]) for name in sorted(set(counters)) if name in MEANINGS)
    return Table("Meaning of the counters", ("Counter", "Counts packets"), rows)

"""The sysctls that we set in a namespace, by what it is for; the kernel's ip-sysctl.rst says what each does."""

from __future__ import annotations

from eigw_ns.cloud import ids
from eigw_ns.dataplane.state.naming import kind_of

_HOST_SYSCTLS = (
    "net.ipv4.ip_forward",  # a new namespace inherits the host's
    "net.ipv6.conf.all.accept_source_route",
    "net.ipv6.conf.all.seg6_enabled",
    "net.ipv6.conf.default.accept_ra",
    "net.ipv6.conf.default.accept_redirects",
    "net.ipv6.conf.default.accept_source_route",
    "net.ipv6.conf.default.addr_gen_mode",
    "net.ipv6.conf.default.autoconf",
    "net.ipv6.conf.default.dad_transmits",
    "net.ipv6.conf.default.router_solicitations",
)
_TRACKING_SYSCTLS = (
    "net.netfilter.nf_conntrack_checksum",
    "net.netfilter.nf_conntrack_frag6_high_thresh",
    "net.netfilter.nf_conntrack_frag6_timeout",
    "net.netfilter.nf_conntrack_tcp_be_liberal",
    "net.netfilter.nf_conntrack_tcp_loose",
    "net.netfilter.nf_conntrack_tcp_timeout_established",
    "net.netfilter.nf_conntrack_udp_timeout",
    "net.netfilter.nf_conntrack_udp_timeout_stream",
)


def sysctl_keys(resource_id: str) -> tuple[str, ...]:
    """The sysctls that we set in the namespace of this resource; IPv6 forwarding is not among them.

    Those of `conf.default` count for every interface that is made later, and all of ours are.
    """
    kind = kind_of(resource_id)
    if kind == ids.EGRESS_ONLY_INTERNET_GATEWAY:
        return (*_HOST_SYSCTLS, *_TRACKING_SYSCTLS, "net.ipv6.fwmark_reflect")
    return _HOST_SYSCTLS + _TRACKING_SYSCTLS if kind == ids.SUBNET else _HOST_SYSCTLS

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
CONNTRACK_SYSCTL = "net.netfilter.nf_conntrack_checksum"
"""A sysctl that every namespace has once conntrack is loaded."""

_TRACKING_SYSCTLS = (
    CONNTRACK_SYSCTL,
    "net.netfilter.nf_conntrack_frag6_high_thresh",
    "net.netfilter.nf_conntrack_frag6_timeout",
    "net.netfilter.nf_conntrack_generic_timeout",
    "net.netfilter.nf_conntrack_icmpv6_timeout",
    "net.netfilter.nf_conntrack_tcp_be_liberal",
    "net.netfilter.nf_conntrack_tcp_loose",
    "net.netfilter.nf_conntrack_tcp_timeout_close_wait",
    "net.netfilter.nf_conntrack_tcp_timeout_established",
    "net.netfilter.nf_conntrack_tcp_timeout_fin_wait",
    "net.netfilter.nf_conntrack_tcp_timeout_last_ack",
    "net.netfilter.nf_conntrack_tcp_timeout_max_retrans",
    "net.netfilter.nf_conntrack_tcp_timeout_syn_recv",
    "net.netfilter.nf_conntrack_tcp_timeout_syn_sent",
    "net.netfilter.nf_conntrack_tcp_timeout_time_wait",
    "net.netfilter.nf_conntrack_tcp_timeout_unacknowledged",
    "net.netfilter.nf_conntrack_udp_timeout",
    "net.netfilter.nf_conntrack_udp_timeout_stream",
)
_OPTIONAL_TRACKING_SYSCTLS = (
    "net.netfilter.nf_conntrack_gre_timeout",
    "net.netfilter.nf_conntrack_gre_timeout_stream",
    "net.netfilter.nf_conntrack_sctp_timeout_cookie_echoed",
    "net.netfilter.nf_conntrack_sctp_timeout_cookie_wait",
    "net.netfilter.nf_conntrack_sctp_timeout_established",
    "net.netfilter.nf_conntrack_sctp_timeout_heartbeat_sent",
    "net.netfilter.nf_conntrack_sctp_timeout_shutdown_ack_sent",
    "net.netfilter.nf_conntrack_sctp_timeout_shutdown_recd",
    "net.netfilter.nf_conntrack_sctp_timeout_shutdown_sent",
)
ACCOUNTING_SYSCTLS = ("net.netfilter.nf_conntrack_acct", "net.netfilter.nf_conntrack_timestamp")
"""What makes a connection table count packets and bytes of each flow that begins, and note when."""

OPTIONAL_SYSCTLS = _OPTIONAL_TRACKING_SYSCTLS + ACCOUNTING_SYSCTLS
"""Sysctls that a kernel may lack; then nothing is set.

It may be built without them (CONFIG_NF_CT_PROTO_GRE, _SCTP, CONFIG_NF_CONNTRACK_TIMESTAMP).

Common kernels have them all. On a kernel that lacks one, desired and actual state differ, so a second apply is slower.
"""


def sysctl_keys(resource_id: str) -> tuple[str, ...]:
    """Return the sysctls that we set in the namespace of this resource. IPv6 forwarding is not among them.

    Those of `conf.default` count for every interface that is made later, and all of ours are.
    """
    kind = kind_of(resource_id)
    if kind == ids.EGRESS_ONLY_INTERNET_GATEWAY:
        return (*_HOST_SYSCTLS, *_TRACKING_SYSCTLS, *OPTIONAL_SYSCTLS, "net.ipv6.fwmark_reflect")
    return _HOST_SYSCTLS + _TRACKING_SYSCTLS + _OPTIONAL_TRACKING_SYSCTLS if kind == ids.SUBNET else _HOST_SYSCTLS

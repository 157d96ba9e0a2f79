"""No timeout of conntrack is left to Linux's default."""

from __future__ import annotations

from pathlib import Path

import pytest

from eigw_ns.dataplane.state import sysctl_keys

pytestmark = pytest.mark.root

OVER = {"tcp_timeout_close", "sctp_timeout_closed"}  # after a reset or an abort
LINUXS_OWN = ("dccp_", "sctp_timeout_heartbeat_acked")  # only in older kernels, and long enough
IPV4 = {"icmp_timeout"}  # no namespace forwards IPv4


@pytest.mark.parametrize("resource", ["eigw-00000000000000001", "subnet-00000000000000001"])
def test_every_timeout_that_this_kernel_has_is_set(resource: str) -> None:
    ours = {key.rpartition("nf_conntrack_")[2] for key in sysctl_keys(resource)}
    theirs = (path.name.removeprefix("nf_conntrack_") for path in Path("/proc/sys/net/netfilter").glob("*_timeout*"))
    left = {*theirs} - ours - IPV4 - OVER
    assert sorted(key for key in left if not key.startswith(LINUXS_OWN)) == []

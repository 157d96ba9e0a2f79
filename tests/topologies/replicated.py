"""The lab of `egress.TREE` with several replicas of its gateway.

UDP is distributed by addresses alone, so the lab has hosts beside `web`: one for each replica, whose address leads to
it.
"""

from __future__ import annotations

import copy
import json
import socket
from itertools import count
from typing import Any

from eigw_ns.dataplane.state import BUCKETS, Flow, bucket_of, seed
from tests.topologies.egress import APP, TREE

EVIL = "2001:db8:bad::1"
"""The address of the host `evil`, from which an attacker sends."""

MOST = 3
"""The number of hosts beside `web`."""


def tree(replicas: int, lab: str = "", **vpc: Any) -> str:
    """Return the lab with this number of replicas. `vpc` replaces parts of the VPC.

    If the lab's name is given, the lab has the hosts `far1`, `far2`, …, one for each replica of `MOST`. The instance's
    UDP to a host goes through its replica. It also has the host `evil`, from which `forging` attacks.
    """
    made = copy.deepcopy(TREE)
    if lab:
        hosts = {**far_hosts(lab), "evil": EVIL}
        made["internet"]["hosts"] |= {host: {"ipv6_address": address} for host, address in hosts.items()}
    main = made["vpcs"]["main"]
    main["egress_only_internet_gateways"] = {"outbound": {"replicas": replicas}}
    main.update(vpc)
    return json.dumps(made)


def far_hosts(lab: str) -> dict[str, str]:
    """Return an address for each replica of `MOST`, by host name: the instance's UDP to it uses this replica."""
    found: dict[int, str] = {}
    for number in count(1):
        address = f"2001:db8:fa::{number:x}"
        bucket = bucket_of(Flow(APP, address, socket.IPPROTO_UDP, (1, 1)), seed(lab))
        found.setdefault(bucket * MOST // BUCKETS, address)
        if len(found) == MOST:
            break
    return {f"far{number + 1}": found[number] for number in range(MOST)}

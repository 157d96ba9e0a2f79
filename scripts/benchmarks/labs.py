"""Labs to measure: topologies of any size with unique names, which are removed completely.

Their files are in a temporary folder of the run, not in the folder of a user's labs.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from eigw_ns.kernel.namespaces import netns
from eigw_ns.topology import Topology, load

Tree = dict[str, Any]
"""The data of a topology file."""

APP, WEB = "2600:1f16:aa0::10", "2001:db8:80::1"
"""The addresses of the instance and the host between which packets are sent."""

_ALL = {"protocol": "all", "cidr": "::/0"}
_RULES, _GROUPS = 50, 5
"""Rules per group, and groups per instance, within AWS's quotas."""

_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


def tree(subnets: int, *, extra_rules: int = 0, **gateway: object) -> Tree:
    """Return a VPC with `subnets` subnets of one instance each, all behind one egress-only internet gateway.

    `extra_rules` is the number of security group rules of other instances of the first subnet. `gateway` are the
    settings of the gateway.
    """
    blocks = [f"2600:1f16:aa0:{number:x}::" for number in range(subnets)]
    instances: Tree = {
        f"i{number:03}": {"subnet": f"s{number:03}", "ipv6_address": f"{block}10" if number else APP}
        for number, block in enumerate(blocks)
    }
    main: Tree = {
        "ipv6_cidr_block": "2600:1f16:aa0::/48" if subnets > 256 else "2600:1f16:aa0::/56",
        "egress_only_internet_gateways": {"outbound": gateway},
        "route_tables": {"private": {"main": True, "routes": [{"destination": "::/0", "target": "outbound"}]}},
        "subnets": {f"s{number:03}": {"ipv6_cidr_block": f"{block}/64"} for number, block in enumerate(blocks)},
        "instances": instances,
    }
    if extra_rules:
        groups = main["security_groups"] = _groups(extra_rules)
        for start in range(0, len(groups), _GROUPS):
            names = list(groups)[start : start + _GROUPS]
            instances[f"crowd{start}"] = {"subnet": "s000", "security_groups": names}
    return {"vpcs": {"main": main}, "internet": {"hosts": {"web": {"ipv6_address": WEB}}}}


def _groups(rules: int) -> Tree:
    """Return security groups with `rules` rules in all. Their ports are not adjacent, since those would be merged."""
    ports = [{"protocol": "tcp", "ports": 1025 + 2 * number, "cidr": "::/0"} for number in range(rules)]
    starts = range(0, rules, _RULES)
    return {f"g{start:04}": {"ingress": ports[start : start + _RULES], "egress": [_ALL]} for start in starts}


def text(lab: str, content: Tree) -> str:
    """Return the topology file of such a lab. It is JSON, which is valid YAML."""
    return json.dumps({"lab": lab, **content})


def topology(lab: str, content: Tree) -> Topology:
    """Return the topology that the program reads from such a file."""
    return load(text(lab, content).encode(), file=f"{lab}.yaml", default_lab=lab)


class Workshop:
    """The labs and files of a run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._run = f"bench{secrets.token_hex(3)}"
        self._serial = 0
        self.environment = {
            **os.environ,
            "EIGW_NS_STATE_DIR": str(folder / "state"),
            "EIGW_NS_RUN_DIR": str(folder / "run"),
        }

    def new_name(self) -> str:
        """Return a new name for a lab, which is always removed at the end."""
        self._serial += 1
        return f"{self._run}x{self._serial}"

    def write(self, lab: str, content: Tree) -> Path:
        """Write the topology file of a lab. Returns its path."""
        path = self.folder / f"{lab}.yaml"
        path.write_text(text(lab, content))
        return path

    def sweep(self) -> None:
        """Remove every namespace of this run's labs."""
        prefix = f"eigw-{self._run}x"
        for name in {*netns.names(), *netns.stale_names(prefix)}:
            if name.startswith(prefix):
                netns.remove(name)


@contextlib.contextmanager
def workshop() -> Iterator[Workshop]:
    """Yield a workshop that is removed after the block, also after SIGINT, SIGTERM and SIGHUP."""
    before = {number: signal.signal(number, _interrupt) for number in _SIGNALS}
    with tempfile.TemporaryDirectory(prefix="eigw-ns-bench-") as folder:
        made = Workshop(Path(folder))
        try:
            yield made
        finally:
            for number in (signal.SIGINT, *_SIGNALS):  # a second Ctrl-C must not interrupt the removal
                before.setdefault(number, signal.signal(number, signal.SIG_IGN))
            made.sweep()
            for number, handler in before.items():
                signal.signal(number, handler)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt

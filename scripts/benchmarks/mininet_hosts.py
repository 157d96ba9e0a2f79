"""As many Mininet hosts as asked for, each with a link of its own; run by Debian's Python, which has Mininet.

The links end in one more node, not in a switch, so that the host's own namespace stays as it is.
"""

from __future__ import annotations

import sys

from mininet.link import Link
from mininet.node import Node


def main() -> None:
    """Build them, and take them away."""
    hub = Node("hub")
    hosts = [Node(f"h{number}") for number in range(int(sys.argv[1]))]
    for number, host in enumerate(hosts):
        Link(host, hub, intfName1="eth0", intfName2=f"p{number}")
        host.cmd(f"ip -6 addr add 2001:db8::{number + 1:x}/64 dev eth0 nodad")
    for node in (*hosts, hub):
        node.terminate()


if __name__ == "__main__":
    main()

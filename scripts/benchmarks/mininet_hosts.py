"""Build N Mininet hosts with a link each. Run this with Debian's Python, which has Mininet.

The links end in another node, not in a switch, so that the host's own namespace is not changed.
"""

from __future__ import annotations

import sys

from mininet.link import Link
from mininet.node import Node


def main() -> None:
    """Build the hosts, and remove them."""
    hub = Node("hub")
    hosts = [Node(f"h{number}") for number in range(int(sys.argv[1]))]
    for number, host in enumerate(hosts):
        Link(host, hub, intfName1="eth0", intfName2=f"p{number}")
        host.cmd(f"ip -6 addr add 2001:db8::{number + 1:x}/64 dev eth0 nodad")
    for node in (*hosts, hub):
        node.terminate()


if __name__ == "__main__":
    main()

"""Read what the namespace that this thread is in has counted: named nftables counters, and the packets of its links.

Sources: linux/netfilter/nf_tables.h (nft_object_attributes, nft_counter_attributes), linux/if_link.h (struct
rtnl_link_stats64).
"""

from __future__ import annotations

import socket
import struct

from eigw_ns.kernel.netlink.link_message import IFLA_IFNAME, LINK, string
from eigw_ns.kernel.netlink.rtnetlink import GETLINK
from eigw_ns.kernel.netlink.socket import NETFILTER, Netlink, attribute_of, attributes, number, text
from eigw_ns.kernel.nft.library import TABLE
from eigw_ns.kernel.protocol import Count, LinkCount

_GET_OBJECTS = 10 << 8 | 19  # NFNL_SUBSYS_NFTABLES, NFT_MSG_GETOBJ
_TABLE, _NAME, _TYPE, _DATA = 1, 2, 3, 4  # NFTA_OBJ_*
_COUNTER = 1  # NFT_OBJECT_COUNTER
_BYTES, _PACKETS = 1, 2  # NFTA_COUNTER_*
_ALL_FAMILIES = struct.pack("=BBH", socket.AF_UNSPEC, 0, 0)
_STATISTICS = 23  # IFLA_STATS64
_COUNTS = struct.Struct("=QQQQ")  # received and sent packets, received and sent bytes
_WIDE = struct.Struct("!Q")


def named_counters() -> dict[str, Count]:
    """Return the named counters of our tables, by name; empty if there is no table of ours."""
    wanted = text(_TABLE, TABLE) + number(_TYPE, socket.htonl(_COUNTER))
    with Netlink(NETFILTER) as netlink:
        answers = netlink.dump(_GET_OBJECTS, _ALL_FAMILIES + wanted, "read named counters")
    found: dict[str, Count] = {}
    for _, payload in answers:
        parts = attributes(payload, len(_ALL_FAMILIES))
        counts = attributes(parts[_DATA])
        packets, size = (int(_WIDE.unpack(counts[kind])[0]) for kind in (_PACKETS, _BYTES))
        if string(parts[_TABLE]) == TABLE:
            found[string(parts[_NAME])] = Count(packets, size)
    return found


def links() -> dict[str, LinkCount]:
    """Return what each link has received and sent since it was made, by name."""
    with Netlink() as netlink:
        answers = netlink.dump(GETLINK, LINK.pack(socket.AF_UNSPEC, 0, 0, 0, 0), "read the statistics of links")
    found: dict[str, LinkCount] = {}
    for _, payload in answers:
        received, sent, received_bytes, sent_bytes = _COUNTS.unpack_from(attribute_of(payload, _STATISTICS, LINK.size))
        name = string(attribute_of(payload, IFLA_IFNAME, LINK.size))
        found[name] = LinkCount(Count(received, received_bytes), Count(sent, sent_bytes))
    return found

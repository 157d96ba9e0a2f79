"""Elements of our nftables sets, written and read by netlink: thousands of them in one transaction.

libnftables takes text, and reading a text of 20,000 elements takes longer than a connection may be silent after a
replica died. All functions speak of the table `inet eigw_ns` of the socket's namespace. A key is what nftables holds in
its registers: each part of a tuple padded to four octets.

Source: linux/netfilter/nf_tables.h, nf_tables_newsetelem in net/netfilter/nf_tables_api.c.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping

from eigw_ns.kernel.netlink.socket import CREATE, NESTED, Message, Netlink, attributes, repeated, text
from eigw_ns.kernel.nft.library import TABLE

_SUBSYSTEM = 10 << 8  # NFNL_SUBSYS_NFTABLES
_NEW, _GET, _DELETE = _SUBSYSTEM | 12, _SUBSYSTEM | 13, _SUBSYSTEM | 14
_INET = struct.pack("=BBH", 1, 0, 0)  # NFPROTO_INET
_LIST_TABLE, _LIST_SET, _LIST_ELEMENTS, _LIST_ITEM = 1, 2, 3, 1
_KEY, _TIMEOUT, _EXPIRATION, _VALUE = 1, 4, 5, 1
_AT_ONCE = 800  # elements a message: an attribute has at most 65,535 octets

_HEADS = struct.Struct("=HHHHHH")
_TIMEOUT_HEAD = struct.pack("=HH", 12, _TIMEOUT)
_MILLISECONDS = struct.Struct(">4sQ")  # the timeout's attribute header, then its value in network byte order

Elements = Mapping[bytes, int]
"""Keys, and the seconds that each element has left."""


def add(name: str, elements: Elements) -> Iterator[Message]:
    """Return the messages that add elements to a set with timeouts. An element that is there already stays."""
    found = list(elements.items())
    for start in range(0, len(found), _AT_ONCE):
        items = b"".join([_item(key, seconds) for key, seconds in found[start : start + _AT_ONCE]])
        head = struct.pack("=HH", 4 + len(items), _LIST_ELEMENTS | NESTED)
        yield Message(_NEW, CREATE, _place(name) + head + items, f"add elements to the set {name}")


def _item(key: bytes, seconds: int) -> bytes:
    size = len(key)
    head = _HEADS.pack(size + 24, _LIST_ITEM | NESTED, size + 8, _KEY | NESTED, size + 4, _VALUE)
    return head + key + _MILLISECONDS.pack(_TIMEOUT_HEAD, seconds * 1000)


def replace(name: str, elements: Elements) -> Iterator[Message]:
    """Return the messages that leave a set with these elements alone."""
    yield Message(_DELETE, 0, _place(name), f"empty the set {name}")
    yield from add(name, elements)


def read(netfilter: Netlink, name: str) -> dict[bytes, int]:
    """Return the elements of a set with timeouts. Raises MissingError if there is no such set."""
    dump = netfilter.dump(_GET, _place(name), f"list the set {name}")
    items = (item for _, payload in dump for item in repeated(attributes(payload, 4).get(_LIST_ELEMENTS, b"")))
    found = map(attributes, items)
    return {attributes(each[_KEY])[_VALUE]: int.from_bytes(each.get(_EXPIRATION, b"")) // 1000 for each in found}


def _place(name: str) -> bytes:
    return _INET + text(_LIST_TABLE, TABLE) + text(_LIST_SET, name)

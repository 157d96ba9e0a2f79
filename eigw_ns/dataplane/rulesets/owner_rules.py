"""Count the flows and fragments of an instance with several addresses by the instance, not by each address.

Limits count by address, which is cheapest, and most instances have one. An instance with a /80 prefix has 2^48
addresses, so its limits would end nothing. Rules look its addresses up in the map `owners`, which has the number of the
instance, and count by this number:

    meta priority set ip6 saddr map @owners goto …    the instance has several addresses: count by its number
    (the rule for all others)                         count by address

The branch never comes back to the rule for all others, so an instance at its limit has no second share. The number is
in the packet's priority (skb->priority) only while rules look at it: a veth pair sets it to 0 (dev_forward_skb), and no
interface of a router has a queue that reads it. nft 1.0.6 takes no map within the key of a set.

Rulesets without such instances have none of these rules and sets.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Literal

from eigw_ns.cloud.model import Instance
from eigw_ns.dataplane.compile.notation import address_text, block_text
from eigw_ns.dataplane.state import NftSet

NUMBER = "meta priority"
"""The number of the instance, after a rule with `is_owned` has matched."""

TYPE = "classid"
"""nft's type of the number."""

FLOW = "jhash ip6 saddr . ip6 daddr . th sport . th dport"
"""The hash of a whole flow. The addresses of such an instance differ, so they spread its flows over its lists."""

FIRST_ADDRESSES = "first_addresses"
"""Name of the set of the primary addresses of such instances."""

_MAP = "owners"
_NUMBERS = 0xFFFF_FFFE
"""Numbers are 1 to this. nft lists 0 as `none` and 0xffffffff as `root`."""


def is_owned(address: Literal["saddr", "daddr"]) -> str:
    """Return a match: the address is of an instance with several. Sets the packet's priority to its number."""
    return f"{NUMBER} set ip6 {address} map @{_MAP}"


def owners(instances: Iterable[Instance]) -> tuple[NftSet, ...]:
    """Return the map of the addresses of instances that have several; empty if there are none."""
    several = _several(instances)
    numbers = _numbers(item.id for item in several)
    elements = ((text, _number_text(numbers[item.id])) for item in several for text in texts(item))
    return (NftSet(_MAP, "ipv6_addr", tuple(sorted(elements)), data_type=TYPE, interval=True),) if several else ()


def for_gateway(instances: Iterable[Instance]) -> tuple[NftSet, ...]:
    """Return the same map, and the set of the primary addresses of these instances; empty if there are none."""
    several = _several(instances)
    first = sorted((address_text(item.addresses[0]), "") for item in several)
    return (*owners(several), NftSet(FIRST_ADDRESSES, "ipv6_addr", tuple(first))) if several else ()


def _several(instances: Iterable[Instance]) -> list[Instance]:
    return [item for item in instances if len(item.blocks) > 1]


def count(found: Iterable[NftSet]) -> int:
    """Return the number of instances in the maps that `owners` returned."""
    return len({number for item in found for _, number in item.elements})


def texts(instance: Instance) -> Iterator[str]:
    """Yield the addresses and the prefixes of an instance, as nft lists them."""
    yield from map(address_text, instance.addresses)
    yield from map(block_text, instance.ipv6_prefixes)


def _numbers(ids: Iterable[str]) -> dict[str, int]:
    """Return a number for each instance. It follows from the id, so that what is counted stays the instance's."""
    found: dict[str, int] = {}
    taken: set[int] = set()
    for each in sorted(ids):
        number = int.from_bytes(hashlib.sha256(each.encode()).digest()[:4]) % _NUMBERS + 1
        while number in taken:
            number = number % _NUMBERS + 1
        found[each] = number
        taken.add(number)
    return found


def _number_text(number: int) -> str:
    """Return a number as nft lists it: two halves in hexadecimal."""
    return f"{number >> 16:x}:{number & 0xFFFF:x}"

"""Read what users have added to the namespaces of instances and internet hosts. It is theirs: no drift."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from eigw_ns.dataplane.state import TENANT_LINK, ForeignObject
from eigw_ns.errors import MissingError
from eigw_ns.kernel.namespaces import netns
from eigw_ns.kernel.netlink import rtnetlink
from eigw_ns.kernel.netlink.rtnetlink import Names
from eigw_ns.kernel.netlink.socket import Netlink
from eigw_ns.kernel.reading import foreign, namespace_reader


def read(namespaces: Sequence[str]) -> list[ForeignObject]:
    """See `Kernel.additions`."""
    return [thing for name in namespaces for thing in _additions(name)]


def _additions(name: str) -> Iterator[ForeignObject]:
    with contextlib.suppress(MissingError), netns.inside(name), Netlink(accept_partial=True) as netlink:
        names = {link.index: link.name for link in namespace_reader.links(netlink)}
        for index, link in names.items():
            if index != rtnetlink.LOOPBACK_INDEX and link != TENANT_LINK:
                yield ForeignObject(name, f"link {foreign.printable(link)}")
        yield from _addresses(netlink, name, names)
        yield from (thing for thing, _ in foreign.routes(netlink, name, names)[1])


def _addresses(netlink: Netlink, name: str, names: Names) -> Iterator[ForeignObject]:
    """Yield addresses but those that we, or the kernel, have made: `::1` and link-local ones."""
    ours = rtnetlink.parse_address
    for _, payload in netlink.dump(rtnetlink.GETADDR, rtnetlink.ADDRESS_REQUEST, f"read the addresses of {name}"):
        index, address = rtnetlink.near_end(payload)
        is_kernels = address.startswith("fe80:") or address == "::1/128"
        if not is_kernels and ours(payload, name, names, ours=True) is None:
            yield ForeignObject(name, f"address {address} on {foreign.printable(names.get(index, str(index)))}")

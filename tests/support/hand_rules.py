"""A rule that somebody added to our table by hand, for the time of a block."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from eigw_ns.kernel.namespaces import netns
from eigw_ns.kernel.nft import listing
from eigw_ns.kernel.nft.library import TABLE, Nft


@contextlib.contextmanager
def extra_rule(namespace: str, chain: str, rule: str) -> Iterator[None]:
    """Insert the rule, as nft lists it, at the beginning of the chain while the block runs."""
    with netns.inside(namespace):
        library = Nft()
    library.run(f"insert rule inet {TABLE} {chain} {rule}", "add a rule by hand")
    try:
        yield
    finally:
        listed = listing.handles(library.listing_with_handles("inet", TABLE))
        handle = next(handle for handle, text in listed.items() if text == rule)
        library.run(f"delete rule inet {TABLE} {chain} handle {handle}", "take it back")
